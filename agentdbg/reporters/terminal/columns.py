"""Rows of cells below one another: as wide as they need to be, and never wider than the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdbg.reporters.terminal.line import Line, Look
from agentdbg.view.clean import cells

_LEAST = 6
_GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A heading ("" for none), which side its cells stand on, and how they are styled."""

    title: str = ""
    right: bool = False
    style: str = ""


def columns(shape: Sequence[Column], rows: Sequence[Sequence[str]], look: Look, indent: int = 0) -> Iterator[Line]:
    """A line for the headings, where there are any, and one a row. Cells hold text that is harmless already."""
    titles = [column.title for column in shape]
    shown = [titles, *rows] if any(titles) else list(rows)
    widths = _widths([max((cells(row[n]) for row in shown), default=0) for n in range(len(shape))], look.width - indent)
    for place, row in enumerate(shown):
        line = Line(" " * indent)
        for n, (column, width) in enumerate(zip(shape, widths, strict=True)):
            text = look.cut(row[n], width)
            room = " " * (width - cells(text))
            style = "dim" if row is titles and place == 0 else column.style
            line.add(" " * _GAP if n else "").add(room if column.right else "").add(text, style)
            line.add(room if not column.right and n + 1 < len(shape) else "")
        yield line.cut(look.width, look.glyphs.ellipsis)


def fitting(
    shape: Sequence[Column], rows: Sequence[Sequence[str]], look: Look, dropped: Sequence[str], indent: int = 0
) -> Iterator[Line]:
    """`columns` without those that say nothing in any row, and, where all do not fit, without those of the titles
    `dropped`, in that order, until they do."""
    kept = [n for n, column in enumerate(shape) if any(row[n] for row in rows) or not column.right]
    for title in dropped:
        wide = sum(max(cells(shape[n].title), *(cells(row[n]) for row in rows)) + _GAP for n in kept) - _GAP
        if wide + indent <= look.width:
            break
        kept = [n for n in kept if shape[n].title != title]
    yield from columns([shape[n] for n in kept], [[row[n] for n in kept] for row in rows], look, indent)


def _widths(needed: list[int], room: int) -> list[int]:
    """What each column gets: the widest ones give way until all fit."""
    widths = list(needed)
    spare = room - _GAP * (len(widths) - 1)
    while sum(widths) > spare and max(widths, default=0) > _LEAST:
        widest = max(widths)
        following = max((width for width in widths if width < widest), default=_LEAST)
        many = widths.count(widest)
        step = max(1, min(widest - max(following, _LEAST), (sum(widths) - spare + many - 1) // many))
        widths = [width - step if width == widest else width for width in widths]
    return widths
