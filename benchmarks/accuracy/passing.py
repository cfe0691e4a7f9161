"""Alarms on runs that passed: every one of them is false."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentdbg.model import SEVERITIES, Finding

LOOPS = ("loop.", "deleg.")


def is_alarm(finding: Finding, floor: str = "medium") -> bool:
    """Whether a finding asks for a person: medium or worse, and more than a hint."""
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index(floor) and finding.confidence != "hint"  # type: ignore[arg-type]


def alarmed(found: Mapping[str, Sequence[Finding]], families: tuple[str, ...] = ("",)) -> int:
    """How many runs have an alarm of a detector whose id begins like this."""
    return sum(any(is_alarm(one) and one.detector.startswith(families) for one in here) for here in found.values())
