"""The time axis: when a row ran, and in which cells the run waited for it."""

from __future__ import annotations

from agentdbg.reporters.terminal.line import Line, Look
from agentdbg.view.rows import Row
from agentdbg.view.units import MS, SECOND

_STEPS = [
    *(MS * step * scale for scale in (1, 10, 100) for step in (1, 2, 5)),
    *(SECOND * step for step in (1, 2, 5, 10, 15, 20, 30)),
    *(SECOND * 60 * step for step in (1, 2, 5, 10, 15, 30)),
    *(SECOND * 3_600 * step for step in (1, 2, 3, 6, 12, 24, 48, 168)),
]


class Axis:
    """A window of time (ns) on a number of cells."""

    def __init__(self, start_ns: int, end_ns: int, width: int, look: Look) -> None:
        self.start = start_ns
        self.span = max(end_ns - start_ns, 1)
        self.width = width
        self.glyphs = look.glyphs

    def ticks(self) -> str:
        """Round moments, each over the cell it begins in."""
        step = next((step for step in _STEPS if step * self.width >= 12 * self.span), self.span)
        line, before = "", ""
        for moment in range(0, self.span, step):
            place, text = moment * self.width // self.span, self.glyphs.tick + _round(moment, step)
            # From a minute on moments are told to the second: very wide axes step finer than that.
            if place + len(text) <= self.width and text != before:
                line = line.ljust(place) + text
                before = text
        return line.ljust(self.width)

    def bar(self, row: Row, style: str) -> Line:
        """Thin where the row ran, thick where the run waited for it, with an arrow where it never ended."""
        line = Line()
        if row.start_ns is None or row.end_ns is None:
            return line.add(" " * self.width)
        first, last = self._cells(row)
        waited = self._waited(row, first, last)
        line.add(" " * first)
        for cell in range(first, last + 1):
            if row.never_closed and cell == last:
                line.add(self.glyphs.goes_on, "open")
            elif cell in waited:
                line.add(self.glyphs.waiting, style)
            else:
                line.add(self.glyphs.running, "dim")
        return line.add(" " * (self.width - last - 1))

    def _cells(self, row: Row) -> tuple[int, int]:
        assert row.start_ns is not None
        assert row.end_ns is not None
        first = (row.start_ns - self.start) * self.width // self.span
        last = -((row.end_ns - self.start) * -self.width // self.span) - 1  # the cell that the last moment is in
        first = min(max(first, 0), self.width - 1)
        return first, min(max(last, first), self.width - 1)

    def _waited(self, row: Row, first: int, last: int) -> set[int]:
        """Cells of which over half is time that the run waited for the row; of a row of two cells or less, the best
        one."""
        covered = [0] * (last - first + 1)  # in ns times cells, so that all stays in whole numbers
        for start, end in row.critical:
            low, high = (start - self.start) * self.width, (end - self.start) * self.width
            for cell in range(max(low // self.span, first), min(high // self.span, last) + 1):
                covered[cell - first] += max(0, min(high, (cell + 1) * self.span) - max(low, cell * self.span))
        thick = {first + number for number, ns in enumerate(covered) if 2 * ns > self.span}
        if not thick and any(covered) and len(covered) <= 2:
            thick.add(first + covered.index(max(covered)))
        return thick


def _round(ns: int, step: int) -> str:
    """`0`, `500ms`, `1.5s`, `20s`, `1m30s`, `2h30m`: seconds with as many decimals as the step has."""
    if ns < SECOND:
        return f"{ns // MS}ms" if ns >= MS else "0"
    seconds = ns // SECOND
    if seconds < 60:
        decimals = next(number for number in range(4) if number == 3 or step % (SECOND // 10**number) == 0)
        return f"{ns / SECOND:.{decimals}f}s"
    if seconds < 3_600:
        return f"{seconds // 60}m" + (f"{seconds % 60:02}s" if seconds % 60 else "")
    minutes = seconds // 60
    return f"{minutes // 60}h" + (f"{minutes % 60:02}m" if minutes % 60 else "")
