"""silent.madeup: values in an answer that nothing before it contains, after a tool had nothing to give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from agentdbg.detectors import candidates, handling
from agentdbg.detectors.course import Course
from agentdbg.detectors.results import Result
from agentdbg.detectors.suspicion import Findings, Trouble, others_at_hand, shown, tool_results
from agentdbg.detectors.usual import Usual
from agentdbg.detectors.values import follows, number, numbers, values
from agentdbg.detectors.wording import clipped, counted, listed, short
from agentdbg.model import Evidence, Finding, Reader, Skipped, Span
from agentdbg.steps.keys import scalars
from agentdbg.steps.messages import loaded

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_HEDGED = re.compile(
    r"\b(?:estimat\w*|approximat\w*|roughly|about|around|assum\w*|for example|e\.g\.|example|placeholder"
    r"|hypothetical\w*|typical\w*"
    r"|guess\w*|illustrat\w*|sample|fictional|suppose|imagine|let['’]?s say|might|could be|today)\b",
    re.I,
)
_WORDS: dict[Trouble, str] = {"empty": "with nothing", "error": "with an error", "error in body": "with an error"}
_SHOWN = 6
_EARLIEST = 20
"""Answers of one run that are compared with all that was in the run before them."""


@dataclass(slots=True)
class _Case:
    """An answer with the results that it cannot rest on, and the values that are new in it."""

    answer: Span
    agent: str | None
    new: list[str]
    results: list[tuple[Result, Trouble]] = field(default_factory=list)
    beside_others: bool = False


@dataclass(frozen=True, slots=True)
class Madeup:
    """An answer with values that nobody gave it.

    **What it finds**: after a tool answered with nothing or with an error, which the agent does not mention, an answer
    of that agent that names ids, dates, addresses or amounts which stand in no prompt, argument or result before it in
    the run. A number that follows from two others (their sum, difference, product, quotient, mean or percentage) is not
    new, nor is what the answer itself calls an estimate or an example. High, medium where other tools gave the agent
    something. Runs in which the result of some tool is not recorded are left out: the value may come from there.

    **Why it matters**: an invoice number that does not exist looks like any other. Agents further on book, mail and
    decide with it.

    **Bad**:

        agent researcher
          tool search_invoices {"customer": "C-17"} -> []
          llm gpt-4o -> "Invoice 4711 of 2024-03-02 over 129.00 EUR is paid."

    **Good**:

        agent researcher
          tool search_invoices {"customer": "C-17"} -> []
          llm gpt-4o -> "There are no invoices for C-17."

    **What to do**: tell the agent what to answer when a tool has nothing, let it cite the result that each value is
    from, and check values against the results before they are passed on.

    Options: least = new values at least.
    """

    least: int = 1

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each answer."""
        traces = candidates.with_troubled_tools(reader)
        usual = reader.once(Usual) if traces else None
        for trace in reader.traces(traces):
            assert usual is not None
            course = trace.once(Course)
            for case in self._cases(course, tool_results(course, usual)):
                yield _finding(course, case)

    def _cases(self, course: Course, found: Findings) -> Iterator[_Case]:
        cases: dict[str, _Case] = {}
        for result, trouble in found.troubled:
            if trouble not in _WORDS or handling.of_tool(course, result, found.good) != "unsaid":
                continue
            answer = course.answered(result.agent, result.end)
            if len(cases) == _EARLIEST and (answer is None or answer.span_id not in cases):
                break
            if answer is None or _unrecorded(course, found, answer):
                continue
            case = cases.get(answer.span_id)
            if case is None:
                case = cases[answer.span_id] = _Case(answer, result.agent, _new_values(course, answer))
                case.beside_others = bool(others_at_hand(course, result, found.good))
            case.results.append((result, trouble))
        yield from (case for case in cases.values() if len(case.new) >= self.least)


def _unrecorded(course: Course, found: Findings, answer: Span) -> bool:
    """Whether something was given before an answer that is not recorded."""
    troubled = {id(result) for result, _ in found.troubled}
    return any(not r.known and id(r) not in troubled and r.start < course.end(answer) for r in found.every)


def _new_values(course: Course, answer: Span) -> list[str]:
    """The values of an answer that stand in no payload before it and follow from no numbers in them."""
    said = course.said(answer)
    claimed: dict[str, str] = {}
    for sentence in _SENTENCE.split(said.text if said else ""):
        if not _HEDGED.search(sentence):
            claimed |= values(sentence)
    if not claimed:
        return []
    texts = list(_before(course, answer))
    everything = "\n".join(texts).lower()
    given = {value for text in texts for value in values(text)}
    count: frozenset[float] | None = None
    new = []
    for normal, written in claimed.items():
        if normal in given or written.lower() in everything:
            continue
        if re.fullmatch(r"[\d.,'’   ]+", written) and not re.fullmatch(r"\d+[./]\d+[./]\d+", written):
            count = count if count is not None else frozenset[float]().union(*map(numbers, texts))
            if follows(written, count):
                count |= {number(written)}  # the next figure may be made of this one
                continue
        new.append(written)
    return new


def _before(course: Course, answer: Span) -> Iterator[str]:
    """All texts that were in the run when an answer was written: what was asked until then, and what had come back."""
    at = course.start(answer)
    for span in course.spans:
        if course.start(span) > at:
            break
        for text in (span.input, span.output if course.end(span) <= at and span is not answer else None):
            if text is not None:
                yield from (text for _, text in scalars(loaded(text)))


def _finding(course: Course, case: _Case) -> Finding:
    agent, (result, trouble) = case.agent or "the program", case.results[0]
    named = listed([*case.new[:_SHOWN], *([f"{len(case.new) - _SHOWN} more"] if len(case.new) > _SHOWN else [])])
    tools = sorted({one.tool or "a tool" for one, _ in case.results})
    said = course.said(case.answer)
    times = f" {counted(len(case.results), 'time')}" if len(case.results) > 1 else ""
    beside = ", although other results were at hand" if case.beside_others else ""
    notes = {case.answer.span_id: f"first to name {clipped(named, 80)}"}
    for one, kind in case.results[:_SHOWN]:
        what = f"{one.tool or 'a tool'} answered {_WORDS[kind]}: {clipped(shown(one), 60)}"
        notes.setdefault(one.span.span_id, what)
    for span in _went(course, case):
        notes.setdefault(span.span_id, f"{course.agent(span)} was given it")
    return Finding(
        detector="silent.madeup",
        severity="medium" if case.beside_others else "high",
        confidence="likely",
        title=clipped(f"{agent} names {clipped(named, 60)}, which nothing gave it", 100),
        message=(
            f"{agent} names {named}, which nothing before it in the run contains; {listed(tools)} had answered "
            f"{_WORDS[trouble]}{times} ({clipped(shown(result), 80)}){beside}. "
            f'The answer: "{clipped(said.text if said else "", 200)}"'
        ),
        trace_id=course.trace.trace_id,
        agent=case.agent,
        evidence=tuple(
            Evidence(span_id, "related" if i else "primary", note) for i, (span_id, note) in enumerate(notes.items())
        ),
        advice=(
            f"Tell {agent} what to answer when {listed(tools)} has nothing, let it cite the result of each value, and "
            "check values against results before they are passed on."
        ),
        next=f"agentdbg replay {short(case.answer.span_id, course.forest.by_id)}",
        key=f"made up after {', '.join(tools)}",
    )


def _went(course: Course, case: _Case) -> list[Span]:
    """The first span of each other agent that was given one of the values."""
    found: dict[str, Span] = {}
    for span in course.spans:
        agent = course.agent(span)
        later = course.start(span) >= course.moment(case.answer) and agent not in (None, case.agent, *found)
        if later and span.input and any(value in span.input for value in case.new):
            found[str(agent)] = span
    return list(found.values())[:_SHOWN]
