"""Plain names, as sketches and simple JSON lines use them: kind, agent, model, tool, input, output, input_tokens, …"""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import fill, keep_json, keep_messages
from agentdbg.vocabulary.jsontext import dump
from agentdbg.vocabulary.messages import said, tool_definitions
from agentdbg.vocabulary.responses import answers

SCOPES = {"agentdbg.sketch", "jsonl"}
KINDS = {"workflow", "agent", "llm", "tool", "retriever", "state", "guard", "other"}
FIELDS = {
    "model": ("model",), "provider": ("provider",), "finish_reason": ("finish_reason",), "tool": ("tool",),
    "tool_call_id": ("tool_call_id",), "session_id": ("session_id", "metadata.session_id", "metadata.thread_id"),
    "handoff_from": ("handoff_from",), "handoff_to": ("handoff_to",), "graph_step": ("metadata.langgraph_step",),
    "error_type": ("error_type",), "error_message": ("error_message",), "response_id": ("response_id",),
}  # fmt: skip
USAGE = {
    "input_tokens": ("input_tokens",), "output_tokens": ("output_tokens",), "cached_tokens": ("cached_tokens",),
    "reasoning_tokens": ("reasoning_tokens",), "reported_cost_usd": ("cost_usd",),
}  # fmt: skip


class Plain:
    """Spans of sketches and of generic JSON lines."""

    name = "plain"
    rank = 10

    def claims(self, span: RawSpan) -> bool:
        return span.scope in SCOPES

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        row.kind = _kind(attributes)
        if attributes.get("agent"):
            row.agent_hint, row.agent_rule = str(attributes["agent"]), "agent"
        fill(row, attributes, FIELDS)
        if row.handoff_to:
            row.handoff_rule = "handoff span"
        if row.kind == "llm":
            fill(row, attributes, USAGE)
            _conversation(attributes, row)
        else:
            keep_json(row, "input", attributes.get("input"))
            keep_json(row, "output", attributes.get("output"))


def _kind(attributes: dict[str, Any]) -> str:
    told = str(attributes.get("kind") or "").lower()
    if told in KINDS:
        return told
    if (
        attributes.get("model")
        or attributes.get("input_tokens") is not None
        or attributes.get("output_tokens") is not None
    ):
        return "llm"
    if attributes.get("tool"):
        return "tool"
    return "agent" if attributes.get("agent") else "other"


def _conversation(attributes: dict[str, Any], row: SpanRow) -> None:
    keep_messages(row, "input", said(attributes.get("input")))
    keep_messages(row, "output", answers(attributes.get("output")))
    if tools := tool_definitions(attributes.get("tools")):
        row.tools = dump(tools)
    if isinstance(attributes.get("parameters"), dict):
        row.parameters = dump(attributes["parameters"])
    row.records_tools, row.records_parameters = row.tools is not None, row.parameters is not None
