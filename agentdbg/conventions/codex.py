"""Spans of Codex sessions as the importer makes them (`codex.<field>`)."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import first, keep, keep_json, keep_messages, listed
from agentdbg.vocabulary.jsontext import dump, parsed_object
from agentdbg.vocabulary.messages import joined_text, messages
from agentdbg.vocabulary.responses import usage


class Codex:
    """Threads, turns, model calls and tools of a Codex session."""

    name = "codex"
    rank = 10

    def claims(self, span: RawSpan) -> bool:
        return "codex.span" in span.attributes

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        what = attributes["codex.span"]
        keep(row, "session_id", span.trace_id)
        if what == "call":
            row.kind = "llm"
            _call(attributes, row)
        elif what == "tool":
            row.kind, row.tool = "tool", span.name
            asked, result = parsed_object(attributes.get("codex.call")), parsed_object(attributes.get("codex.result"))
            keep(row, "tool_call_id", asked.get("call_id"))
            keep_json(row, "input", first(asked, ("arguments", "input", "action")))
            keep_json(row, "output", joined_text(result.get("output")))
        else:
            if what == "agent":
                row.kind, row.agent_hint, row.agent_rule = "agent", span.name, "agent"
            keep_json(row, "input", joined_text(attributes.get("codex.task")))
            keep_json(row, "output", joined_text(attributes.get("codex.answer")))


def _call(attributes: dict[str, Any], row: SpanRow) -> None:
    keep(row, "provider", attributes.get("codex.model_provider"))
    keep(row, "model", attributes.get("codex.model"))
    keep(row, "request_model", attributes.get("codex.model"))
    for field, count in usage(parsed_object(attributes.get("codex.token_count")).get("last_token_usage")).items():
        keep(row, field, count)
    keep_messages(row, "input", messages(attributes.get("codex.input")))
    keep_messages(row, "output", messages(attributes.get("codex.output"), "assistant"))
    if attributes.get("codex.effort") is not None:
        row.parameters = dump({"reasoning_effort": attributes["codex.effort"]})
    row.records_tools = row.records_parameters = False
    row.payload_cut = row.payload_cut or "input" in listed(attributes.get("agentdbg.derived"))
