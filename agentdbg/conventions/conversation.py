"""Chat messages as the importers of message lists keep them (`conversation.*`): what each tells of its call."""

from __future__ import annotations

from typing import Any

from agentdbg.rows import RawSpan, SpanRow
from agentdbg.vocabulary import langgraph
from agentdbg.vocabulary.fields import fill, first, keep, keep_messages
from agentdbg.vocabulary.jsontext import dump, parsed
from agentdbg.vocabulary.messages import messages, tool_definitions, tool_result
from agentdbg.vocabulary.requests import PARAMETERS
from agentdbg.vocabulary.responses import answers, figures, usage

SCOPES = {"chat", "langsmith-fetch"}
KINDS = {"run": "workflow", "agent": "agent", "answer": "llm", "tool": "tool", "aside": "other"}
RULE = "message name"
# What a message tells of the call that made it, beside its usage.
TOLD = {
    "model": ("response_metadata.model_name", "response_metadata.model", "model"),
    "provider": ("response_metadata.model_provider", "response_metadata.ls_provider"),
    "response_id": ("response_metadata.id",),
    "finish_reason": ("response_metadata.finish_reason", "response_metadata.stop_reason", "finish_reason",
                      "stop_reason"),
}  # fmt: skip
USAGE = ("usage_metadata", "response_metadata.token_usage", "response_metadata.usage", "usage")
SESSION = ("thread_id", "session_id", "conversation_id", "sessionId", "conversationId", "threadId")


class Conversation:
    """Spans that were rebuilt from messages."""

    name = "conversation"
    rank = 10

    def claims(self, span: RawSpan) -> bool:
        return span.scope in SCOPES

    def read(self, span: RawSpan, row: SpanRow) -> None:
        told = {key.removeprefix("conversation."): value for key, value in span.attributes.items()}
        step = told.get("step")
        row.kind = KINDS.get(str(step), "other")
        if step == "agent":
            row.agent_hint, row.agent_rule = span.name, RULE
        elif step == "answer":
            _answer(told, row)
        elif step == "tool":
            _tool(span, told, row)
        elif step == "run":
            _run(told, row)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _body(message: Any) -> dict[str, Any]:
    """The fields of a message, out of the wrapping of LangChain's serialised forms."""
    message = _dict(message)
    inner = None if "content" in message else message.get("kwargs", message.get("data"))
    return _dict(inner) or message


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    """Fields, and those of objects in them as `outer.inner`."""
    objects = [(key, inner) for key, inner in value.items() if isinstance(inner, dict)]
    return {**value, **{f"{key}.{name}": one for key, inner in objects for name, one in inner.items()}}


def _answer(told: dict[str, Any], row: SpanRow) -> None:
    request, response = _dict(told.get("request")), told.get("response")
    said = answers(response) if response is not None else messages(told.get("message"), "assistant")
    said = [{**message, "role": "assistant"} for message in said or ()]  # in a group chat they may have the user's
    keep_messages(row, "input", messages(told.get("messages")))
    keep_messages(row, "output", said)
    row.payload_cut = row.payload_cut or "input" in (told.get("agentdbg.derived") or ())
    for field, value in figures(response).items():
        keep(row, field, value)
    for message in told.get("message") or ():
        flat = _flat(_body(message))
        fill(row, flat, TOLD)
        _usage(_dict(first(flat, USAGE)), row)
    _usage(_dict(request.get("usage")), row)
    keep(row, "finish_reason", request.get("finish_reason"))
    keep(row, "request_model", request.get("model"))
    keep(row, "model", row.request_model)
    if tools := tool_definitions(request.get("tools") or request.get("functions")):
        row.tools = dump(tools)
    parameters = {name: request[name] for name in PARAMETERS if name in request}
    row.parameters = dump(parameters) if parameters else None
    # a logged request holds all that was sent; a bare list of messages holds nothing else
    row.records_tools = row.records_parameters = response is not None and bool(request.get("model"))


def _usage(figures: dict[str, Any], row: SpanRow) -> None:
    sent, made = _dict(figures.get("input_token_details")), _dict(figures.get("output_token_details"))
    for field, count in usage(figures).items():
        keep(row, field, count)
    keep(row, "cached_tokens", sent.get("cache_read"))
    keep(row, "cache_write_tokens", sent.get("cache_creation"))
    keep(row, "reasoning_tokens", made.get("reasoning"))


def _tool(span: RawSpan, told: dict[str, Any], row: SpanRow) -> None:
    call, result = _dict(told.get("call")), told.get("result")
    body = _body(result)
    keep(row, "tool", call.get("name") or (span.name if body.get("name") or result else None))
    keep(row, "tool_call_id", call.get("id") or first(body, ("tool_call_id", "call_id", "tool_use_id", "id")))
    if call.get("arguments") is not None:
        row.input = dump(call["arguments"])
    if result is not None:
        row.output = dump(_came_back(result))
    destination = _dict(body.get("response_metadata")).get("__handoff_destination")
    if destination:
        row.handoff_to, row.handoff_rule = str(destination), "__handoff_destination"


def _came_back(result: Any) -> Any:
    """The result in a tool's message, or in a part of one."""
    if _dict(result).get("type") == "tool_result" and "result" in result:
        return parsed(result["result"])
    told = messages([result], "tool") or []
    found = [part for message in told for part in message["parts"] if part["type"] == "tool_result"]
    return parsed(found[0]["result"]) if found else tool_result(result)


def _run(told: dict[str, Any], row: SpanRow) -> None:
    record = _dict(told.get("record"))
    metadata = {**_dict(record.get("metadata")), **_dict(_dict(record.get("metadata")).get("custom_metadata"))}
    keep(row, "session_id", first(record, SESSION) or first(metadata, SESSION) or langgraph.session(metadata))
    if asked := messages(told.get("input")):
        row.input = dump({"messages": asked})
    if said := answers(told.get("output")):
        row.output = dump({"messages": said})
