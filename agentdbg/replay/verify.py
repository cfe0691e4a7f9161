"""Whether the recording can be served: every rebuilt request sent through the providers' real SDKs to the playback
server, and what these read from the answers compared with what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from agentdbg.errors import AgentdbgError
from agentdbg.replay.answering import text_of
from agentdbg.replay.call import Call, Part
from agentdbg.replay.difference import first_difference
from agentdbg.replay.items import value_of
from agentdbg.replay.matching import Match, Matcher
from agentdbg.replay.playback import Playback, Reply, in_short
from agentdbg.replay.sdks import SDKS, Ask
from agentdbg.replay.server import served
from agentdbg.replay.tape import Policies, Tape
from agentdbg.replay.wires import Wire, wires
from agentdbg.vocabulary.responses import answers, figures


@dataclass(frozen=True, slots=True)
class Verified:
    """One call through one API, streamed or not. `problem` is what went wrong, None where the SDK read exactly what is
    recorded."""

    span_id: str
    api: str
    stream: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """skipped: APIs whose SDK is not installed, with the line that installs it. left_out: calls without anything to
    compare: nothing asked or answered is recorded, or the answer was an error."""

    results: tuple[Verified, ...]
    skipped: tuple[tuple[str, str], ...]
    left_out: int

    @property
    def problems(self) -> tuple[Verified, ...]:
        return tuple(one for one in self.results if one.problem is not None)


def verify(calls: Sequence[Call]) -> Verification:
    """Every call through each SDK that is installed; AgentdbgError where none is."""
    missing = [(wire.api, f"pip install {SDKS[wire.api].package}") for wire in wires() if not SDKS[wire.api].installed]
    if len(missing) == len(wires()):
        raise AgentdbgError("--verify needs a provider's SDK, and none is installed", missing[0][1])
    whole = [call for call in calls if call.messages and call.answer]
    results = []
    with ExitStack() as stack:
        one = _OneCall()
        address = stack.enter_context(served(one))
        for wire in wires():
            if SDKS[wire.api].installed:
                ask = SDKS[wire.api].client(address)
                for call in whole:
                    for stream in (False, True):
                        problem = _problem(one, wire, ask, call, stream)
                        results.append(Verified(call.span_id, wire.api, stream, problem))
    return Verification(tuple(results), tuple(missing), len(calls) - len(whole))


def to_json(verification: Verification) -> dict[str, Any]:
    """As plain JSON values; fields may be added, never renamed."""
    return {"schema_version": 1, **asdict(verification)}


class _OneCall:
    """A playback of one call at a time, so that each is judged for itself."""

    def __init__(self) -> None:
        self.playback = Playback(Matcher([]), Tape((), Policies({})))

    def load(self, call: Call) -> None:
        self.playback = Playback(Matcher([call]), Tape((), Policies({})))

    def answer(self, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        return self.playback.answer(path, headers, content)

    @property
    def match(self) -> Match | None:
        requests = self.playback.journal.requests
        return requests[-1].match if requests else None


def _problem(server: _OneCall, wire: Wire, ask: Ask, call: Call, stream: bool) -> str | None:
    server.load(call)
    body = wire.request(call)[1]
    try:
        got = ask({"model": call.model or "unknown", **body}, stream)
    except Exception as error:  # whatever an SDK has to say about a request or a response is the result
        if server.match is not None and server.match.difference is not None:
            return f"the rebuilt request is not recognised: {in_short(server.match.difference)}"
        return f"{type(error).__name__}: {str(error)[:300]}"
    found = first_difference(_recorded(call), _read(got, call), "$.answer")
    return None if found is None else in_short(found)


def _recorded(call: Call) -> dict[str, Any]:
    return {"text": text_of(call), "tool_calls": [_asked(part) for part in call.tool_calls], **_figures(call)}


def _read(got: dict[str, Any], call: Call) -> dict[str, Any]:
    parts = [part for message in answers(got) or () for part in message["parts"]]
    told = figures(got)
    counted = {name: told.get(name) for name in _figures(call)}
    return {
        "text": "".join(part["text"] for part in parts if part["type"] == "text"),
        "tool_calls": [_asked(part) for part in parts if part["type"] == "tool_call"],
        **counted,
    }


def _asked(part: Part) -> dict[str, Any]:
    named = {"id": part["id"]} if part.get("id") else {}
    return {**named, "name": part["name"], "arguments": value_of(part["arguments"]) or {}}


def _figures(call: Call) -> dict[str, int]:
    told = {"input_tokens": call.input_tokens, "output_tokens": call.output_tokens}
    return {name: count for name, count in told.items() if count is not None}
