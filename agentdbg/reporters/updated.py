"""What was taken into a case: text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.line import Line, Look, wrapped, write
from agentdbg.view.units import count

if TYPE_CHECKING:
    from agentdbg.replay.updating import Update

_STYLES = {"+": "add", "-": "red", "@": "handoff"}


def text(told: Update, stream: TextIO, look: Look) -> None:
    """How the file changed, and what that means."""
    write(_lines(told, look), stream, look)


def as_json(told: Update, stream: TextIO) -> None:
    """The same for programs."""
    document(asdict(told), stream)


def _lines(told: Update, look: Look) -> Iterator[Line]:
    if not told.diff:
        yield Line("nothing to update", "ok").add(": the program asks what the case holds")
        return
    for line in told.diff:
        yield from (Line(one, _STYLES.get(line[:1], "")) for one in look.block(line))
    yield Line()
    words = f": {len(told.calls)} of {count(told.of, 'call')} changed, accepted: {told.reason}"
    yield Line(look.text(f"updated {told.path}"), "ok").add(look.text(words))
    kept = "answers stay as they were recorded: no model was asked what it says to the new questions"
    yield from wrapped(Line("note    ", "dim"), kept, Line(" " * 8), look.width)
