"""A model API's raw response object: what was answered, and the figures beside it.

Understood: Chat Completions, Responses, Anthropic Messages, Gemini, and LangChain's generations."""

from __future__ import annotations

import re
from typing import Any

from agentdbg.vocabulary.fields import count, first, listed
from agentdbg.vocabulary.jsontext import parsed, parsed_object
from agentdbg.vocabulary.messages import Message, Part, messages, said, tool_call

_COUNTS = {
    "input_tokens": ("input_tokens", "prompt_tokens", "inputTokens", "promptTokens", "prompt_token_count",
                     "promptTokenCount"),
    "output_tokens": ("output_tokens", "completion_tokens", "outputTokens", "completionTokens",
                      "candidates_token_count", "candidatesTokenCount"),
    "cached_tokens": ("cached_input_tokens", "cachedInputTokens", "cached_content_token_count",
                      "cachedContentTokenCount"),
    "reasoning_tokens": ("reasoning_tokens", "reasoning_output_tokens", "reasoningTokens"),
}  # fmt: skip
_DETAILS = {
    "cached_tokens": (("prompt_tokens_details", "cached_tokens"), ("input_tokens_details", "cached_tokens")),
    "reasoning_tokens": (
        ("completion_tokens_details", "reasoning_tokens"), ("output_tokens_details", "reasoning_tokens"),
    ),
}  # fmt: skip
_REPR = re.compile(r"ChatCompletion\(id='([^'\\]+)', choices=\[Choice\(finish_reason='(\w+)', index=0,")
_THOUGHTS = ("thoughts_token_count", "thoughtsTokenCount")


def answers(value: Any) -> list[Message] | None:
    """The assistant's messages in a response object, or in anything else the model said. None where nothing is
    recorded."""
    found = parsed(value)
    if not isinstance(found, dict):
        return said(value, "assistant")
    for key, one in (("choices", _choice), ("candidates", _candidate)):
        if choices := listed(found.get(key)):
            return messages([one(item) for item in choices if isinstance(item, dict)], "assistant")
    generations = found.get("generations")
    if isinstance(generations, list) and generations:
        batch = generations[0] if isinstance(generations[0], list) else generations
        return messages([item.get("message") or item for item in batch if isinstance(item, dict)], "assistant")
    if isinstance(found.get("output"), list) and (found.get("object") == "response" or "status" in found):
        return messages(found["output"], "assistant")
    told = said(value, "assistant")
    if told and (finish := found.get("stop_reason")) and "finish_reason" not in told[0]:
        return [{**told[0], "finish_reason": str(finish)}, *told[1:]]
    return told


def whole(told: list[Message]) -> list[Message]:
    """Answers without the pieces of a stream that the last of them says again as a whole. Pieces have no reason for
    their end; answers side by side have one each."""
    *pieces, last = told or [{"parts": []}]
    if not pieces or "finish_reason" not in last or any("finish_reason" in piece for piece in pieces):
        return told
    heard = [part for piece in pieces for part in piece["parts"]]
    repeated = _text(heard) == _text(last["parts"]) and _called(heard) <= _called(last["parts"])
    return [last] if repeated else told


def _text(parts: list[Part]) -> str:
    return "".join(part["text"] for part in parts if part["type"] == "text")


def _called(parts: list[Part]) -> set[tuple[Any, Any]]:
    return {(part["id"], part["name"]) for part in parts if part["type"] == "tool_call"}


def streamed(chunks: list[dict[str, Any]]) -> Message | None:
    """The first choice of a Chat Completions stream, of its chunks in order; None where they are no such stream."""
    choices = [first_choice for chunk in chunks if (first_choice := _first_choice(chunk))]
    text: list[str] = []
    calls: dict[Any, dict[str, Any]] = {}
    finish = None
    for choice in choices:
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        text.append(str(delta.get("content") or ""))
        finish = choice.get("finish_reason") or finish
        for piece in filter(lambda one: isinstance(one, dict), listed(delta.get("tool_calls"))):
            call = calls.setdefault(str(piece.get("index")), {"id": None, "name": "", "arguments": ""})
            function = parsed_object(piece.get("function"))
            call["id"] = piece.get("id") or call["id"]
            call["name"] += str(function.get("name") or "")
            call["arguments"] += str(function.get("arguments") or "")
    if not choices:
        return None
    told = [{"type": "text", "text": "".join(text)}] if any(text) else []
    told += [tool_call(call["name"], call["arguments"], call["id"]) for call in calls.values()]
    return {"role": "assistant", "parts": told, **({"finish_reason": str(finish)} if finish else {})}


def _first_choice(chunk: dict[str, Any]) -> dict[str, Any] | None:
    choices = [one for one in listed(chunk.get("choices")) if isinstance(one, dict) and "delta" in one]
    return next((one for one in choices if not one.get("index")), None)


def _choice(item: dict[str, Any]) -> dict[str, Any]:
    inner = item.get("message")
    inner = inner if isinstance(inner, dict) else {"role": "assistant", "content": item.get("text")}
    return {"role": "assistant", **inner, "finish_reason": item.get("finish_reason") or item.get("finishReason")}


def _candidate(item: dict[str, Any]) -> dict[str, Any]:
    content = item.get("content")
    finish = item.get("finish_reason") or item.get("finishReason")
    inner = content if isinstance(content, dict) else {"content": content}
    return {**inner, "role": "assistant", "finish_reason": str(finish).lower() if finish else None}


def figures(value: Any) -> dict[str, Any]:
    """What a response object tells beside the answer: model, response_id, finish_reason and the counts of `usage`;
    only what is there."""
    value = parsed(value)
    if not isinstance(value, dict):
        return {}
    if isinstance(value.get("raw"), str):
        return _of_repr(value["raw"])
    told = answers(value) if {"choices", "candidates", "stop_reason"} & value.keys() else None
    named = {
        "model": first(value, ("model", "model_version", "modelVersion")),
        "response_id": first(value, ("id", "response_id", "responseId")),
        "finish_reason": next((one["finish_reason"] for one in told or [] if "finish_reason" in one), None),
        **usage(first(value, ("usage", "usage_metadata", "usageMetadata"))),
    }
    return {key: item for key, item in named.items() if item is not None and not isinstance(item, dict | list)}


def _of_repr(text: str) -> dict[str, Any]:
    """The figures at the head of a chat completion that stands there as Python writes it (smolagents); after them comes
    the answer, which may hold anything."""
    head = _REPR.match(text)
    return {"response_id": head[1], "finish_reason": head[2]} if head else {}


def usage(value: Any) -> dict[str, int]:
    """Our token counts of a provider's usage object. Input holds cached tokens and output holds reasoning, as most
    APIs report them: Anthropic's cache and Gemini's thoughts, which are told apart, are added."""
    value = parsed(value)
    if not isinstance(value, dict):
        return {}
    found = {field: count(first(value, names)) for field, names in _COUNTS.items()}
    for field, places in _DETAILS.items():
        for outer, inner in places:
            if found[field] is None and isinstance(value.get(outer), dict):
                found[field] = count(value[outer].get(inner))
    read, written = count(value.get("cache_read_input_tokens")), count(value.get("cache_creation_input_tokens"))
    if read is not None or written is not None:
        if found["input_tokens"] is not None and not {"prompt_tokens", "input_tokens_details"} & value.keys():
            found["input_tokens"] += (read or 0) + (written or 0)
        found["cached_tokens"] = found["cached_tokens"] if found["cached_tokens"] is not None else read
        found["cache_write_tokens"] = written
    thoughts = count(first(value, _THOUGHTS))
    if thoughts is not None:
        found["reasoning_tokens"] = thoughts
        found["output_tokens"] = (found["output_tokens"] or 0) + thoughts
    return {field: number for field, number in found.items() if number is not None}
