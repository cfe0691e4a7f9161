"""A sketch in, findings out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agentdbg.detectors.judge import Judgement, judge
from agentdbg.model import Detector, Finding, Skipped
from tests.stores import of_sketch


def found(folder: Path, detector: Detector, text: str) -> list[Finding]:
    """What one detector finds in a sketch."""
    with of_sketch(folder, text) as store:
        return [one for one in detector.find(store.reader()) if isinstance(one, Finding)]


def skipped(folder: Path, detector: Detector, text: str) -> list[Skipped]:
    """What one detector says that it could not judge."""
    with of_sketch(folder, text) as store:
        return [one for one in detector.find(store.reader()) if isinstance(one, Skipped)]


def judged(folder: Path, text: str) -> Judgement:
    """What all detectors find in a sketch."""
    with of_sketch(folder, text) as store:
        return judge(store.reader(), {})


def places(folder: Path, text: str, finding: Finding) -> list[str]:
    """The spans that a finding points at, as `kind name` or, where the agent has no span of that name, with it."""
    with of_sketch(folder, text) as store:
        rows = store.reader().rows("SELECT span_id, kind, name FROM spans WHERE trace_id = $t", t=finding.trace_id)
    names = {span_id: f"{kind} {name}" for span_id, kind, name in rows}
    return [names[evidence.span_id] for evidence in finding.evidence]


def grades(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """(severity, confidence) of each finding."""
    return [(finding.severity, finding.confidence) for finding in findings]
