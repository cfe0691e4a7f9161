"""breaker.trip: a safety net that stopped an agent or a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdbg.detectors import failure
from agentdbg.detectors.course import Course
from agentdbg.detectors.recorded import facts
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import Evidence, Finding, Reader, Skipped, Span

_TYPES = (
    r"Circuit\w*(?:Breaker|Open)|Breaker\w*(?:Error|Open|Exception)|BudgetExceeded|Budget\w*Exhausted"
    r"|AgentTimeout|Max\w*(?:Turns|Iterations|Steps)|RecursionError|RecursionLimit|UsageLimitExceeded"
)
_NETS = re.compile(rf"^[\w.]*(?:{_TYPES})\w*")
_PYTHON = frozenset(["RecursionError"])
"""The stack of the language itself: a bug, and no safety net."""
_CANDIDATES = f"""
    SELECT DISTINCT trace_id FROM spans
    WHERE status = 'error' AND regexp_matches(coalesce(error_type, error_message), '^[\\w.]*({_TYPES})')
        OR kind <> 'llm' AND contains(attributes, 'breaker.state') ORDER BY trace_id
"""
_STATES = """
    SELECT span_id, attributes FROM spans
    WHERE trace_id = $trace AND kind <> 'llm' AND contains(attributes, 'breaker.state') ORDER BY start_ns, span_id
"""
_OPEN = frozenset(["open", "opened", "tripped"])
_ABOUT = "breaker."
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Trip:
    span: Span
    agent: str | None
    net: str
    said: str


@dataclass(frozen=True, slots=True)
class Trip:
    """A circuit breaker, a budget or a ceiling that ended work.

    **What it finds**: errors of safety nets (`*CircuitBreaker*`, `BudgetExceeded`, `AgentTimeoutError`, `*MaxTurns*`,
    `GraphRecursionError`) at the span where they started, and spans that record `breaker.state` as open. The limit and
    the value are quoted as recorded.

    **Why it matters**: it did what it is for, and the work is undone all the same. How often it fires says how often
    agents run wild; what it stopped says where.

    **Bad**:

        workflow refund error="CircuitBreakerError: cost 5.20 over the limit of 5.00"
          agent clerk error="CircuitBreakerError: cost 5.20 over the limit of 5.00"
            llm gpt-4o -> "Once more."

    **Good**:

        workflow refund
          agent clerk
            tool check_budget {} -> {"spent": 1.2, "limit": 5.0}
            llm gpt-4o -> "Refunded."

    **What to do**: look at what the agent did before it was stopped, and mend that; the limit is mostly right.
    """

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each net and agent of a run, by the first trip."""
        found = {row[0] for row in reader.rows(_CANDIDATES)}
        for trace in reader.traces(trace_id for trace_id in reader.trace_ids() if trace_id in found):
            course = trace.once(Course)
            groups: dict[tuple[str, str], list[_Trip]] = {}
            for trip in [*_errors(course), *_states(reader, course)]:
                groups.setdefault((trip.net, trip.agent or ""), []).append(trip)
            for trips in groups.values():
                yield _finding(course, trips)


def _errors(course: Course) -> Iterator[_Trip]:
    """Where a net fired: where its error began, or above the failures that made it fire."""
    began = {span.span_id for span in course.origins}
    for node in course.forest.walk():
        net = _net(node.span) if failure.failed(node.span) else None
        below = [_net(child.span) for child in node.children if failure.failed(child.span)]
        if net is not None and (node.span.span_id in began or (below and net not in below)):
            yield _Trip(node.span, course.agent(node.span), net, clipped(failure.named(node.span), 200))


def _net(span: Span) -> str | None:
    """The safety net that an error names, by its type or how its message begins."""
    found = _NETS.match(span.error_type or span.error_message or "")
    return found[0] if found and found[0] not in _PYTHON else None


def _states(reader: Reader, course: Course) -> Iterator[_Trip]:
    """Spans that say so themselves; a failed one is told by its error."""
    for span_id, attributes in reader.rows(_STATES, trace=course.trace.trace_id):
        told, span = facts(attributes), course.forest.by_id[span_id].span
        if str(told.get("breaker.state")).lower() in _OPEN and _net(span) is None:
            about = {name.removeprefix(_ABOUT): said for name, said in told.items() if name.startswith(_ABOUT)}
            net = str(about.pop("name", "circuit breaker"))
            said = ", ".join(f"{name} {value}" for name, value in sorted(about.items()))
            yield _Trip(span, course.agent(span), net, clipped(said, 200))


def _finding(course: Course, trips: Sequence[_Trip]) -> Finding:
    first = trips[0]
    who = first.agent or course.trace.name
    times = f" {counted(len(trips), 'time')}" if len(trips) > 1 else ""
    return Finding(
        detector="breaker.trip",
        severity="high",
        confidence="certain",
        title=clipped(f"{first.net} stopped {who}{times}: {first.said.removeprefix(f'{first.net}: ')}", 100),
        message=f"A safety net fired{times}: {first.net} stopped {who} ({first.said}).",
        trace_id=course.trace.trace_id,
        agent=first.agent,
        evidence=(
            Evidence(first.span.span_id, "primary", clipped(first.said)),
            *(Evidence(trip.span.span_id, "related", clipped(trip.said)) for trip in trips[1:_SHOWN]),
        ),
        advice="Look at what the agent did before it was stopped, and mend that; the limit is mostly right.",
        next=f"agentdbg span {short(first.span.span_id, course.forest.by_id)}",
        key=f"{first.net} fired",
    )
