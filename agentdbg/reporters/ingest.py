"""What an ingest took in: a line a file, then what was lost, then what the detectors found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TextIO

from agentdbg.model import SEVERITIES, Note
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.line import Line, Look, wrapped, write
from agentdbg.view.units import count

_PARTICULARS = re.compile(r"[0-9a-f]{6,}|\d+")  # ids and numbers
_FILES = 50
"""Files that are shown, those that could not be read first; the rest is counted."""
_SHOWN = 3
"""Notes of one kind that are shown; the rest is counted."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """One input. state: as in store.FileReport; known: spans that were there already; why: of an unreadable one."""

    source: str
    state: str
    spans: int
    logs: int
    known: int
    why: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Ingested:
    """The whole ingest. notes: of these files alone. judged: traces that the detectors looked at, None where they
    were not to. findings: severity → how many, hints left out."""

    store: str
    files: Sequence[FileLine]
    notes: Sequence[Note]
    judged: int | None
    findings: Mapping[str, int]


def text(done: Ingested, stream: TextIO, look: Look) -> None:
    """For people."""
    told = [one for one in done.files if one.state != "note"]
    files = sorted(told, key=lambda one: one.state != "unreadable") if len(told) > _FILES else told
    rows = [[look.text(one.source), _STATES[one.state], _read(one)] for one in files[:_FILES]]
    lines = [*columns([Column("file", style="bold"), Column("state"), Column("read")], rows, look)] if rows else []
    if len(told) > _FILES:
        lines.append(Line(f"  and {len(told) - _FILES:,} more files; --json lists them all", "dim"))
    for one in files[:_FILES]:
        if one.why and one.state == "unreadable":
            lines += wrapped(
                Line("  "), look.text(one.why + (f" ({one.hint})" if one.hint else "")), Line("    "), look.width
            )
    foreign = {one.source for one in done.files if one.state == "note"}  # the summary counts them, which is enough
    lines += _notes([one for one in done.notes if one.source not in foreign], look)
    write([*lines, *_summary(done, look), *_next(done)], stream, look)


def as_json(done: Ingested, stream: TextIO) -> None:
    """For programs: every file and every note."""
    told = {
        "store": done.store,
        "files": [asdict(one) for one in done.files],
        "notes": [asdict(one) for one in done.notes],
        "judged_traces": done.judged,
        "findings": dict(done.findings),
    }
    document(told, stream)


_STATES = {
    "new": "new", "grown": "grown", "anew": "read anew", "priced": "priced anew", "unchanged": "unchanged",
    "unreadable": "NOT READ",
}  # fmt: skip
_TOLD = {
    "unchanged": "its bytes are in the store already",
    "priced": "its bytes are in the store already, its costs are by other prices now",
    "unreadable": "",
}


def _read(one: FileLine) -> str:
    if one.state in _TOLD:
        return _TOLD[one.state]
    parts = [count(one.spans, "span")] if one.spans or not one.logs else []
    parts += [count(one.logs, "log record")] if one.logs else []
    parts += [f"{one.known} known already"] if one.known else []
    return ", ".join(parts)


def _next(done: Ingested) -> list[Line]:
    if not any(one.state not in ("unreadable", "note") for one in done.files):
        return []
    return [Line("next: ", "dim").add("agentdbg show" if sum(done.findings.values()) else "agentdbg traces", "bold")]


def _notes(notes: Sequence[Note], look: Look) -> list[Line]:
    """Grouped by what they are, the losses first; of each kind the first few."""
    groups: dict[tuple[bool, str], list[Note]] = {}
    for one in notes:
        groups.setdefault((one.severity == "info", _kind(one.message)), []).append(one)
    lines: list[Line] = []
    for (harmless, _), group in sorted(groups.items(), key=lambda item: item[0]):
        style = "dim" if harmless else "warn"
        for one in group[:_SHOWN]:
            words = f"{one.source}: {one.message}" + (f" ({one.advice})" if one.advice else "")
            lines += wrapped(Line("note: ", style), look.text(words), Line("  "), look.width)
        if len(group) > _SHOWN:
            lines.append(Line(f"  and {len(group) - _SHOWN} more of this kind", "dim"))
    return lines


def _kind(message: str) -> str:
    """What notes of one kind share: the sentence without its particulars."""
    return _PARTICULARS.sub("#", message.partition(": ")[0])


def _summary(done: Ingested, look: Look) -> list[Line]:
    states = [one.state for one in done.files]
    parts = [f"{states.count(state)} {words}" for state, words in _COUNTED.items() if states.count(state)]
    words = f"{count(len(states), 'file')}: {', '.join(parts)}" if parts else "no file"
    words += f"; store {done.store}"
    if done.judged is not None:
        worst = [
            f"{done.findings[severity]} {severity}" for severity in reversed(SEVERITIES) if done.findings.get(severity)
        ]
        words += f"; {count(done.judged, 'trace')} judged: " + (", ".join(worst) or "nothing found")
    return wrapped(Line(), look.text(words), Line("  "), look.width)


_COUNTED = {**_STATES, "unreadable": "not read", "note": "of no trace format, in folders"}
