"""One agent of a Claude Code session: its records to spans, each as soon as nothing more can come for it.

A model call is all records of one message or request id: Claude Code writes a record for each content block of an
answer. It is taken to have begun with what was said before it, and a tool call to last from the answer that asks for it
to its result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agentdbg.importers.derived import Moment, Prompts, derived_span
from agentdbg.importers.record_fields import tells, text
from agentdbg.rows import RawEvent, RawSpan

SCOPE = "claude-code"
SPAWNS = ("Task", "Agent")
_ENVELOPE = frozenset(
    {
        "type", "message", "timestamp", "sessionId", "session_id", "isSidechain", "agentId", "cwd", "version",
        "gitBranch", "userType", "toolUseResult", "parent_tool_use_id",
    }
)  # fmt: skip


@dataclass(slots=True)
class Lane:
    """An agent. span_id: of its span, below which all of its work stands; end_ns: None where its own records are not
    here and nothing else tells."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    resource: dict[str, Any]
    is_main: bool
    start: Moment
    end_ns: int | None
    status: str = "unset"
    error: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[RawEvent] = field(default_factory=list)
    tools: dict[str, RawSpan] = field(default_factory=dict)  # those whose result has not come
    prompts: Prompts = field(default_factory=Prompts)
    _turn: RawSpan | None = None
    _call: RawSpan | None = None
    _answer_id: str | None = None
    _blocks: set[bytes] = field(default_factory=set)

    def prompt(self, content: Any, record: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """What the agent was told. In the main agent it begins a turn, unless Claude Code put it in by itself."""
        self.prompts.add({"role": "user", "content": content})
        self.attributes.setdefault("claude_code.task", content)
        self.until(moment)
        if self.is_main and not record.get("isMeta"):
            yield from self._end_turn()
            span_id = text(record.get("uuid")) or f"{self.span_id}/turn-{moment.line:06d}"
            self._turn = self._span(span_id, self.span_id, "turn", "turn", moment, fields(record))
            self._turn.attributes["claude_code.task"] = content

    def answer(self, message: dict[str, Any], record: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """A record of the model's answer: more of the one before, or a new one."""
        blocks = message.get("content")
        if not isinstance(blocks, list):
            blocks = [{"type": "text", "text": blocks}] if tells(blocks) else []
        answer_id = text(message.get("id")) or text(record.get("requestId"))
        if self._call is None or answer_id is None or answer_id != self._answer_id:
            yield from self._end_call()
            self._call, self._answer_id = self._begin_call(message, record, moment), answer_id
            self._blocks.clear()
        said = self._call.attributes["claude_code.message"]
        said.update({key: value for key, value in message.items() if key != "content" and value is not None})
        for block in blocks:
            if (told := msgspec.json.encode(block)) not in self._blocks:  # records of one answer may repeat each other
                self._blocks.add(told)
                said["content"].append(block)
                self.prompts.grow(block)
                self._ask(block, moment)
        if record.get("isApiErrorMessage"):
            self._call.status, self._call.status_message = "error", _words(blocks)
        self._call.end_ns = moment.at_ns
        self.until(moment)

    def result(self, block: dict[str, Any], record: dict[str, Any], moment: Moment) -> RawSpan | None:
        """The tool call that a result belongs to, ended by it. None where no call was waiting for it."""
        self.prompts.add({"role": "user", "content": [block]})
        self.until(moment)
        span = self.tools.pop(str(block.get("tool_use_id")), None)
        if span is not None:
            span.end_ns = moment.at_ns
            span.attributes["claude_code.tool_result"] = block
            span.attributes.update(fields(record))
            if tells(record.get("toolUseResult")):
                span.attributes["claude_code.toolUseResult"] = record["toolUseResult"]
            if block.get("is_error") is False:
                span.status = "ok"
            elif block.get("is_error"):
                content = block.get("content")
                span.status, span.status_message = "error", content if isinstance(content, str) else _words(content)
        return span

    def failed(self, record: dict[str, Any], moment: Moment, message: str) -> RawSpan:
        """A request to the model that failed, as the retry after it tells."""
        span_id = text(record.get("uuid")) or f"{self.span_id}/failed-{moment.line:06d}"
        span = self._span(span_id, self._parent(), "api_error", "call", moment, fields(record))
        span.status, span.status_message, span.end_ns = "error", message, moment.at_ns
        return span

    def close(self) -> Iterator[RawSpan]:
        """All that was still open: a tool whose result never came has no end."""
        yield from self._end_turn()
        yield from self.tools.values()
        span = self._span(self.span_id, self.parent_id, self.name, "agent", self.start, self.attributes)
        span.end_ns, span.status, span.status_message, span.events = self.end_ns, self.status, self.error, self.events
        yield span

    def until(self, moment: Moment) -> None:
        """The agent was at work at this moment."""
        self.end_ns = max(self.end_ns or 0, moment.at_ns)

    def _begin_call(self, message: dict[str, Any], record: dict[str, Any], moment: Moment) -> RawSpan:
        found, whole = self.prompts.take()
        told_id = text(message.get("id")) or text(record.get("uuid"))
        span_id = told_id or f"{self.span_id}/call-{moment.line:06d}"
        span = self._span(span_id, self._parent(), "assistant", "call", moment, fields(record), whole)
        span.start_ns = self.end_ns or moment.at_ns
        said: dict[str, Any] = {"role": "assistant", "content": []}
        self.prompts.add(said)
        span.attributes["claude_code.message"] = said
        span.attributes["claude_code.input"] = found
        return span

    def _ask(self, block: Any, moment: Moment) -> None:
        if not isinstance(block, dict) or block.get("type") != "tool_use" or not block.get("id"):
            return
        name = text(block.get("name")) or "tool"
        span = self._span(str(block["id"]), self._parent(), name, "tool", moment, {"claude_code.tool_use": block})
        self.tools[span.span_id] = span

    def _parent(self) -> str:
        return self._turn.span_id if self._turn is not None else self.span_id

    def _end_call(self) -> Iterator[RawSpan]:
        if self._call is not None:
            if words := _words(self._call.attributes["claude_code.message"]["content"]):
                for attributes in (self.attributes, self._turn.attributes if self._turn is not None else {}):
                    attributes["claude_code.answer"] = words
            yield self._call
            self._call = None

    def _end_turn(self) -> Iterator[RawSpan]:
        yield from self._end_call()
        if self._turn is not None:
            self._turn.end_ns = self.end_ns
            yield self._turn
            self._turn = None

    def _span(
        self, span_id: str, parent_id: str | None, name: str, what: str, moment: Moment, attributes: dict[str, Any],
        whole: bool = True,
    ) -> RawSpan:  # fmt: skip
        attributes["claude_code.span"] = what
        return derived_span(self.trace_id, span_id, parent_id, name, moment, attributes, SCOPE, self.resource, whole)


def fields(record: dict[str, Any]) -> dict[str, Any]:
    """What a record tells beside its message."""
    return {f"claude_code.{key}": value for key, value in record.items() if key not in _ENVELOPE and tells(value)}


def _words(content: Any) -> str | None:
    """The text of content blocks."""
    if isinstance(content, str):
        return content or None
    found = [
        block["text"]
        for block in (content if isinstance(content, list) else [])
        if isinstance(block, dict) and isinstance(block.get("text"), str)
    ]
    return "\n".join(found) or None
