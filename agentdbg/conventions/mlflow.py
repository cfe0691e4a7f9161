"""MLflow's span attributes (`mlflow.*`), and what its integrations record beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentdbg.rows import RawEvent, RawSpan, SpanRow
from agentdbg.vocabulary import langgraph
from agentdbg.vocabulary.fields import fill, first, keep, keep_json, keep_messages
from agentdbg.vocabulary.jsontext import decoded, dump, parsed_object
from agentdbg.vocabulary.messages import messages, tool_definitions, tool_result
from agentdbg.vocabulary.requests import PARAMETERS
from agentdbg.vocabulary.responses import answers, figures, streamed

KINDS = {
    "LLM": "llm", "CHAT_MODEL": "llm", "AGENT": "agent", "TOOL": "tool", "RETRIEVER": "retriever",
    "GUARDRAIL": "guard", "WORKFLOW": "workflow",
}  # fmt: skip
USAGE = {  # the input holds what the cache held, whoever the provider is
    "input_tokens": ("input_tokens",), "output_tokens": ("output_tokens",),
    "cached_tokens": ("cache_read_input_tokens",), "cache_write_tokens": ("cache_creation_input_tokens",),
}  # fmt: skip
SESSION = "mlflow.trace.session"


class MLflow:
    """Spans with `mlflow.spanType`, `mlflow.spanInputs` or `mlflow.spanOutputs`."""

    name = "mlflow"
    rank = 40

    def claims(self, span: RawSpan) -> bool:
        return any(key in span.attributes for key in ("mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs"))

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        given, answered = (decoded(attributes.get(f"mlflow.span{what}")) for what in ("Inputs", "Outputs"))
        metadata = parsed_object(attributes.get("metadata"))
        if row.kind == "other":
            row.kind = KINDS.get(str(decoded(attributes.get("mlflow.spanType"))).upper(), "other")
        keep(row, "session_id", _session(span, metadata))
        row.graph_step = langgraph.step(metadata) if row.graph_step is None else row.graph_step
        if row.agent_hint is None and (told := langgraph.agent(metadata)):
            row.agent_hint, row.agent_rule = told
        elif row.agent_hint is None and row.kind == "agent":
            row.agent_hint, row.agent_rule = span.name or None, "span name"
        if row.kind == "llm":
            _call(attributes, given, answered, row)
        elif row.kind == "tool":
            keep(row, "tool", span.name)
            keep_json(row, "input", given)
            keep_json(row, "output", tool_result(answered))
        else:
            keep_json(row, "input", given)
            keep_json(row, "output", answered)

    def events(self, events: Sequence[RawEvent], row: SpanRow) -> None:
        """The chunks of a stream, which tell the tool calls that MLflow's own sum of them leaves out."""
        chunks = [
            parsed_object(event.attributes.get("mlflow.chunk.value"))
            for event in events
            if event.name.startswith("mlflow.chunk.item")
        ]
        if row.kind == "llm" and (answer := streamed(chunks)) and row.output is None:
            row.finish_reason = answer.get("finish_reason") or row.finish_reason
            keep_messages(row, "output", [answer])


def _session(span: RawSpan, metadata: dict[str, Any]) -> Any:
    for source in ("mlflow.trace_metadata", "mlflow.request_metadata", "mlflow.tags"):
        if found := parsed_object(span.resource.get(source)).get(SESSION):
            return found
    return span.attributes.get(SESSION) or langgraph.session(metadata)


def _call(attributes: dict[str, Any], given: Any, answered: Any, row: SpanRow) -> None:
    request = parsed_object(given)
    settings = [parsed_object(attributes.get(name)) for name in ("invocation_params", "options")] + [
        request,
        attributes,
    ]
    told = figures(answered)
    asked = next((item["model"] for item in settings if type(item.get("model")) is str), None)
    keep(row, "request_model", asked)
    keep(row, "model", told.get("model") or first(attributes, ("mlflow.llm.model",)) or asked)
    keep(row, "provider", first(attributes, ("mlflow.llm.provider",)))
    keep(row, "reported_cost_usd", parsed_object(attributes.get("mlflow.llm.cost")).get("total_cost"))
    for field in ("response_id", "finish_reason", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"):
        keep(row, field, told.get(field))
    fill(row, parsed_object(decoded(attributes.get("mlflow.chat.tokenUsage"))), USAGE)
    keep_messages(row, "input", messages(given))
    keep_messages(row, "output", answers(answered))
    offered = next((item["tools"] for item in settings if item.get("tools")), attributes.get("mlflow.chat.tools"))
    if row.tools is None and (tools := tool_definitions(offered)):
        row.tools = dump(tools)
    found = {
        key: value
        for key in PARAMETERS
        if (value := next((item[key] for item in settings if item.get(key) is not None), None)) is not None
    }
    if row.parameters is None and found:
        row.parameters = dump(found)
    recorded = "model" in request and "messages" in request  # the whole request is the input
    row.records_tools, row.records_parameters = recorded or row.tools is not None, recorded or bool(settings[0])
