"""What a purge removed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TextIO

from agentdbg.model import Purged
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.line import Line, Look, wrapped, write
from agentdbg.view.units import count

_SHOWN = 20
_FILES = 5
_MB = 1_000_000


def text(done: Purged, stream: TextIO, look: Look) -> None:
    """For people: the runs, what they were together, and where they still are."""
    rows = [[trace_id, look.text(name), count(spans, "span")] for trace_id, name, spans in done.runs[:_SHOWN]]
    lines = [*columns([Column("trace", style="bold"), Column("name"), Column("had")], rows, look)] if rows else []
    if len(done.runs) > _SHOWN:
        lines.append(Line(f"  and {len(done.runs) - _SHOWN} more", "dim"))
    gone = [count(len(done.runs), "run"), count(done.spans, "span")]
    gone += [count(done.logs, "log record")] if done.logs else []
    words = f"purged {', '.join(gone)}; {count(done.stay, 'run')} left; store {done.store}"
    words += f" {done.before / _MB:.1f} → {done.after / _MB:.1f} MB" if done.before != done.after else ""
    lines += wrapped(Line(), look.text(words), Line("  "), look.width)
    if done.files:
        more = f" and {len(done.files) - _FILES} more" if len(done.files) > _FILES else ""
        told = f"what was purged was read from {', '.join(done.files[:_FILES])}{more}: delete it there, too"
        lines += wrapped(Line("note: ", "warn"), look.text(told), Line("  "), look.width)
    write(lines, stream, look)


def as_json(done: Purged, stream: TextIO) -> None:
    """For programs: every run and every file."""
    told = asdict(done)
    told["runs"] = [{"trace_id": one, "name": name, "spans": spans} for one, name, spans in done.runs]
    document(told, stream)
