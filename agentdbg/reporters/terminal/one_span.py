"""`span`: one span in full, its messages as a chat, with what came from where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from agentdbg.model import Finding
from agentdbg.reporters.terminal.line import Line, Look, command, in_a_row, wrapped, write
from agentdbg.view.clean import wrap
from agentdbg.view.ids import ShortIds, short_trace_id
from agentdbg.view.payload import compact
from agentdbg.view.span_detail import ChatMessage, ChatPart, SpanDetail
from agentdbg.view.units import count, duration, moment, tokens, usd

MOST_LINES = 14
"""Lines of one part of a message, unless everything is asked for."""

MOST_BELOW = 12
_ROLES = {"system": "dim", "user": "agent", "assistant": "llm", "tool": "tool"}
_STATUS = {"ok": ("ok", "ok"), "error": ("failed", "failed"), "unset": ("ended", "")}


def span(detail: SpanDetail, stream: TextIO, look: Look, full: bool = False) -> None:
    """Draw a span. full: long texts, and messages that the call before had as well, are not cut."""
    write(_Span(detail, look, full).lines(), stream, look)


class _Span:
    def __init__(self, detail: SpanDetail, look: Look, full: bool) -> None:
        self.detail = detail
        self.look = look
        self.full = full
        ids = [one for one, _ in (*detail.path, *detail.below)] + ([detail.before] if detail.before else [])
        self.short = ShortIds(ids)

    def lines(self) -> Iterator[Line]:
        detail = self.detail
        yield from self._head()
        for finding in detail.findings:
            yield from self._finding(finding)
        yield from self._section("input", self._input())
        yield from self._section("output", self._output())
        yield from self._section("tools offered", self._tools())
        yield from self._section("parameters", self._fields(detail.parameters))
        yield from self._section("attributes", self._fields(detail.attributes))
        yield from self._section("events", self._value(detail.events))
        yield from self._section("links", self._value(detail.links))
        yield from self._section("below", self._below())
        yield Line()
        for number, typed in enumerate(detail.next):
            yield from command(Line("      " if number else "next: ", "dim"), typed, self.look)

    def _head(self) -> Iterator[Line]:
        detail, look = self.detail, self.look
        span, call = detail.span, detail.call
        word, style = _STATUS[span.status]
        if span.start_ns is not None and span.end_ns is None:
            word, style = "never closed", "open"
        used = call if call is not None and call.span_id == span.span_id else None
        figures = [
            (f"span {look.text(span.span_id)}", "bold"),
            (look.text(detail.path[-1][1]), span.kind),
            (word, style),
            (duration(span.duration_ns), ""),
            (f"{tokens(used.input_tokens)} in" if used and used.input_tokens is not None else "", ""),
            (f"{tokens(used.output_tokens)} out" if used and used.output_tokens is not None else "", ""),
            (f"{tokens(used.cached_tokens)} cached" if used and used.cached_tokens else "", ""),
            (look.own(usd(used.cost_usd)) if used else "", "dear"),
        ]
        yield from in_a_row(figures, look)
        if span.error_type or span.error_message:
            words = ": ".join(look.text(one) for one in (span.error_type, span.error_message) if one)
            yield from wrapped(Line("  "), words, Line("  "), look.width, "red" if span.status == "error" else "dim")
        above = f" {look.glyphs.wraps} ".join(look.text(name) for _, name in detail.path)
        yield from self._labelled("path", above)
        for label, told in self._facts():
            yield from self._labelled(label, look.text(told))

    def _facts(self) -> Iterator[tuple[str, str]]:
        detail = self.detail
        span, call = detail.span, detail.call
        yield "trace", f"{short_trace_id(detail.trace.trace_id)} {detail.trace.name}"
        yield "kind", span.kind + (f", read as {span.convention}" if span.convention else "")
        yield "start", f"{moment(span.start_ns)} UTC" if span.start_ns is not None else ""
        yield "agent", f"{span.agent} ({span.agent_rule})" if span.agent and span.agent_rule else span.agent or ""
        yield "model", ", ".join(filter(None, (span.model, span.provider)))
        yield "finish", (call.finish_reason if call else None) or ""
        yield "session", span.session_id or ""
        if call is not None:
            yield "replay", f"{call.replayable}: {call.replay_reason}" if call.replay_reason else call.replayable
            others = [one for one in (call.span_id, *call.other_span_ids) if one != span.span_id]
            yield "same as", f"the call of span {', '.join(others)}" if others else ""
        yield "lost", f"{count(span.dropped, 'attribute')} dropped before export" if span.dropped else ""
        yield "source", span.source or ""

    def _finding(self, finding: Finding) -> Iterator[Line]:
        head = (
            Line("  ")
            .add(finding.severity.upper(), finding.severity)
            .add(" ")
            .add(self.look.text(finding.detector), "bold")
        )
        yield from wrapped(head.add(" "), self.look.text(finding.title), Line("    "), self.look.width)

    def _input(self) -> Iterator[Line]:
        detail = self.detail
        if detail.input is None:
            yield from self._value(detail.input_value, "not recorded" if detail.span.input is None else "null")
            return
        known = sum(message.known for message in detail.input)
        if known and not self.full:
            where = f"as in the call before (span {self.look.text(self.short(detail.before or ''))}); --full shows them"
            yield from wrapped(Line("  "), f"{count(known, 'message')} {where}", Line("  "), self.look.width, "dim")
        for message in detail.input:
            if self.full or not message.known:
                yield from self._message(message)

    def _output(self) -> Iterator[Line]:
        detail = self.detail
        if detail.output is None:
            yield from self._value(detail.output_value, "not recorded" if detail.span.output is None else "null")
            return
        for message in detail.output:
            yield from self._message(message)

    def _message(self, message: ChatMessage) -> Iterator[Line]:
        look = self.look
        head = Line("  ").add(look.text(message.role), _ROLES.get(message.role, ""))
        head.add(f" {look.text(message.name)}" if message.name else "")
        head.add(f" {look.glyphs.dot} {look.text(message.finish_reason)}" if message.finish_reason else "", "dim")
        yield head.cut(look.width, look.glyphs.ellipsis)
        for part in message.parts:
            yield from self._part(part)

    def _part(self, part: ChatPart) -> Iterator[Line]:
        look = self.look
        words = {
            "tool_call": "calls",
            "tool_result": "result of",
            "reasoning": "thinks",
            "media": "media",
            "other": "other",
        }
        if part.type != "text":
            head = (
                Line("    ").add(words[part.type], "dim").add(f" {look.text(part.tool)}" if part.tool else "", "tool")
            )
            head.add(f" ({look.text(part.call_id)})" if part.call_id else "", "dim")
            yield head.cut(look.width, look.glyphs.ellipsis)
        indent = "    " if part.type == "text" else "      "
        for piece in part.pieces:
            yield from self._text(piece.text, indent, "words" if part.type == "reasoning" else "")
            if piece.source is not None:
                given = "the input of " if piece.source.given else ""
                told = f"from {given}{look.text(piece.source.name)}, span {look.text(piece.source.span_id)}"
                line = Line(indent).add(f"{look.glyphs.source} {told}", "handoff")
                yield line.cut(look.width, look.glyphs.ellipsis)

    def _text(self, text: str, indent: str, style: str = "") -> Iterator[Line]:
        """A text in its own lines, wrapped; of a long one the beginning, with the length of the rest."""
        room = max(self.look.width - len(indent), 8)
        lines: list[str] = []
        for line in self.look.block(text):
            lead = line[: min(len(line) - len(line.lstrip()), room // 2)]
            lines += [lead + piece for piece in wrap(line, room - len(lead))] or [""]
        most = len(lines) if self.full or len(lines) <= MOST_LINES + 2 else MOST_LINES
        for line in lines[:most]:
            yield Line(indent).add(line, style)
        if most < len(lines):
            yield Line(indent).add(f"{len(lines) - most} more lines; --full shows them", "dim").cut(self.look.width, "")

    def _value(self, value: Any, absent: str = "") -> Iterator[Line]:
        if value is None:
            if absent:
                yield Line("  ").add(absent, "dim")
            return
        if value not in ([], {}) or absent:
            yield from self._text(compact(value, indent=2), "  ")

    def _fields(self, value: Any) -> Iterator[Line]:
        """An object as one line a field, sorted by name; everything else as JSON."""
        if not isinstance(value, dict):
            yield from self._value(value)
            return
        names = {name: self.look.text(name) for name in sorted(value)}
        width = min(max((Line(name).width for name in names.values()), default=0), max(self.look.width // 3, 8))
        for name, shown in names.items():
            head = Line("  ").add(self.look.cut(shown, width)).pad(width + 4)
            told = self.look.text(compact(value[name]))
            lines = wrapped(head, told, Line(" " * (width + 4)), self.look.width, "dim")
            yield from lines if self.full or len(lines) <= 3 else [*lines[:2], self._rest(lines, width + 4)]

    def _rest(self, lines: Sequence[Line], indent: int) -> Line:
        return Line(" " * indent).add(f"{len(lines) - 2} more lines; --full shows them", "dim").cut(self.look.width, "")

    def _tools(self) -> Iterator[Line]:
        """Tools by name with the names of their parameters, whatever their definition looks like."""
        for tool in self.detail.tools or ():
            name, fields, words = _definition(tool)
            head = Line("  ").add(self.look.text(name), "tool")
            head.add(f"({', '.join(map(self.look.text, fields))})", "dim")
            head = head.cut(self.look.width, self.look.glyphs.ellipsis).add("  ")
            lines = wrapped(head, self.look.text(words), Line("      "), self.look.width, "dim")
            yield from lines if self.full else lines[:2]

    def _below(self) -> Iterator[Line]:
        below = self.detail.below
        for span_id, name in below[: len(below) if self.full else MOST_BELOW]:
            line = Line("  ").add(self.look.text(self.short(span_id)), "bold").add("  ").add(self.look.text(name))
            yield line.cut(self.look.width, self.look.glyphs.ellipsis)
        if len(below) > MOST_BELOW and not self.full:
            yield Line(f"  +{len(below) - MOST_BELOW} more", "dim")

    def _section(self, title: str, lines: Iterator[Line]) -> Iterator[Line]:
        """A title and what is below it; nothing where there is nothing to say."""
        first = next(lines, None)
        if first is not None:
            yield Line()
            yield Line(title.upper(), "bold")
            yield first
            yield from lines

    def _labelled(self, label: str, words: str) -> Iterator[Line]:
        if words:
            yield from wrapped(Line(f"  {label:<9}", "dim"), words, Line(" " * 11), self.look.width)


def _definition(tool: Any) -> tuple[str, list[str], str]:
    """Name, parameter names and description of a tool as any of the APIs defines it."""
    told = tool.get("function", tool) if isinstance(tool, dict) else {"name": tool}
    told = told if isinstance(told, dict) else {"name": told}
    fields: list[str] = []
    for key in ("parameters", "input_schema", "inputSchema"):
        schema = told.get(key)
        if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
            fields = list(schema["properties"])
    return compact(told.get("name") or "?"), fields, compact(told.get("description") or "")
