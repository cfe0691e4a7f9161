"""OpenAI Chat Completions, as OpenAI and everything compatible with it speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentdbg.replay.answering import (
    Event,
    arguments_text,
    as_recorded,
    created,
    finish_of,
    openai_error,
    pieces,
    result_text,
    said,
    sent_parameters,
    text_of,
    tokens,
    tool_call_id,
)
from agentdbg.replay.asked import Asked, received
from agentdbg.replay.call import Call, Message

_FINISHES = {"refused": "content_filter"}
_PARAMETERS = {
    name: name
    for name in (
        "temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop", "frequency_penalty",
        "presence_penalty", "parallel_tool_calls", "response_format", "reasoning_effort",
    )
}  # fmt: skip


class ChatCompletions:
    """`POST /v1/chat/completions`; any prefix, as gateways and Azure have one."""

    api = "OpenAI Chat Completions"

    def claims(self, path: str) -> bool:
        return path.endswith("/chat/completions")

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        return received(body, None, body.get("messages"), bool(body.get("stream")))

    def request(self, call: Call) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": call.model or "unknown"}
        body["messages"] = [one for message in call.messages or () for one in _messages(message)]
        if call.tools:
            body["tools"] = [{"type": "function", "function": _told(tool)} for tool in call.tools]
        return "/v1/chat/completions", body | sent_parameters(call, _PARAMETERS)

    def answer(self, call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text_of(call) or None, "refusal": None}
        calls = [
            {
                "id": tool_call_id(call, n, part),
                "type": "function",
                "function": {"name": part["name"], "arguments": arguments_text(part)},
            }
            for n, part in said(call)
            if part["type"] == "tool_call"
        ]
        if calls:
            message["tool_calls"] = calls
        elif message["content"] is None:
            message["content"] = ""
        reasoning = "\n".join(part["text"] for _, part in said(call) if part["type"] == "reasoning")
        if reasoning:
            message["reasoning_content"] = reasoning  # what DeepSeek began and others took up
        finish = _FINISHES.get(finish_of(call), finish_of(call))
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        return {**_head(call, body, "chat.completion"), "choices": [choice], "usage": _usage(call)}

    def events(self, call: Call, body: Mapping[str, Any]) -> list[Event]:
        whole = self.answer(call, body)["choices"][0]
        message, head = whole["message"], _head(call, body, "chat.completion.chunk")
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
        deltas += [{"reasoning_content": piece} for piece in pieces(message.get("reasoning_content") or "")]
        deltas += [{"content": piece} for piece in pieces(message["content"] or "")]
        for n, asked in enumerate(message.get("tool_calls", ())):
            deltas.append({"tool_calls": [{**asked, "index": n, "function": {**asked["function"], "arguments": ""}}]})
            for piece in pieces(asked["function"]["arguments"]):
                deltas.append({"tool_calls": [{"index": n, "function": {"arguments": piece}}]})
        ends = [None] * len(deltas) + [whole["finish_reason"]]
        choices = [
            {"index": 0, "delta": delta, "finish_reason": end, "logprobs": None}
            for delta, end in zip([*deltas, {}], ends, strict=True)
        ]
        chunks = [{**head, "choices": [choice], **({"usage": None} if with_usage else {})} for choice in choices]
        if with_usage:
            chunks.append({**head, "choices": [], "usage": _usage(call)})
        return [(None, chunk) for chunk in chunks] + [(None, "[DONE]")]

    def error(self, status: int, kind: str, message: str) -> dict[str, Any]:
        return openai_error(kind, message)


def _head(call: Call, body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    model = call.model or body.get("model")
    return {"id": f"chatcmpl-{call.span_id}", "object": kind, "created": created(call), "model": model}


def _usage(call: Call) -> dict[str, Any]:
    given, told, cached, reasoning = tokens(call)
    return {
        "prompt_tokens": given,
        "completion_tokens": told,
        "total_tokens": given + told,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def _told(tool: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tool.items() if value is not None}


def _messages(message: Message) -> list[dict[str, Any]]:
    """One message, or one each for the results of tools."""
    out: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": part.get("id") or "", "content": result_text(part)}
        for part in message["parts"]
        if part["type"] == "tool_result"
    ]
    content = [
        {"type": "text", "text": part["text"]} if part["type"] == "text" else as_recorded(part)
        for part in message["parts"]
        if part["type"] in ("text", "media")
    ]
    calls = [
        {
            "id": part.get("id") or "",
            "type": "function",
            "function": {"name": part["name"], "arguments": arguments_text(part)},
        }
        for part in message["parts"]
        if part["type"] == "tool_call"
    ]
    if content or calls:
        plain = content[0]["text"] if len(content) == 1 and content[0]["type"] == "text" else content or None
        more = {"name": message["name"]} if message.get("name") else {}
        out.append({"role": message["role"], "content": plain, **more, **({"tool_calls": calls} if calls else {})})
    return out
