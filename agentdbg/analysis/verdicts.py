"""Whether the messages of one run are written as their readers usually get them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agentdbg.contracts.difference import FIRM, Difference, headline, sentence
from agentdbg.contracts.drift import differences
from agentdbg.contracts.profile import profile_of
from agentdbg.detectors.edges import Cause, Shift, by_edge, causes
from agentdbg.detectors.messages import Message, collect, payload
from agentdbg.detectors.wording import counted
from agentdbg.model import Reader

Grade = Literal["breaks", "changed", "as usual", "not judged"]
_REFERENCE_RUNS = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one message. told: how it differs, the worst first, else what it was compared with. short: the worst in a few
    words, "" where nothing differs."""

    grade: Grade
    told: tuple[str, ...]
    short: str = ""


def verdicts(reader: Reader) -> list[tuple[Message, Verdict]]:
    """The messages of the judged runs in order, each with its verdict; the other runs tell what is usual."""
    messages, judged = collect(reader, _REFERENCE_RUNS).messages, set(reader.trace_ids())
    found: dict[int, Verdict] = {}
    for edge in by_edge(messages):
        broken, shifted = causes(edge)
        for message in edge:
            if message.trace_id in judged:
                differs = list(_differences(message, broken, shifted, reader))
                found[id(message)] = _verdict(differs, len(edge))
    few = Verdict(
        "not judged", (f"fewer than {FIRM} comparable messages on this edge, so nothing is known to be usual",)
    )
    return [(message, found.get(id(message), few)) for message in messages if message.trace_id in judged]


def _differences(message: Message, broken: list[Cause], shifted: list[Shift], reader: Reader) -> Iterator[Difference]:
    for cause in broken:
        if any(message is odd for odd in cause.odd):
            now = profile_of(payload(message, reader), message.span_id, message.order[0])
            yield from differences(cause.reference, now) or cause.differences
    for shift in shifted:
        if any(message is one for one in shift.messages):
            yield shift.difference


def _verdict(differs: list[Difference], compared: int) -> Verdict:
    if not differs:
        return Verdict("as usual", (f"nothing breaks what is usual among {counted(compared, 'message')} on this edge",))
    grade: Grade = "breaks" if any(one.grade == "breaking" for one in differs) else "changed"
    return Verdict(grade, tuple(dict.fromkeys(sentence(one) for one in differs)), headline(differs[0]))
