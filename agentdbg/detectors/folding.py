"""One finding for each cause: what a finding about the cause tells as well becomes its evidence. Which detector tells
what another finds is said in tables; whether two findings do tell one cause is decided by where they point."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agentdbg.model import CONFIDENCES, SEVERITIES, Evidence, Finding

_FACES = {
    "loop.cycle": ("deleg.cycle",),
    "deleg.cycle": ("loop.cycle",),
    "deleg.depth": ("deleg.cycle", "loop.cycle"),
    "loop.retry": ("loop.cycle",),
    "loop.refine": ("loop.cycle",),
    "handoff.ambiguous": ("loop.cycle",),
    "loop.pingpong": ("loop.cycle", "deleg.cycle", "loop.refine", "handoff.ambiguous"),
    "loop.turns": ("loop.cycle", "deleg.cycle", "loop.retry", "loop.refine", "handoff.ambiguous", "loop.pingpong"),
    "redundant.calls": ("loop.cycle", "loop.retry", "loop.turns"),
    "redundant.reading": ("loop.cycle", "loop.refine", "handoff.ambiguous", "loop.pingpong"),
    "calls.hidden": ("loop.cycle", "loop.refine", "loop.pingpong", "loop.turns"),
    "wait.stall": ("wait.deadlock",),
}
"""Detectors, and those that tell the same cause where one finding lies in the other: the worse tells it, of equals the
one that stands on the right, which says more."""
_CHAIN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("silent.range", ("handoff.schema", "prompt.coupling")),
    ("handoff.schema", ("prompt.coupling", "silent.range")),
    ("handoff.parse", ("handoff.schema", "prompt.coupling")),
    ("error.swallowed", ("handoff.", "silent.madeup", "context.overflow", "time.timeout")),
    ("error.origin", ("handoff.parse", "silent.madeup", "context.overflow")),
    ("cascade.root", ("handoff.parse", "handoff.schema", "context.overflow")),
    ("silent.empty", ("silent.madeup",)),
    ("handoff.parse", ("cascade.root", "loop.")),
    ("error.swallowed", ("cascade.root", "loop.")),
)
"""Detectors, and those that tell their cause where they point at the same place, in this order: the end of a chain of
consequences is folded into its beginning, and what it says that is new is said there."""
_LOCAL = ("error.origin", "silent.empty")
"""What these find is a fact about one span; a finding about a cause that holds the span tells it as well."""
_SYMPTOMS: dict[str, tuple[str, ...]] = {
    "cascade.root": ("dlq.", "breaker."),
    "breaker.trip": ("loop.",),
    "time.wall": ("loop.", "rate.", "time.timeout", "wait."),
    "trace.blind": ("wait.",),
    "trace.orphan": ("task.",),
    "wait.stall": ("task.",),
}
"""What these find comes of something else where one of these families is found in the same run."""
_OF_RUN = {
    "cost.baseline": ("token.spike", "cost.fanout", "loop.", "context."),
    "time.p95": ("time.", "wait.", "loop.", "rate."),
}
"""What these find is true of a whole run; a finding of these families that says why tells it as well."""
_NEWS = frozenset(("handoff.parse", "handoff.schema"))
"""What these found is added to the message of the finding that they are folded into."""
_CEILING = re.compile(r"Turns|Iterations|Steps|Recursion|request_limit")
_ADDED = 5
"""Pieces of evidence that one finding takes over from those folded into it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and whose a span is that a finding points at: nanoseconds; the trace that it was recorded in."""

    start: int
    end: int
    agent: str | None
    trace_id: str


Places = Mapping[tuple[str, str], Place]
"""By (trace id of the run, span id)."""
_Tells = Callable[[Finding, Finding, Places], bool]
"""Whether the second finding, of a family that may, tells the cause of the first."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    start: int
    end: int
    agents: frozenset[str | None]


def folded(findings: Sequence[Finding], places: Places) -> list[Finding]:
    """The findings, where what another finding about the cause tells already has become part of that."""
    by_trace: dict[str, list[Finding]] = {}
    for finding in findings:
        by_trace.setdefault(finding.trace_id, []).append(finding)
    out: list[Finding] = []
    for every in by_trace.values():
        here = _without_faces(every, places)
        for told, tellers, tells in _steps():
            here = _taken_in(here, told, tellers, tells, places)
        out += here
    return out


def _steps() -> Iterator[tuple[tuple[str, ...], tuple[str, ...], _Tells]]:
    for detector, tellers in _CHAIN:
        yield (detector,), tellers, _same_place
    yield _LOCAL, ("",), _tells_locally
    for detector, tellers in _SYMPTOMS.items():
        yield (detector,), tellers, _comes_of_it
    for detector, tellers in _OF_RUN.items():
        yield (detector,), tellers, _is_sure


def _taken_in(
    findings: Sequence[Finding], told: tuple[str, ...], tellers: tuple[str, ...], tells: _Tells, places: Places
) -> list[Finding]:
    """The findings without those of some detectors that a finding of the tellers tells: these become part of it."""
    causes = [one for one in findings if one.detector not in told]
    taken: dict[int, list[Finding]] = {}
    out: list[Finding] = []
    for finding in (one for one in findings if one.detector in told):
        able = (i for i, one in enumerate(causes) if one.detector.startswith(tellers) and tells(finding, one, places))
        home = next(able, None)
        if home is None:
            out.append(finding)
        else:
            taken.setdefault(home, []).append(finding)
    return out + [_with(cause, taken.get(i, [])) for i, cause in enumerate(causes)]


def _without_faces(here: Sequence[Finding], places: Places) -> list[Finding]:
    """The findings of a trace, where another face of a cause that is told has become its evidence."""
    rank = {detector: number for number, detector in enumerate(_FACES)}
    ranked = sorted(
        range(len(here)),
        key=lambda i: (-SEVERITIES.index(here[i].severity), rank.get(here[i].detector, -1)),
    )
    kept: list[int] = []
    taken: dict[int, list[Finding]] = {}
    for i in ranked:
        home = next((j for j in kept if _is_face_of(here[i], here[j], places)), None)
        if home is None:
            kept.append(i)
        else:
            taken.setdefault(home, []).append(here[i])
    return [_with(here[i], taken.get(i, [])) for i in sorted(kept)]


def _is_face_of(face: Finding, loop: Finding, places: Places) -> bool:
    """Whether two findings tell one cause: at least half of the time of the first lies in that of the second, which is
    more than a hint, and they share an agent."""
    related = loop.detector in _FACES.get(face.detector, ()) or face.detector in _FACES.get(loop.detector, ())
    if not related or _is_hint(loop):
        return False
    own, its = _stretch(face, places), _stretch(loop, places)
    if own is None or its is None or own.agents.isdisjoint(its.agents):
        return False
    shared = min(own.end, its.end) - max(own.start, its.start)
    return shared >= 0 and 2 * shared >= own.end - own.start


def _same_place(told: Finding, cause: Finding, places: Places) -> bool:
    """Whether one of the two points first at a span that the other points at, or the cause is the loop around it."""
    if (_is_hint(cause) and not _is_hint(told)) or _worse(told, cause):
        return False
    its, own = _spans(cause), _spans(told)
    near = told.primary.span_id in its or cause.primary.span_id in own
    near = near or (told.detector.startswith("error.") and not its.isdisjoint(own))
    return near or (cause.detector.startswith("loop.") and _within(told, cause, places))


def _tells_locally(local: Finding, cause: Finding, places: Places) -> bool:
    """Whether the cause points at the same spans as the local finding, or is the loop they lie in."""
    if cause.detector in _OF_RUN or not _is_sure(local, cause, places):
        return False
    its, own = _spans(cause), _spans(local)
    if local.detector == "error.origin" and (local.primary.span_id in its or cause.primary.span_id in own):
        return True
    return its.issuperset(own) or (cause.detector.startswith("loop.") and _within(local, cause, places))


def _comes_of_it(symptom: Finding, cause: Finding, places: Places) -> bool:
    """Whether a symptom does come of such a cause: a ceiling on turns is what ends a loop, a budget need not be; holes
    in a trace, and silence, are those of an abandoned task where they are about the same spans, and what went on after
    a failed attempt or a safety net did not build on it."""
    if not _is_sure(symptom, cause, places):
        return False
    if symptom.detector == "breaker.trip":
        return bool(_CEILING.search(symptom.message))
    if symptom.detector == "cascade.root":
        return symptom.primary.span_id in _spans(cause)
    if symptom.detector == "wait.stall":
        return not _spans(cause).isdisjoint(_spans(symptom))
    return symptom.detector != "trace.orphan" or _spans(cause).issuperset(_spans(symptom))


def _is_sure(told: Finding, cause: Finding, places: Places) -> bool:
    """Whether the cause is more than a hint, and no lesser matter than what it would tell."""
    return not _is_hint(cause) and not _worse(told, cause)


def _is_hint(finding: Finding) -> bool:
    return CONFIDENCES.index(finding.confidence) < CONFIDENCES.index("likely")


def _worse(told: Finding, cause: Finding) -> bool:
    return SEVERITIES.index(told.severity) > SEVERITIES.index(cause.severity)


def _spans(finding: Finding) -> set[str]:
    return {evidence.span_id for evidence in finding.evidence}


def _stretch(finding: Finding, places: Places) -> _Stretch | None:
    """From the earliest to the latest of what a finding points at, and whose it is."""
    found = [place for e in finding.evidence if (place := places.get((finding.trace_id, e.span_id)))]
    if not found:
        return None
    agents = frozenset((finding.agent, *(place.agent for place in found)))
    return _Stretch(min(place.start for place in found), max(place.end for place in found), agents)


def _within(local: Finding, loop: Finding, places: Places) -> bool:
    """Whether the local finding's span began while the loop ran, in the hands of an agent that takes part in it."""
    laps, at = _stretch(loop, places), places.get((local.trace_id, local.primary.span_id))
    if at is None or laps is None:
        return False
    return at.agent in laps.agents and laps.start <= at.start <= laps.end


def _with(cause: Finding, taken: Sequence[Finding]) -> Finding:
    """The cause with what was folded into it as further evidence. What another face of the cause says of a place that
    the cause points at as well is added to the words there."""
    notes = {evidence.span_id: evidence for evidence in cause.evidence}
    own = len(notes)
    message = cause.message
    for finding in taken:
        if finding.detector in _NEWS:
            message = f"{message} {finding.title}."
        span_id = finding.primary.span_id
        if span_id in notes and finding.detector in _FACES:
            notes[span_id] = replace(notes[span_id], note=f"{notes[span_id].note}; {finding.title}")
        elif len(notes) < own + _ADDED:
            notes.setdefault(span_id, Evidence(span_id, "related", finding.title))
    return replace(cause, message=message, evidence=tuple(notes.values())) if taken else cause
