"""The project's baseline: `agentdbg.baseline.json`, committed beside the configuration, holds the figures of runs that
went well, and what was found when it was made. Detectors compare later runs with the figures, so that a build is
compared with a fixed thing; findings that were there already are told and fail no build."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from agentdbg.errors import AgentdbgError
from agentdbg.fingerprint import fingerprint
from agentdbg.model import SEVERITIES, AgentFigures, Finding, RunFigures, Severity

SCHEMA_VERSION = 1
MOST = 50
"""Runs that are kept of a workflow, the latest ones."""
_AGAIN = "delete it, and `agentdbg baseline create` writes a new one"


@dataclass(frozen=True, slots=True, order=True)
class Known:
    """A finding that was there when the baseline was made, and how bad it was: a worse one is new. Detector and agent
    are for those who read the file."""

    detector: str
    agent: str
    fingerprint: str
    severity: Severity


def read(path: Path) -> tuple[RunFigures, ...]:
    """The runs of a baseline file, by workflow and start. AgentdbgError for one that cannot be read."""
    return _parsed(path)[0]


def known(path: Path) -> frozenset[Known]:
    """The findings of a baseline file. AgentdbgError as `read`."""
    return _parsed(path)[1]


def _parsed(path: Path) -> tuple[tuple[RunFigures, ...], frozenset[Known]]:
    try:
        told = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise AgentdbgError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise AgentdbgError(f"{path} is no baseline: {error}", _AGAIN) from error
    if not isinstance(told, dict) or told.get("schema_version") != SCHEMA_VERSION:
        raise AgentdbgError(f"{path} is no baseline of this version of agentdbg", _AGAIN)
    try:
        runs = _ordered(_run(one) for one in told["runs"])
        return runs, frozenset(_finding(one) for one in told.get("findings", ()))
    except (AttributeError, TypeError, KeyError) as error:
        raise AgentdbgError(f"{path} is no baseline: what it holds has other fields ({error})", _AGAIN) from error


def _finding(one: dict[str, Any]) -> Known:
    if one["severity"] not in SEVERITIES:
        raise TypeError(one["severity"])
    return Known(**{name: str(of) for name, of in one.items()})  # type: ignore[arg-type]  # the severity is one


def _run(one: dict[str, Any]) -> RunFigures:
    run = RunFigures(**{**one, "agents": tuple(AgentFigures(**agent) for agent in one["agents"])})
    for field in fields(run):
        value = getattr(run, field.name)
        if (field.name in ("trace_id", "workflow")) != isinstance(value, str):
            raise TypeError(field.name)
    return run


def text(runs: Iterable[RunFigures], findings: Iterable[Known] = ()) -> str:
    """The file: JSON, a run or a finding a line, so that a diff shows which came and went."""
    lines = _lines(_ordered(runs))
    told = f', "findings": [\n{_lines(listed)}\n]' if (listed := sorted(findings)) else ""
    return f'{{"schema_version": {SCHEMA_VERSION}, "runs": [\n{lines}\n]{told}}}\n'


def _lines(rows: Sequence[RunFigures] | Sequence[Known]) -> str:
    return ",\n".join("  " + json.dumps(asdict(row)) for row in rows)


def told_now(findings: Iterable[Finding]) -> frozenset[Known]:
    """Findings as a baseline keeps them. Hints fail no build, so that none is kept."""
    return worst(
        Known(one.detector, one.agent or "", fingerprint(one), one.severity)
        for one in findings
        if one.confidence != "hint"
    )


def worst(findings: Iterable[Known]) -> frozenset[Known]:
    """Each finding once, as bad as it was at its worst."""
    by_rank = sorted(findings, key=lambda one: SEVERITIES.index(one.severity))
    return frozenset({one.fingerprint: one for one in by_rank}.values())


def renewed(before: Iterable[RunFigures], runs: Iterable[RunFigures]) -> tuple[RunFigures, ...]:
    """The latest runs of each workflow among those before and these; a run that is in both is taken from these."""
    every = {run.trace_id: run for run in (*before, *runs)}
    by_workflow = groupby(_ordered(every.values()), key=lambda run: run.workflow)
    return tuple(run for _, group in by_workflow for run in list(group)[-MOST:])


def pruned(before: Iterable[RunFigures], workflows: Iterable[str]) -> tuple[RunFigures, ...]:
    """Without the workflows that are not among these."""
    known = set(workflows)
    return tuple(run for run in before if run.workflow in known)


def _ordered(runs: Iterable[RunFigures]) -> tuple[RunFigures, ...]:
    return tuple(sorted(runs, key=lambda run: (run.workflow, run.start_ns or 0, run.trace_id)))


def workflows(runs: Sequence[RunFigures]) -> list[tuple[str, list[RunFigures]]]:
    """The runs of each workflow, in order."""
    return [(name, list(group)) for name, group in groupby(_ordered(runs), key=lambda run: run.workflow)]
