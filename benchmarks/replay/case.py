"""A recording of any size, and the requests that a program sends which asks it all again."""

from __future__ import annotations

import json
import random
from typing import Any

from agentdbg.replay.call import Call
from agentdbg.replay.wires import wire_of

PATH = "/v1/chat/completions"
TURNS = 20
"""Calls of one conversation, each with all that was said before."""
_WORDS = """
    order price ship late customer refund number store ticket answer agent plan check list total week
""".split()  # noqa: SIM905


def calls(count: int) -> list[Call]:
    """So many calls, in conversations of 20: instructions, a task, and a tool's result of 400 characters a turn."""
    chance = random.Random(1)
    out: list[Call] = []
    while len(out) < count:
        talk = len(out) // TURNS
        said: list[dict[str, Any]] = [_text("system", chance, 600), _text("user", chance, 200)]
        for turn in range(min(TURNS, count - len(out))):
            asked = {"type": "tool_call", "id": f"call_{talk}_{turn}", "name": "look", "arguments": {"place": turn}}
            out.append(_call(len(out), said, asked))
            result = {"type": "tool_result", "id": asked["id"], "name": "look", "result": _words(chance, 400)}
            said = [*said, {"role": "assistant", "parts": [asked]}, {"role": "tool", "parts": [result]}]
    return out


def requests(recorded: list[Call]) -> list[bytes]:
    """The body that each call was sent with."""
    wire = wire_of(PATH)
    assert wire is not None
    return [json.dumps(wire.request(call)[1]).encode() for call in recorded]


def _words(chance: random.Random, length: int) -> str:
    text = ""
    while len(text) < length:
        text += chance.choice(_WORDS) + " "
    return text[:length]


def _text(role: str, chance: random.Random, length: int) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "text": _words(chance, length)}]}


def _call(number: int, said: list[dict[str, Any]], asked: dict[str, Any]) -> Call:
    return Call(
        trace_id="t", span_id=f"{number:016x}", agent="planner", model="gpt-4o", provider="openai",
        messages=tuple(said), tools=({"name": "look", "parameters": {"type": "object"}},),
        parameters={"temperature": 0}, answer=(asked,), finish="tool_calls", error=None, status="ok",
        start_ns=number, end_ns=number, input_tokens=900, output_tokens=40, cached_tokens=None,
        reasoning_tokens=None, cost_usd=None, grade="exact", reason="",
    )  # fmt: skip
