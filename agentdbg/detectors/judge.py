"""Runs the detectors and makes of what they find one list: one finding for each cause, the worst first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from agentdbg.detectors import shelf
from agentdbg.errors import AgentdbgError
from agentdbg.model import CONFIDENCES, SEVERITIES, Detector, Evidence, Finding, Reader, Skipped

_LOCAL = ("error.origin", "silent.empty")
"""What these find is a fact about one span; a finding about a cause that holds the span tells it as well."""
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
_ADDED = 5
"""Pieces of evidence that one finding takes over from those folded into it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Findings, the worst first, and what could not be judged. Equal input gives equal text, byte for byte."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    end: int
    agent: str | None
    trace_id: str


@dataclass(frozen=True, slots=True)
class _Stretch:
    start: int
    end: int
    agents: frozenset[str | None]


def judge(reader: Reader, options: Mapping[str, Mapping[str, object]]) -> Judgement:
    """Every detector of the shelf over the reader's traces. options: detector id → option → value, as configured.

    Raises AgentdbgError for a detector or an option that does not exist, and for a value of the wrong type.
    """
    found: list[Finding] = []
    skipped: set[Skipped] = set()
    for detector in detectors(options):
        for one in detector.find(reader):
            if isinstance(one, Skipped):
                skipped.add(one)
            else:
                found.append(one)
    places = _places(reader, found)
    ordered = [_placed(one, places) for one in sorted(_folded(found, places), key=lambda one: _rank(one, places))]
    return Judgement(tuple(ordered), tuple(sorted(skipped, key=lambda s: (s.detector, s.trace_id or "", s.reason))))


def detectors(options: Mapping[str, Mapping[str, object]]) -> list[Detector]:
    """The detectors of the shelf by id, with their options set. Raises as `judge` does."""
    known = shelf()
    for name in sorted(options):
        if name not in known:
            raise AgentdbgError(f"no detector is called {name}", _nearest(name, known))
    return [_made(name, kind, options.get(name, {})) for name, kind in known.items()]


def _made(name: str, kind: type[Detector], options: Mapping[str, object]) -> Detector:
    defaults = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]  # detectors are dataclasses
    values: dict[str, Any] = {}
    for option, value in sorted(options.items()):
        if option not in defaults:
            raise AgentdbgError(f"{name} has no option {option}", _nearest(option, defaults))
        values[option] = _checked(name, option, value, defaults[option])
    return kind(**values)


def _checked(name: str, option: str, value: object, default: object) -> object:
    """The value, when it is of the default's type; a whole number will do where a fraction is wanted."""
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise AgentdbgError(
            f"the option {option} of {name} is {value!r}, which is no {type(default).__name__}",
            f"its default is {default!r}",
        )
    return value


def _nearest(name: str, known: Iterable[str]) -> str:
    every = sorted(known)
    near = difflib.get_close_matches(name, every, n=1, cutoff=0.4)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(every) or 'none'}"


def _places(reader: Reader, findings: Sequence[Finding]) -> dict[tuple[str, str], _Place]:
    """When and whose the spans are that the findings point at."""
    traces = sorted({finding.trace_id for finding in findings})
    spans = sorted({evidence.span_id for finding in findings for evidence in finding.evidence})
    if not spans:
        return {}
    rows = reader.rows(
        "SELECT trace_id, span_id, start_ns, end_ns, agent, recorded_trace_id FROM spans"
        " WHERE trace_id IN (SELECT unnest($traces)) AND span_id IN (SELECT unnest($spans)) ORDER BY ALL",
        traces=traces,
        spans=spans,
    )
    return {
        (trace_id, span_id): _Place(start or 0, max(start or 0, end or start or 0), agent, recorded)
        for trace_id, span_id, start, end, agent, recorded in rows
    }


def _placed(finding: Finding, places: Mapping[tuple[str, str], _Place]) -> Finding:
    """With the trace of its primary span, where that is not what the run goes by."""
    place = places.get((finding.trace_id, finding.primary.span_id))
    if place is None or place.trace_id == finding.trace_id:
        return finding
    return replace(finding, recorded_trace_id=place.trace_id)


def _rank(finding: Finding, places: Mapping[tuple[str, str], _Place]) -> tuple[object, ...]:
    """Severity, then what it cost, then when, then id."""
    place = places.get((finding.trace_id, finding.primary.span_id))
    return (
        -SEVERITIES.index(finding.severity),
        -(finding.wasted_usd or 0.0),
        -(finding.wasted_tokens or 0),
        place.start if place else 0,
        finding.trace_id,
        finding.detector,
        finding.primary.span_id,
        finding.key,
    )


def _folded(findings: Sequence[Finding], places: Mapping[tuple[str, str], _Place]) -> list[Finding]:
    """One finding for each cause: what a finding about the cause already tells becomes its evidence."""
    by_trace: dict[str, list[Finding]] = {}
    for finding in findings:
        by_trace.setdefault(finding.trace_id, []).append(finding)
    out: list[Finding] = []
    for every in by_trace.values():
        here = _without_faces(every, places)
        causes = [finding for finding in here if finding.detector not in _LOCAL]
        taken: dict[int, list[Finding]] = {}
        for finding in here:
            if finding.detector not in _LOCAL:
                continue
            home = next((i for i, cause in enumerate(causes) if _told_by(finding, cause, places)), None)
            if home is None:
                out.append(finding)
            else:
                taken.setdefault(home, []).append(finding)
        out += [_with(cause, taken.get(i, [])) for i, cause in enumerate(causes)]
    return out


def _without_faces(here: Sequence[Finding], places: Mapping[tuple[str, str], _Place]) -> list[Finding]:
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


def _is_face_of(face: Finding, loop: Finding, places: Mapping[tuple[str, str], _Place]) -> bool:
    """Whether two findings tell one cause: at least half of the time of the first lies in that of the second, which is
    more than a hint, and they share an agent."""
    related = loop.detector in _FACES.get(face.detector, ()) or face.detector in _FACES.get(loop.detector, ())
    if not related or CONFIDENCES.index(loop.confidence) < CONFIDENCES.index("likely"):
        return False
    own, its = _stretch(face, places), _stretch(loop, places)
    if own is None or its is None or own.agents.isdisjoint(its.agents):
        return False
    shared = min(own.end, its.end) - max(own.start, its.start)
    return shared >= 0 and 2 * shared >= own.end - own.start


def _stretch(finding: Finding, places: Mapping[tuple[str, str], _Place]) -> _Stretch | None:
    """From the earliest to the latest of what a finding points at, and whose it is."""
    found = [place for e in finding.evidence if (place := places.get((finding.trace_id, e.span_id)))]
    if not found:
        return None
    agents = frozenset((finding.agent, *(place.agent for place in found)))
    return _Stretch(min(place.start for place in found), max(place.end for place in found), agents)


def _told_by(local: Finding, cause: Finding, places: Mapping[tuple[str, str], _Place]) -> bool:
    """Whether the cause tells what the local finding tells: it points at the same spans, or is the loop they lie in."""
    if CONFIDENCES.index(cause.confidence) < CONFIDENCES.index("likely") or _worse(local, cause):
        return False
    its = {evidence.span_id for evidence in cause.evidence}
    own = [evidence.span_id for evidence in local.evidence]
    if local.detector == "error.origin" and local.primary.span_id in its:
        return True
    return its.issuperset(own) or (cause.detector.startswith("loop.") and _within(local, cause, places))


def _worse(local: Finding, cause: Finding) -> bool:
    return SEVERITIES.index(local.severity) > SEVERITIES.index(cause.severity)


def _within(local: Finding, loop: Finding, places: Mapping[tuple[str, str], _Place]) -> bool:
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
    for finding in taken:
        span_id = finding.primary.span_id
        if span_id in notes and finding.detector in _FACES:
            notes[span_id] = replace(notes[span_id], note=f"{notes[span_id].note}; {finding.title}")
        elif len(notes) < own + _ADDED:
            notes.setdefault(span_id, Evidence(span_id, "related", finding.title))
    return replace(cause, evidence=tuple(notes.values())) if taken else cause
