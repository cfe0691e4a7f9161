"""The Vercel AI SDK (4 to 6): an outer span a generation, one inner `.doGenerate` / `.doStream` a model call,
`ai.toolCall`."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary.fields import fill, first, keep, keep_json, keep_messages
from agentdbg.vocabulary.jsontext import decoded, dump, parsed
from agentdbg.vocabulary.messages import Message, messages, tool_call, tool_definitions

FIELDS = {
    "session_id": ("ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.threadId", "session.id"),
}
LLM_FIELDS = {
    "model": ("ai.response.model", "ai.model.id"), "request_model": ("ai.model.id",),
    "provider": ("ai.model.provider",),
    "response_id": ("ai.response.id",),
    "finish_reason": ("ai.response.finishReason", "ai.finishReason"),
    "input_tokens": ("ai.usage.inputTokens", "ai.usage.promptTokens"),
    "output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
    "cached_tokens": ("ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"),
    "cache_write_tokens": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
    "reasoning_tokens": ("ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"),
}  # fmt: skip
PARAMETERS = {
    "temperature": "temperature", "topP": "top_p", "topK": "top_k", "seed": "seed", "maxTokens": "max_tokens",
    "maxOutputTokens": "max_tokens", "presencePenalty": "presence_penalty", "frequencyPenalty": "frequency_penalty",
    "stopSequences": "stop",
}  # fmt: skip


class VercelAi:
    """Spans with `ai.operationId`."""

    name = "vercel"
    rank = 20

    def claims(self, span: RawSpan) -> bool:
        return "ai.operationId" in span.attributes

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        operation = str(attributes["ai.operationId"])
        fill(row, attributes, FIELDS)
        if named := first(attributes, ("ai.telemetry.functionId", "resource.name")):
            row.agent_hint, row.agent_rule = str(named), "ai.telemetry.functionId"
        if operation.endswith((".doGenerate", ".doStream")):
            row.kind = "llm"
            _call(attributes, row)
        elif operation == "ai.toolCall":
            row.kind = "tool"
            keep(row, "tool", attributes.get("ai.toolCall.name"))
            keep(row, "tool_call_id", attributes.get("ai.toolCall.id"))
            keep_json(row, "input", attributes.get("ai.toolCall.args"))
            keep_json(row, "output", decoded(attributes.get("ai.toolCall.result")))
        else:
            row.kind = "agent" if named and "embed" not in operation.lower() else "other"
            keep_json(row, "input", attributes.get("ai.prompt"))
            answer = first(attributes, ("ai.response.text", "ai.response.object", "ai.response.toolCalls"))
            keep_json(row, "output", answer)


def _call(attributes: dict[str, Any], row: SpanRow) -> None:
    fill(row, attributes, LLM_FIELDS)
    keep_messages(row, "input", messages(attributes.get("ai.prompt.messages")))
    if answer := _answer(attributes):
        keep_messages(row, "output", [answer])
    if tools := tool_definitions(attributes.get("ai.prompt.tools")):
        row.tools = dump(tools)
    settings = (
        (key.removeprefix("ai.settings."), value) for key, value in attributes.items() if key.startswith("ai.settings.")
    )
    found = {PARAMETERS[key]: value for key, value in settings if key in PARAMETERS}
    if choice := parsed(attributes.get("ai.prompt.toolChoice")):
        found["tool_choice"] = choice
    row.parameters = dump(found) if found else None
    row.records_tools = row.records_parameters = True  # seed and choice of tools as well
    metadata = parsed(attributes.get("ai.response.providerMetadata"))
    usage = metadata.get("openai") if isinstance(metadata, dict) else None
    if isinstance(usage, dict):  # where version 4 leaves what it has no attribute for
        fill(row, usage, {"cached_tokens": ("cachedPromptTokens",), "reasoning_tokens": ("reasoningTokens",)})


def _answer(attributes: dict[str, Any]) -> Message | None:
    parts = []
    if thought := attributes.get("ai.response.reasoning"):
        parts.append({"type": "reasoning", "text": str(thought)})
    if text := first(attributes, ("ai.response.text", "ai.response.object")):
        parts.append({"type": "text", "text": str(text)})
    calls = parsed(attributes.get("ai.response.toolCalls"))
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            arguments = first(call, ("input", "args"))
            parts.append(tool_call(call.get("toolName"), arguments, call.get("toolCallId")))
    return {"role": "assistant", "parts": parts} if parts else None
