"""Anthropic Messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentdbg.replay.answering import (
    Event,
    arguments_object,
    arguments_text,
    as_recorded,
    finish_of,
    pieces,
    result_text,
    said,
    sent_parameters,
    spoken,
    system_text,
    tokens,
    tool_call_id,
)
from agentdbg.replay.asked import Asked, received
from agentdbg.replay.call import Call, Part

_STOPS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "refused": "refusal"}
_PARAMETERS = {
    "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "stop": "stop_sequences",
    "stop_sequences": "stop_sequences",
}  # fmt: skip
_MOST_TOKENS = 4096  # the API wants a limit; stands in where none is recorded
SIGNATURE = "agentdbg-replay"
"""Stands for the signature of reasoning, which no trace records: good for a client, never for the provider."""


class Messages:
    """`POST /v1/messages`."""

    api = "Anthropic Messages"

    def claims(self, path: str) -> bool:
        return path.endswith("/v1/messages")

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        return received(body, body.get("system"), body.get("messages"), bool(body.get("stream")))

    def request(self, call: Call) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": call.model or "unknown", "max_tokens": _MOST_TOKENS}
        if call.system:
            body["system"] = system_text(call)
        body["messages"] = [
            {"role": "assistant" if role == "assistant" else "user", "content": [_sent(part) for part in parts]}
            for role, parts in spoken(call.messages)
        ]
        if call.tools:
            body["tools"] = [_tool(tool) for tool in call.tools]
        return "/v1/messages", body | sent_parameters(call, _PARAMETERS)

    def answer(self, call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
        given, told, cached, _ = tokens(call)
        return {
            "id": f"msg_{call.span_id}",
            "type": "message",
            "role": "assistant",
            "model": call.model or body.get("model"),
            "content": [_block(call, n, part) for n, part in said(call)],
            "stop_reason": _STOPS[finish_of(call)],
            "stop_sequence": None,
            "usage": {
                "input_tokens": max(given - cached, 0),  # the only API that leaves cached tokens out
                "cache_read_input_tokens": cached,
                "cache_creation_input_tokens": 0,
                "output_tokens": told,
            },
        }

    def events(self, call: Call, body: Mapping[str, Any]) -> list[Event]:
        whole = self.answer(call, body)
        usage = whole["usage"]
        begun = whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 0}}
        told: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
        for n, (block, (_, part)) in enumerate(zip(whole["content"], said(call), strict=True)):
            told.append({"type": "content_block_start", "index": n, "content_block": block | _EMPTY[block["type"]]})
            told += [{"type": "content_block_delta", "index": n, "delta": delta} for delta in _deltas(block, part)]
            told.append({"type": "content_block_stop", "index": n})
        end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        told.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": usage["output_tokens"]}})
        told.append({"type": "message_stop"})
        return [(event["type"], event) for event in told]

    def error(self, status: int, kind: str, message: str) -> dict[str, Any]:
        return {"type": "error", "error": {"type": kind, "message": message}}


_EMPTY: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}


def _block(call: Call, n: int, part: Part) -> dict[str, Any]:
    if part["type"] == "reasoning":
        return {"type": "thinking", "thinking": part["text"], "signature": SIGNATURE}
    if part["type"] == "tool_call":
        head = {"type": "tool_use", "id": tool_call_id(call, n, part), "name": part["name"]}
        return head | {"input": arguments_object(part)}
    return {"type": "text", "text": part["text"], "citations": None}


def _deltas(block: dict[str, Any], part: Part) -> list[dict[str, Any]]:
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    if block["type"] == "tool_use":
        text = arguments_text({"arguments": block["input"]})
        return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(text)]
    signed = {"type": "signature_delta", "signature": block["signature"]}
    return [*({"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])), signed]


def _sent(part: Part) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    if part["type"] == "tool_call":
        head = {"type": "tool_use", "id": part.get("id") or "", "name": part["name"]}
        return head | {"input": arguments_object(part)}
    if part["type"] == "tool_result":
        return {"type": "tool_result", "tool_use_id": part.get("id") or "", "content": result_text(part)}
    return as_recorded(part)


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    about = {"description": tool["description"]} if tool.get("description") else {}
    return {"name": tool["name"], **about, "input_schema": tool.get("parameters") or {"type": "object"}}
