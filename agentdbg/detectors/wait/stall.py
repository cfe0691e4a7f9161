"""wait.stall: a run that takes long although nothing in it runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdbg.detectors.course import Course
from agentdbg.detectors.failure import CALLS
from agentdbg.detectors.wording import clipped, counted, duration
from agentdbg.model import Evidence, Finding, Reader, Skipped, Span
from agentdbg.steps.interruptions import after_person
from agentdbg.steps.sequence import steps_of

_RHYTHM = 3
"""Pauses before the same tool is called again from which on it is polled."""
_LONG = "SELECT trace_id FROM traces WHERE duration_ns > $gap AND span_count > 1 ORDER BY trace_id"
_WAITS = re.compile(r"\b(?:wait\w*|lock\w*|acquire\w*|semaphore|mutex|queued?|idle|block\w*|barrier|join)\b", re.I)
_POPS = re.compile(r"\bb[lr]pop\b", re.I)
_ON_PURPOSE = re.compile(
    r"human|approv|confirm|review_?request|interrupt|ask_?user|user_?input|sleep|back_?off|retry_?after|schedul|delay"
    r"|\bcron",
    re.I,
)
_SMALL_NS = 1_000_000_000  # pauses below a second are overhead, not waiting
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[_.\-/]")


@dataclass(frozen=True, slots=True)
class _Gap:
    """A stretch in which nothing ran, with the work that ended before it and the work that began after it."""

    start: int
    end: int
    before: Span
    after: Span


@dataclass(frozen=True, slots=True)
class Stall:
    """A run that takes long because nothing in it runs: agents that wait for each other, for a lock, for nothing.

    **What it finds**: stretches inside an open span in which no model, tool or other work was under way, more than
    10 seconds and more than half of the run together. Spans that only wait (a lock, a queue) are no work. Not told is
    time in which a person was asked or spoke, a sleep or a backoff, the time after a failed call that is tried again,
    and tools that the recording leaves out.

    **Why it matters**: latency is ten times what it was and no agent is slow, so every single span looks innocent.

    **Bad**:

        workflow report
          agent collector
            tool fetch {"q": "sales"} -> [4, 8] at=1s dur=2s
            llm gpt-4o -> "Sales are 4 and 8." at=3s dur=2s
          agent writer
            llm gpt-4o -> "Sales doubled." at=50s dur=2s

    **Good**:

        workflow report
          agent collector
            tool fetch {"q": "sales"} -> [4, 8] at=1s dur=20s
            llm gpt-4o -> "Sales are 4 and 8." at=21s dur=12s
          agent writer
            llm gpt-4o -> "Sales doubled." at=34s dur=12s

    **What to do**: put an explicit timeout at each boundary, record what is waited for as a span of its own, and look
    at what both agents at the edges of the gap share: a lock, a queue, a connection pool.

    Options: seconds = time in which nothing ran; share = of the run.
    """

    seconds: float = 10.0
    share: float = 0.5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each trace, at its longest gap."""
        long = {row[0] for row in reader.rows(_LONG, gap=int(self.seconds * 1e9))}
        for trace in reader.traces(one for one in reader.trace_ids() if one in long):
            course = trace.once(Course)
            working = _working(course)
            if not working:
                continue
            if 2 * sum(course.end(span) > course.start(span) for span in working) <= len(working):
                yield Skipped("wait.stall", trace.trace_id, "fewer than half of the spans have a duration")
                continue
            gaps, whole = list(_gaps(course, working)), _wall(course)
            if self._is_long(gaps, whole):
                spoken = _after_person(course)
                polled = Counter(_polled(course, gap) for gap in gaps)
                gaps = [
                    gap
                    for gap in gaps
                    if gap.after.span_id not in spoken
                    and not _explained(course, gap)
                    and (_polled(course, gap) is None or polled[_polled(course, gap)] < _RHYTHM)
                ]
            if self._is_long(gaps, whole):
                yield _finding(course, gaps, whole)

    def _is_long(self, gaps: Sequence[_Gap], whole: int) -> bool:
        idle = sum(gap.end - gap.start for gap in gaps)
        return idle > self.seconds * 1e9 and idle > self.share * whole


def _working(course: Course) -> list[Span]:
    """The spans that do something and have none inside that does, by start; those that only wait are none."""
    return [
        span
        for span in course.spans
        if span.start_ns is not None
        and not (course.node(span).children and any(True for _ in course.below(span)))
        and not _only_waits(span)
    ]


def _only_waits(span: Span) -> bool:
    words = _CAMEL.sub(" ", f"{span.name} {span.tool or ''}")
    return bool(_POPS.search(words) or (span.kind not in CALLS and _WAITS.search(words)))


def _wall(course: Course) -> int:
    return max(course.end(span) for span in course.spans) - min(course.start(span) for span in course.spans)


def _gaps(course: Course, working: Sequence[Span]) -> Iterator[_Gap]:
    last = working[0]
    for span in working[1:]:
        pause = course.start(span) - course.end(last)
        if pause >= _SMALL_NS and _inside_a_span(course, last, span):
            yield _Gap(course.end(last), course.start(span), last, span)
        if course.end(span) >= course.end(last):
            last = span


def _inside_a_span(course: Course, before: Span, after: Span) -> bool:
    """Whether one span was open over the whole gap: between two runs of one trace nobody waits."""
    return any(course.encloses(above, after) for above in course.above(before))


def _explained(course: Course, gap: _Gap) -> bool:
    """Whether the time went to a person, a pause on purpose, or work that is not recorded."""
    near = [*_near(course, gap), gap.before, gap.after]
    if any(_ON_PURPOSE.search(f"{span.name} {span.tool or ''}") for span in near):
        return True
    if gap.before.status == "error" and (gap.after.kind, gap.after.name) == (gap.before.kind, gap.before.name):
        return True
    if gap.before.kind != "llm" or gap.after.kind != "llm":
        return False
    said = course.said(gap.before)
    return bool(said.asks_for) if said else not course.tools  # the tools that it asked for ran, and left no span


def _polled(course: Course, gap: _Gap) -> str | None:
    """The tool that ran last before the gap and is called first after it."""
    said = course.said(gap.after) if gap.after.kind == "llm" else None
    again = said.asks_for if said else (gap.after.tool,)
    return gap.before.tool if gap.before.tool is not None and gap.before.tool in again else None


def _may_be_a_pause(course: Course, gap: _Gap) -> bool:
    """Whether nothing but a root was open and the same agent went on: so a conversation looks whose user takes time."""
    over = [span for span in course.above(gap.after) if course.encloses(span, gap.before)]
    inside = [span for span in over if course.node(span).parent is not None]
    waiting = [
        span for span in course.above(gap.after) if course.start(span) < gap.end - _SMALL_NS and span not in over
    ]
    return not inside and not waiting and course.agent(gap.before) == course.agent(gap.after)


def _near(course: Course, gap: _Gap) -> list[Span]:
    """The spans that were open in a gap, without those that the work on its edges belongs to."""
    around = {span.span_id for edge in (gap.before, gap.after) for span in course.above(edge)}
    during = (span for span in course.spans if course.start(span) < gap.end and course.end(span) > gap.start)
    return [span for span in during if span.span_id not in around]


def _after_person(course: Course) -> set[str]:
    """The model calls that a person spoke before."""
    steps = steps_of(course.trace)
    told = zip(steps, after_person(steps), strict=True)
    return {span_id for step, spoken in told if spoken for span_id in step.span_ids}


def _finding(course: Course, gaps: Sequence[_Gap], whole: int) -> Finding:
    idle = sum(gap.end - gap.start for gap in gaps)
    gap = max(gaps, key=lambda one: (one.end - one.start, -one.start))
    length, who = duration((gap.end - gap.start) / 1e9), course.agent(gap.before) or "the program"
    then = course.agent(gap.after) or "the program"
    apart = course.turn(gap.before) is not course.turn(gap.after)
    waited = [span for span in _near(course, gap) if _only_waits(span)]
    more = f" in {counted(len(gaps), 'gap')}, the longest {length}," if len(gaps) > 1 else ""
    return Finding(
        detector="wait.stall",
        severity="high" if apart or waited else "medium",  # within one turn it may be code that leaves no spans
        confidence="hint" if _may_be_a_pause(course, gap) else "likely",
        title=clipped(f"Nothing ran for {duration(idle / 1e9)} of {duration(whole / 1e9)}, after {who}", 100),
        message=(
            f"Nothing ran for {duration(idle / 1e9)} of the run's {duration(whole / 1e9)}{more} between"
            f" {gap.before.tool or gap.before.name} of {who} and {gap.after.tool or gap.after.name} of {then}; the run"
            f" was busy for {1 - idle / whole:.0%} of its time, and no single step was slow."
        ),
        trace_id=course.trace.trace_id,
        agent=course.agent(gap.after) or course.agent(gap.before),
        evidence=(
            Evidence(gap.after.span_id, "primary", f"the first thing that ran after {length} of nothing"),
            Evidence(gap.before.span_id, "related", "the last thing that ran before"),
            *(Evidence(span.span_id, "related", f"{span.name} was open meanwhile") for span in waited[:3]),
        ),
        advice=(
            "Put an explicit timeout at each boundary, record what is waited for as a span of its own, and look at what"
            " both sides of the gap share: a lock, a queue, a connection pool."
        ),
        next=f"agentdbg show {course.trace.trace_id}",
        key="nothing runs",
    )
