"""`show`: the run as a tree beside its time axis, findings at the rows they are about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from agentdbg.model import Finding
from agentdbg.reporters.terminal.bars import Axis
from agentdbg.reporters.terminal.line import Line, Look, command, in_a_row, wrapped, write
from agentdbg.reporters.terminal.names import STATUS, continued, deepest, name
from agentdbg.view.ids import short_trace_id
from agentdbg.view.report import TraceSummary
from agentdbg.view.rows import Row, View
from agentdbg.view.units import count, duration, tokens, usd

MOST_FINDINGS = 3
"""Findings at one row; the rest stands below the tree."""

MOST_UNTOLD = 20
"""Findings below the tree; the rest is counted."""

_UNTOLD = frozenset(("orphan", "unclosed", "outlasts_parent", "several_roots"))
"""Shapes that stand at their rows or that sound frameworks make too: no word about them in the footer."""

_COLUMNS = {"time": 7, "tokens": 7, "cost": 8}


def show(view: View, stream: TextIO, look: Look) -> None:
    """Draw a run: header, tree with bars and numbers, findings, footer. No line is wider than `look.width`."""
    write(_Show(view, look).lines(), stream, look)


def header(trace: TraceSummary, look: Look, *more: str) -> list[Line]:
    """The run in one line, wrapped between its figures."""
    word, style = STATUS[trace.status]
    figures = [
        (f"trace {look.text(short_trace_id(trace.trace_id))}", "bold"),
        (look.cut(look.text(trace.name), max(look.width // 2, 8)), ""),
        (word, style),
        (duration(trace.duration_ns), ""),
        (f"{tokens(trace.tokens)} tok" if trace.tokens is not None else "", ""),
        (look.own(usd(trace.cost_usd, trace.cost_partial)), "dear"),
        (count(len(trace.agents), "agent"), ""),
        (count(trace.handoffs, "handoff"), ""),
        (count(trace.span_count, "span"), ""),
        *((one, "bold") for one in more),
    ]
    return in_a_row(figures, look)


def _which(finding: Finding) -> tuple[str, str, str]:
    """What tells findings of one run apart."""
    return finding.detector, finding.primary.span_id, finding.key


def _bar_style(row: Row) -> str:
    """The colour of what the row's name ends with, red for what failed."""
    kind = row.parts[-1].kind if row.parts else "other"
    return "red" if row.glyph == "error" else kind if kind in ("agent", "llm", "tool", "retriever") else "bar"


class _Show:
    def __init__(self, view: View, look: Look) -> None:
        self.view = view
        self.look = look
        self.columns = [one for one, least in (("time", 0), ("tokens", 80), ("cost", 100)) if look.width >= least]
        numbers = sum(_COLUMNS[column] + 1 for column in self.columns)
        self.room = look.width - numbers
        self.limit = self._limit()
        self.levels = deepest(self.limit)
        self.names = [name(row, look, self.levels) for row in view.rows]
        self.name_width, bar = self._share_out()
        timed = view.start_ns is not None and view.end_ns is not None and bar > 0
        self.axis = Axis(view.start_ns or 0, view.end_ns or 0, bar, look) if timed else None
        if self.axis is None:
            self.name_width = self.room

    def _limit(self) -> int:
        """The most cells that names get."""
        width = self.look.width
        return self.room if width < 60 else max(26, min(46, self.room // 2), width * 2 // 5 if width > 140 else 0)

    def _share_out(self) -> tuple[int, int]:
        """Cells for names and for bars: names get what they need up to the limit, bars the rest."""
        if self.look.width < 60:
            return self.room, 0
        needed = [line.width for row, line in zip(self.view.rows, self.names, strict=True) if row.kind != "more"]
        names = max(min(self.limit, max(needed, default=0)), 16)
        return names, self.room - names - 1

    def lines(self) -> Iterator[Line]:
        view, narrow = self.view, self.look.width < 60
        yield from header(view.trace, self.look, count(len(view.findings), "finding"))
        if self.axis is not None:
            ticks = Line().pad(self.name_width).add(" ").add(self.axis.ticks(), "dim")
            yield ticks.add("".join(f" {column:>{_COLUMNS[column]}}" for column in self.columns), "dim")
        for number, row in enumerate(view.rows):
            opens = number + 1 < len(view.rows) and view.rows[number + 1].depth > row.depth
            yield self._row(row, number)
            yield from self._below(row, opens, narrow)
        yield from self._footer(narrow)

    def _row(self, row: Row, number: int) -> Line:
        look, line = self.look, self.names[number]
        if row.kind == "more":
            line = line.cut(self.room, look.glyphs.ellipsis).pad(self.room)
        else:
            if line.width > self.name_width:
                line = name(row, look, self.levels, short=True)
            line = line.cut(self.name_width, look.glyphs.ellipsis).pad(self.name_width)
            if self.axis is not None:
                line.add(" ").extend(self.axis.bar(row, _bar_style(row)))
        style = "dim" if row.kind == "more" or row.dim else ""
        for column in self.columns:
            text = look.own(self._number(row, column))
            width = _COLUMNS[column]
            line.add(" " + f"{text[:width]:>{width}}", style or ("dear" if self._dear(row, column) else ""))
        return line

    def _number(self, row: Row, column: str) -> str:
        if column == "time":
            return "" if row.kind == "more" else duration(row.duration_ns) + ("+" if row.never_closed else "")
        if column == "tokens":
            return tokens(row.totals.tokens)
        return usd(row.totals.cost_usd, row.totals.unpriced > 0)

    def _dear(self, row: Row, column: str) -> bool:
        """Half of the run's money or more: what to look at first."""
        whole, part = self.view.totals.cost_usd, row.totals.cost_usd
        return column == "cost" and bool(whole) and part is not None and whole is not None and part * 2 >= whole

    def _below(self, row: Row, opens: bool, narrow: bool) -> Iterator[Line]:
        """What is said under a row: the words of a handoff, and its findings."""
        look = self.look
        lead = continued(row, opens, look, self.levels)
        if row.handoff_words:
            line = (
                Line().extend(lead).add(f"{look.glyphs.handoff} ", "handoff").add(look.text(row.handoff_words), "words")
            )
            yield line.cut(look.width, look.glyphs.ellipsis)
        if narrow:
            return
        for finding in row.findings[:MOST_FINDINGS]:
            yield from self._finding(finding, lead)
        if len(row.findings) > MOST_FINDINGS:
            yield Line().extend(lead).add(f"+{len(row.findings) - MOST_FINDINGS} more", "dim")

    def _finding(self, finding: Finding, lead: Line, where: str = "") -> list[Line]:
        look = self.look
        head = (
            Line()
            .extend(lead)
            .add(finding.severity.upper(), finding.severity)
            .add(" ")
            .add(look.text(finding.detector), "bold")
            .add(" ")
        )
        words = look.text(finding.title)
        wasted = [
            f"{tokens(finding.wasted_tokens)} tok" if finding.wasted_tokens else "",
            usd(finding.wasted_usd or None),
        ]
        if any(wasted):
            words += f" ({', '.join(filter(None, wasted))} wasted)"
        if finding.confidence != "certain":
            words += f" {look.glyphs.dot} {finding.confidence}"
        if finding.status == "known":
            words += f" {look.glyphs.dot} known"
        return wrapped(head, words + where, Line().extend(lead).add("  "), look.width)

    def _footer(self, narrow: bool) -> Iterator[Line]:
        view, look = self.view, self.look
        at_rows = {_which(finding) for row in view.rows for finding in row.findings[:MOST_FINDINGS]}
        untold = [finding for finding in view.findings if narrow or _which(finding) not in at_rows]
        if view.matched is not None:
            untold = [finding for finding in untold if narrow and _which(finding) in at_rows]
        if untold:
            yield Line("findings" if narrow else "more findings", "bold")
        for finding in untold[:MOST_UNTOLD]:
            where = f" (span {self.look.text(finding.primary.span_id)})"
            yield from self._finding(finding, Line("  "), where)
        if len(untold) > MOST_UNTOLD:
            yield Line(f"  +{len(untold) - MOST_UNTOLD} more", "dim")
        for words in self._remarks():
            yield from wrapped(Line(), look.own(words), Line("  "), look.width, "dim")
        marks = look.glyphs
        legend = f"{marks.waiting} critical path, what the run waited for  {marks.running} running" if self.axis else ""
        typed = command(Line("next: ", "dim"), view.next, look)
        if len(typed) == 1 and legend and Line(legend).width + 2 + typed[0].width <= look.width:
            yield Line(legend, "dim").add("  ").extend(typed[0])
            return
        yield from in_a_row([(legend, "dim")], look)
        yield from typed

    def _remarks(self) -> Iterator[str]:
        """What the reader should know about the numbers and the shape, where anything is amiss."""
        view = self.view
        if view.matched is not None:
            elsewhere = len(view.findings) - sum(len(row.findings) for row in view.rows)
            found = f"{count(view.matched, 'span')} of {view.trace.span_count} and what stands above"
            yield f"filter: {found}" + (f"; {count(elsewhere, 'finding')} elsewhere in the run" if elsewhere else "")
        if joined := view.trace.joined:
            yield f"{len(joined) + 1} traces as one run, by links, ids or calls of the others"
        if view.suppressed:
            yield f"{count(view.suppressed, 'finding')} suppressed"
        sums = view.totals
        gaps = [
            f"{what} known for {sums.calls - unknown} of {count(sums.calls, 'model call')}"
            for what, unknown in (("tokens", sums.uncounted), ("cost", sums.unpriced))
            if unknown
        ]
        if gaps:
            yield ", ".join(gaps)
        told = {"orphan", "no_root"} if any(one.detector == "trace.orphan" for one in view.findings) else set()
        odd = [problem.message for problem in view.problems if problem.kind not in _UNTOLD | told]
        if odd:
            yield "shape: " + ", ".join(odd)
