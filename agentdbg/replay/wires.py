"""The APIs that a replay can serve: found by looking into the folder `wire`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from agentdbg.replay.answering import Event
from agentdbg.replay.asked import Asked
from agentdbg.replay.call import Call
from agentdbg.replay.shelf import on_shelf


class Wire(Protocol):
    """One API of a model provider: its requests read, and recorded calls written as its requests and responses."""

    api: str
    """What people call the API."""

    def claims(self, path: str) -> bool:
        """Whether a request to this path is one of a model call in this API."""
        ...

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        """What a request asks."""
        ...

    def request(self, call: Call) -> tuple[str, dict[str, Any]]:
        """(path, body) of the request that a call was. Reasoning is left out: what is not signed cannot be sent."""
        ...

    def answer(self, call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
        """The response that a call got, to a request with this body."""
        ...

    def events(self, call: Call, body: Mapping[str, Any]) -> list[Event]:
        """The same as a stream."""
        ...

    def error(self, status: int, kind: str, message: str) -> dict[str, Any]:
        """The body of a response that is an error."""
        ...


@cache
def wires() -> tuple[Wire, ...]:
    """One of each API, sorted by name."""
    return tuple(sorted(on_shelf("agentdbg.replay.wire", "claims"), key=lambda wire: wire.api))


def wire_of(path: str) -> Wire | None:
    """The API that a request speaks, by its path; None where it is no model call that can be served."""
    return next((wire for wire in wires() if wire.claims(path)), None)
