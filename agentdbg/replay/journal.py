"""What a replay really served: the only thing that verdicts are made from, since a program may swallow any error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agentdbg.replay.asked import Asked
from agentdbg.replay.matching import Match
from agentdbg.replay.tape import Told


@dataclass(slots=True)
class Request:
    """One question of the program. repeats: how often a client sent it again on its own, which asks nothing new.
    asked: the question as it was compared."""

    number: int
    api: str
    body: bytes
    match: Match
    repeats: int = 0
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool that the program was about to run, and what became of that. after: how many questions had come by then."""

    tool: str
    arguments: Any
    told: Told
    after: int = 0


@dataclass(slots=True)
class Journal:
    """In order of arrival. unknown: paths of requests that no API here serves; refused: addresses outside that the
    program tried to reach; armed: processes of the program that the replay got into. returned: what the target gave
    back, in a list that is empty where it never did."""

    requests: list[Request] = field(default_factory=list)
    tools: list[ToolRequest] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    armed: int = 0
    returned: list[Any] = field(default_factory=list)
    raised: str | None = None
