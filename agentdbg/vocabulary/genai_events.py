"""The `gen_ai.*` message events of OTel's older GenAI generation: as span events, log records, or JSON in one
attribute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentdbg.rows import RawEvent
from agentdbg.vocabulary.fields import listed
from agentdbg.vocabulary.jsontext import parsed
from agentdbg.vocabulary.messages import Message, message

ROLES = {
    "gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}  # fmt: skip

DETAILS = {"gen_ai.client.inference.operation.details", "gen_ai.content.prompt", "gen_ai.content.completion"}
OF_CALLS = DETAILS | set(ROLES) | {"gen_ai.choice"}
"""Events that tell what a model was given or answered. Others of the same prefix are about a call that was, as its
evaluation is."""


def conversation(events: Iterable[tuple[str, dict[str, Any]]]) -> tuple[list[Message], list[Message]]:
    """(what the model was given, what it answered) of (event name, payload) pairs in order."""
    given: list[Message] = []
    answered: list[Message] = []
    for name, payload in events:
        if name == "gen_ai.choice":
            answered.append(_choice(payload))
        elif name in ROLES:
            given.append(_without_invented(message({"role": ROLES[name], **payload}), payload))
    return given, answered


def payload(event: RawEvent) -> tuple[str, dict[str, Any]]:
    """An event's name and message: a log record's body, or a span event's attributes without the envelope."""
    body = parsed(event.body)  # some loggers write it as JSON text
    if isinstance(body, dict) and body:
        return event.name, body
    attributes = event.attributes.items()
    return event.name, {
        key.removeprefix("gen_ai."): parsed(value) for key, value in attributes if key != "gen_ai.system"
    }


def recorded(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of a JSON attribute that holds a list of them, each naming itself in `event.name`."""
    value = parsed(value)
    if not isinstance(value, list):
        return []
    return [(str(item.get("event.name", "")), item) for item in value if isinstance(item, dict)]


def _without_invented(said: Message, payload: dict[str, Any]) -> Message:
    """Where content is kept out, these events name the tools without arguments: not recorded, which is not empty."""
    calls = listed(payload.get("tool_calls"))
    for call, part in zip(calls, [p for p in said["parts"] if p["type"] == "tool_call"], strict=False):
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and "arguments" not in function:
            part["arguments"] = None
    return said


def _choice(said: dict[str, Any]) -> Message:
    inner = said.get("message", said)
    out = (
        message({"role": "assistant", **inner} if isinstance(inner, dict) else inner, "assistant")
        if inner
        else {"role": "assistant", "parts": []}
    )
    out["role"] = "assistant"
    _without_invented(out, inner if isinstance(inner, dict) else {})
    if finish := said.get("finish_reason"):
        out["finish_reason"] = str(finish)
    return out
