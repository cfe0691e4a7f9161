"""OpenAI Responses."""

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
    spoken,
    system_text,
    tokens,
    tool_call_id,
)
from agentdbg.replay.asked import Asked, received
from agentdbg.replay.call import Call, Part

_PARAMETERS = {
    "temperature": "temperature", "top_p": "top_p", "max_tokens": "max_output_tokens",
    "max_output_tokens": "max_output_tokens", "parallel_tool_calls": "parallel_tool_calls",
}  # fmt: skip
_ECHOED: dict[str, Any] = {
    "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": None, "top_p": None,
    "max_output_tokens": None, "tool_choice": "auto", "tools": [], "text": {"format": {"type": "text"}},
    "previous_response_id": None, "truncation": "disabled", "store": True,
}  # fmt: skip


class Responses:
    """`POST /v1/responses`."""

    api = "OpenAI Responses"

    def claims(self, path: str) -> bool:
        return path.endswith("/responses")

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        return received(body, body.get("instructions"), body.get("input"), bool(body.get("stream")))

    def request(self, call: Call) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": call.model or "unknown"}
        if call.system:
            body["instructions"] = system_text(call)
        body["input"] = [item for role, parts in spoken(call.messages) for item in _items(role, parts)]
        if call.tools:
            body["tools"] = [{"type": "function", "strict": False, **tool} for tool in call.tools]
        return "/v1/responses", body | sent_parameters(call, _PARAMETERS)

    def answer(self, call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
        cut = finish_of(call) in ("length", "refused")
        why = {"length": "max_output_tokens", "refused": "content_filter"}
        given, told, cached, reasoning = tokens(call)
        return {
            "id": f"resp_{call.span_id}",
            "object": "response",
            "created_at": created(call),
            "status": "incomplete" if cut else "completed",
            "incomplete_details": {"reason": why[finish_of(call)]} if cut else None,
            "error": None,
            "model": call.model or body.get("model"),
            "output": [_output(call, n, part) for n, part in said(call)],
            **{name: body.get(name, usual) for name, usual in _ECHOED.items()},
            "usage": {
                "input_tokens": given,
                "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
                "output_tokens": told,
                "output_tokens_details": {"reasoning_tokens": reasoning},
                "total_tokens": given + told,
            },
        }

    def events(self, call: Call, body: Mapping[str, Any]) -> list[Event]:
        whole = self.answer(call, body)
        begun = whole | {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
        told: list[dict[str, Any]] = [
            {"type": f"response.{name}", "response": begun} for name in ("created", "in_progress")
        ]
        for n, item in enumerate(whole["output"]):
            told += _DELTAS[item["type"]](n, item)
            told.append({"type": "response.output_item.done", "output_index": n, "item": item})
        told.append({"type": f"response.{whole['status']}", "response": whole})
        return [(event["type"], event | {"sequence_number": n}) for n, event in enumerate(told)]

    def error(self, status: int, kind: str, message: str) -> dict[str, Any]:
        return openai_error(kind, message)


def _output(call: Call, n: int, part: Part) -> dict[str, Any]:
    """An item of the output."""
    if part["type"] == "reasoning":
        return {"type": "reasoning", "id": f"rs_{call.span_id}_{n}", "summary": [_summary(part["text"])]}
    if part["type"] == "tool_call":
        return {
            "type": "function_call",
            "id": f"fc_{call.span_id}_{n}",
            "call_id": tool_call_id(call, n, part),
            "name": part["name"],
            "arguments": arguments_text(part),
            "status": "completed",
        }
    text = {"type": "output_text", "text": part["text"], "annotations": [], "logprobs": []}
    head = {"type": "message", "id": f"msg_{call.span_id}_{n}", "status": "completed", "role": "assistant"}
    return head | {"content": [text]}


def _summary(text: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": text}


def _text_deltas(n: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    """Items begin empty: a client that is given the whole at the start would add the pieces to it."""
    part, at = item["content"][0], {"output_index": n, "item_id": item["id"], "content_index": 0}
    empty = {"output_index": n, "item": item | {"status": "in_progress", "content": []}}
    return [
        {"type": "response.output_item.added", **empty},
        {"type": "response.content_part.added", **at, "part": part | {"text": ""}},
        *(
            {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
            for piece in pieces(part["text"])
        ),
        {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
    ]


def _call_deltas(n: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    at = {"output_index": n, "item_id": item["id"]}
    done = {"name": item["name"], "arguments": item["arguments"]}
    empty = {"output_index": n, "item": item | {"status": "in_progress", "arguments": ""}}
    return [
        {"type": "response.output_item.added", **empty},
        *(
            {"type": "response.function_call_arguments.delta", **at, "delta": piece}
            for piece in pieces(item["arguments"])
        ),
        {"type": "response.function_call_arguments.done", **at, **done},
    ]


def _reasoning_deltas(n: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    at = {"output_index": n, "item_id": item["id"], "summary_index": 0}
    text = item["summary"][0]["text"]
    name = "response.reasoning_summary"
    return [
        {"type": "response.output_item.added", "output_index": n, "item": item | {"summary": []}},
        {"type": f"{name}_part.added", **at, "part": _summary("")},
        *({"type": f"{name}_text.delta", **at, "delta": piece} for piece in pieces(text)),
        {"type": f"{name}_text.done", **at, "text": text},
        {"type": f"{name}_part.done", **at, "part": _summary(text)},
    ]


_DELTAS = {"message": _text_deltas, "function_call": _call_deltas, "reasoning": _reasoning_deltas}


def _items(role: str, parts: list[Part]) -> list[dict[str, Any]]:
    """A message's items of the input: what was said, tools asked for and their results stand beside one another."""
    out: list[dict[str, Any]] = []
    kind = "output_text" if role == "assistant" else "input_text"
    content = [
        {"type": kind, "text": part["text"]} if part["type"] == "text" else as_recorded(part)
        for part in parts
        if part["type"] in ("text", "media")
    ]
    if content:
        out.append({"type": "message", "role": role, "content": content})
    for part in parts:
        if part["type"] == "tool_call":
            named = {"call_id": part.get("id") or "", "name": part["name"], "arguments": arguments_text(part)}
            out.append({"type": "function_call", **named})
        elif part["type"] == "tool_result":
            told = {"call_id": part.get("id") or "", "output": result_text(part)}
            out.append({"type": "function_call_output", **told})
    return out
