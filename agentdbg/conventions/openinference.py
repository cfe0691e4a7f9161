"""OpenInference (Arize): `openinference.span.kind`, flattened messages, `input.value` / `output.value`."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary import langgraph
from agentdbg.vocabulary.fields import fill, keep, keep_json, keep_messages, listed, unflattened
from agentdbg.vocabulary.jsontext import decoded, dump, literal, parsed
from agentdbg.vocabulary.messages import messages, said, tool_definitions, tool_result
from agentdbg.vocabulary.requests import PARAMETERS
from agentdbg.vocabulary.responses import answers, figures

KINDS = {
    "LLM": "llm", "TOOL": "tool", "AGENT": "agent", "RETRIEVER": "retriever", "GUARDRAIL": "guard",
    "CHAIN": "other", "EMBEDDING": "other", "RERANKER": "other", "EVALUATOR": "other", "UNKNOWN": "other",
}  # fmt: skip
FIELDS = {"session_id": ("session.id",), "provider": ("llm.provider", "llm.system")}
LLM_FIELDS = {
    "model": ("llm.model_name",),
    "input_tokens": ("llm.token_count.prompt",),
    "output_tokens": ("llm.token_count.completion",),
    "cached_tokens": ("llm.token_count.prompt_details.cache_read",),
    "cache_write_tokens": ("llm.token_count.prompt_details.cache_write",),
    "reasoning_tokens": ("llm.token_count.completion_details.reasoning",),
    "reported_cost_usd": ("llm.cost.total",),
    "finish_reason": ("llm.finish_reason",),
}
# Of what stands in `llm.invocation_parameters` (a request, a response object or LangChain's own arguments), these are
# parameters.
ASKED = [*PARAMETERS, "text"]
# Instrumentations that tell of a tool what Python called it with: {"args": …, "kwargs": …}.
PYTHON_CALLS = {f"openinference.instrumentation.{name}" for name in ("smolagents", "dspy", "llama_index")}
DOCUMENTS = "retrieval.documents."
_CALL = {"args", "kwargs", "sanitize_inputs_outputs"}
CLASS_SUFFIXES = (
    ".run",
    ".arun",
    "._execute_core",
    ".execute",
    ".invoke",
    ".ainvoke",
    ".on_messages_stream",
    ".on_messages",
)


class OpenInference:
    """Spans with `openinference.span.kind`."""

    name = "openinference"
    rank = 30

    def claims(self, span: RawSpan) -> bool:
        return "openinference.span.kind" in span.attributes

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        if row.kind == "other":
            row.kind = KINDS.get(str(attributes["openinference.span.kind"]).upper(), "other")
        fill(row, attributes, FIELDS)
        metadata = parsed(attributes.get("metadata"))
        metadata = metadata if isinstance(metadata, dict) else {}
        row.graph_step = langgraph.step(metadata)
        _agent(span, metadata, row)
        if row.kind == "tool":
            _tool(span, metadata, row)
        elif row.kind == "llm":
            _call(attributes, row)
        else:
            _offered(attributes, row)
            keep_json(row, "input", attributes.get("input.value"))
            keep_json(row, "output", attributes.get("output.value"))
            if row.kind == "retriever" and row.output is None:
                found, _ = unflattened(attributes, DOCUMENTS)
                keep_json(row, "output", [_document(item) for item in found] or None)


def _document(item: Any) -> Any:
    return item.get("document", item) if isinstance(item, dict) else item


def _agent(span: RawSpan, metadata: dict[str, Any], row: SpanRow) -> None:
    attributes = span.attributes
    if row.agent_hint is not None:
        return
    for key in ("agent.name", "graph.node.name", "graph.node.id"):
        if row.kind == "agent" and attributes.get(key):
            row.agent_hint, row.agent_rule = str(attributes[key]), key
            return
    if told := langgraph.agent(metadata):
        row.agent_hint, row.agent_rule = told
    elif attributes.get("agent.name"):
        row.agent_hint, row.agent_rule = str(attributes["agent.name"]), "agent.name"
    elif row.kind == "agent" and not metadata.get("langgraph_node"):
        name = span.name
        for suffix in CLASS_SUFFIXES:
            name = name.removesuffix(suffix)
        row.agent_hint, row.agent_rule = name, "span name"


def _tool(span: RawSpan, metadata: dict[str, Any], row: SpanRow) -> None:
    attributes = span.attributes
    keep(row, "tool", attributes.get("tool.name") or span.name.removesuffix(".__call__"))
    keep(row, "tool_call_id", attributes.get("tool_call.id") or attributes.get("tool.id"))
    if span.name.startswith("handoff to ") and attributes.get("output.value"):  # openai-agents: from in, to out
        keep(row, "handoff_from", attributes.get("input.value"))
        keep(row, "handoff_to", attributes["output.value"])
        row.handoff_rule = "handoff span"
    elif destination := metadata.get("__handoff_destination"):
        keep(row, "handoff_to", destination)
        row.handoff_rule = "__handoff_destination"
    given = literal(attributes.get("input.value"))
    keep_json(row, "input", _arguments(given) if span.scope in PYTHON_CALLS else given)
    if attributes.get("output.value") is not None and row.output is None:
        read = decoded if attributes.get("output.mime_type") == "application/json" else parsed
        row.output = dump(tool_result(read(attributes["output.value"])))


def _offered(attributes: dict[str, Any], row: SpanRow) -> None:
    """The tools of an agent of smolagents, which its model is told of in prose, with the agents that it may call."""
    names = parsed(attributes.get("smolagents.tools_names"))
    managed, _ = unflattened(attributes, "smolagents.managed_agents.")
    if tools := tool_definitions([*listed(names), *managed]):
        row.tools = dump(tools)


def _arguments(given: Any) -> Any:
    """What a tool was given, out of the Python call around it."""
    if isinstance(given, dict) and "kwargs" in given and set(given) <= _CALL and not given.get("args"):
        return given["kwargs"]
    return given


def _call(attributes: dict[str, Any], row: SpanRow) -> None:
    fill(row, attributes, LLM_FIELDS)
    invocation = parsed(attributes.get("llm.invocation_parameters"))
    invocation = invocation if isinstance(invocation, dict) else {}
    keep(row, "request_model", invocation.get("model") or invocation.get("model_name"))
    if row.parameters is None:
        found = {key: invocation[key] for key in ASKED if invocation.get(key) is not None}
        row.parameters = dump(found) if found else None
    offered, _ = unflattened(attributes, "llm.tools.")
    told = [tool.get("tool", tool) for tool in offered if isinstance(tool, dict)]
    schemas = [tool.get("json_schema", tool) for tool in told if isinstance(tool, dict)]
    if tools := tool_definitions(schemas) or tool_definitions(invocation.get("tools")):
        row.tools = dump(tools)
    _content(attributes, row)


def _told(item: dict[str, Any]) -> list[dict[str, Any]]:
    """One flattened message; autogen's results of tools stand beside it, several in one."""
    results = [parsed(one) for one in listed(item.get("function"))]
    if results and all(isinstance(one, dict) and "content" in one for one in results):
        return [{"role": "tool", "tool_call_id": one.get("call_id"), **one} for one in results]
    return [item.get("message", item)]


def _content(attributes: dict[str, Any], row: SpanRow) -> None:
    asked, gaps = unflattened(attributes, "llm.input_messages.")
    given = messages([one for item in asked if isinstance(item, dict) for one in _told(item)])
    given = given or said(attributes.get("input.value"))
    keep_messages(row, "input", given)
    answered, _ = unflattened(attributes, "llm.output_messages.")
    answer = messages([item.get("message", item) for item in answered if isinstance(item, dict)], "assistant")
    raw = parsed(attributes.get("output.value"))
    for field, told in figures(raw).items():
        if field != "model":  # the model's name has an attribute of its own; a request may stand here as well
            keep(row, field, told)
    answer = answer or (answers(raw) if row.status != "error" else None)
    keep_messages(row, "output", answer)
    row.payload_cut = row.payload_cut or gaps
