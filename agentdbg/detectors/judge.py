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
_OF_RUN = {
    "cost.baseline": ("token.spike", "cost.fanout", "loop.", "context."),
    "time.p95": ("time.", "wait.", "loop.", "rate."),
}
"""What these find is true of a whole run; a finding of these families that says why tells it as well."""
_EFFECTS = frozenset([*_LOCAL, *_OF_RUN])
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
    for here in by_trace.values():
        causes = [finding for finding in here if finding.detector not in _EFFECTS]
        taken: dict[int, list[Finding]] = {}
        for finding in here:
            if finding.detector not in _EFFECTS:
                continue
            home = next((i for i, cause in enumerate(causes) if _told_by(finding, cause, places)), None)
            if home is None:
                out.append(finding)
            else:
                taken.setdefault(home, []).append(finding)
        out += [_with(cause, taken.get(i, [])) for i, cause in enumerate(causes)]
    return out


def _told_by(local: Finding, cause: Finding, places: Mapping[tuple[str, str], _Place]) -> bool:
    """Whether the cause tells what the local finding tells: it points at the same spans, is the loop they lie in, or
    says why the run is what it is."""
    if CONFIDENCES.index(cause.confidence) < CONFIDENCES.index("likely") or _worse(local, cause):
        return False
    if local.detector in _OF_RUN:
        return cause.detector.startswith(_OF_RUN[local.detector])
    its = {evidence.span_id for evidence in cause.evidence}
    own = [evidence.span_id for evidence in local.evidence]
    if local.detector == "error.origin" and local.primary.span_id in its:
        return True
    return its.issuperset(own) or (cause.detector.startswith("loop.") and _within(local, cause, places))


def _worse(local: Finding, cause: Finding) -> bool:
    return SEVERITIES.index(local.severity) > SEVERITIES.index(cause.severity)


def _within(local: Finding, loop: Finding, places: Mapping[tuple[str, str], _Place]) -> bool:
    """Whether the local finding's span began while the loop ran, in the hands of an agent that takes part in it."""
    laps = [place for e in loop.evidence if (place := places.get((loop.trace_id, e.span_id)))]
    at = places.get((local.trace_id, local.primary.span_id))
    if at is None or not laps:
        return False
    agents = {lap.agent for lap in laps} | {loop.agent}
    return at.agent in agents and min(lap.start for lap in laps) <= at.start <= max(lap.end for lap in laps)


def _with(cause: Finding, taken: Sequence[Finding]) -> Finding:
    """The cause with what was folded into it as further evidence."""
    its = {evidence.span_id for evidence in cause.evidence}
    more: dict[str, Evidence] = {}
    for finding in taken:
        span_id = finding.primary.span_id
        if span_id not in its and len(more) < _ADDED:
            more.setdefault(span_id, Evidence(span_id, "related", finding.title))
    return replace(cause, evidence=(*cause.evidence, *more.values())) if more else cause
