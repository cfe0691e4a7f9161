"""Gemini generateContent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentdbg.replay.answering import (
    Event,
    arguments_object,
    as_recorded,
    finish_of,
    pieces,
    results_by_call,
    said,
    sent_parameters,
    spoken,
    system_text,
    tokens,
)
from agentdbg.replay.asked import Asked, received
from agentdbg.replay.call import Call, Part

_STOPS = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "refused": "SAFETY"}
_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
             429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}  # fmt: skip
_PARAMETERS = {
    "temperature": "temperature", "top_p": "topP", "top_k": "topK", "max_tokens": "maxOutputTokens",
    "max_output_tokens": "maxOutputTokens", "seed": "seed", "stop": "stopSequences",
}  # fmt: skip
_WRAPPED = "result"


class GenerateContent:
    """`POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`, of Gemini and Vertex."""

    api = "Gemini generateContent"

    def claims(self, path: str) -> bool:
        return path.endswith((":generateContent", ":streamGenerateContent"))

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        model = path.rpartition("models/")[2].partition(":")[0]
        system = (body.get("systemInstruction") or body.get("system_instruction") or {}).get("parts")
        stream = path.endswith(":streamGenerateContent")
        settings = body.get("generationConfig") or body.get("generation_config") or {}
        return received(body, system, body.get("contents"), stream, model, **settings)

    def request(self, call: Call) -> tuple[str, dict[str, Any]]:
        tools = results_by_call(call.messages)
        body: dict[str, Any] = {
            "contents": [
                {"role": "model" if role == "assistant" else "user", "parts": [_sent(part, tools) for part in parts]}
                for role, parts in spoken(call.messages)
            ]
        }
        if call.system:
            body["systemInstruction"] = {"parts": [{"text": system_text(call)}]}
        if call.tools:
            body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in call.tools]}]
        if settings := sent_parameters(call, _PARAMETERS):
            body["generationConfig"] = settings
        return f"/v1beta/models/{call.model or 'unknown'}:generateContent", body

    def answer(self, call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
        content = {"role": "model", "parts": [_part(part) for _, part in said(call)]}
        candidate = {"content": content, "finishReason": _STOPS[finish_of(call)], "index": 0}
        return {"candidates": [candidate], "usageMetadata": _usage(call), **_head(call)}

    def events(self, call: Call, body: Mapping[str, Any]) -> list[Event]:
        told: list[dict[str, Any]] = []
        for _, part in said(call):
            whole = _part(part)  # the call of a function comes in one piece
            told += [whole | {"text": piece} for piece in pieces(whole["text"])] if "text" in whole else [whole]
        chunks: list[dict[str, Any]] = [
            {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], **_head(call)}
            for part in told or [{"text": ""}]
        ]
        chunks[-1]["candidates"][0]["finishReason"] = _STOPS[finish_of(call)]
        chunks[-1]["usageMetadata"] = _usage(call)
        return [(None, chunk) for chunk in chunks]

    def error(self, status: int, kind: str, message: str) -> dict[str, Any]:
        return {"error": {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN")}}


def _head(call: Call) -> dict[str, Any]:
    return {"modelVersion": call.model, "responseId": call.span_id}


def _usage(call: Call) -> dict[str, Any]:
    given, told, cached, reasoning = tokens(call)
    counted = {"promptTokenCount": given, "candidatesTokenCount": max(told - reasoning, 0)}
    more = {"cachedContentTokenCount": cached, "thoughtsTokenCount": reasoning}
    return counted | {name: n for name, n in more.items() if n} | {"totalTokenCount": given + told}


def _part(part: Part) -> dict[str, Any]:
    if part["type"] == "tool_call":
        named = {"id": part["id"]} if part.get("id") else {}
        return {"functionCall": {**named, "name": part["name"], "args": arguments_object(part)}}
    return {"text": part["text"]} | ({"thought": True} if part["type"] == "reasoning" else {})


def _sent(part: Part, tools: Mapping[str, str]) -> dict[str, Any]:
    if part["type"] == "tool_result":
        told = part["result"]
        answer = {
            "name": part.get("name") or tools.get(part.get("id") or "", "unknown"),
            "response": told if isinstance(told, dict) else {_WRAPPED: told},
        }
        return {"functionResponse": ({"id": part["id"]} if part.get("id") else {}) | answer}
    return _part(part) if part["type"] in ("text", "tool_call") else as_recorded(part)


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    named = {"name": tool["name"], "description": tool.get("description") or ""}
    return named | ({"parametersJsonSchema": tool["parameters"]} if tool.get("parameters") else {})
