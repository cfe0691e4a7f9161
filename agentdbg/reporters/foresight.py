"""What is known without running anything of a recording that was changed: text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from agentdbg.replay.playback import in_short
from agentdbg.reporters.rerun import changes
from agentdbg.reporters.terminal.line import Line, Look, command, wrapped, write
from agentdbg.view.ids import ShortIds

if TYPE_CHECKING:
    from agentdbg.replay.foresight import Foreseen, Foresight

_STYLES = {"known": "", "supposed": "bold", "asked": "warn", "open": "dim"}
_BLANK = " " * 8


def text(foresight: Foresight, stream: TextIO, look: Look) -> None:
    """The changes, what is known of each call, and what cannot be known."""
    write(_lines(foresight, look), stream, look)


def _lines(foresight: Foresight, look: Look) -> Iterator[Line]:
    head = Line("replay", "dim").add("  ").add(look.text(foresight.agent or foresight.trace_name), "bold")
    yield head.add(f"  trace {look.text(foresight.trace_id)}  span {look.text(foresight.span_id)}", "dim")
    yield from changes(foresight.changes, look)
    yield Line()
    short = ShortIds(one.span_id for one in foresight.calls)
    for one in foresight.calls:
        yield from _call(one, short(one.span_id), look)
    yield Line()
    for n, words in enumerate(foresight.not_known):
        start = Line("not known  " if n == 0 else " " * 11, "warn")
        yield from wrapped(start, look.text(words), Line(" " * 13), look.width)
    for n, line in enumerate(foresight.next):
        yield from command(Line("next:  " if n == 0 else " " * 7, "dim"), line, look)


def _call(one: Foreseen, span_id: str, look: Look) -> Iterator[Line]:
    start = Line(f"  call {one.number}", "bold").add(f"  {look.text(span_id)}  ", "dim")
    yield from wrapped(start, look.text(one.words), Line(_BLANK), look.width, _STYLES[one.outcome])
    if one.difference is not None:
        told = in_short(one.difference).removeprefix("first difference ")
        yield from wrapped(Line(_BLANK), look.text(told), Line(_BLANK), look.width, "dim")
