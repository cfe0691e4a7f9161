"""Spans in, what was handed over out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.contracts.payload import last_word, said, sent, speaker
from agentdbg.model import Handoff, Span, Trace

MS = 1_000_000


def span(span_id: str, kind: Any, start: int, end: int | None, parent: str | None = None, **more: Any) -> Span:
    return Span("t", span_id, parent, span_id, kind, start * MS, None if end is None else end * MS, "ok", **more)


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def call(name: str, arguments: object, call_id: str = "c1") -> dict[str, Any]:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def answered(*parts: dict[str, Any]) -> str:
    return json.dumps([{"role": "assistant", "parts": list(parts)}])


def llm(*parts: dict[str, Any], **more: Any) -> Span:
    return span("llm", "llm", 100, 200, "turn", agent="a", turn_id="turn", output=answered(*parts), **more)


def trace(*spans: Span) -> Trace:
    turn = span("turn", "agent", 0, 300, agent="a", turn_id="turn")
    return Trace("t", "run", "ok", 0, None, [turn, *spans] if all(s.span_id != "turn" for s in spans) else list(spans))


def handed(t: Trace, sender: str = "llm", via: str | None = None, start: int | None = 400) -> object:
    return sent(t, Handoff("t", 0, "a", "b", "test", sender, None, via, None if start is None else start * MS))[1]


def test_a_model_call_hands_over_its_text() -> None:
    assert handed(trace(llm(text("find rome")))) == "find rome"
    assert handed(trace(llm({"type": "reasoning", "text": "hm"}, text("find"), text("rome")))) == "find\nrome"


def test_of_several_messages_the_last_answer_counts() -> None:
    one = llm()
    one.output = json.dumps(
        [
            {"role": "assistant", "parts": [text("first")]},
            {"role": "assistant", "parts": [text("second")]},
            {"role": "tool", "parts": []},
        ]
    )
    assert handed(trace(one)) == "second"


def test_arguments_of_the_call_that_hands_over_come_first() -> None:
    via = span("via", "tool", 250, 260, "turn", tool="ask_b", input='{"task": "find rome"}')
    assert sent(trace(llm(text("I ask b")), via), Handoff("t", 0, "a", "b", "r", "llm", None, "via", None)) == (
        "via",
        {"task": "find rome"},
    )


@pytest.mark.parametrize("arguments", [None, "{}", '{"agent_name": "B"}', '"b"', "null", '{"from": "a", "to": "b"}'])
def test_arguments_that_only_route_hand_nothing_over(arguments: str | None) -> None:
    via = span("via", "tool", 250, 260, "turn", tool="transfer_to_b", input=arguments)
    assert handed(trace(llm(text("find rome")), via), via="via") == "find rome"


def test_an_answer_given_as_a_call() -> None:
    assert handed(trace(llm(call("final_result", {"score": 1})))) == {"score": 1}
    assert handed(trace(llm(text("Here you are."), call("final_result", {"score": 1})))) == {"score": 1}
    assert handed(trace(llm(call("Invoice", {"score": 1})))) == {"score": 1}
    assert handed(trace(llm(call("final_answer", {"answer": "yes"})))) == "yes"


def test_a_call_that_was_run_is_no_answer() -> None:
    run = span("tool", "tool", 210, 220, "turn", tool="search", tool_call_id="c1", output="[]")
    assert handed(trace(llm(call("search", {"q": "rome"})), run)) == ""
    assert handed(trace(llm(call("transfer_to_b", {"reason": "it is his"})))) == ""


def test_other_spans_hand_over_their_output() -> None:
    node = span("node", "agent", 100, 200, output='{"data": {"raw": "{}"}}')
    assert handed(trace(node), "node") == {"data": {"raw": "{}"}}
    node.output = '"plain text"'
    assert handed(trace(node), "node") == "plain text"
    node.output = "no JSON"
    assert handed(trace(node), "node") == "no JSON"


@pytest.mark.parametrize(
    "output",
    [
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "rome"}],
        {"messages": [{"type": "human", "content": "hi"}, {"type": "ai", "content": "rome"}]},
        {"messages": [{"lc": 1, "kwargs": {"type": "ai", "content": "rome"}}]},
        [{"role": "assistant", "parts": [text("rome")]}],
        [{"role": "assistant", "content": [{"type": "text", "text": "rome"}]}],
    ],
)
def test_of_a_conversation_the_last_message(output: object) -> None:
    assert handed(trace(span("node", "agent", 100, 200, output=json.dumps(output))), "node") == "rome"


def test_a_state_that_holds_more_than_messages_is_kept_whole() -> None:
    state = {"messages": [{"role": "user", "content": "hi"}], "plan": "x"}
    assert handed(trace(span("node", "agent", 100, 200, output=json.dumps(state))), "node") == state


def test_missing_is_not_empty() -> None:
    silent = llm()
    silent.output = None
    assert handed(trace(silent)) is None
    assert handed(trace(silent), "nowhere") is None
    assert handed(trace(llm(text("")))) == ""
    assert handed(trace(span("node", "agent", 100, 200, output="null")), "node") == ""


def test_what_the_model_call_does_not_record_its_turn_may() -> None:
    silent, turn = llm(), span("turn", "agent", 0, 300, agent="a", turn_id="turn", output='{"score": 1}')
    silent.output = None
    assert handed(trace(turn, silent)) == {"score": 1}


def test_what_a_recorder_cut_is_missing() -> None:
    cut = '{"text": "' + "word " * 60
    assert handed(trace(llm(text(cut)))) is None
    assert handed(trace(llm(text(cut), finish_reason=None))) is None
    assert handed(trace(llm(text(cut), finish_reason="length"))) == cut.strip()  # this one the model never finished


def test_what_was_said_after_the_receiver_began_was_not_handed_over() -> None:
    assert handed(trace(llm(text("the end"))), start=100) is None
    assert handed(trace(llm(text("a clock apart"))), start=190) == "a clock apart"
    assert handed(trace(llm(text("no clock"))), start=None) == "no clock"


def test_the_speaker_is_the_model_call_below() -> None:
    t = trace(
        span("node", "agent", 50, 300, output='{"data": {"raw": "{\\"score\\": 1}"}}'),
        span("one", "llm", 60, 90, "node", output=answered(text("thinking aloud"))),
        span("two", "llm", 100, 200, "node", output=answered(text('{"score": 1}'))),
        span("three", "llm", 210, 220, "node", output=answered(text("something else"))),
    )
    assert speaker(t, "node", said(t.by_id()["node"], t)) == "two"
    assert speaker(t, "two", "anything") == "two"
    assert speaker(t, "node", "said by nobody") == "node"


def test_the_speaker_of_a_call_is_the_model_that_asked_for_it() -> None:
    via = span("via", "tool", 250, 260, "turn", tool="ask_b", tool_call_id="c7", input='{"task": "x"}')
    t = trace(llm(call("ask_b", {"task": "x"}, "c7")), via)
    assert speaker(t, "via", {"task": "x"}) == "llm"


def test_the_last_word_of_a_span_is_what_it_said_or_its_turn() -> None:
    silent, turn = llm(), span("turn", "agent", 0, 300, agent="a", turn_id="turn", output='"rome"')
    silent.output = None
    assert last_word(trace(llm(text("paris"))), "llm") == ("llm", "paris")
    assert last_word(trace(turn, silent), "llm") == ("turn", "rome")
    assert last_word(trace(turn), "nowhere") == ("nowhere", None)


def test_a_circle_of_parents_ends() -> None:
    t = trace(
        span("x", "agent", 0, 10, "y", output='"rome"'),
        span("y", "agent", 0, 10, "x", output='"rome"'),
        span("l", "llm", 1, 2, "y", output=answered(text("rome"))),
    )
    assert speaker(t, "x", "rome") == "l"
    assert speaker(t, "turn", "rome") == "turn"
