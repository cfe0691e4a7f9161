"""LangSmith runs as the LangSmith importer keeps them (`langsmith.*`), and as its SDK sends them over OpenTelemetry
(`langsmith.span.kind`, `langsmith.metadata.*`, inputs and outputs as `gen_ai.prompt` and `gen_ai.completion`); with
LangGraph's metadata where it is there."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary import failures, langgraph
from agentdbg.vocabulary.fields import first, keep, keep_messages
from agentdbg.vocabulary.jsontext import dump, literal, parsed, parsed_object
from agentdbg.vocabulary.messages import Message, messages, tool_definitions
from agentdbg.vocabulary.requests import PARAMETERS
from agentdbg.vocabulary.responses import usage

KINDS = {"llm": "llm", "tool": "tool", "retriever": "retriever"}
OTEL_KIND = "langsmith.span.kind"
OTEL_METADATA = "metadata."
OTEL_FIELDS = {"run_type": OTEL_KIND, "inputs": "gen_ai.prompt", "outputs": "gen_ai.completion"}


class LangSmith:
    """Runs of LangSmith."""

    name = "langsmith"
    rank = 10

    def claims(self, span: RawSpan) -> bool:
        return span.scope == "langsmith" or OTEL_KIND in span.attributes

    def read(self, span: RawSpan, row: SpanRow) -> None:
        run = {key.removeprefix("langsmith."): value for key, value in span.attributes.items()}
        if OTEL_KIND in span.attributes:
            run |= {ours: span.attributes.get(theirs) for ours, theirs in OTEL_FIELDS.items()}
            _late_error(span, row)
        metadata = _metadata(run)
        row.kind = KINDS.get(str(run.get("run_type")).lower(), "other")
        row.session_id = langgraph.session(metadata) or langgraph.session({"thread_id": run.get("thread_id")})
        row.graph_step = langgraph.step(metadata)
        if told := langgraph.agent(metadata):
            row.agent_hint, row.agent_rule = told
        inputs, outputs = parsed(run.get("inputs")), parsed(run.get("outputs"))
        if row.kind == "llm":
            _call(run, metadata, inputs, outputs, row)
        elif row.kind == "tool":
            _tool(span, run, metadata, inputs, outputs, row)
        else:
            _payload(row, "input", inputs)
            _payload(row, "output", outputs)


def _late_error(span: RawSpan, row: SpanRow) -> None:
    """A run that fails after it was posted: its span is OK from the post on, which OpenTelemetry lets nobody take back.
    The SDK records an exception for the error of a run and for nothing else."""
    raised = [event.attributes for event in span.events if event.name == "exception"]
    if span.scope == "langsmith" and row.status == "ok" and row.control_flow is None and raised:
        row.status = "error"
        row.error_type, row.error_message = failures.split(str(raised[-1].get("exception.message") or ""))


def _metadata(run: dict[str, Any]) -> dict[str, Any]:
    found = {key.removeprefix(OTEL_METADATA): run[key] for key in run if key.startswith(OTEL_METADATA)}
    for source in (run.get("custom_metadata"), run.get("metadata"), parsed_object(run.get("extra")).get("metadata")):
        found |= parsed_object(source)
    return found


def _payload(row: SpanRow, field: str, value: Any) -> None:
    # {} is what LangSmith stores where nothing was given or the field was not exported: not recorded, not empty
    if value not in (None, {}, ""):
        setattr(row, field, dump(value))


def _tool(
    span: RawSpan, run: dict[str, Any], metadata: dict[str, Any], inputs: Any, outputs: Any, row: SpanRow
) -> None:
    row.tool = span.name
    if destination := metadata.get("__handoff_destination"):
        row.handoff_to, row.handoff_rule = str(destination), "__handoff_destination"
    _payload(row, "input", _arguments(inputs))
    result = outputs.get("output", outputs) if isinstance(outputs, dict) else outputs
    if isinstance(result, dict) and "tool_call_id" in result and "content" in result:
        row.tool_call_id = str(result["tool_call_id"])
        result = parsed(result["content"])
    if outputs not in (None, {}) and not (result is None and row.status == "error"):
        row.output = dump(result)
    keep(row, "tool_call_id", parsed_object(run.get("extra")).get("tool_call_id") or _commanded(result))


def _commanded(result: Any) -> Any:
    """The call that a tool answered which gave back a Command: the last message of its update is the answer."""
    said = parsed_object(parsed_object(result).get("update")).get("messages")
    last = said[-1] if isinstance(said, list) and said else None
    return last.get("tool_call_id") if isinstance(last, dict) else None


def _arguments(inputs: Any) -> Any:
    """LangChain puts a tool's arguments under `input`, as text that is a Python or JSON literal."""
    if isinstance(inputs, dict) and set(inputs) == {"input"}:
        return literal(inputs["input"])
    return inputs


def _call(run: dict[str, Any], metadata: dict[str, Any], inputs: Any, outputs: Any, row: SpanRow) -> None:
    invocation = parsed_object(parsed_object(run.get("extra")).get("invocation_params")) or parsed_object(
        metadata.get("ls_invocation_params")
    )
    request = parsed_object(inputs)
    sources = (invocation, request, metadata)
    answer = _answer(outputs)
    system = messages(request.get("system") or request.get("instructions"), "system") or []
    given = messages(request.get("messages", request.get("prompts", request.get("input"))))
    keep_messages(row, "input", system + given if given else None)
    keep_messages(row, "output", [said for said, _ in answer])
    _usage(run, metadata, answer[0][1] if answer else {}, outputs, row)
    asked = {"model": metadata.get("ls_model_name"), **request, **invocation}
    keep(row, "request_model", first(asked, ("model", "model_name")))
    keep(row, "model", row.request_model)
    keep(row, "provider", metadata.get("ls_provider"))
    listed = invocation.get("tools") or invocation.get("functions") or request.get("tools")
    if tools := tool_definitions(listed):
        row.tools = dump(tools)
    found = {
        key: value
        for key in PARAMETERS
        if (value := next((s[key] for s in sources if s.get(key) is not None), None)) is not None
    }
    row.parameters = dump(found) if found else None
    whole = bool(invocation) or ("model" in request and bool({"messages", "input"} & request.keys()))
    row.records_tools = whole or (None if "span.kind" in run else False)  # else otel_genai knows
    row.records_parameters = whole or "_type" in metadata  # over OpenTelemetry LangChain's parameters stand there


def _answer(outputs: Any) -> list[tuple[Message, dict[str, Any]]]:
    """Each answer with the raw message it came from (where usage and ids sit)."""
    raw = _raw_answers(outputs) if isinstance(outputs, dict) else outputs
    found = messages(raw, "assistant") or []
    items = raw if isinstance(raw, list) else [raw]
    sources = [parsed_object(item.get("kwargs", item)) if isinstance(item, dict) else {} for item in items]
    return [(said, sources[index] if index < len(sources) else {}) for index, said in enumerate(found)]


def _raw_answers(outputs: dict[str, Any]) -> list[Any]:
    generations = outputs.get("generations")
    if isinstance(generations, list) and generations:  # LangChain: one list a prompt
        batch = generations[0] if isinstance(generations[0], list) else generations
        return [
            parsed_object(item).get("message") or {"role": "assistant", "content": parsed_object(item).get("text")}
            for item in batch
        ]
    if outputs.get("role") == "assistant":  # wrap_anthropic: the response is the message
        return [outputs]
    if isinstance(outputs.get("choices"), list):  # a Chat Completions response
        return [
            {**parsed_object(choice.get("message")), "finish_reason": choice.get("finish_reason")}
            for choice in map(parsed_object, outputs["choices"])
        ]
    for key in ("output", "messages", "message", "content"):
        if inner := outputs.get(key):
            return inner if isinstance(inner, list) and key != "content" else [outputs if key == "content" else inner]
    return []


def _usage(run: dict[str, Any], metadata: dict[str, Any], raw: dict[str, Any], outputs: Any, row: SpanRow) -> None:
    response, whole = parsed_object(raw.get("response_metadata")), parsed_object(outputs)
    used = parsed_object(raw.get("usage_metadata") or metadata.get("usage_metadata") or whole.get("usage_metadata"))
    used = used or parsed_object(whole.get("usage"))
    for field, count in usage(used).items():
        keep(row, field, count)
    if row.status != "error":  # LangSmith rolls up 0 where a failed call reported nothing
        told = {**run, **parsed_object(run.get("token_usage"))}
        keep(row, "input_tokens", first(told, ("prompt_tokens", "input_tokens")))
        keep(row, "output_tokens", first(told, ("completion_tokens", "output_tokens")))
    details_in, details_out = (
        parsed_object(used.get("input_token_details")),
        parsed_object(used.get("output_token_details")),
    )
    keep(row, "cached_tokens", details_in.get("cache_read"))
    keep(row, "cache_write_tokens", details_in.get("cache_creation"))
    keep(row, "reasoning_tokens", details_out.get("reasoning"))
    keep(row, "reported_cost_usd", run.get("total_cost") or parsed_object(run.get("costs")).get("total_cost"))
    keep(row, "model", first(response, ("model_name", "model")) or whole.get("model"))
    keep(row, "response_id", response.get("id") or whole.get("id"))
    keep(row, "finish_reason", first({**raw, **response}, ("finish_reason", "stop_reason")))
