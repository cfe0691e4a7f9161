"""OpenLLMetry (Traceloop), both generations: `traceloop.*` around everything, prompts flattened as
`gen_ai.prompt.N.*` in the first."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary import langgraph
from agentdbg.vocabulary.fields import fill, first, keep, keep_messages, speaks, unflattened
from agentdbg.vocabulary.jsontext import decoded, dump, literal, parsed, parsed_object
from agentdbg.vocabulary.messages import answered_call, messages, tool_definitions, tool_result

KINDS = {"workflow": "workflow", "task": "other", "agent": "agent", "tool": "tool"}
PROPERTY = "traceloop.association.properties."
REQUESTS = ("chat", "completion", "acompletion")  # the last as LiteLLM writes it
USAGE = {
    "input_tokens": ("gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
    "output_tokens": ("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"),
}


class OpenLLMetry:
    """Spans with `traceloop.*`, and model calls of its first generation."""

    name = "openllmetry"
    rank = 25

    def claims(self, span: RawSpan) -> bool:
        keys = span.attributes
        return "llm.request.type" in keys or "gen_ai.workflow.nodes" in keys or speaks(keys, "traceloop.")

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        metadata = _metadata(attributes)
        kind = attributes.get("traceloop.span.kind")
        row.kind = KINDS.get(str(kind), row.kind) if row.kind == "other" else row.kind
        row.session_id = row.session_id or langgraph.session(metadata)
        row.graph_step = langgraph.step(metadata)
        _agent(attributes, metadata, row)
        if attributes.get("llm.request.type") in REQUESTS:
            row.kind = "llm"
            _call(attributes, row)
        elif row.kind == "tool":
            keep(row, "tool", first(attributes, ("gen_ai.tool.name", "traceloop.entity.name")))
            _payload(row, "input", _arguments(parsed(attributes.get("traceloop.entity.input"))))
            given_back = _inner(attributes.get("traceloop.entity.output"), ("outputs", "output"))
            keep(row, "tool_call_id", answered_call(given_back))
            _payload(row, "output", tool_result(given_back))
        elif row.kind != "llm":
            _payload(row, "input", _inner(attributes.get("traceloop.entity.input"), ("inputs",)))
            _payload(row, "output", _inner(attributes.get("traceloop.entity.output"), ("outputs",)))
        row.records_tools, row.records_parameters = True, False  # the seed is not


def _metadata(attributes: dict[str, Any]) -> dict[str, Any]:
    """LangGraph's metadata: association properties, and without the SDK what LangChain's callback was given."""
    told = {key.removeprefix(PROPERTY): value for key, value in attributes.items() if key.startswith(PROPERTY)}
    if "langgraph_node" in told:
        return told
    return parsed_object(parsed_object(attributes.get("traceloop.entity.input")).get("metadata")) | told


def _agent(attributes: dict[str, Any], metadata: dict[str, Any], row: SpanRow) -> None:
    if told := langgraph.agent(metadata):
        row.agent_hint, row.agent_rule = told
    elif row.kind == "agent" and (named := attributes.get("traceloop.entity.name")):
        row.agent_hint, row.agent_rule = str(named), "traceloop.entity.name"
    elif (
        attributes.get("gen_ai.provider.name") == "langgraph"
        and attributes.get("gen_ai.operation.name") == "invoke_agent"
    ):
        # the graph itself: an agent only where its nodes are the inside of one
        nodes = attributes.get("gen_ai.workflow.nodes")
        inside = isinstance(nodes, list) and nodes and all(str(node).lower() in langgraph.STRUCTURAL for node in nodes)
        row.kind = "agent" if inside else "workflow"


def _call(attributes: dict[str, Any], row: SpanRow) -> None:
    fill(row, attributes, USAGE)
    said, gaps = unflattened(attributes, "gen_ai.prompt.")
    answered, _ = unflattened(attributes, "gen_ai.completion.")
    keep_messages(row, "input", messages(said))
    spoken = [item for item in answered if isinstance(item, dict) and set(item) - {"finish_reason"}]
    keep_messages(row, "output", messages(spoken, "assistant"))
    row.payload_cut = row.payload_cut or gaps
    finish = answered[0].get("finish_reason") if answered and isinstance(answered[0], dict) else None
    keep(row, "finish_reason", finish)
    listed, _ = unflattened(attributes, "llm.request.functions.")
    if tools := tool_definitions(listed):
        row.tools = row.tools or dump(tools)


def _payload(row: SpanRow, field: str, value: Any) -> None:
    if value is not None and getattr(row, field) is None:
        setattr(row, field, dump(value))


def _inner(value: Any, keys: tuple[str, ...]) -> Any:
    """What LangChain's callbacks wrap in {"inputs": …, "tags": …, "metadata": …}."""
    value = decoded(value)
    if isinstance(value, dict):
        return parsed(next((value[key] for key in keys if key in value), value))
    return value


def _arguments(value: Any) -> Any:
    """A tool's arguments: the decorators record {"args": […], "kwargs": {…}}, LangChain {"input_str": "…"}."""
    if not isinstance(value, dict):
        return value
    if "input_str" in value:
        return literal(value["input_str"])
    if set(value) == {"args", "kwargs"} and not value["args"]:
        return value["kwargs"]
    return value.get("inputs", value)
