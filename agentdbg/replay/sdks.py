"""The providers' own SDKs, the clients that a replay is verified with: a request body in, the response as JSON out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from agentdbg.vocabulary.responses import streamed

KEY = "agentdbg-replay"
"""Stands for every API key: clients want one, and the playback server none."""

Ask = Callable[[dict[str, Any], bool], dict[str, Any]]
"""(body, streamed) to the response as the SDK understood it, the pieces of a stream put together."""


@dataclass(frozen=True, slots=True)
class Sdk:
    """`package` is what pip installs, `module` what is imported; `client` makes the client for an address."""

    package: str
    module: str
    client: Callable[[str], Ask]

    @property
    def installed(self) -> bool:
        parent = self.module.partition(".")[0]
        return find_spec(parent) is not None and find_spec(self.module) is not None


def _chat_completions(address: str) -> Ask:
    client = import_module("openai").OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0)

    def ask(body: dict[str, Any], stream: bool) -> dict[str, Any]:
        if not stream:
            return _plain(client.chat.completions.create(**body))
        counted = {"include_usage": True}
        chunks = [_plain(one) for one in client.chat.completions.create(**body, stream=True, stream_options=counted)]
        told = streamed(chunks) or {}
        return {"role": "assistant", **told, "stop_reason": told.get("finish_reason"), "usage": chunks[-1].get("usage")}

    return ask


def _responses(address: str) -> Ask:
    client = import_module("openai").OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0)

    def ask(body: dict[str, Any], stream: bool) -> dict[str, Any]:
        if not stream:
            return _plain(client.responses.create(**body))
        with client.responses.stream(**body) as events:
            return _plain(events.get_final_response())

    return ask


def _messages(address: str) -> Ask:
    client = import_module("anthropic").Anthropic(base_url=address, api_key=KEY, max_retries=0)

    def ask(body: dict[str, Any], stream: bool) -> dict[str, Any]:
        named = {name: body[name] for name in ("model", "max_tokens", "messages")}
        more = {name: value for name, value in body.items() if name not in named}  # some are arguments no longer
        if not stream:
            return _plain(client.messages.create(**named, extra_body=more))
        with client.messages.stream(**named, extra_body=more) as events:
            return _plain(events.get_final_message())

    return ask


def _generate_content(address: str) -> Ask:
    genai = import_module("google.genai")
    client = genai.Client(api_key=KEY, http_options=genai.types.HttpOptions(base_url=address))

    def ask(body: dict[str, Any], stream: bool) -> dict[str, Any]:
        config = {**body.get("generationConfig", {}), "systemInstruction": body.get("systemInstruction")}
        config |= {"tools": body.get("tools"), "automaticFunctionCalling": {"disable": True}}
        asked: dict[str, Any] = {"model": body["model"], "contents": body["contents"], "config": config}
        if not stream:
            return _plain(client.models.generate_content(**asked))
        chunks = [_plain(chunk) for chunk in client.models.generate_content_stream(**asked)]
        parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"].get("parts") or ()]
        whole = {**chunks[-1]["candidates"][0], "content": {"role": "model", "parts": parts}}
        return chunks[-1] | {"candidates": [whole]}

    return ask


def _plain(model: Any) -> dict[str, Any]:
    told: Mapping[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dict(told)


SDKS = {
    "OpenAI Chat Completions": Sdk("openai", "openai", _chat_completions),
    "OpenAI Responses": Sdk("openai", "openai", _responses),
    "Anthropic Messages": Sdk("anthropic", "anthropic", _messages),
    "Gemini generateContent": Sdk("google-genai", "google.genai", _generate_content),
}
"""By API."""
