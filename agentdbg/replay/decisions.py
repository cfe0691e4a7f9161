"""What a model decided with an answer: which tools it asks for with which arguments, or what kind of text it gives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agentdbg.replay.call import Part
from agentdbg.replay.items import value_of
from agentdbg.steps.keys import canonical


@dataclass(frozen=True, slots=True)
class Decision:
    """`key` is equal where two answers decide the same: by tools and canonical arguments, or by the JSON that the text
    is. Prose has the text itself as its key: whether two say the same is for others to judge. `words` say it in one
    line."""

    kind: Literal["tools", "json", "text", "empty"]
    key: str
    words: str


def decision(answer: Sequence[Part]) -> Decision:
    """The decision of an answer. What is said beside the call of a tool decides nothing."""
    calls = [(part["name"], value_of(part["arguments"]) or {}) for part in answer if part["type"] == "tool_call"]
    if calls:
        asked = sorted(f"{name} {canonical(arguments)}" for name, arguments in calls)
        return Decision("tools", "\n".join(asked), f"asks for {' and '.join(asked)}")
    text = "".join(part["text"] for part in answer if part["type"] == "text").strip()
    if not text:
        return Decision("empty", "", "says nothing")
    value = value_of(text)
    if isinstance(value, dict | list):
        return Decision("json", canonical(value), f"says {canonical(value)}")
    return Decision("text", text, f"says {json.dumps(' '.join(text.split()), ensure_ascii=False)}")
