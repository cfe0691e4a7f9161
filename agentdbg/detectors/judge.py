"""Runs the detectors and makes of what they find one list: one finding for each cause, the worst first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any

from agentdbg.detectors import abreast, shelf
from agentdbg.detectors.folding import Place, Places, folded
from agentdbg.errors import AgentdbgError
from agentdbg.model import SEVERITIES, BatchedReader, Detector, Finding, Reader, Skipped


@dataclass(frozen=True, slots=True)
class Judgement:
    """Findings, the worst first, and what could not be judged. Equal input gives equal text, byte for byte. alone: the
    run was not compared with the others of its store."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    alone: bool = False


def judge(reader: BatchedReader, options: Mapping[str, Mapping[str, object]]) -> Judgement:
    """Every detector of the shelf over the reader's traces. options: detector id → option → value, as configured.

    Raises AgentdbgError for a detector or an option that does not exist, and for a value of the wrong type.
    """
    every = detectors(options)
    comparing = [one for one in every if getattr(one, "compares_runs", False)]
    found: list[Finding] = []
    skipped: set[Skipped] = set()
    places: dict[tuple[str, str], Place] = {}

    def run(reader: Reader, chosen: Sequence[Detector]) -> None:
        told = list(chain.from_iterable(abreast.found(reader, chosen)))
        findings = [one for one in told if isinstance(one, Finding)]
        found.extend(findings)
        skipped.update(one for one in told if isinstance(one, Skipped))
        places.update(_places(reader, findings))

    for batch in reader.batches():
        run(batch, every if batch.complete else [one for one in every if one not in comparing])
        if batch.complete:
            comparing = []
    run(reader, comparing)
    found.sort(key=lambda one: one.detector)
    ordered = [_placed(one, places) for one in sorted(folded(found, places), key=lambda one: _rank(one, places))]
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


def _places(reader: Reader, findings: Sequence[Finding]) -> dict[tuple[str, str], Place]:
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
        (trace_id, span_id): Place(start or 0, max(start or 0, end or start or 0), agent, recorded)
        for trace_id, span_id, start, end, agent, recorded in rows
    }


def _placed(finding: Finding, places: Places) -> Finding:
    """With the trace of its primary span, where that is not what the run goes by."""
    place = places.get((finding.trace_id, finding.primary.span_id))
    if place is None or place.trace_id == finding.trace_id:
        return finding
    return replace(finding, recorded_trace_id=place.trace_id)


def _rank(finding: Finding, places: Places) -> tuple[object, ...]:
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
