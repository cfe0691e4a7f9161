"""What came of asking a model for real: text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from agentdbg.reporters.rerun import changes
from agentdbg.reporters.terminal.line import Line, Look, wrapped, write
from agentdbg.view.units import count

if TYPE_CHECKING:
    from agentdbg.replay.measured import Cluster, Measured

MOST = 12
"""Kinds of answers that are listed; all of them in JSON."""
_VERDICTS = {
    "prompt": ("prompt", "error"),
    "sampling": ("sampling", "warn"),
    "not_seen": ("not seen", "ok"),
    "not_judged": ("not judged", "warn"),
}
_LABEL = 12


def text(measured: Measured, stream: TextIO, look: Look) -> None:
    """What was asked where, what was answered how often, what failed, and last the verdict."""
    write(_lines(measured, look), stream, look)


def _lines(done: Measured, look: Look) -> Iterator[Line]:
    head = Line("replay --live", "dim").add("  ").add(look.text(done.agent or done.trace_name), "bold")
    yield head.add(f"  trace {look.text(done.trace_id)}  span {look.text(done.span_id)}", "dim")
    yield from _row("asked", f"{done.url}, {done.api}, model {done.model or 'not told'}", look)
    yield from _row("recorded", done.recorded, look)
    yield from changes(done.changes, look)
    yield from _row("counted", done.looked_for, look)
    yield Line()
    width = len(str(max((one.count for one in done.clusters), default=0)))
    for one in done.clusters[:MOST]:
        yield from _cluster(one, width, look)
    if len(done.clusters) > MOST:
        rest = sum(one.count for one in done.clusters[MOST:])
        yield Line(f"  {look.glyphs.ellipsis} {rest} more, in {count(len(done.clusters) - MOST, 'kind')}", "dim")
    for reason, n in done.failed:
        yield from _row("failed", f"{look.glyphs.times}{n} {reason}", look, "error")
    if done.waited:
        yield from _row(
            "waited", f"{look.glyphs.times}{done.waited}, since the endpoint asked for it or stumbled", look
        )
    for words in done.notes:
        yield from _row("note", words, look, "dim")
    if done.interrupted:
        yield from _row("note", f"interrupted after {done.answered} of {done.wanted}", look, "warn")
    yield from _row("tokens", f"{done.input_tokens:,} in, {done.output_tokens:,} out", look, "dim")
    yield Line()
    word, style = _VERDICTS[done.verdict]
    yield from wrapped(Line(word, style).add(": "), look.text(_said(done, look)), Line("  "), look.width)


def _said(done: Measured, look: Look) -> str:
    if not done.answered:
        return done.reason
    low, high = round(done.low * 100), round(done.high * 100)
    return f"{done.counted} of {done.answered} answers ({low} to {high} %). {done.reason[:1].upper()}{done.reason[1:]}"


def _row(label: str, words: str, look: Look, style: str = "") -> list[Line]:
    start = Line(f"  {label.ljust(_LABEL - 2)}", style if style == "error" else "dim")
    return wrapped(start, look.text(words), Line(" " * _LABEL), look.width, style)


def _cluster(one: Cluster, width: int, look: Look) -> list[Line]:
    start = Line(f"  {look.glyphs.then if one.counted else ' '} {one.count:{width}}  ", "bold" if one.counted else "")
    tail = " (as recorded)" if one.recorded else ""
    room = 2 * (look.width - start.width) - len(tail) - 4
    return wrapped(start, look.cut(look.text(one.words), room) + tail, Line(" " * start.width), look.width)
