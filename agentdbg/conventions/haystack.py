"""Haystack's own tracing (`haystack.*`): pipelines, components, and the steps of agents."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import fill, first, keep, keep_json, keep_messages, listed
from agentdbg.vocabulary.jsontext import dump, parsed, parsed_object
from agentdbg.vocabulary.messages import Message, Part, messages, tool_call, tool_definitions
from agentdbg.vocabulary.responses import figures

STEP = "haystack.agent.step."
COMPONENT = "haystack.component."
FIGURES = ("model", "finish_reason", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


class Haystack:
    """Spans with `haystack.*` attributes, whatever the tracer's own name."""

    name = "haystack"
    rank = 20

    def claims(self, span: RawSpan) -> bool:
        return span.name.startswith("haystack.") and any(key.startswith("haystack.") for key in span.attributes)

    def read(self, span: RawSpan, row: SpanRow) -> None:
        told = span.attributes
        component = str(told.get(COMPONENT + "type") or "")
        if span.name == "haystack.pipeline.run":
            row.kind = "workflow"
            _payload(told, "haystack.pipeline.input_data", "haystack.pipeline.output_data", row)
        elif span.name == "haystack.agent.run" or component == "Agent":
            row.kind = "agent"
            _named(told, row)
            around = "haystack.agent." if span.name == "haystack.agent.run" else COMPONENT
            _payload(told, around + "input", around + "output", row)
        elif span.name == STEP + "llm":
            _call(told, STEP + "llm.", row)
        elif component.endswith("Generator"):
            _call(told, COMPONENT, row)
        elif span.name == STEP + "tool":
            _tool(told, row)
        elif span.name == "haystack.component.run":
            row.kind = "retriever" if component.endswith("Retriever") else "other"
            _payload(told, COMPONENT + "input", COMPONENT + "output", row)


def _named(told: dict[str, Any], row: SpanRow) -> None:
    if named := told.get(COMPONENT + "name"):
        row.agent_hint, row.agent_rule = str(named), COMPONENT + "name"


def _payload(told: dict[str, Any], given: str, answered: str, row: SpanRow) -> None:
    keep_json(row, "input", told.get(given))
    keep_json(row, "output", told.get(answered))


def _tool(told: dict[str, Any], row: SpanRow) -> None:
    row.kind = "tool"
    keep(row, "tool", told.get("haystack.tool.name"))
    _payload(told, STEP + "tool.input", STEP + "tool.output", row)
    if told.get("haystack.tool.error") is True:  # given back to the model: no exception ends the span
        row.status = "error"
        keep(row, "error_message", parsed_object(told.get(STEP + "tool.output")).get("error"))


def _call(told: dict[str, Any], where: str, row: SpanRow) -> None:
    row.kind = "llm"
    request, response = (parsed_object(told.get(where + name)) for name in ("input", "output"))
    given = [_message(item) for item in listed(request.get("messages")) if isinstance(item, dict)]
    keep_messages(row, "input", given or messages(request.get("prompt")))
    replies = listed(response.get("replies"))
    keep_messages(row, "output", [_message(reply) for reply in replies if reply])
    beside = [parsed_object(reply.get("meta")) for reply in replies if isinstance(reply, dict)]
    meta: dict[str, Any] = next((one for one in [*beside, *listed(response.get("meta"))] if one), {})
    keep(row, "finish_reason", meta.get("finish_reason"))
    fill(row, figures(meta), {field: (field,) for field in FIGURES})
    offered = [first(tool, ("data",)) or tool for tool in listed(request.get("tools")) if isinstance(tool, dict)]
    if tools := tool_definitions(offered):
        row.tools = dump(tools)
    if settings := parsed_object(request.get("generation_kwargs")):
        row.parameters = dump(settings)
    row.records_tools, row.records_parameters = row.tools is not None, False


def _message(told: Any) -> Message:
    """A ChatMessage as Haystack serialises it; a plain generator's reply is text."""
    if not isinstance(told, dict):
        return {"role": "assistant", "parts": [{"type": "text", "text": str(told)}]}
    role = str(told.get("role") or "assistant")
    out: Message = {"role": role, "parts": [part for item in listed(told.get("content")) for part in _part(item)]}
    if finish := parsed_object(told.get("meta")).get("finish_reason"):
        out["finish_reason"] = str(finish)
    return out


def _part(item: Any) -> list[Part]:
    item = item if isinstance(item, dict) else {"text": item}
    if isinstance(call := item.get("tool_call"), dict):
        return [tool_call(call.get("tool_name"), call.get("arguments"), call.get("id"))]
    if isinstance(answer := item.get("tool_call_result"), dict):
        origin = parsed_object(answer.get("origin"))
        part: Part = {"type": "tool_result", "id": origin.get("id"), "result": parsed(answer.get("result"))}
        return [{**part, "name": str(origin["tool_name"])}] if origin.get("tool_name") else [part]
    if isinstance(thought := item.get("reasoning"), dict):
        return [{"type": "reasoning", "text": str(thought.get("reasoning_text") or "")}]
    if isinstance(item.get("text"), str):
        return [{"type": "text", "text": item["text"]}]
    return [{**item, "type": "media", "media_type": next(iter(item), None)}]
