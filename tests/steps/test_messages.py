"""What a prompt adds, what an answer decides, and the keys that ingest keeps of both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.steps.messages import added, decision, delta, payload_keys, text_of

Message = dict[str, Any]


def says(role: str, text: str) -> Message:
    return {"role": role, "parts": [{"type": "text", "text": text}]}


def calls(name: str, arguments: Any, call_id: str = "c1", text: str = "") -> Message:
    parts: list[Message] = [{"type": "text", "text": text}] if text else []
    return {
        "role": "assistant",
        "parts": [*parts, {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}],
    }


def result(value: Any, call_id: str = "c1") -> Message:
    return {"role": "tool", "parts": [{"type": "tool_result", "id": call_id, "result": value}]}


SYSTEM, TASK = says("system", "You are terse."), says("user", "Find Rome.")


@pytest.mark.parametrize(
    ("prompt", "new"),
    [
        pytest.param([SYSTEM, TASK], [TASK], id="first turn"),
        pytest.param([SYSTEM, TASK, calls("find", {}), result("[]")], [result("[]")], id="after a tool"),
        pytest.param(
            [TASK, calls("find", {}), result(1, "a"), result(2, "b")], [result(1, "a"), result(2, "b")], id="two"
        ),
        pytest.param(
            [TASK, says("assistant", "Rome is in Italy.")], [says("assistant", "Rome is in Italy.")], id="retold"
        ),
        pytest.param([SYSTEM], [SYSTEM], id="nothing but instructions"),
        pytest.param([], [], id="empty"),
    ],
)
def test_what_is_new_in_a_prompt(prompt: list[Message], new: list[Message]) -> None:
    assert delta(prompt) == new


def test_a_conversation_retold_without_the_assistants_role_adds_what_follows_the_last_prompt() -> None:
    before = [SYSTEM, TASK]
    assert added([*before, says("user", "analyst: no")], before) == [says("user", "analyst: no")]
    assert added([SYSTEM, says("user", "Find Oslo.")], before) == [says("user", "Find Oslo.")]


@pytest.mark.parametrize(
    ("answer", "decided"),
    [
        ([says("assistant", " Rome. ")], "Rome."),
        (
            [calls("find", {"q": "rome"}, text="Let me look.")],
            {"text": "Let me look.", "calls": [["find", {"q": "rome"}]]},
        ),
        ([{"role": "assistant", "parts": [{"type": "reasoning", "text": "hm"}], "finish_reason": "stop"}], None),
        ([], None),
    ],
)
def test_what_an_answer_decides(answer: list[Message], decided: Any) -> None:
    assert decision(answer) == decided


def test_the_text_of_messages() -> None:
    assert text_of([SYSTEM, TASK, calls("find", {}, text="Let me look."), result("[]")]) == (
        "You are terse.\nFind Rome.\nLet me look."
    )


def llm(prompt: list[Message], answer: list[Message]) -> tuple[int | None, int | None, bool | None]:
    return payload_keys("llm", json.dumps(prompt), json.dumps(answer))


def test_turns_of_a_loop_have_equal_keys_although_the_prompt_grows() -> None:
    turn = [calls("find", {"q": "rome"}, "call_1"), result("[]", "call_1")]
    again = [calls("find", {"q": "rome"}, "call_2"), result("[]", "call_2")]
    second = llm([SYSTEM, TASK, *turn], [calls("find", {"q": "rome"}, "call_2")])
    third = llm([SYSTEM, TASK, *turn, *again], [calls("find", {"q": "rome"}, "call_3")])
    assert second == third
    assert None not in second


def test_other_arguments_other_results_other_keys() -> None:
    asked = calls("find", {"q": "rome"})
    assert llm([TASK], [asked])[1] != llm([TASK], [calls("find", {"q": "oslo"})])[1]
    assert llm([TASK, asked, result("[]")], [asked])[0] != llm([TASK, asked, result("[1]")], [asked])[0]


@pytest.mark.parametrize(
    ("kind", "given", "came", "recorded"),
    [
        ("llm", None, None, (False, False, None)),
        ("llm", [TASK], None, (True, False, None)),
        ("llm", [TASK], [], (True, False, None)),
        ("llm", [TASK], [{"role": "assistant", "parts": []}], (True, False, True)),
        ("llm", [TASK], [says("assistant", "Rome.")], (True, True, False)),
        ("tool", None, [], (False, True, True)),
        ("tool", {}, None, (True, False, None)),
        ("tool", {"q": 1}, {"error": "x"}, (True, True, False)),
        ("agent", "task", "", (True, True, True)),
        ("other", None, 0, (False, True, False)),
    ],
)
def test_missing_is_not_empty(kind: str, given: Any, came: Any, recorded: tuple[bool, bool, bool | None]) -> None:
    keys = payload_keys(kind, None if given is None else json.dumps(given), None if came is None else json.dumps(came))
    assert (keys[0] is not None, keys[1] is not None, keys[2]) == recorded


def test_of_a_state_with_messages_the_last_message_counts() -> None:
    early = {
        "messages": [{"type": "human", "content": "task"}, {"type": "ai", "content": "same", "id": "run-1"}],
        "n": 1,
    }
    late = {"messages": [*early["messages"], {"type": "ai", "content": "same", "id": "run-2"}], "n": 2}  # type: ignore[misc]
    assert payload_keys("agent", json.dumps(early), None) == payload_keys("agent", json.dumps(late), None)
    late["messages"].append({"type": "ai", "content": "same", "tool_calls": [{"name": "f", "args": {}, "id": "x"}]})  # type: ignore[attr-defined]
    assert payload_keys("agent", json.dumps(early), None) != payload_keys("agent", json.dumps(late), None)


def test_the_arguments_of_a_tool_are_taken_whole() -> None:
    one = {"messages": [{"role": "user", "content": "x"}], "to": "a"}
    assert payload_keys("tool", json.dumps(one), None) != payload_keys("tool", json.dumps({**one, "to": "b"}), None)
