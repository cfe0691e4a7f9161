"""trace.orphan: a trace with holes in it: missing parents, no root or several, circles, spans that never ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from agentdbg.detectors.course import Course
from agentdbg.detectors.wording import counted, short
from agentdbg.model import SEVERITIES, Confidence, Evidence, Finding, Reader, Severity, Skipped, Span
from agentdbg.tree import Node

_ODD = """
    SELECT s.trace_id
    FROM spans s LEFT JOIN spans p ON p.trace_id = s.trace_id AND p.span_id = s.parent_id
    GROUP BY s.trace_id
    HAVING bool_or(s.end_ns IS NULL) OR count(*) FILTER (s.parent_id IS NULL) <> 1
        OR bool_or(s.parent_id IS NOT NULL AND (p.span_id IS NULL OR p.start_ns > s.start_ns OR p.span_id = s.span_id))
    ORDER BY s.trace_id
"""
_HABITS = """
    SELECT coalesce(s.scope, ''), count(DISTINCT s.trace_id),
           count(DISTINCT s.trace_id) FILTER (s.parent_id IS NOT NULL AND p.span_id IS NULL),
           count(DISTINCT s.trace_id) FILTER (s.end_ns IS NULL)
    FROM spans s LEFT JOIN spans p ON p.trace_id = s.trace_id AND p.span_id = s.parent_id
    GROUP BY ALL ORDER BY ALL
"""
_SHOWN = 5
_FLAT = "flat"


@dataclass(frozen=True, slots=True)
class _Hole:
    """One thing that is wrong with the shape of a trace. `spans` tells the span to look at first."""

    spans: list[Span]
    severity: Severity
    confidence: Confidence
    words: str
    note: str
    key: str
    advice: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """A trace that is not whole.

    **What it finds**: spans whose parent is not in the trace, no root or more than one, spans that never ended, spans
    that are their own ancestors. A single top span that names a parent elsewhere is low: most likely that parent
    belongs to a service upstream, or was not sampled. So is what an instrumentation leaves out in every trace;
    a trace in which no span names a parent is flat, which is info.
    Nothing is attached by guessing.

    **Why it matters**: sums, durations and every other finding are about the spans that are there. A process that was
    killed leaves just such a trace, and work started on a bare thread is missing from the tree it belongs to.

    **Bad**:

        workflow triage
          agent planner open
            tool look_up {"case": 7} open

    **Good**:

        workflow triage
          agent planner
            tool look_up {"case": 7} -> "done"

    **What to do**: flush the exporter when the process ends, pass the context on to threads, tasks and queues, and
    export the spans of every service to the same place.

    Options: habit = traces in which an instrumentation must leave the same hole, without exception, to be taken for
    its habit.
    """

    habit: int = 5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding a trace, about all of its holes."""
        odd = {row[0] for row in reader.rows(_ODD)}
        habits = reader.everywhere(_HABITS) if odd else []
        without_parents = {scope for scope, traces, orphans, _ in habits if traces == orphans and traces >= self.habit}
        never_ending = {scope for scope, traces, _, unclosed in habits if traces == unclosed and traces >= self.habit}
        for trace in reader.traces(trace_id for trace_id in reader.trace_ids() if trace_id in odd):
            course = trace.once(Course)
            holes = [
                *_parents(course, without_parents),
                *_roots(course),
                *_open(course, never_ending),
                *_circles(course),
            ]
            if holes:
                yield _finding(course, holes)


def _nodes(course: Course, **wanted: bool) -> list[Node[Span]]:
    return [root for root in course.forest.roots if all(getattr(root, name) == value for name, value in wanted.items())]


def _parents(course: Course, habit: set[str]) -> Iterator[_Hole]:
    """Spans that name a parent which is not here."""
    orphans = [node.span for node in _nodes(course, orphan=True)]
    if not orphans:
        return
    missing = len({span.parent_id for span in orphans})
    rooted = bool(_nodes(course, orphan=False))
    verb = "names" if len(orphans) == 1 else "name"
    words = (
        f"{counted(len(orphans), 'span')} {verb} {counted(missing, 'parent')} that {'is' if missing == 1 else 'are'} "
    )
    if len(orphans) == 1 and not rooted:
        yield _Hole(
            orphans, "low", "likely", words + "in no file: a service upstream, or not sampled",
            "names a parent that is not here", "remote parent",
            "Export the spans of the calling service to the same place; where it is not yours, nothing is lost.",
        )  # fmt: skip
        return
    usual = all((span.scope or "") in habit for span in orphans)
    cause = (
        "missing, as in every trace of this instrumentation" if usual
        else "missing" if rooted
        else "missing, the root among them: the process was killed, or its last spans were not flushed"
    )  # fmt: skip
    first = orphans if rooted else sorted(orphans, key=lambda span: (-course.end(span), span.span_id))
    yield _Hole(
        first, "low" if usual else "medium", "certain", words + cause,
        "names a parent that is not here" if rooted else "among the last that was written", "lost parents",
        "Flush the exporter before the process ends, and pass the context on to threads, tasks and queues.",
    )  # fmt: skip


def _roots(course: Course) -> Iterator[_Hole]:
    """Several roots: worse where one began while another ran, since it then belongs below it."""
    roots = [node.span for node in _nodes(course, orphan=False, cut=False)]
    if len(roots) < 2:
        return
    if len(roots) == len(course.spans):
        yield _Hole(
            roots, "info", "certain", f"None of {counted(len(roots), 'span')} names a parent: no tree is recorded",
            "names no parent", _FLAT,
            "Where the source knows what called what, export it as the id of the parent; otherwise nothing is lost.",
        )  # fmt: skip
        return
    ends = accumulate((course.end(root) for root in roots), max)  # roots come by start
    inside = [root for root, ended in zip(roots[1:], ends, strict=False) if course.start(root) < ended]
    words = f"{counted(len(roots), 'root')} in one trace"
    if inside:
        words += f", {len(inside)} of them begun while another ran: the context was lost on the way"
    yield _Hole(
        inside or roots[1:], "medium" if inside else "low", "certain", words,
        "a root of its own", "several roots",
        "Pass the context on to threads, tasks and queues; begin each run in a context of its own.",
    )  # fmt: skip


def _open(course: Course, habit: set[str]) -> Iterator[_Hole]:
    """Spans without an end; the one that began last was at work when everything stopped."""
    unclosed = [span for span in course.spans if span.end_ns is None and span.start_ns is not None]
    if not unclosed:
        return
    usual = all((span.scope or "") in habit for span in unclosed)
    ended = [course.end(span) for span in course.spans if span.end_ns is not None]
    last = max(unclosed, key=lambda span: (course.start(span), course.node(span).depth, span.span_id))
    words = f"{counted(len(unclosed), 'span')} never ended"
    if ended and max(ended) > course.start(last):
        words += f"; others went on for {(max(ended) - course.start(last)) / 1e9:.1f} s after the last of them began"
    yield _Hole(
        [last, *(span for span in unclosed if span is not last)], "low" if usual else "medium", "certain", words,
        "never ended", "never ended",
        "Look at what this span was doing: a killed process, a hanging call, a generator that nobody ran to its end.",
    )  # fmt: skip


def _circles(course: Course) -> Iterator[_Hole]:
    """Spans that are their own ancestors."""
    cut = [node.span for node in _nodes(course, cut=True)]
    if cut:
        yield _Hole(
            cut, "medium", "certain", f"{counted(len(cut), 'span is its', 'spans are their')} own ancestor: cut there",
            "its own ancestor", "circle",
            "Span ids are not unique, or parents were rewritten on the way: look at the exporter.",
        )  # fmt: skip


def _finding(course: Course, holes: list[_Hole]) -> Finding:
    worst = max(holes, key=lambda hole: SEVERITIES.index(hole.severity))
    primary = worst.spans[0]
    seen = {primary.span_id}
    evidence = [Evidence(primary.span_id, "primary", worst.note)]
    for hole in holes:
        for span in hole.spans[:_SHOWN]:
            if span.span_id not in seen:
                seen.add(span.span_id)
                evidence.append(Evidence(span.span_id, "related", hole.note))
    words = "; ".join(hole.words for hole in holes)
    flat = worst.key == _FLAT
    whole = "The trace is flat" if flat else "The trace is not whole"
    missing = "" if flat else " What is missing is in no sum and no other finding of this trace."
    return Finding(
        detector="trace.orphan",
        severity=worst.severity,
        confidence=worst.confidence,
        title=f"{whole}: {worst.words.split(':')[0].split(';')[0]}",
        message=f"{words[0].upper() + words[1:]}.{missing}",
        trace_id=course.trace.trace_id,
        agent=course.agent(primary),
        evidence=tuple(evidence),
        advice=worst.advice,
        next=f"agentdbg span {short(primary.span_id, course.forest.by_id)}",
        key=" ".join(hole.key for hole in holes),
    )
