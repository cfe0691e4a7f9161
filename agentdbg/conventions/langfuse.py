"""Langfuse's own words: observations as the importer keeps them (`langfuse.<field>`, in camelCase or snake_case), and
what Langfuse's SDKs write on OpenTelemetry spans (`langfuse.observation.<field>`).

It speaks last: an observation that was recorded by another instrumentation is told best by that one's attributes, of
which Langfuse has moved the payload to `input` and `output`."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary import failures, langgraph
from agentdbg.vocabulary.fields import count, first, keep, keep_json, keep_messages, number
from agentdbg.vocabulary.jsontext import decoded, dump, literal, load, parsed
from agentdbg.vocabulary.messages import Message, messages, tool_definitions, tool_result
from agentdbg.vocabulary.responses import answers

TYPE = ("langfuse.type", "langfuse.observation.type")
KINDS = {
    "GENERATION": "llm", "TOOL": "tool", "AGENT": "agent", "RETRIEVER": "retriever", "GUARDRAIL": "guard",
    "TRACE": "workflow",
}  # fmt: skip
INPUT = ("langfuse.input", "langfuse.observation.input", "langfuse.trace.input")
OUTPUT = ("langfuse.output", "langfuse.observation.output", "langfuse.trace.output")
MODEL = ("langfuse.model", "langfuse.providedModelName", "langfuse.provided_model_name",
         "langfuse.observation.model.name")  # fmt: skip
PARAMETERS = ("langfuse.modelParameters", "langfuse.model_parameters", "langfuse.observation.model.parameters")
USAGE = ("langfuse.usageDetails", "langfuse.usage_details", "langfuse.observation.usage_details", "langfuse.usage")
COST = ("langfuse.costDetails", "langfuse.cost_details", "langfuse.observation.cost_details")
TOTAL_COST = ("langfuse.calculatedTotalCost", "langfuse.totalCost", "langfuse.total_cost")
SESSION = ("langfuse.trace.sessionId", "langfuse.sessionId", "langfuse.session_id", "session.id")
TOOLS = ("langfuse.toolDefinitions", "langfuse.tool_definitions")
# Of modelParameters, which may repeat a whole request or response, these are parameters.
NAMED = {
    "temperature": "temperature", "top_p": "top_p", "topP": "top_p", "top_k": "top_k", "topK": "top_k", "seed": "seed",
    "max_tokens": "max_tokens", "maxTokens": "max_tokens", "max_completion_tokens": "max_completion_tokens",
    "max_output_tokens": "max_output_tokens", "stop": "stop", "stop_sequences": "stop",
    "frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty", "n": "n",
    "tool_choice": "tool_choice", "toolChoice": "tool_choice", "parallel_tool_calls": "parallel_tool_calls",
    "response_format": "response_format", "reasoning_effort": "reasoning_effort",
}  # fmt: skip
WORDS = ("stop", "tool_choice", "response_format", "reasoning_effort")  # parameters that are no numbers or switches
ABSENT: tuple[Any, ...] = (None, "", "null", "None", "{}", "[]", {}, [], -1)
# Buckets of usageDetails are priced one by one and do not overlap; these count as input under another name.
APART = ("cache_read_input_tokens", "cache_creation_input_tokens")


class Langfuse:
    """Observations of a Langfuse export, and spans of Langfuse's own SDKs."""

    name = "langfuse"
    rank = 80

    def claims(self, span: RawSpan) -> bool:
        return any(key in span.attributes for key in TYPE)

    def read(self, span: RawSpan, row: SpanRow) -> None:
        attributes = span.attributes
        metadata = _metadata(attributes)
        _level(attributes, row)
        given, answered = decoded(first(attributes, INPUT)), decoded(first(attributes, OUTPUT))
        told_already = "openinference.span.kind" in attributes or "gen_ai.operation.name" in attributes
        if row.kind == "other" and not told_already:
            row.kind = KINDS.get(str(first(attributes, TYPE)).upper(), "other")
        if row.kind == "other" and _is_tool_message(answered, span.name):
            row.kind = "tool"
        keep(row, "session_id", first(attributes, SESSION))
        _agent(span, metadata, row)
        if row.kind == "llm":
            _call(attributes, metadata, given, answered, row)
        elif row.kind == "tool":
            _tool(span, given, answered, row)
        else:
            keep_json(row, "input", given)
            keep_json(row, "output", answered)


def _level(attributes: dict[str, Any], row: SpanRow) -> None:
    """What `update(level="ERROR")` says, which leaves the status of the span unset."""
    if attributes.get("langfuse.observation.level") == "ERROR" and row.status != "error":
        row.status = "error"
        message = attributes.get("langfuse.observation.status_message")
        row.error_type, row.error_message = failures.split(str(message)) if message else (None, None)


def _metadata(attributes: dict[str, Any]) -> dict[str, Any]:
    found = parsed(attributes.get("langfuse.metadata"))
    if isinstance(found, dict):
        return found
    prefix = "langfuse.observation.metadata."
    return {key.removeprefix(prefix): parsed(value) for key, value in attributes.items() if key.startswith(prefix)}


def _agent(span: RawSpan, metadata: dict[str, Any], row: SpanRow) -> None:
    # `langgraph_node` alone is what Langfuse asks of every framework for its graph view: it names steps, not agents
    if "langgraph_checkpoint_ns" in metadata or "langgraph_path" in metadata:
        row.graph_step = langgraph.step(metadata) if row.graph_step is None else row.graph_step
        told = langgraph.agent(metadata)
        if told and row.agent_hint is None:
            row.agent_hint, row.agent_rule = told
    if row.kind == "agent" and row.agent_hint is None:
        for key in ("gen_ai.agent.name", "gen_ai.agent.id"):
            if span.attributes.get(key):
                row.agent_hint, row.agent_rule = str(span.attributes[key]), key
                return
        row.agent_hint, row.agent_rule = span.name or None, "span name"


def _is_tool_message(answered: Any, name: str) -> bool:
    """What LangChain's callbacks record of a tool: its answer is the tool's message, by the name of the span."""
    if not isinstance(answered, dict):
        return False
    inner = answered.get("kwargs") if answered.get("type") == "constructor" else answered
    return isinstance(inner, dict) and "tool_call_id" in inner and inner.get("name", name) == name


def _tool(span: RawSpan, given: Any, answered: Any, row: SpanRow) -> None:
    keep(row, "tool", span.name)
    inner = answered.get("kwargs", answered) if isinstance(answered, dict) else None
    if isinstance(inner, dict):
        keep(row, "tool_call_id", inner.get("tool_call_id"))
    keep_json(row, "input", literal(given))
    keep_json(row, "output", tool_result(answered))


def _call(attributes: dict[str, Any], metadata: dict[str, Any], given: Any, answered: Any, row: SpanRow) -> None:
    keep(row, "model", first(attributes, MODEL))
    keep(row, "request_model", first(metadata, ("ls_model_name",)))
    keep(row, "provider", metadata.get("ls_provider"))
    _usage(attributes, row)
    said, offered = _without_tools(given)
    system = messages(attributes.get("gen_ai.system_instructions"), "system") or []
    found = messages(said) or []
    keep_messages(row, "input", found if found and found[0]["role"] == "system" else (system if found else []) + found)
    if row.status != "error" or isinstance(answered, dict | list):
        keep_messages(row, "output", answers(answered))
    if row.output and row.finish_reason is None:
        keep(row, "finish_reason", (parsed(row.output) or [{}])[0].get("finish_reason"))
    if row.tools is None and (tools := tool_definitions(offered or _tools(first(attributes, TOOLS)))):
        row.tools = dump(tools)
    _parameters(attributes, row)
    if all(key.startswith("langfuse.") for key in attributes):
        row.records_tools, row.records_parameters = row.tools is not None, False


def _usage(attributes: dict[str, Any], row: SpanRow) -> None:
    told = parsed(first(attributes, USAGE))
    told = told if isinstance(told, dict) else {}
    if str(told.get("unit") or "TOKENS").upper() == "TOKENS":
        counts = {key: tokens for key, value in told.items() if (tokens := count(value)) is not None}
        given = [counts[key] for key in counts if key.startswith("input") or key in APART]
        answered = [counts[key] for key in counts if key.startswith("output")]
        total_in = sum(given) if given else counts.get("promptTokens")
        total_out = sum(answered) if answered else counts.get("completionTokens")
        # Langfuse counts and prices by itself what came without usage; the response itself knows better
        if row.output_tokens is not None and (row.input_tokens, row.output_tokens) != (total_in, total_out):
            return
        keep(row, "input_tokens", total_in)
        keep(row, "output_tokens", total_out)
        for field, words in (
            ("cached_tokens", ("cache_read", "cached")),
            ("cache_write_tokens", ("cache_creation", "cache_write")),
            ("reasoning_tokens", ("reasoning",)),
        ):
            parts = [counts[key] for key in counts if any(word in key for word in words)]
            keep(row, field, sum(parts) if parts else None)
    costs = parsed(first(attributes, COST))
    if isinstance(costs, dict) and costs:
        keep(row, "reported_cost_usd", costs.get("total"))
    elif total := number(first(attributes, TOTAL_COST)):  # 0 where Langfuse knows no price
        keep(row, "reported_cost_usd", total)


def _without_tools(given: Any) -> tuple[Any, list[Any]]:
    """Langfuse's callback for LangChain adds the tools that were offered to the messages, as messages of role tool."""
    offered: list[Any] = []
    if not isinstance(given, list):
        return given, offered
    kept: list[Message] = []
    for item in given:
        content = parsed(item.get("content")) if isinstance(item, dict) and item.get("role") == "tool" else None
        if isinstance(content, dict) and isinstance(content.get("function"), dict) and "tool_call_id" not in item:
            offered.append(content)
        else:
            kept.append(item)
    return kept, offered


def _tools(value: Any) -> Any:
    """Tool definitions as the export has them: a list, or {name: JSON text of the rest}."""
    value = parsed(value)
    if isinstance(value, dict) and "function" not in value and "name" not in value:
        return [{"name": name, **rest} for name, text in value.items() if isinstance(rest := parsed(text), dict)]
    return value


def _parameters(attributes: dict[str, Any], row: SpanRow) -> None:
    told = parsed(first(attributes, PARAMETERS))
    if row.parameters is None and isinstance(told, dict):
        found = {NAMED[key]: value for key, value in told.items() if key in NAMED and value not in ABSENT}
        found = {key: parsed(value) if key in WORDS else _figure(value) for key, value in found.items()}
        row.parameters = dump(found) if found else None


def _figure(value: Any) -> Any:
    """A number or switch, also as the text that some versions of Langfuse make of it."""
    try:
        return load(value) if isinstance(value, str) else value
    except ValueError:
        return value
