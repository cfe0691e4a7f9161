"""ATIF steps as the importer keeps them (`atif.<field>`)."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import fill, first, keep, keep_json, keep_messages, listed
from agentdbg.vocabulary.jsontext import dump, parsed_object
from agentdbg.vocabulary.messages import Message, Part, joined_text, messages, parts, tool_call, tool_definitions

USAGE = {
    "input_tokens": ("prompt_tokens",), "output_tokens": ("completion_tokens",), "cached_tokens": ("cached_tokens",),
    "reported_cost_usd": ("cost_usd",),
}  # fmt: skip
MODEL = ("atif.model_name", "atif.agent.model_name")


class Atif:
    """Trajectories, steps and tool calls of ATIF."""

    name = "atif"
    rank = 10

    def claims(self, span: RawSpan) -> bool:
        return "atif.object" in span.attributes

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        what = attributes["atif.object"]
        if what == "trajectory":
            row.kind, row.agent_hint, row.agent_rule = "agent", span.name, "agent.name"
            keep(row, "session_id", attributes.get("atif.session_id"))
            keep_json(row, "input", attributes.get("atif.task"))
            keep_json(row, "output", attributes.get("atif.answer"))
        elif what == "tool_call":
            row.kind, row.tool = "tool", span.name
            keep(row, "tool_call_id", attributes.get("atif.tool_call_id"))
            keep_json(row, "input", attributes.get("atif.arguments"))
            keep_json(row, "output", joined_text(attributes.get("atif.result.content")))
        elif "atif.input" in attributes:  # a step of the agent that was a model call, and this one's
            row.kind = "llm"
            _call(attributes, row)
        else:
            keep_json(row, "input", joined_text(attributes.get("atif.message")))
            results = listed(parsed_object(attributes.get("atif.observation")).get("results"))
            told = [item["content"] for item in results if isinstance(item, dict) and item.get("content") is not None]
            keep_json(row, "output", joined_text(told[0]) if len(told) == 1 else told or None)


def _call(attributes: dict[str, Any], row: SpanRow) -> None:
    metrics = parsed_object(attributes.get("atif.metrics"))
    keep(row, "model", first(attributes, MODEL))
    keep(row, "request_model", row.model)
    fill(row, metrics, USAGE)
    keep(row, "finish_reason", parsed_object(metrics.get("extra")).get("finish_reason"))
    keep_messages(row, "input", messages(attributes["atif.input"]))
    keep_messages(row, "output", [_answer(attributes)])
    if tools := tool_definitions(attributes.get("atif.agent.tool_definitions")):
        row.tools = dump(tools)
    if attributes.get("atif.reasoning_effort") is not None:
        row.parameters = dump({"reasoning_effort": attributes["atif.reasoning_effort"]})
    row.records_tools, row.records_parameters = row.tools is not None, False
    row.payload_cut = row.payload_cut or "input" in listed(attributes.get("agentdbg.derived"))


def _answer(attributes: dict[str, Any]) -> Message:
    said: list[Part] = []
    if thought := attributes.get("atif.reasoning_content"):
        said.append({"type": "reasoning", "text": str(thought)})
    said += parts(attributes.get("atif.message"))
    for call in listed(attributes.get("atif.tool_calls")):
        if isinstance(call, dict):
            said.append(tool_call(call.get("function_name"), call.get("arguments"), call.get("tool_call_id")))
    return {"role": "assistant", "parts": said}
