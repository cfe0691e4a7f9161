"""`traces`: a line a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from agentdbg.reporters.terminal.line import Line, Look, write
from agentdbg.view.ids import ShortIds
from agentdbg.view.report import TraceLine
from agentdbg.view.units import count, duration, moment, tokens, usd

_STATUS = {"ok": "ok", "error": "FAILED", "incomplete": "open"}
_STYLE = {"ok": "ok", "error": "error", "incomplete": "warn"}
_HEADS = ("trace", "start", "workflow", "status", "time", "tokens", "cost", "worst finding")
_DROPPED = ("start", "cost", "tokens")
"""Columns that narrow terminals lose, the least telling first."""

_SHORTEST_NAME = 12
_LONGEST_FINDING = 32
"""No column goes for a finding that is longer than this."""


def traces(lines: Sequence[TraceLine], stream: TextIO, look: Look) -> None:
    """Draw the list in the order given, with a head line; narrow terminals lose columns from the least to the most
    telling, then all of the worst finding but its severity."""
    write(_Listing(lines, look).lines(), stream, look)


class _Listing:
    def __init__(self, lines: Sequence[TraceLine], look: Look) -> None:
        self.lines_ = lines
        self.look = look
        short = ShortIds(line.summary.trace_id for line in lines)
        self.short = [look.text(short(line.summary.trace_id)) for line in lines]

    def lines(self) -> Iterator[Line]:
        rows = [self._cells(line, short) for line, short in zip(self.lines_, self.short, strict=True)]
        needed = {head: max([len(head), *(row[head].width for row in rows)]) for head in (*_HEADS, "worst")}
        heads = self._heads(needed)
        widths = {head: needed[head] for head in heads}
        self._fit(widths)
        yield self._join([Line(head, "dim") for head in heads], heads, widths)
        for row in rows:
            yield self._join([row[head] for head in heads], heads, widths)
        failed = sum(line.summary.status == "error" for line in self.lines_)
        yield Line(f"{count(len(rows), 'trace')}, {failed} failed", "dim")

    def _cells(self, line: TraceLine, short: str) -> dict[str, Line]:
        trace, look = line.summary, self.look
        return {
            "trace": Line(short, "bold"),
            "start": Line(moment(trace.start_ns), "dim"),
            "workflow": Line(look.text(trace.name)),
            "status": Line(_STATUS[trace.status], _STYLE[trace.status]),
            "time": Line(duration(trace.duration_ns)),
            "tokens": Line(tokens(trace.tokens)),
            "cost": Line(look.own(usd(trace.cost_usd, trace.cost_partial))),
            "worst finding": self._worst(line),
            "worst": self._severity(line),
        }

    def _heads(self, needed: dict[str, int]) -> list[str]:
        """The columns that fit, the most of them: the whole finding as long as it can be had, else its severity."""
        heads: list[str] = []
        for worst in ("worst finding", "worst"):
            for number in range(len(_DROPPED) + 1):
                heads = [head for head in (*_HEADS[:-1], worst) if head not in _DROPPED[:number]]
                most = {"workflow": _SHORTEST_NAME, "worst finding": _LONGEST_FINDING}
                least = sum(min(needed[head], most.get(head, needed[head])) for head in heads)
                if least + 2 * (len(heads) - 1) <= self.look.width:
                    return heads
        return heads

    def _severity(self, line: TraceLine) -> Line:
        """The worst finding in 8 cells."""
        if line.findings is None:
            return Line("unjudged", "dim")
        return Line(line.worst.upper(), line.worst) if line.worst else Line()

    def _worst(self, line: TraceLine) -> Line:
        if line.findings is None:
            return Line("not judged", "dim")
        if line.worst is None:
            return Line()
        told = Line(line.worst.upper(), line.worst).add(" ").add(self.look.text(line.worst_detector or ""))
        return told.add(f" +{line.findings - 1}", "dim") if line.findings > 1 else told

    def _fit(self, widths: dict[str, int]) -> None:
        """Take what is too much from the names, then from the findings, then from the ids."""
        for head, least in (("workflow", _SHORTEST_NAME), ("worst finding", 16), ("workflow", 4), ("trace", 4)):
            over = sum(widths.values()) + 2 * (len(widths) - 1) - self.look.width
            if over > 0 and head in widths:
                widths[head] = max(min(least, widths[head]), widths[head] - over)

    def _join(self, cells: Sequence[Line], heads: Sequence[str], widths: dict[str, int]) -> Line:
        line = Line()
        for cell, head in zip(cells, heads, strict=True):
            cell = cell.cut(widths[head], self.look.glyphs.ellipsis)
            line.add("  " if line.width else "")
            if head in ("time", "tokens", "cost"):
                line.add(" " * (widths[head] - cell.width)).extend(cell)
            else:
                line.extend(cell).add(" " * (widths[head] - cell.width))
        return line.cut(self.look.width, self.look.glyphs.ellipsis)
