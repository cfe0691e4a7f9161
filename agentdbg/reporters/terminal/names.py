"""The name column: guides, how it ended, what it is called, and what is special about it."""

from __future__ import annotations

from agentdbg.reporters.terminal.line import Line, Look
from agentdbg.view.rows import Row
from agentdbg.view.units import count, duration

STATUS = {"ok": ("OK", "ok"), "error": ("FAILED", "failed"), "incomplete": ("INCOMPLETE", "warn")}
"""How a run ended, as the head of its page says it, with its style."""


def deepest(width: int) -> int:
    """How many levels are drawn in a column of so many cells; of deeper rows the outermost levels become a number."""
    return max(3, width * 2 // 9)


def name(row: Row, look: Look, levels: int, short: bool = False) -> Line:
    """Everything in the name column, uncut: what matters least stands last. levels: how many of the tree are drawn.

    short: wrappers, and of an agent's model or tool call the agent, are left out.
    """
    line = _guides(row, look, levels)
    if row.kind == "more":
        return line.add(look.own(_rest_words(row)), "dim")
    marks = look.glyphs
    line.add({"ok": marks.ok, "error": marks.error, "open": marks.open}[row.glyph] + " ", row.glyph)
    if row.orphan:
        line.add(f"{marks.orphan} orphan ", "warn")
    if row.cut:
        line.add(f"{marks.orphan} own ancestor ", "warn")
    if row.kind != "span":
        sign = marks.cycle if row.kind == "cycle" else marks.parallel
        line.add(f"{sign} {marks.times}{row.count} ", "fold" if row.kind == "cycle" else "bold")
    joint = {"span": marks.wraps, "cycle": marks.both if len(row.parts) == 2 else marks.then}.get(row.kind, marks.wraps)
    parts = row.parts
    if short and row.kind == "span" and len(parts) > 1:
        parts = parts[-1:]
        line.add(f"{marks.ellipsis} {joint} ", "dim")
    receiver = max((number for number, part in enumerate(parts) if part.kind == "agent"), default=0)
    for number, part in enumerate(parts):
        line.add(f" {joint} " if number else "", "dim")
        if row.handoff_from and number == receiver:
            line.add(f"{look.text(row.handoff_from)} {marks.handoff} ", "handoff")
        line.add(look.text(part.text), "dim" if row.dim else part.kind)
    return _remarks(line, row, look)


def continued(row: Row, opens: bool, look: Look, levels: int) -> Line:
    """The guides of a line that says more about the row above it."""
    rail = look.glyphs.rail
    rails = row.rails[-levels:]
    line = Line(_left_out(row, levels), "dim")
    for goes_on in rails:
        line.add(f"{rail}  " if goes_on else "   ", "dim")
    return line.add(f"{rail} " if opens else "  ", "dim")


def _guides(row: Row, look: Look, levels: int) -> Line:
    marks = look.glyphs
    line = Line(_left_out(row, levels), "dim")
    rails = row.rails[-levels:]
    for goes_on in rails[:-1]:
        line.add(f"{marks.rail}  " if goes_on else "   ", "dim")
    if rails:
        line.add(marks.fork if rails[-1] else marks.last, "dim")
    return line


def _left_out(row: Row, levels: int) -> str:
    return f"+{len(row.rails) - levels} " if len(row.rails) > levels else ""


def _remarks(line: Line, row: Row, look: Look) -> Line:
    marks = look.glyphs
    if row.empty:
        line.add(f" {marks.empty} empty", "warn")
    if row.attempt > 1:
        line.add(f" {marks.again}{row.attempt}", "warn")
    if row.never_closed:
        line.add(" never closed", "open")
    if row.never_ran:
        line.add(f" {marks.handoff} {look.text(row.never_ran)} never ran", "warn")
    if row.same_call:
        line.add(" same call again", "dim")
    if row.kind == "parallel" and row.median_ns is not None:
        line.add(f" p50 {duration(row.median_ns)} max {duration(row.slowest_ns)}", "dim")
    errors_below = row.totals.errors - (row.glyph == "error" and row.kind == "span")
    if errors_below and (row.kind != "span" or row.below):
        line.add(f" {errors_below} {marks.error}", "red")
    if row.tail:
        line.add(" " + look.text(row.tail), "red" if row.glyph == "error" else "dim")
    if row.nested:
        line.add(" nested", "dim")
    if row.below and row.kind == "span":
        line.add(f" +{count(row.below, 'span')}", "dim")
    return line


def _rest_words(row: Row) -> str:
    """`+ 37 spans ok`, `46 more turns like this; --expand C1 (span R1 to A46)`."""
    bad = f", {row.totals.errors} ✗" if row.totals.errors else ""
    if row.of == "spans":
        words = f"{'⚠ ' if row.orphan else ''}+ {count(row.count, 'orphan span' if row.orphan else 'span')}"
        return words + (bad or " ok")
    noun = row.of.removesuffix("s")
    like = " like this" if row.alike else ""
    where = f"(span {' to '.join(dict.fromkeys(row.short_ids))})"
    return f"{count(row.count, 'more ' + noun)}{like}{bad}; --expand {row.id} {where}"
