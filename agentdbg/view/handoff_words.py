"""What was said when work passed from one agent to another: the routing decision, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentdbg.model import Handoff, Span
from agentdbg.view.label import LONGEST, work_name
from agentdbg.view.payload import compact, is_chat, parsed


def handoff_words(handoff: Handoff, by_id: Mapping[str, Span]) -> str | None:
    """What was sent: the arguments of the tool that passed the work on, else the sender's last words, else the
    receiver's task.

    None where nothing of it is recorded. At most 300 characters, in the trace's own words (uncleaned).
    """
    via = by_id.get(handoff.via_span_id or "")
    if via is not None and (words := _value(parsed(via.input))):
        return f"{work_name(via)}: {words}"[:LONGEST]
    sender = by_id.get(handoff.sender_span_id)
    if sender is not None and (words := _said(sender)):
        return words[:LONGEST]
    receiver = by_id.get(handoff.receiver_span_id or "")
    words = _said_to(receiver) if receiver is not None else ""
    return words[:LONGEST] or None


_TOLD_FIRST = (
    "task",
    "message",
    "input",
    "prompt",
    "query",
    "question",
    "content",
    "text",
    "reason",
    "instructions",
    "goal",
)


def _value(value: Any) -> str:
    """A recorded value as words: `task: find rome, limit: 3` for an object, the text of a message, else the value
    itself. Of an object that says what is to be done this comes first, or alone if there is nothing else."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        told = parsed(value)
        return _value(told) if isinstance(told, dict) and told.keys() & set(_TOLD_FIRST) else value
    if isinstance(value, dict):
        told = {key: one for key, one in value.items() if one not in (None, "", [], {})}
        if len(told) == 1 and told.keys() <= set(_TOLD_FIRST):
            return _words(next(iter(told.values())))
        keys = sorted(told, key=lambda key: _TOLD_FIRST.index(key) if key in _TOLD_FIRST else len(_TOLD_FIRST))
        return ", ".join(f"{key}: {_words(told[key])}" for key in keys)
    return _words(value)


def _words(value: Any) -> str:
    return "" if value is None or value == [] or value == {} else compact(value)


def _said(span: Span) -> str:
    value = parsed(span.output)
    return _value(_last_message(value, ("assistant",)) if is_chat(value) else value)


def _said_to(span: Span) -> str:
    value = parsed(span.input)
    return _value(_last_message(value, ("user", "tool")) if is_chat(value) else value)


def _last_message(messages: list[dict[str, Any]], roles: tuple[str, ...]) -> str:
    """The text of the last message of these roles; a message that only calls tools reads `search(q: rome)`."""
    for message in reversed(messages):
        if message.get("role") not in roles:
            continue
        parts = [part for part in message["parts"] if isinstance(part, dict)]
        texts = [str(part.get("text") or "") for part in parts if part.get("type") == "text"]
        calls = [_call_words(part) for part in parts if part.get("type") == "tool_call"]
        if words := " ".join(filter(None, [*texts, *calls])):
            return words
    return ""


def _call_words(part: dict[str, Any]) -> str:
    return f"{part.get('name')}({_value(part.get('arguments'))})"
