"""handoff.parse: what one agent wrote could not be read by the next."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from agentdbg.contracts.difference import ENVELOPE_WORDS
from agentdbg.contracts.envelope import Envelope, open_payload
from agentdbg.detectors import candidates, failure
from agentdbg.detectors.course import Course
from agentdbg.detectors.failure import ErrorClass
from agentdbg.detectors.utterances import utterances
from agentdbg.detectors.wording import clipped, counted, listed, short
from agentdbg.model import Evidence, Finding, Reader, Severity, Skipped, Span

_OF_READING = frozenset(("decode", "validation"))
_PLACE = re.compile(r"\(char (\d+)\)")
_FENCE = re.compile(r"```\w*\s*(.*?)```", re.S)
_LOOKED_AT = 16
"""Messages before an error among which the last one is looked for that is not of a span around it."""


@dataclass(frozen=True, slots=True)
class _Case:
    """An error of reading and the message that caused it. matched: the failed span records the message as its input."""

    error: Span
    kind: ErrorClass
    reader: str | None
    message: Span
    writer: str
    text: str
    envelope: Envelope
    matched: bool


@dataclass(frozen=True, slots=True)
class Parse:
    """A message between agents that its reader could not parse.

    **What it finds**: errors of decoding or validation outside model and tool calls, where the last thing said before
    was said by another agent and is no bare JSON, or does not fit what was to be read. Where the error names a place in
    the text, decoding the message must fail there. The message is what is pointed
    at, the crash is what came of it. Every further failure of the same reader with the same writer is counted, not
    told again. Low where the reader asked once or twice more and then could read the answer. An agent that cannot
    parse what its own model wrote is none: nothing was handed over.

    **Why it matters**: the agent in which the exception is raised has done nothing wrong, so changing it does not
    help; and a supervisor that asks again for each reply it cannot read never comes to an end.

    **Bad**:

        workflow order-desk
          agent classifier
            llm gpt-4o -> "I think this one is a refund."
          agent router
            other parse_category error="JSONDecodeError: Expecting value: line 1 column 1 (char 0)"

    **Good**:

        workflow order-desk
          agent classifier
            llm gpt-4o -> "{\\"category\\": \\"refund\\"}"
          agent router
            other parse_category

    **What to do**: ask the writer for structured output, parse its answer where it is made, and give the error back to
    the model that wrote it.

    Options: shown = how many failures of a group are pointed at.
    """

    shown: int = 4

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace, writer and reader, by the first message."""
        for trace in reader.traces(candidates.with_errors(reader)):
            course = trace.once(Course)
            groups: dict[tuple[str, str], list[_Case]] = {}
            for case in _cases(course):
                groups.setdefault((case.writer, case.reader or ""), []).append(case)
            for cases in groups.values():
                yield self._finding(course, cases)

    def _finding(self, course: Course, cases: list[_Case]) -> Finding:
        first, reader = cases[0], cases[0].reader or "the program"
        severity, became = _became(course, cases)
        forms = listed(sorted({ENVELOPE_WORDS[case.envelope] for case in cases}))
        times = f" {counted(len(cases), 'time')}" if len(cases) > 1 else ""
        notes = {first.message.span_id: f"{first.writer} wrote {forms}: {clipped(first.text, 80)}"}
        for case in cases[: self.shown]:
            notes.setdefault(
                case.error.span_id, f"{reader} could not read it: {clipped(failure.named(case.error), 80)}"
            )
            notes.setdefault(case.message.span_id, f"{case.writer} wrote it again: {clipped(case.text, 80)}")
        return Finding(
            detector="handoff.parse",
            severity=severity,
            confidence="certain" if first.matched else "likely",
            title=clipped(f"{reader} could not parse what {first.writer} wrote{times}: {forms}", 100),
            message=(
                f"{reader} could not parse what {first.writer} wrote{times}: it is {forms}. It begins "
                f'"{clipped(first.text, 160)}", and reading it failed with {clipped(failure.named(first.error), 160)}; '
                f"{became}."
            ),
            trace_id=course.trace.trace_id,
            agent=first.writer,
            evidence=tuple(
                Evidence(span_id, "related" if i else "primary", note)
                for i, (span_id, note) in enumerate(notes.items())
            ),
            advice=(
                f"Ask {first.writer} for structured output (a response format, a schema), parse its answer where it is "
                "made, and give the error back to the model that wrote it, at most twice."
            ),
            next=f"agentdbg span {short(first.message.span_id, course.forest.by_id)}",
            key=f"{first.writer} → {reader}: {first.kind.name}",
        )


def _cases(course: Course) -> Iterator[_Case]:
    spoken = utterances(course)
    ends = [one.end for one in spoken]
    for error in course.origins:
        kind = failure.classify(error.error_type, error.error_message)
        if kind.name not in _OF_READING or error.kind in ("llm", "retriever"):
            continue
        before = spoken[: bisect_right(ends, course.end(error))][-_LOOKED_AT:]
        heard = next((one for one in reversed(before) if not course.encloses(one.span, error)), None)
        if heard is None:
            continue
        message, text = heard.span, heard.text
        writer, reader = course.agent(message), course.agent(error)
        matched = bool(text.strip()) and len(text) > 1 and text.strip() in _flat(error.input)
        if writer is None or writer == reader or (error.kind == "tool" and not matched):
            continue
        envelope = open_payload(text).envelope
        if kind.name == "decode" and (envelope == "json" or not _may_be_of(error.error_message or "", text)):
            continue  # it was something else that could not be decoded
        yield _Case(error, kind, reader, message, writer, text, envelope, matched)


def _may_be_of(message: str, text: str) -> bool:
    """Whether a decoder's message, where it names a place inside, is what decoding this text says: the whole of it,
    or from where something like JSON begins."""
    place = _PLACE.search(message)
    if place is None or place[1] == "0":
        return True
    fence = _FENCE.search(text)
    starts = {text, text.strip(), *(text[text.find(c) :] for c in "{[" if c in text), *([fence[1]] if fence else [])}
    return any(int(place[1]) == _fails_at(start) for start in starts)


def _fails_at(text: str) -> int | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos
    except RecursionError:
        return None
    return None


def _flat(text: str | None) -> str:
    return (text or "").replace('\\"', '"').replace("\\n", "\n")


def _became(course: Course, cases: list[_Case]) -> tuple[Severity, str]:
    last = cases[-1].error
    read_at_last = any(failure.masked(span.name) == failure.masked(last.name) for span in course.next_well(last))
    if read_at_last and len(cases) <= 2:
        return "low", "asked again, it could be read"
    if read_at_last:
        return "high", f"it took {counted(len(cases) + 1, 'attempt')} until it could be read"
    if failure.top(course.forest, last).parent_id is None:
        return "high", "the run failed with it"
    return "high", "it was never read"
