"""The usual names of span fields in home-made JSON, and what their values mean."""

from __future__ import annotations

from typing import Any

# Our field: the dotted paths it is looked for under, in this order.
PATHS: dict[str, tuple[str, ...]] = {
    "trace_id": ("trace_id", "traceId", "traceID", "context.trace_id", "run_id", "runId", "trace"),
    "span_id": ("span_id", "spanId", "spanID", "context.span_id", "step_id", "stepId", "event_id", "id"),
    "parent_id": ("parent_id", "parent_span_id", "parentSpanId", "parentId", "parent_span", "parent"),
    "name": ("name", "span_name", "operation_name", "operation", "step_name", "step"),
    "start": (
        "start_time", "startTime", "started_at", "startedAt", "start_time_unix_nano", "startTimeUnixNano",
        "start_ns", "start", "timestamp", "ts", "time", "created_at", "createdAt",
    ),
    "end": (
        "end_time", "endTime", "ended_at", "endedAt", "end_time_unix_nano", "endTimeUnixNano", "end_ns", "end",
        "finished_at", "completed_at",
    ),
    "kind": ("kind", "span_kind", "span_type", "spanType", "type", "run_type", "event_type"),
    "agent": ("agent", "agent_name", "agentName", "agent.name"),
    "model": ("model", "model_name", "modelName", "llm.model", "llm.model_name", "llm_model"),
    "provider": ("provider", "model_provider", "llm.provider"),
    "tool": ("tool", "tool_name", "toolName", "tool.name"),
    "tool_call_id": ("tool_call_id", "toolCallId"),
    "input": (
        "input", "inputs", "prompt", "messages", "request", "args", "arguments", "tool_input", "llm.input",
        "llm.prompt", "llm.messages",
    ),
    "output": (
        "output", "outputs", "completion", "response", "result", "answer", "tool_output", "llm.output",
        "llm.completion", "llm.response",
    ),
    "tools": ("tools", "available_tools", "llm.tools"),
    "parameters": ("parameters", "model_parameters", "invocation_params", "llm.parameters"),
    "input_tokens": (
        "input_tokens", "tokens_in", "prompt_tokens", "inputTokens", "promptTokens", "usage.input_tokens",
        "usage.prompt_tokens", "token_usage.input_tokens", "token_usage.prompt_tokens", "llm.tokens_in",
        "llm.input_tokens", "llm.prompt_tokens", "llm.usage.input_tokens", "llm.usage.prompt_tokens",
        "tokens.input", "tokens.prompt",
    ),
    "output_tokens": (
        "output_tokens", "tokens_out", "completion_tokens", "outputTokens", "completionTokens",
        "usage.output_tokens", "usage.completion_tokens", "token_usage.output_tokens",
        "token_usage.completion_tokens", "llm.tokens_out", "llm.output_tokens", "llm.completion_tokens",
        "llm.usage.output_tokens", "llm.usage.completion_tokens", "tokens.output", "tokens.completion",
    ),
    "cached_tokens": (
        "cached_tokens", "cached_input_tokens", "usage.cached_tokens", "llm.cached_tokens", "tokens.cached",
    ),
    "reasoning_tokens": ("reasoning_tokens", "usage.reasoning_tokens", "llm.reasoning_tokens", "tokens.reasoning"),
    "cost_usd": ("cost_usd", "costUsd", "total_cost", "cost", "usage.cost", "llm.cost_usd", "llm.cost"),
    "finish_reason": ("finish_reason", "finishReason", "stop_reason", "llm.finish_reason"),
    "response_id": ("response_id", "responseId", "llm.response_id"),
    "handoff_from": ("handoff_from", "from_agent"),
    "handoff_to": ("handoff_to", "to_agent", "target_agent"),
    "session_id": ("session_id", "sessionId", "conversation_id", "conversationId", "thread_id", "threadId"),
    "status": ("status", "status_code"),
    "error": ("error", "exception", "error_message", "status_message"),
    "error_type": ("error_type", "exception_type"),
}  # fmt: skip
DURATIONS: dict[str, int] = {  # to nanoseconds
    "duration_ns": 1, "duration_us": 1_000, "duration_ms": 1_000_000, "durationMs": 1_000_000, "latency_ms":
    1_000_000, "latencyMs": 1_000_000, "elapsed_ms": 1_000_000, "duration_s": 1_000_000_000, "duration_seconds":
    1_000_000_000, "latency_s": 1_000_000_000, "latency_seconds": 1_000_000_000, "elapsed_s": 1_000_000_000,
    "llm.latency_ms": 1_000_000, "llm.duration_ms": 1_000_000,
}  # fmt: skip
SPANS = ("spans", "steps")
_KINDS = {
    "llm": "llm", "generation": "llm", "llm_call": "llm", "chat": "llm", "completion": "llm", "model": "llm",
    "chat_model": "llm", "tool": "tool", "tool_call": "tool", "function": "tool", "function_call": "tool",
    "execute_tool": "tool", "handoff": "tool", "agent": "agent", "invoke_agent": "agent", "agent_step": "agent",
    "agent_turn": "agent", "agent_run": "agent", "workflow": "workflow", "pipeline": "workflow", "retriever":
    "retriever", "retrieval": "retriever", "guard": "guard", "guardrail": "guard", "state": "state",
    "other": "other",
}  # fmt: skip
_OK = frozenset(
    {"ok", "success", "successful", "succeeded", "complete", "completed", "done", "finished", "passed", "true", "200"}
)
_ERROR = frozenset(
    {"error", "errored", "fail", "failed", "failure", "exception", "timeout", "timed_out", "crashed", "500"}
)
_TRACE, _SPAN = frozenset(PATHS["trace_id"][:4]), frozenset(PATHS["span_id"][:4])
_AGENT, _START = frozenset(PATHS["agent"]), frozenset(PATHS["start"])
_CODES = {0: "unset", 1: "ok", 2: "error"}  # OTel's; a bare number might as well be an exit code


def is_span(keys: frozenset[str]) -> bool:
    """Whether an object with these key paths is a span. Two of: a trace id, a span id, an agent, a start time. A single
    one of them stands in many kinds of file."""
    return sum(bool(names & keys) for names in (_TRACE, _SPAN, _AGENT, _START)) >= 2


def kind(value: Any) -> str | None:
    """Our kind of span for the usual words; None for words of other meaning (INTERNAL, CHAIN), which stay
    attributes."""
    return _KINDS.get(str(value).lower().replace(" ", "_").replace("-", "_"))


def status(value: Any) -> str:
    """ok, error or unset; also of {"code": ...} and {"status_code": ...}, of names such as StatusCode.ERROR, of
    booleans."""
    if isinstance(value, dict):
        value = value.get("code", value.get("status_code", value.get("status")))
        value = _CODES.get(value, value) if type(value) is int else value
    word = str(value).lower().rpartition(".")[2].removeprefix("status_code_")
    return "ok" if word in _OK else "error" if word in _ERROR else "unset"
