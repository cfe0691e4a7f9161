"""Spans of the openai-agents SDK's own exporters, as the importer keeps them (`openai_agents.*`)."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import fill, keep, keep_json, keep_messages
from agentdbg.vocabulary.jsontext import dump, parsed, parsed_object
from agentdbg.vocabulary.messages import messages

KINDS = {
    "agent": "agent", "generation": "llm", "response": "llm", "function": "tool", "handoff": "tool",
    "guardrail": "guard",
    "mcp_tools": "other", "custom": "other",
}  # fmt: skip
USAGE = {
    "input_tokens": ("input_tokens", "prompt_tokens"), "output_tokens": ("output_tokens", "completion_tokens"),
    "cached_tokens": ("cached_input_tokens",), "cache_write_tokens": ("cache_write_input_tokens",),
    "reasoning_tokens": ("reasoning_tokens",),
}  # fmt: skip
# `model_config` repeats everything that can be set; these are what goes to the model.
PARAMETERS = [
    "temperature",
    "top_p",
    "max_tokens",
    "frequency_penalty",
    "presence_penalty",
    "tool_choice",
    "parallel_tool_calls",
    "truncation",
    "reasoning",
    "verbosity",
    "top_logprobs",
]


class OpenaiAgents:
    """Native spans of the OpenAI Agents SDK."""

    name = "openai_agents"
    rank = 10

    def claims(self, span: RawSpan) -> bool:
        return span.scope == "openai-agents native"

    def read(self, span: RawSpan, row: SpanRow) -> None:
        data = {key.removeprefix("openai_agents."): value for key, value in span.attributes.items()}
        kind = str(data.get("type"))
        row.kind = KINDS.get(kind, "other")
        keep(row, "session_id", span.resource.get("openai_agents.group_id"))
        if kind == "agent":
            keep(row, "agent_hint", data.get("name"))
            row.agent_rule = "agent span"
        elif kind == "handoff":
            fill(row, data, {"handoff_from": ("from_agent",), "handoff_to": ("to_agent",)})
            row.tool, row.handoff_rule = "handoff", "handoff span"
        elif kind == "function":
            keep(row, "tool", data.get("name"))
            keep_json(row, "input", data.get("input"))
            keep_json(row, "output", data.get("output"))
        elif row.kind == "llm":
            _call(data, row)


def _call(data: dict[str, Any], row: SpanRow) -> None:
    fill(row, parsed_object(data.get("usage")), USAGE)
    answers = parsed(data.get("output"))
    answers = answers if isinstance(answers, list) else []
    whole = parsed_object(answers[0]) if answers else {}
    if whole.get("object") == "response":  # the chat API's answer, told as a Responses object
        answers = whole.get("output") or []
        fill(row, parsed_object(whole.get("usage")), USAGE)
        keep(row, "response_id", whole.get("id"))
    keep_messages(row, "input", messages(data.get("input")))
    keep_messages(row, "output", messages(answers, "assistant"))
    keep(row, "response_id", data.get("response_id"))
    keep(row, "model", data.get("model") or whole.get("model"))
    keep(row, "request_model", data.get("model"))
    config = parsed_object(data.get("model_config"))
    found = {key: config[key] for key in PARAMETERS if config.get(key) is not None}
    row.parameters = dump(found) if found else None
    row.records_tools, row.records_parameters = False, bool(config)
