"""The line of configuration that would make a recording whole, by the instrumentation that made it."""

from __future__ import annotations

from agentdbg.model import Grade, Span

ATTRIBUTE_LIMIT = "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=10000"
NO_LENGTH_LIMIT = "unset OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT and OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"
LATEST = "OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

# How to have content recorded, by scope (its beginning) or convention; the longest that fits.
CONTENT = {
    "opentelemetry.instrumentation.openai_v2": f"{CAPTURE}=true, and export log records: the content is only in these",
    "opentelemetry.util.genai": f"{LATEST} {CAPTURE}=SPAN_ONLY",
    "gcp.vertex.agent": f"{LATEST} {CAPTURE}=SPAN_ONLY ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS=true",
    "opentelemetry.instrumentation.": "TRACELOOP_TRACE_CONTENT=true",
    "traceloop": "TRACELOOP_TRACE_CONTENT=true",
    "openinference": "unset OPENINFERENCE_HIDE_INPUTS, OPENINFERENCE_HIDE_OUTPUTS and the other OPENINFERENCE_HIDE_*",
    "langsmith": "unset LANGSMITH_HIDE_INPUTS and LANGSMITH_HIDE_OUTPUTS; with the CLI, export with --full",
    "pydantic-ai": "InstrumentationSettings(include_content=True)",
    "ai": "experimental_telemetry: { isEnabled: true, recordInputs: true, recordOutputs: true }",
    "openai-agents native": (
        "OPENAI_AGENTS_TRACE_INCLUDE_SENSITIVE_DATA=1; with the Responses API the content stays on the server: "
        "install openinference-instrumentation-openai-agents"
    ),
    "com.anthropic.sdk": "install openinference-instrumentation-anthropic",
    "autogen": "install openinference-instrumentation-openai: AutoGen itself records no model calls",
    "otel_genai": f"{CAPTURE}=true, or where that is not enough {LATEST} {CAPTURE}=SPAN_ONLY",
}

# How to have tool definitions and parameters recorded, where this instrumentation does not.
REQUEST = {
    "opentelemetry.instrumentation.openai_v2": "install openinference-instrumentation-openai, which records them",
    "opentelemetry.util.genai": "install openinference-instrumentation-openai, which records them",
    "openinference.instrumentation.openai_agents": "install openinference-instrumentation-openai beside it, which does",
    "openai-agents native": "install openinference-instrumentation-openai-agents, which records them",
    "gcp.vertex.agent": "install openinference-instrumentation-google-adk, which records the whole request",
    "strands": (
        f"{LATEST},gen_ai_tool_definitions for tools; "
        "for parameters install the OpenInference instrumentation of the model's SDK"
    ),
    "langsmith": "export the runs themselves (client.list_runs or bulk export), with `extra`",
    "pydantic-ai": "InstrumentationSettings(version=2) or later",
    "": "install the OpenInference instrumentation of the model's SDK, which records the whole request",
}

# How to have the whole conversation, where it was not an SDK's limit that cut it.
CUT = {"langsmith-fetch": REQUEST["langsmith"]}


def fixes(span: Span, grade: Grade) -> tuple[str, ...]:
    """What to change so that calls like this one are recorded whole: none for an exact one, else one or two lines."""
    if grade == "exact":
        return ()
    out = [ATTRIBUTE_LIMIT] if span.dropped else []
    if grade == "content":
        out.append(_look_up(REQUEST, span) or REQUEST[""])
    elif span.input is None or span.output is None:
        answered = span.end_ns is not None and span.status != "error"  # else nothing was left out: there was no answer
        if answered and (hint := _look_up(CONTENT, span)):
            out.append(hint)
    elif not span.dropped:
        out.append(_look_up(CUT, span) or NO_LENGTH_LIMIT)
    return tuple(out)


def _look_up(table: dict[str, str], span: Span) -> str | None:
    """The entry for the span's scope, else for a convention that it speaks."""
    for name in (span.scope or "", *span.convention.split("+")):
        fit = [key for key in table if key and _is_of(name, key)]
        if fit:
            return table[max(fit, key=len)]
    return None


def _is_of(name: str, key: str) -> bool:
    """`ai` is a scope of its own and no prefix of others."""
    return name == key or (len(key) > 2 and name.lower().startswith(key))
