"""Spans in, the words of the routing decision out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.model import Handoff, Span
from agentdbg.view.handoff_words import handoff_words


def span(span_id: str, kind: Any = "agent", given: Any = None, out: Any = None, tool: str | None = None) -> Span:
    payload = [None if value is None else json.dumps(value) for value in (given, out)]
    return Span("t", span_id, None, span_id, kind, 0, 1, "ok", tool=tool, input=payload[0], output=payload[1])


def words(*spans: Span, via: str | None = None) -> str | None:
    handoff = Handoff("t", 0, "A", "B", "rule", "sender", "receiver", via, None)
    return handoff_words(handoff, {one.span_id: one for one in spans})


def chat(role: str, *parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "parts": list(parts)}]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


CALL = {"type": "tool_call", "id": "c", "name": "transfer_to_b", "arguments": {"reason": "sums"}}


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        (chat("assistant", text("B, please add this up")), "B, please add this up"),
        (chat("assistant", text("I pass on"), CALL), "I pass on transfer_to_b(sums)"),
        (chat("assistant", text("one")) + chat("assistant", text("two")), "two"),
        ("plain words", "plain words"),
        ({"rows": [], "total": 3}, "total: 3"),
        ({"next": "b", "task": "add up"}, "task: add up, next: b"),
        (chat("assistant", text('{"next": "b", "task": "add up"}')), "task: add up, next: b"),
        (chat("assistant", text('{"rows": []}')), '{"rows": []}'),
        (["x", 1], '["x", 1]'),
    ],
)
def test_the_senders_last_words(out: Any, expected: str) -> None:
    assert words(span("sender", "llm", out=out)) == expected


def test_the_arguments_of_the_tool_come_first() -> None:
    sender = span("sender", "llm", out=chat("assistant", text("no")))
    tool = span("via", "tool", given={"task": "add up"}, tool="transfer_to_b")
    assert words(sender, tool, via="via") == "transfer_to_b: add up"
    assert words(sender, span("via", "tool", given={}, tool="transfer_to_b"), via="via") == "no"


def test_the_receivers_task_is_the_last_resort() -> None:
    assert words(span("sender"), span("receiver", given={"task": "add up"})) == "add up"
    receiver = span("receiver", "llm", given=chat("system", text("You add.")) + chat("user", text("add up")))
    assert words(span("sender"), receiver) == "add up"


def test_nothing_recorded_is_none() -> None:
    assert words() is None
    assert words(span("sender", out=""), span("receiver", given=[])) is None


def test_long_words_are_cut() -> None:
    assert len(words(span("sender", out="x" * 10_000)) or "") == 300


def test_a_payload_that_is_no_json_is_told_as_it_is() -> None:
    broken = Span("t", "sender", None, "s", "agent", 0, 1, "ok", output="{not json")
    assert words(broken) == "{not json"
