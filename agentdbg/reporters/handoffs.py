"""`handoffs`: one row an edge, with what was sent, what arrived, and the contract's verdict; equal ones once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TextIO

from agentdbg.analysis.handoffs import Change, Exchange, Exchanges
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.line import Line, Look, command, in_a_row, wrapped, write
from agentdbg.reporters.terminal.names import STATUS
from agentdbg.view.ids import short_trace_id
from agentdbg.view.units import count, duration

_LABEL = 10
_MOST_BROKEN = 5
_MOST_CHANGES = 6
_VERDICTS = {
    "breaks": ("breaks the contract", "high"),
    "changed": ("changed", "warn"),
    "as usual": ("as usual", "ok"),
    "not judged": ("not judged", "dim"),
}


def text(found: Exchanges, stream: TextIO, look: Look) -> None:
    """Draw the rows."""
    write(_Page(found, look).lines(), stream, look)


def as_json(found: Exchanges, stream: TextIO) -> None:
    """One object; fields may be added, never renamed. All bytes are ASCII."""
    document(asdict(found), stream)


class _Page:
    def __init__(self, found: Exchanges, look: Look) -> None:
        self.found, self.look = found, look

    def lines(self) -> Iterator[Line]:
        found, look = self.found, self.look
        status, style = STATUS[found.status]
        taken = [(row.from_agent, row.to_agent) for row in found.rows if row.seq is not None]
        figures = count(len(taken), "handoff") + (f" on {count(len(set(taken)), 'edge')}" if taken else "")
        untaken = len(found.rows) - len(taken)
        left = f"{count(untaken, 'message')} that nobody took up" if untaken else ""
        head = [(f"trace {look.text(short_trace_id(found.trace_id))}", "bold"), (look.text(found.name), "bold")]
        yield from in_a_row([*head, (status, style), (figures, ""), (left, "")], look)
        yield from self._summary()
        for group in _groups(found.rows):
            yield Line()
            yield from self._row(group)
        yield Line()
        for place, line in enumerate(found.next):
            yield from command(Line(f"{'' if place else 'next:':<6}", "dim"), line, look)

    def _summary(self) -> Iterator[Line]:
        """What is odd, before anything else."""
        if not self.found.rows:
            yield Line("no work passed from one agent to another in this run", "dim")
        odd = [row for row in self.found.rows if row.verdict.grade in ("breaks", "changed")]
        for row in odd[:_MOST_BROKEN]:
            word, style = _VERDICTS[row.verdict.grade]
            words = self.look.text(f"{self._edge(row)}: {row.verdict.short}")
            yield from wrapped(Line(f"{word} ", style), words, Line("  "), self.look.width)
        if len(odd) > _MOST_BROKEN:
            yield Line(f"+{len(odd) - _MOST_BROKEN} more that differ from what is usual", "dim")

    def _edge(self, row: Exchange) -> str:
        return f"{row.from_agent} → {row.to_agent}"

    def _row(self, group: Sequence[Exchange]) -> Iterator[Line]:
        look, row = self.look, group[0]
        number = f"{row.seq + 1:>3} " if row.seq is not None else "  – "
        head = Line(look.own(number), "dim").add(look.text(row.from_agent), "agent").add(look.own(" → "))
        head.add(look.text(row.to_agent), "agent")
        if len(group) > 1:
            head.add(f" {look.glyphs.times}{len(group)}", "fold")
        ids = [self.found.short_ids[one] for one in (row.sender_span_id, row.receiver_span_id) if one]
        head.add("  ").add(look.text(" → ".join(ids)), "dim")
        if row.start_ns is not None and self.found.start_ns is not None:
            head.add(f"  at {duration(max(0, row.start_ns - self.found.start_ns))}", "dim")
        yield head.cut(look.width, look.glyphs.ellipsis)
        yield from self._labelled("had", row.had, "dim")
        unsaid = "not recorded" if row.sent is None else "no words, only the turn"
        yield from self._labelled("sent", row.sent or unsaid, "words" if row.sent else "dim")
        yield from self._labelled("got", self._got(row), "words" if row.got else "dim")
        yield from self._arrived(row)
        yield from self._verdict(row)
        if len(group) > 1:
            places = ", ".join(str(one.seq + 1) for one in group[1:8] if one.seq is not None)
            yield from self._labelled("again", f"{places}{', …' if len(group) > 8 else ''}: the same verdict", "dim")

    def _got(self, row: Exchange) -> str:
        if row.arrival == "never ran":
            return f"{row.to_agent} never ran"
        return row.got or "not recorded"

    def _arrived(self, row: Exchange) -> Iterator[Line]:
        """The difference between both, field by field where there are fields, else in words."""
        if row.carried is None or not row.sent:
            return
        if row.arrival == "whole":
            yield from self._labelled("arrived", "whole", "ok")
            return
        told = f"{row.carried.words} of {count(row.carried.of, 'word')}"
        if row.fields:
            told = f"{row.fields - len(row.changes)} of {count(row.fields, 'field')}"
        if row.values:
            told += f"; not these values: {', '.join(row.values[:_MOST_CHANGES])}"
        yield from self._labelled("arrived", told, "warn" if row.values or row.changes else "")
        for change in row.changes[:_MOST_CHANGES]:
            yield from self._labelled("", _changed(change), "warn")
        if len(row.changes) > _MOST_CHANGES:
            yield from self._labelled("", f"+{len(row.changes) - _MOST_CHANGES} more fields", "dim")

    def _verdict(self, row: Exchange) -> Iterator[Line]:
        word, style = _VERDICTS[row.verdict.grade]
        first, *rest = row.verdict.told
        yield from self._labelled("contract", f"{word}: {first}", style)
        for words in rest:
            yield from self._labelled("", words, style)

    def _labelled(self, label: str, words: str | None, style: str) -> Iterator[Line]:
        if words:
            start = Line(f"    {label:<{_LABEL}}", "dim")
            yield from wrapped(start, self.look.text(words), Line(" " * (_LABEL + 4)), self.look.width, style)


def _changed(change: Change) -> str:
    if change.got is None:
        return f"`{change.path}` ({change.sent}) did not arrive"
    return f"`{change.path}` was {change.sent}, arrived as {change.got}"


def _groups(rows: Sequence[Exchange]) -> list[list[Exchange]]:
    """Rows of one edge with one verdict and one sort of arrival together, at the place of the first."""
    groups: dict[tuple[object, ...], list[Exchange]] = {}
    for row in rows:
        lost = bool(row.changes or row.values)
        odd = row.seq if row.verdict.grade == "breaks" else None
        groups.setdefault((row.from_agent, row.to_agent, row.verdict, row.arrival, lost, odd), []).append(row)
    return list(groups.values())
