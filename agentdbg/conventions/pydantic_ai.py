"""Pydantic AI's own attributes beside `gen_ai.*`: agent names, whole conversations, tool arguments and results, tool
schemas."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import keep, keep_json, keep_messages, listed
from agentdbg.vocabulary.genai_events import conversation, recorded
from agentdbg.vocabulary.jsontext import dump, parsed
from agentdbg.vocabulary.messages import Message, messages, tool_definitions


class PydanticAi:
    """Spans of Pydantic AI, every data version from 1 on."""

    name = "pydantic_ai"
    rank = 20

    def claims(self, span: RawSpan) -> bool:
        return span.scope == "pydantic-ai"

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        if named := attributes.get("agent_name"):
            row.agent_hint, row.agent_rule = str(named), "agent_name"
        if "gen_ai.operation.name" not in attributes:  # data version 1 names no operation on agents and tools
            row.kind = "tool" if "gen_ai.tool.name" in attributes else "agent" if named else row.kind
        if row.kind == "agent" or attributes.get("gen_ai.operation.name") == "invoke_agent":
            _agent_run(attributes, row)
        keep_json(row, "input", attributes.get("tool_arguments"))
        keep_json(row, "output", attributes.get("tool_response"))
        given, answered = conversation(recorded(attributes.get("events")))
        keep_messages(row, "input", given)
        keep_messages(row, "output", answered)
        if answered:
            keep(row, "finish_reason", answered[0].get("finish_reason"))
        if offered := parsed(attributes.get("model_request_parameters")):
            _tools(offered, row)


def _agent_run(attributes: dict[str, Any], row: SpanRow) -> None:
    whole, _ = conversation(recorded(attributes.get("all_messages_events")))
    whole = whole or messages(attributes.get("pydantic_ai.all_messages")) or []
    keep_messages(row, "input", _task(whole))
    keep_json(row, "output", attributes.get("final_result"))


def _task(whole: list[Message]) -> list[Message]:
    """What the agent was given: everything before its first answer."""
    end = next((index for index, said in enumerate(whole) if said["role"] == "assistant"), len(whole))
    return whole[:end]


def _tools(offered: Any, row: SpanRow) -> None:
    offered = offered if isinstance(offered, dict) else {}
    if tools := tool_definitions([*listed(offered.get("function_tools")), *listed(offered.get("output_tools"))]):
        row.tools = dump(tools)
