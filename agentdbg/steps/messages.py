"""What a prompt adds to the conversation and what an answer decides, over the neutral messages of model.py.

The prompt of a model call holds the whole conversation, so it is new every time and a key of it never repeats. What
does repeat in a loop is what the prompt *adds*, and what the answer *decides*.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import orjson

from agentdbg.steps.emptiness import is_empty
from agentdbg.steps.keys import key, masked, masked_arguments

Message = dict[str, Any]
_CONTENT = ("content", "parts", "text")


def text_of(messages: Sequence[Message]) -> str:
    """The text parts of all messages, a line break between them; no reasoning, no tool calls, no results."""
    return "\n".join(str(part.get("text") or "") for part in _parts(messages, "text"))


def decision(messages: Sequence[Message]) -> Any:
    """What an answer decides: its text, or `{"text", "calls": [[name, arguments], ...]}` where it calls tools.

    Without ids, usage, reasoning and finish reason. None when there is neither text nor call: nothing was recorded.
    """
    own = [message for message in messages if message.get("role", "assistant") == "assistant"]
    text = text_of(own).strip()
    calls = [[part.get("name"), part.get("arguments")] for part in _parts(own, "tool_call")]
    if calls:
        return {"text": text, "calls": calls}
    return text or None


def delta(messages: Sequence[Message]) -> list[Message]:
    """What is new in a prompt: the messages after the last one of the assistant, system messages left out.
    Where that leaves none, the last message."""
    last = max((i for i, message in enumerate(messages) if message.get("role") == "assistant"), default=-1)
    fresh = [message for message in messages[last + 1 :] if message.get("role") != "system"]
    return fresh or list(messages[-1:])


def added(messages: Sequence[Message], before: Sequence[Message]) -> list[Message]:
    """`delta`, given the same agent's previous prompt: where conversations are retold without the assistant's role,
    what is new is what follows the previous prompt."""
    shared = len(before)
    retold = 0 < shared < len(messages) and not any(message.get("role") == "assistant" for message in messages)
    if retold and list(messages[:shared]) == list(before):
        return list(messages[shared:])
    return delta(messages)


def facts(messages: Sequence[Message]) -> list[Any]:
    """Messages as a value to compare: texts as `{"said": text}`, results of tools as `{"result": value}`. No ids."""
    out: list[Any] = []
    for message in messages:
        for part in message.get("parts") or ():
            kind = part.get("type")
            if kind == "text":
                out.append({"said": part.get("text")})
            elif kind == "tool_result":
                out.append({"result": part.get("result")})
            elif kind == "tool_call":
                out.append({"calls": [part.get("name"), part.get("arguments")]})
            elif kind == "media":
                out.append({name: value for name, value in part.items() if name != "id"})
    return out


def payload_keys(
    kind: str, input_json: str | None, output_json: str | None
) -> tuple[int | None, int | None, bool | None]:
    """(input_key, output_key, output_empty) of a span: L1 keys of what was asked and of what came back.

    A model call is keyed by what its prompt adds and by what it decides; a tool by arguments and result; any other
    span by its value or, where that is a state with `messages` or a conversation, by the last message. None where the
    payload is not recorded.
    """
    if kind == "llm":
        asked, answer = _fresh(input_json), parsed_messages(output_json)
        fresh = masked_facts(facts(asked)) if asked else None
        said = decision(answer) if answer is not None else None
        empty = None if answer is None else said is None
        return _key(fresh), _key(None if said is None else masked_decision(said)), empty
    asked_value, came_back = focus(kind, loaded(input_json)), focus(kind, loaded(output_json))
    input_key = None if input_json is None else key(masked_arguments(asked_value))
    if output_json is None:
        return input_key, None, None
    return input_key, key(masked(came_back)), is_empty(came_back)


def _fresh(text: str | None) -> list[Message] | None:
    """`delta` of a prompt's JSON text. Read from its end: the rest, which is most of it, need not be parsed."""
    decode, error = _elements()
    try:
        items = decode(text or "")
    except (error, ValueError, RecursionError):
        items = []
    end: list[Message] = []
    for item in reversed(items):
        message = loaded(bytes(item))
        if isinstance(message, dict):
            end.insert(0, message)
            if message.get("role") == "assistant":
                break
    told = end or parsed_messages(text)
    return delta(told) if told else None


@cache
def _elements() -> tuple[Callable[[str], list[Any]], type[Exception]]:
    """What gives the texts of the elements of a JSON array, and its own error. Only ingest has msgspec at hand."""
    import msgspec

    return msgspec.json.Decoder(list[msgspec.Raw]).decode, msgspec.MsgspecError


def masked_facts(parts: Sequence[Any]) -> str:
    """L1 of what a prompt adds: results as what came back, texts as what was asked."""
    return "\n".join(masked(part) if "result" in part else masked_arguments(part) for part in parts)


def masked_decision(said: Any) -> str:
    """L1 of a decision: its text as what came back, the arguments of its calls as what is asked."""
    if isinstance(said, dict):
        return masked(said["text"]) + "\n" + masked_arguments(said["calls"])
    return masked(said)


def parsed_messages(text: str | None) -> list[Message] | None:
    """The neutral messages of a payload of a model call; None where none are recorded."""
    value = loaded(text)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return None
    return [message for message in value if isinstance(message, dict)] or None


def loaded(text: str | bytes | None) -> Any:
    """The value of a payload's JSON text; the text itself where it is no JSON."""
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return text


def focus(kind: str, value: Any) -> Any:
    """The part of a payload that says what it is about: of a conversation, or a state with `messages`, the last
    message; of a message its content and its calls. The arguments and results of tools are taken whole."""
    if kind in ("tool", "retriever"):
        return value
    if isinstance(value, dict) and isinstance(value.get("messages"), list) and value["messages"]:
        value = value["messages"][-1]
    elif isinstance(value, list) and value and isinstance(value[-1], dict) and "role" in value[-1]:
        value = value[-1]
    return _content(value)


def _content(message: Any) -> Any:
    """Content and calls of a message in whatever dialect an agent's state holds; any other value as it is."""
    if not isinstance(message, dict):
        return message
    body = next((message[name] for name in ("kwargs", "data") if _holds_content(message.get(name))), message)
    if not ("role" in body or "type" in body or body is not message):
        return message
    name = next((name for name in _CONTENT if name in body), None)
    if name is None:
        return message
    calls = body.get("tool_calls")
    if isinstance(calls, list) and calls:
        return {"content": body[name], "calls": [_call(call) for call in calls]}
    return body[name]


def _holds_content(body: Any) -> bool:
    return isinstance(body, dict) and "content" in body


def _call(call: Any) -> Any:
    inner = call.get("function", call) if isinstance(call, dict) else call
    if not isinstance(inner, dict):
        return call
    return [inner.get("name"), inner.get("args", inner.get("arguments"))]


def _parts(messages: Sequence[Message], kind: str) -> Iterator[Message]:
    return (part for message in messages for part in message.get("parts") or () if part.get("type") == kind)


def _key(text: str | None) -> int | None:
    return None if text is None else key(text)
