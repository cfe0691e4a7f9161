"""`baseline`: what the file now holds, a line a workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TextIO

from agentdbg.model import RunFigures
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.line import Line, Look, write
from agentdbg.view.units import count, duration, tokens, usd

_SHAPE = [Column("runs", True), Column("time", True), Column("tokens", True), Column("cost", True), Column("workflow")]


def text(
    path: str, workflows: Sequence[tuple[str, Sequence[RunFigures]]], known: int, stream: TextIO, look: Look
) -> None:
    """The file's name, then for each workflow how many runs it holds and the median of each of their figures. known:
    how many findings."""
    runs = sum(len(group) for _, group in workflows)
    told = f", {count(known, 'known finding')}" if known else ""
    head = Line(look.text(path), "bold").add(f": {count(len(workflows), 'workflow')}, {count(runs, 'run')}{told}")
    rows = [[str(len(group)), *_usual(group), look.text(name)] for name, group in workflows]
    write([head, *(columns(_SHAPE, rows, look) if rows else ())], stream, look)


def as_json(
    path: str, workflows: Sequence[tuple[str, Sequence[RunFigures]]], known: Sequence[Mapping[str, str]], stream: TextIO
) -> None:
    """One object; all bytes are ASCII."""
    told = [{"workflow": name, "runs": len(group)} for name, group in workflows]
    document({"file": path, "workflows": told, "findings": list(known)}, stream)


def _usual(runs: Sequence[RunFigures]) -> tuple[str, str, str]:
    times = [run.duration_ns for run in runs if run.duration_ns is not None]
    used = [(run.input_tokens or 0) + (run.output_tokens or 0) for run in runs if run.calls]
    costs = [run.cost_usd for run in runs if run.cost_usd is not None]
    return (
        duration(int(median(times))) if times else "",
        tokens(int(median(used))) if used else "",
        usd(median(costs)) if costs else "",
    )
