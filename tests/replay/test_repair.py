"""What is left of an input whose beginning an SDK threw away, and what it was."""

from __future__ import annotations

import json
from typing import Any

from agentdbg.replay.call import calls_of
from tests.replay.recorded import llm, messages, told, trace

ASKED = "system You plan.\nuser Price the order.\n"
FIRST = 'call c1 search {"q": "a"}'
SECOND = 'call c2 search {"q": "b"}'
TOLD = f"{ASKED}{FIRST}\nresult c1 7\n"
AGAIN = f"{TOLD}{SECOND}\nresult c2 8\n"


def left(second: str, third: str, first: str = ASKED, agent: str = "a", **more: Any) -> tuple[str, str, int]:
    """(what the third call was sent, its grade, how many messages) of three calls, of which this much is left."""
    spans = [
        llm("m1", first, FIRST, 1),
        llm("m2", second, SECOND, 3, dropped=0 if second == TOLD else 6),
        llm("m3", third, "assistant 15", 5, agent, dropped=9, **more),
    ]
    grades = [told(span, "partial", "the SDK dropped 9 attributes") if span.dropped else told(span) for span in spans]
    call = calls_of(trace(spans, grades))[2]
    same = json.dumps(call.messages) == json.dumps(messages(AGAIN))
    return "whole" if same else "not whole", call.grade, len(call.messages or ())


def without(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[lines:])


def test_the_beginning_comes_from_the_call_before() -> None:
    assert left(TOLD, without(AGAIN, 2)) == ("whole", "content", 6)
    assert left(TOLD, without(AGAIN, 4)) == ("whole", "content", 6)  # the answer itself is the first that is left


def test_what_was_put_together_mends_the_next() -> None:
    assert left(without(TOLD, 1), without(AGAIN, 3)) == ("whole", "content", 6)


def test_a_message_of_which_a_half_is_left_is_the_whole_one() -> None:
    half = "user 7\n" + without(AGAIN, 4)  # the result of the tool, its role and id lost
    assert left(TOLD, half) == ("whole", "content", 6)


def test_where_no_message_is_missing_that_is_said() -> None:
    assert left(TOLD, AGAIN) == ("whole", "content", 6)


def test_what_the_application_changed_meanwhile_stays_as_it_is() -> None:
    """An earlier call has the beginning, and what is left begins with its answer."""
    edited = without(AGAIN, 2).replace("result c1 7", "result c1 9")
    assert left(TOLD, edited) == ("not whole", "content", 6)


def test_what_nothing_proves_is_left_as_it_is() -> None:
    assert left(TOLD, without(AGAIN, 5)) == ("not whole", "partial", 1)  # the answer is gone as well
    assert left(TOLD, "user 9\n" + without(AGAIN, 4)) == ("not whole", "partial", 3)  # not what was there
    assert left(TOLD, without(AGAIN, 2), agent="b") == ("not whole", "partial", 4)
    inserted = "user one\nuser two\nuser three\n" + AGAIN
    assert left(TOLD, inserted) == ("not whole", "partial", 9)


def test_tools_that_went_with_the_messages_are_those_of_the_call_before() -> None:
    tools = json.dumps([{"name": "search", "parameters": {}}])
    spans = [llm("m1", ASKED, FIRST, 1, tools=tools), llm("m2", without(TOLD, 1), SECOND, 3, dropped=6)]
    call = calls_of(trace(spans, [told(spans[0]), told(spans[1], "partial", "x")]))[1]
    assert call.tools == ({"name": "search", "parameters": {}},)
    assert call.reason == (
        "the SDK dropped attributes of this span: its first 2 messages and its tools were restored from the call before"
    )
