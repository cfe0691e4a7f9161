"""The line of configuration that would make a recording whole, by the instrumentation that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

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

# The same for what tools gave back, where the instrumentation knows of tools.
RESULTS = {name: told for name, told in CONTENT.items() if name not in ("autogen", "com.anthropic.sdk")}

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

# How to have model calls recorded at all, where agents work and none is.
CALLS = {
    "autogen": CONTENT["autogen"],
    "": "install the OpenInference instrumentation of the model's SDK, which records its calls",
}

# How to have tokens counted: instrumentations write down what the provider answers, and streams are asked for it.
TOKENS = {
    "langsmith": "where answers are streamed: ChatOpenAI(stream_usage=True)",
    "openinference.instrumentation.langchain": "where answers are streamed: ChatOpenAI(stream_usage=True)",
    "opentelemetry.instrumentation.langchain": "where answers are streamed: ChatOpenAI(stream_usage=True)",
    "openai-agents native": "ModelSettings(include_usage=True), where answers are streamed",
    "openinference.instrumentation.openai_agents": "ModelSettings(include_usage=True), where answers are streamed",
    "opentelemetry.instrumentation.openai_agents": "ModelSettings(include_usage=True), where answers are streamed",
    "ai": "createOpenAICompatible({ includeUsage: true }), where the provider is made with it",
    "": 'where answers are streamed: stream_options={"include_usage": True} in the request',
}

# How to have a model named: every instrumentation does, so that only spans of somebody's own lack it.
MODELS = {"": "set the attribute gen_ai.request.model on spans of your own that stand for model calls"}

# How to have the agent named whose work a call is.
AGENTS = {
    "ai": "experimental_telemetry: { isEnabled: true, functionId: 'AGENT' }",
    "langsmith": 'create_agent(name="AGENT"), or metadata={"lc_agent_name": "AGENT"} on the run',
    "openinference.instrumentation.langchain": 'create_agent(name="AGENT"), or add_node("AGENT", ...)',
    "opentelemetry.instrumentation.langchain": 'create_agent(name="AGENT"), or add_node("AGENT", ...)',
    "pydantic-ai": 'Agent(name="AGENT")',
    "strands": 'Agent(name="AGENT")',
    "langfuse": '@observe(as_type="agent", name="AGENT") around the work of each agent',
    "mlflow": '@mlflow.trace(span_type="AGENT", name="AGENT") around the work of each agent',
    "traceloop": '@agent(name="AGENT") of traceloop.sdk.decorators around the work of each agent',
    "": "a span around the work of each agent: gen_ai.operation.name=invoke_agent gen_ai.agent.name=AGENT",
}

# How to have the last spans written as well, before a process ends.
FLUSH = {
    "langsmith": "langsmith.Client().flush() of the client in use, before the process ends",
    "openai-agents native": "agents.tracing.get_trace_provider().shutdown() before the process ends, on SIGTERM too",
    "langfuse": "langfuse.get_client().flush() before the process ends",
    "mlflow": "mlflow.flush_trace_async_logging() before the process ends",
    "logfire": "logfire.shutdown() before the process ends, on SIGTERM too",
    "ai": "await sdk.shutdown() of the NodeSDK before the process ends, on SIGTERM too",
    "": "opentelemetry.trace.get_tracer_provider().shutdown() before the process ends, on SIGTERM too",
}

# How to have work on threads stand below the span that started it.
THREADS = {
    "langsmith": "langsmith.utils.ContextThreadPoolExecutor, or contextvars.copy_context().run(work) on bare threads",
    "openai-agents native": "contextvars.copy_context().run(work) for work on threads",
    "ai": "context.bind(context.active(), work) for work that runs later",
    "": "opentelemetry.instrumentation.threading.ThreadingInstrumentor().instrument()",
}

# How to have every run recorded.
SAMPLING = {"": "OTEL_TRACES_SAMPLER=parentbased_always_on, and no probabilistic sampler in the collector"}

# How to have the whole conversation, where it was not an SDK's limit that cut it.
CUT = {"langsmith-fetch": REQUEST["langsmith"]}


def fixes(span: Span, grade: Grade) -> tuple[str, ...]:
    """What to change so that calls like this one are recorded whole: none for an exact one, else one or two lines."""
    if grade == "exact":
        return ()
    out = [ATTRIBUTE_LIMIT] if span.dropped else []
    if grade == "content" and not span.dropped:
        out.append(line(REQUEST, span) or REQUEST[""])
    elif span.input is None or span.output is None:
        answered = span.end_ns is not None and span.status != "error"  # else nothing was left out: there was no answer
        if answered and (hint := line(CONTENT, span)):
            out.append(hint)
    elif not span.dropped:
        out.append(line(CUT, span) or NO_LENGTH_LIMIT)
    return tuple(out)


class Recorded(Protocol):
    """What wrote a span, and in which vocabularies."""

    @property
    def scope(self) -> str | None: ...
    @property
    def convention(self) -> str: ...


def line(table: Mapping[str, str], span: Recorded) -> str | None:
    """The entry of a table for the span's scope, else for a convention that it speaks, else the one for all."""
    for name in (span.scope or "", *span.convention.split("+")):
        fit = [key for key in table if key and _is_of(name, key)]
        if fit:
            return table[max(fit, key=len)]
    return table.get("")


def _is_of(name: str, key: str) -> bool:
    """`ai` is a scope of its own and no prefix of others."""
    return name == key or (len(key) > 2 and name.lower().startswith(key))
