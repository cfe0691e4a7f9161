"""error.origin: the span where a chain of errors starts, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentdbg.detectors import candidates, failure, handling
from agentdbg.detectors.course import Course
from agentdbg.detectors.failure import ErrorClass
from agentdbg.detectors.handling import Outcome
from agentdbg.detectors.suspicion import Findings, call_around, tool_results
from agentdbg.detectors.usual import Usual
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import SEVERITIES, Evidence, Finding, Reader, Severity, Skipped, Span

_MENDED: dict[Outcome, tuple[Severity, str]] = {
    "recovered": ("info", "recovered: a later attempt went well"),
    "other model": ("info", "recovered: another model answered"),
    "other arguments": ("low", "worked around: the same tool was asked again with other arguments"),
    "fallback": ("low", "fallback used: something else took its place"),
    "said": ("low", "admitted: the answer says that it is missing"),
}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Case:
    """One failed span where a chain starts, judged."""

    span: Span
    agent: str | None
    kind: ErrorClass
    severity: Severity
    became: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A hard failure, at the span where it started.

    **What it finds**: failed spans below which nothing failed that explains them, grouped by agent, type and message.
    Exceptions that only steer the flow (a handoff, an interrupt) are no errors. Every group says what kind of failure
    it is and what became of it: info when a later attempt went well, low when another tool took its place or the
    answer admits it, medium when the agent just went on, high when nothing handled it or the run failed with it.

    **Why it matters**: an exception is reported by every span that it passes on its way up; the line to read is the
    first.

    **Bad**:

        agent researcher error="TimeoutError: no answer in 30 s"
          tool search {"q": "rome"} error="TimeoutError: no answer in 30 s"

    **Good**:

        agent researcher
          tool search {"q": "rome"} -> ["a page about rome"]
          llm gpt-4o -> "Rome is old."

    **What to do**: what the class of the failure asks for: back off and retry a timeout, a rate limit or a server
    that is down; mend the request, the key or the code for all others.

    Options: shown = how many spans of a group are pointed at.
    """

    shown: int = _SHOWN

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace, agent and error, by the first span."""
        traces = candidates.with_errors(reader)
        usual = reader.once(Usual) if traces else None
        for trace in reader.traces(traces):
            assert usual is not None
            course = trace.once(Course)
            groups: dict[tuple[str, str, str], list[_Case]] = {}
            for case in _cases(course, tool_results(course, usual)):
                key = (case.agent or "", case.span.error_type or "", failure.masked(case.span.error_message))
                groups.setdefault(key, []).append(case)
            for cases in groups.values():
                yield self._finding(course, cases)

    def _finding(self, course: Course, cases: list[_Case]) -> Finding:
        worst = max(cases, key=lambda case: SEVERITIES.index(case.severity))
        span, kind = worst.span, worst.kind
        where = span.tool or span.name
        agent = worst.agent or "the program"
        error = clipped(failure.named(span), 200)
        times = f" {counted(len(cases), 'time')}" if len(cases) > 1 else ""
        others = [case for case in cases if case is not worst][: self.shown - 1]
        return Finding(
            detector="error.origin",
            severity=worst.severity,
            confidence="certain",
            title=clipped(f"{where} failed{times} in {agent}: {kind.name}", 100),
            message=f"In {agent}, {where} failed{times} with {error} ({kind.name}); {worst.became}.",
            trace_id=course.trace.trace_id,
            agent=worst.agent,
            evidence=(
                Evidence(span.span_id, "primary", f"{kind.name}: {clipped(failure.named(span))}"),
                *(Evidence(case.span.span_id, "related", case.became) for case in others),
            ),
            advice=kind.advice,
            next=f"agentdbg {'replay' if span.kind == 'llm' else 'span'} {short(span.span_id, course.forest.by_id)}",
            key=f"{where} {span.error_type or ''} {failure.masked(span.error_message)}",
        )


def _cases(course: Course, found: Findings) -> Iterator[_Case]:
    by_span = {result.span.span_id: result for result, _ in found.troubled if result.own_span}
    for span in course.origins:
        kind = failure.classify(span.error_type, span.error_message)
        agent = course.agent(span)
        if kind.name == "cancelled":
            yield _Case(span, agent, kind, "info", "cancelled: the caller gave it up, which is no failure of its own")
            continue
        around = call_around(course, span)
        if around is None:
            yield _Case(span, agent, kind, "info", "handled inside a call that went well")
            continue
        result = by_span.get(around.span_id)
        outcome = handling.of_tool(course, result, found.good) if result else handling.of_span(course, around)
        if outcome in _MENDED:
            yield _Case(span, agent, kind, *_MENDED[outcome])
        else:
            yield _Case(span, agent, kind, *_unmended(course, span, outcome))


def _unmended(course: Course, span: Span, outcome: Outcome) -> tuple[Severity, str]:
    top = course.node(failure.top(course.forest, span))
    if top.parent is None and not top.orphan:
        return "high", "nothing handled it, and the run failed with it"
    if handling.worked_on(course, span):
        unsaid = "without mentioning it" if outcome == "unsaid" else "what it made of it is not recorded"
        return "medium", f"the agent went on, {unsaid}"
    agent = course.agent(span)
    if all(course.agent(model) != agent for model in course.models):
        return "medium", "what the agent made of it is not recorded"
    return "high", "nothing tried it again, and the agent did nothing after it"
