"""Which runs are bad and which are good, as somebody says it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agentdbg.errors import AgentdbgError
from agentdbg.model import SEVERITIES, Finding, Reader

_RANK: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_RESTATE = ("error.origin",)
"""Detectors whose finding is that a run failed."""


class AskingReader(Reader, Protocol):
    """A reader that also takes a user's own SQL."""

    def table(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]: ...


@dataclass(frozen=True, slots=True)
class Sides:
    """Ids of bad and good runs. meant: what makes a run bad, behind `3 of 40 runs`. left_out: runs that are neither."""

    meant: str
    bad: tuple[str, ...]
    good: tuple[str, ...]
    left_out: int = 0


def telling(findings: Sequence[Finding], bad: str) -> list[Finding]:
    """The findings that do not only say again what makes a run bad."""
    if bad in SEVERITIES:
        return [one for one in findings if not _at_least(one, bad)]
    return [one for one in findings if one.detector not in _RESTATE]


def sides(reader: AskingReader, bad: str, findings: Sequence[Finding], workflow: str | None = None) -> Sides:
    """The runs (of one name, if one is given) sorted by `bad`: `error`, a severity, `@FILE` with ids, or a condition in
    SQL over the view traces. A run that never ended is on neither side of `error`.

    Raises AgentdbgError where that leaves one side empty.
    """
    rows = reader.rows("SELECT trace_id, status, name FROM traces ORDER BY trace_id")
    status = {trace_id: how for trace_id, how, name in rows if workflow in (None, name)}
    never_ended: set[str] = set()
    if bad == "error":
        meant, chosen = "ended with an error", {one for one, how in status.items() if how == "error"}
        never_ended = {one for one, how in status.items() if how == "incomplete"}
    elif bad in SEVERITIES:
        meant = f"have a finding of severity {bad} or worse"
        chosen = {one.trace_id for one in findings if one.confidence != "hint" and _at_least(one, bad)}
    elif bad.startswith("@"):
        meant, chosen = f"are named in {bad[1:]}", _named(bad[1:], [row[0] for row in rows])
    else:
        meant = f"have {bad}"
        chosen = _having(reader, bad)
    found = Sides(
        meant,
        tuple(one for one in status if one in chosen),
        tuple(one for one in status if one not in chosen and one not in never_ended),
        len(never_ended),
    )
    _want_both(found)
    return found


def _having(reader: AskingReader, condition: str) -> set[str]:
    try:
        return {row[0] for row in reader.table(f"SELECT trace_id FROM traces WHERE ({condition}\n)")[1]}
    except AgentdbgError as problem:
        message = problem.message.partition("LINE 1:")[0].strip()  # what follows shows our statement, not the user's
        hint = f"--bad takes error, {', '.join(SEVERITIES)}, @FILE, or a condition over `agentdbg schema traces`"
        raise AgentdbgError(message, hint) from problem


def _at_least(finding: Finding, severity: str) -> bool:
    return _RANK[finding.severity] >= _RANK[severity]


def _want_both(found: Sides) -> None:
    if found.bad and found.good:
        return
    if len(found.bad) + len(found.good) == 1:
        told = "there is only one run that ended" if found.left_out else "there is only one run"
    elif found.bad:
        told = f"all {len(found.bad)} runs {found.meant}"
    else:
        told = f"none of {len(found.good)} runs {found.meant}" if found.good else "there is no run that ended"
    raise AgentdbgError(
        f"{told}, so there is nothing to compare",
        '`agentdbg ingest`, or more PATHs, add runs; --bad says which are bad: high, @FILE, "cost_usd > 1"',
    )


def _named(file: str, known: Collection[str]) -> set[str]:
    """The runs whose ids, or unique beginnings of them, stand in a file, one a line."""
    try:
        asked = Path(file).read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as problem:
        raise AgentdbgError(
            f"{file} cannot be read", "--bad @FILE takes a text file with a trace id a line"
        ) from problem
    out = set()
    for one in asked:
        meant = [trace_id for trace_id in known if trace_id == one] or [t for t in known if t.startswith(one)]
        if len(meant) != 1:
            what = f"no run has the id {one}" if not meant else f"{one} is the beginning of {len(meant)} ids"
            raise AgentdbgError(f"{file}: {what}", "`agentdbg traces` lists the runs that are here")
        out.add(meant[0])
    return out
