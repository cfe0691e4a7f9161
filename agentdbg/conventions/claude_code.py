"""Spans of Claude Code sessions as the importer makes them (`claude_code.<field>`)."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import keep, keep_json, keep_messages
from agentdbg.vocabulary.jsontext import parsed_object
from agentdbg.vocabulary.messages import joined_text, messages, parts
from agentdbg.vocabulary.responses import usage


class ClaudeCode:
    """Agents, turns, model calls and tools of a Claude Code session."""

    name = "claude_code"
    rank = 10

    def claims(self, span: RawSpan) -> bool:
        return "claude_code.span" in span.attributes

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        what = attributes["claude_code.span"]
        keep(row, "session_id", span.trace_id)
        if what == "call":
            row.kind = "llm"
            _call(attributes, row)
        elif what == "tool":
            row.kind, row.tool, row.tool_call_id = "tool", span.name, span.span_id
            asked, result = (parsed_object(attributes.get(f"claude_code.tool_{name}")) for name in ("use", "result"))
            keep_json(row, "input", asked.get("input"))
            keep_json(row, "output", joined_text(result.get("content")) if result else None)
        else:
            if what == "agent":
                row.kind, row.agent_hint, row.agent_rule = "agent", span.name, "agent"
            keep_json(row, "input", joined_text(attributes.get("claude_code.task")))
            keep_json(row, "output", joined_text(attributes.get("claude_code.answer")))


def _call(attributes: dict[str, Any], row: SpanRow) -> None:
    message = parsed_object(attributes.get("claude_code.message"))
    row.provider = "anthropic"
    if message.get("model") != "<synthetic>":
        keep(row, "model", message.get("model"))
        keep(row, "request_model", message.get("model"))
        for field, count in usage(message.get("usage")).items():
            keep(row, field, count)
    keep(row, "response_id", message.get("id"))
    keep(row, "finish_reason", message.get("stop_reason"))
    keep_messages(row, "input", messages(attributes.get("claude_code.input")))
    if row.status != "error" and message:
        keep_messages(row, "output", [{"role": "assistant", "parts": parts(message.get("content"))}])
    row.records_tools = row.records_parameters = False
    row.payload_cut = True  # the system prompt is in no record
