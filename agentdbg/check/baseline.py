"""The project's baseline: `agentdbg.baseline.json`, committed beside the configuration, holds the figures of runs that
went well. Detectors compare later runs with them, so that a build is compared with a fixed thing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from agentdbg.errors import AgentdbgError
from agentdbg.model import AgentFigures, RunFigures

SCHEMA_VERSION = 1
MOST = 50
"""Runs that are kept of a workflow, the latest ones."""
_AGAIN = "delete it, and `agentdbg baseline create` writes a new one"


def read(path: Path) -> tuple[RunFigures, ...]:
    """The runs of a baseline file, by workflow and start. AgentdbgError for one that cannot be read."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise AgentdbgError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise AgentdbgError(f"{path} is no baseline: {error}", _AGAIN) from error
    if not isinstance(told, dict) or told.get("schema_version") != SCHEMA_VERSION:
        raise AgentdbgError(f"{path} is no baseline of this version of agentdbg", _AGAIN)
    try:
        return _ordered(_run(one) for one in told["runs"])
    except (TypeError, KeyError) as error:
        raise AgentdbgError(f"{path} is no baseline: a run has other fields ({error})", _AGAIN) from error


def _run(one: dict[str, Any]) -> RunFigures:
    run = RunFigures(**{**one, "agents": tuple(AgentFigures(**agent) for agent in one["agents"])})
    for field in fields(run):
        value = getattr(run, field.name)
        if (field.name in ("trace_id", "workflow")) != isinstance(value, str):
            raise TypeError(field.name)
    return run


def text(runs: Iterable[RunFigures]) -> str:
    """The file: JSON, a run a line, so that a diff shows which runs came and went."""
    lines = ",\n".join("  " + json.dumps(asdict(run)) for run in _ordered(runs))
    return f'{{"schema_version": {SCHEMA_VERSION}, "runs": [\n{lines}\n]}}\n'


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
