"""OpenTelemetry's GenAI semantic conventions, both generations: content in `gen_ai.*.message` events, or in message
attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentdbg.rows import RawEvent, RawSpan, SpanRow
from agentdbg.vocabulary.fields import fill, first, keep, keep_json, keep_messages, speaks
from agentdbg.vocabulary.genai_events import DETAILS, conversation, payload
from agentdbg.vocabulary.jsontext import dump, parsed
from agentdbg.vocabulary.messages import Message, joined_text, messages, said, tool_definitions
from agentdbg.vocabulary.responses import answers, whole

KINDS = {
    "chat": "llm", "text_completion": "llm", "generate_content": "llm", "completion": "llm", "acompletion": "llm",
    "chat.completions": "llm", "chat.streaming_completions": "llm",
    "text.completions": "llm", "text.streaming_completions": "llm",
    "execute_tool": "tool", "handoff": "tool",
    "invoke_agent": "agent",
    "invoke_workflow": "workflow",
    "retrieval": "retriever", "search_memory": "retriever",
    "create_memory": "state", "update_memory": "state", "upsert_memory": "state", "delete_memory": "state",
    "create_memory_store": "state", "delete_memory_store": "state",
}  # fmt: skip
NO_CALL = {
    "embeddings", "create_agent", "execute_task", "goto", "plan", "execute_event_loop_cycle", "fetch_response", "chain",
}  # fmt: skip
ANSWERED = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "gen_ai.output.messages")
FIELDS = {
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "session_id": ("session.id", "gen_ai.conversation.id"),
}
TOOL_FIELDS = {"tool": ("gen_ai.tool.name",), "tool_call_id": ("gen_ai.tool.call.id",)}
LLM_FIELDS = {
    "model": ("gen_ai.response.model", "gen_ai.request.model"),
    "request_model": ("gen_ai.request.model",),
    "response_id": ("gen_ai.response.id",),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cached_tokens": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
                      "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cached_tokens"),
    "cache_write_tokens": ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
                         "gen_ai.usage.details.reasoning_tokens"),
    "reported_cost_usd": ("operation.cost", "gen_ai.usage.cost", "gen_ai.usage.total_cost", "gen_ai.cost.total_cost"),
}  # fmt: skip
SEARCHED = ("gen_ai.retrieval.query.text", "gen_ai.memory.query.text")
FOUND = ("gen_ai.retrieval.documents", "gen_ai.memory.records")
PARAMETERS = {
    "gen_ai.request.temperature": "temperature", "gen_ai.request.top_p": "top_p", "gen_ai.request.top_k": "top_k",
    "gen_ai.request.max_tokens": "max_tokens", "gen_ai.request.seed": "seed", "gen_ai.openai.request.seed": "seed",
    "gen_ai.request.frequency_penalty": "frequency_penalty", "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.stop_sequences": "stop", "gen_ai.request.choice.count": "n", "gen_ai.output.type": "output_type",
    "gen_ai.openai.request.response_format": "response_format", "gen_ai.request.reasoning.level": "reasoning_effort",
}  # fmt: skip
# What an instrumentation never records, so that its absence proves nothing: (tool definitions, all parameters).
RECORDS = {
    "opentelemetry.instrumentation.openai_v2": (False, True),
    "opentelemetry.util.genai.handler": (False, True),
    "opentelemetry.instrumentation.anthropic": (True, False),
    "opentelemetry.instrumentation.openai_agents": (True, False),
    "strands.telemetry.tracer": (False, False),
    "gcp.vertex.agent": (True, False),
    "pydantic-ai": (True, True),
}
BLOCKS = {"strands.telemetry.tracer"}  # tell a tool's result as the content blocks that the model gets


class OtelGenai:
    """Spans with `gen_ai.*` attributes."""

    name = "otel_genai"
    rank = 50

    def claims(self, span: RawSpan) -> bool:
        return speaks(span.attributes, "gen_ai.") or any(event.name.startswith("gen_ai.") for event in span.events)

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        operation = attributes.get("gen_ai.operation.name")
        if row.kind == "other" and attributes.get("langsmith.span.kind") != "prompt":  # a filled template, told as chat
            row.kind = KINDS.get(str(operation)) or _kind(attributes, operation)
        fill(row, attributes, FIELDS)
        _agent(span, row)
        if row.kind == "tool":
            fill(row, attributes, TOOL_FIELDS)
            keep_json(row, "input", attributes.get("gen_ai.tool.call.arguments"))
            keep_json(row, "output", _result(span))
        if row.kind in ("retriever", "state"):
            keep_json(row, "input", first(attributes, SEARCHED))
            keep_json(row, "output", first(attributes, FOUND))
        if row.kind == "llm":
            _call(span, row)
        if row.kind in ("llm", "agent", "workflow"):
            _content(attributes, row)

    def events(self, events: Sequence[RawEvent], row: SpanRow) -> None:
        details: dict[str, Any] = {}  # one event tells all, or each its own part
        for event in events:
            if event.name in DETAILS:
                details = {**event.attributes, **details}
        given, answered = conversation(payload(event) for event in events)
        if row.kind == "tool":  # a tool's span tells its arguments and result in the same events
            given += messages(details.get("gen_ai.input.messages")) or []
            answered += messages(details.get("gen_ai.output.messages")) or []
            if given and row.input is None:
                row.input = dump(_tool_value(given))
            if answered and row.output is None:
                row.output = dump(_tool_value(answered))
            return
        _content(details, row)
        keep_messages(row, "input", given)
        keep_messages(row, "output", answered)
        if answered:
            keep(row, "finish_reason", answered[0].get("finish_reason"))


def _kind(attributes: dict[str, Any], operation: Any) -> str:
    if str(operation) in NO_CALL:
        return "other"
    if "gen_ai.tool.name" in attributes or "gen_ai.tool.call.id" in attributes:
        return "tool"
    called = "gen_ai.request.model" in attributes or "gen_ai.response.model" in attributes
    # an operation of another name is a call of the model where it tells what the model said
    return "llm" if called and (not operation or first(attributes, ANSWERED) is not None) else "other"


def _agent(span: RawSpan, row: SpanRow) -> None:
    if span.attributes.get("gen_ai.operation.name") == "create_agent":
        return  # who makes an agent is another, and the agent did no work yet
    if row.agent_hint is None and row.kind != "workflow" and (named := span.attributes.get("gen_ai.agent.name")):
        row.agent_hint, row.agent_rule = str(named), "gen_ai.agent.name"
    if row.agent_hint is None and row.kind == "agent" and span.name.startswith("invoke_agent "):
        row.agent_hint, row.agent_rule = span.name.removeprefix("invoke_agent "), "span name"
    if row.agent_hint is None and row.kind == "agent" and (known := span.attributes.get("gen_ai.agent.id")):
        row.agent_hint, row.agent_rule = str(known), "gen_ai.agent.id"


def _call(span: RawSpan, row: SpanRow) -> None:
    attributes = span.attributes
    fill(row, attributes, LLM_FIELDS)
    reasons = parsed(first(attributes, ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason")))
    keep(row, "finish_reason", reasons[0] if isinstance(reasons, list) and reasons else reasons or None)
    if row.parameters is None:
        found = {ours: attributes[theirs] for theirs, ours in PARAMETERS.items() if theirs in attributes}
        row.parameters = dump(found) if found else None
    tells_tools, tells_parameters = RECORDS.get(span.scope or "", (None, None))
    if row.records_tools is None:
        row.records_tools = "gen_ai.tool.definitions" in attributes if tells_tools is None else tells_tools
    if row.records_parameters is None:
        # without a word on the instrumentation: whoever records the seed records the rest
        row.records_parameters = "gen_ai.request.seed" in attributes if tells_parameters is None else tells_parameters


def _content(attributes: dict[str, Any], row: SpanRow) -> None:
    """Message attributes of the newer generation, on a span or on a details event."""
    system = messages(attributes.get("gen_ai.system_instructions"), "system") or []
    if given := messages(attributes.get("gen_ai.input.messages")):
        keep_messages(row, "input", system + given)
    if answered := whole(messages(attributes.get("gen_ai.output.messages"), "assistant") or []):
        keep_messages(row, "output", answered)
        keep(row, "finish_reason", answered[0].get("finish_reason"))
    keep_messages(row, "input", said(attributes.get("gen_ai.prompt")))
    keep_messages(row, "output", answers(attributes.get("gen_ai.completion")))
    if row.tools is None and (tools := tool_definitions(attributes.get("gen_ai.tool.definitions"))):
        row.tools = dump(tools)


def _result(span: RawSpan) -> Any:
    value = parsed(span.attributes.get("gen_ai.tool.call.result"))
    return joined_text(value) if span.scope in BLOCKS else value


def _tool_value(told: list[Message]) -> Any:
    parts = [part for item in told for part in item["parts"]]
    values = [parsed(part.get("text", part.get("result", part.get("arguments")))) for part in parts]
    return values[0] if len(values) == 1 else values
