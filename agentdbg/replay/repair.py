"""Conversations whose beginning is lost, put together again. SDKs keep 128 attributes of a span unless told otherwise,
and drop the oldest: the first messages. What an agent was sent is what it was sent before, its answer, and what came
since, so that the call before has what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agentdbg.steps.keys import canonical, scalars

if TYPE_CHECKING:
    from agentdbg.replay.call import Call, Message, Part

_WHOLE = ("exact", "content")


def repaired(calls: Sequence[Call], cut: Collection[str]) -> list[Call]:
    """The calls, in order of start; those of the spans `cut` whole again where an earlier one proves what is missing:
    its answer stands in the later input, and what is left before that answer is how its own input ends."""
    if not cut:
        return list(calls)
    out: list[Call] = []
    answered: dict[object, list[Call]] = {}
    for call in calls:
        if call.span_id in cut and call.messages and call.answer is not None:
            call = _repaired(call, answered)
        if call.messages and call.answer and call.grade in _WHOLE:
            answered.setdefault((call.agent, _said(call.answer)), []).append(call)
        out.append(call)
    return out


def _repaired(call: Call, answered: Mapping[object, Sequence[Call]]) -> Call:
    """Put together with the call whose answer is the last that stands in what is left, if that one proves it."""
    left = call.messages or ()
    for place in range(len(left) - 1, -1, -1):
        if left[place]["role"] == "assistant" or place == 0:
            for before in reversed(answered.get((call.agent, _said(left[place]["parts"])), ())):
                if _proves(before, left, place):
                    return _joined(call, before, place)
    return call


def _proves(before: Call, left: Sequence[Message], place: int) -> bool:
    """Whether everything before the answer is how the input of `before` ends. The first message that is left may have
    lost a part of itself, and its role."""
    sent = before.messages or ()
    start, kept = len(sent) - place, left[1:place]
    if start < 0 or list(sent[start + 1 :]) != list(kept) or (place and not _holds(sent[start], left[0])):
        return False
    return bool(kept) or any(part.get("id") for part in before.answer or ())


def _holds(whole: Message, rest: Message) -> bool:
    """Whether a message may be what is left of another: all that it tells stands there, whatever it is told as."""
    return _texts(rest) <= _texts(whole)


def _texts(message: Message) -> set[str]:
    parts = [{name: value for name, value in part.items() if name != "type"} for part in message["parts"]]
    return {text for _, text in scalars(parts)}


def _said(parts: Sequence[Part]) -> tuple[object, ...]:
    """What compares of an answer as it was given and as it is sent back: its text, and the tools asked for."""
    asked = (part for part in parts if part["type"] == "tool_call")
    calls = [(part.get("id"), part["name"], canonical(part["arguments"] or {})) for part in asked]
    return "".join("".join(part["text"].split()) for part in parts if part["type"] == "text"), *calls


def _joined(call: Call, before: Call, place: int) -> Call:
    left, sent = call.messages or (), before.messages or ()
    restored = [f"its first {len(sent) - place + 1} messages"] if place < len(sent) or left[0] != sent[0] else []
    tools = before.tools if call.tools is None else call.tools
    if call.tools is None and tools:
        restored.append("its tools")
    words = f": {' and '.join(restored)} were restored from the call before" if restored else ", none of its messages"
    reason = f"the SDK dropped attributes of this span{words}"
    return replace(call, messages=(*sent, *left[place:]), tools=tools, grade="content", reason=reason)
