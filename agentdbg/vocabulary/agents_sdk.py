"""`span_data` of the OpenAI Agents SDK: what one of its spans tells, whoever exports it."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import SpanRow
from agentdbg.vocabulary.fields import fill, first, keep, keep_json, keep_messages
from agentdbg.vocabulary.jsontext import dump, parsed, parsed_object
from agentdbg.vocabulary.messages import messages, tool_definitions
from agentdbg.vocabulary.responses import usage

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
# The settings repeat everything that can be set; these are what goes to the model.
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


def read_span_data(data: dict[str, Any], row: SpanRow) -> None:
    """Fill the fields of `row` that are still absent; `data["type"]` says what kind of span it is."""
    kind = str(data.get("type"))
    row.kind = KINDS.get(kind, "other")
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
    answers = parsed(data.get("output"))
    answers = answers if isinstance(answers, list) else []
    whole = parsed_object(data.get("response")) or (parsed_object(answers[0]) if answers else {})
    if whole.get("object") == "response":  # the API's answer, or the chat API's told as one
        answers = whole.get("output") or []
    for told in (data.get("usage"), whole.get("usage")):
        fill(row, parsed_object(told), USAGE)
        fill(row, usage(told), {field: (field,) for field in USAGE})
    system = messages(whole.get("instructions"), "system") or []
    given = messages(first(data, ("input", "raw_input"))) or []
    keep_messages(row, "input", given if given and given[0]["role"] == "system" else system + given)
    keep_messages(row, "output", messages(answers, "assistant"))
    keep(row, "response_id", first(data, ("response_id",)) or whole.get("id"))
    keep(row, "model", data.get("model") or whole.get("model"))
    keep(row, "request_model", data.get("model"))
    if tools := tool_definitions(whole.get("tools")):
        row.tools = dump(tools)
    config = parsed_object(first(data, ("model_config", "model_settings")))
    found = {key: config[key] for key in PARAMETERS if config.get(key) is not None}
    row.parameters = dump(found) if found else None
    row.records_tools, row.records_parameters = row.tools is not None, bool(config)
