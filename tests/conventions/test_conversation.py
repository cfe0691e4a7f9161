"""Spans that were rebuilt from messages in, our fields out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.conventions import normalise
from agentdbg.rows import RawSpan, SpanRow


def read(step: str, *, name: str = "answer", scope: str = "chat", **told: Any) -> SpanRow:
    attributes = {"conversation.step": step, **{f"conversation.{key}": value for key, value in told.items()}}
    return normalise(RawSpan("t", "s", None, name, 0, 1, attributes=attributes, scope=scope))


def usage(row: SpanRow) -> tuple[int | None, ...]:
    return row.input_tokens, row.output_tokens, row.cached_tokens, row.cache_write_tokens, row.reasoning_tokens


ASK = [{"role": "user", "content": "hi"}]
HI, HELLO = (
    [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}],
    [{"role": "assistant", "parts": [{"type": "text", "text": "hello"}]}],
)


@pytest.mark.parametrize(
    ("step", "kind"), [("run", "workflow"), ("agent", "agent"), ("answer", "llm"), ("tool", "tool"), ("aside", "other")]
)
def test_kinds(step: str, kind: str) -> None:
    assert read(step).kind == kind


def test_a_bare_answer() -> None:
    row = read("answer", message=[{"role": "assistant", "content": "hello"}], messages=ASK)
    assert (json.loads(row.input or ""), json.loads(row.output or "")) == (HI, HELLO)
    assert (row.records_tools, row.records_parameters, row.payload_cut) == (False, False, False)


def test_an_answer_of_langchain() -> None:
    metadata = {"finish_reason": "stop", "model_name": "gpt-4o", "model_provider": "openai", "id": "chatcmpl-1"}
    told = {
        "input_tokens": 9,
        "output_tokens": 5,
        "input_token_details": {"cache_read": 4, "cache_creation": 1},
        "output_token_details": {"reasoning": 2},
    }
    row = read(
        "answer",
        message=[{"type": "ai", "content": "hello", "response_metadata": metadata, "usage_metadata": told}],
        messages=ASK,
    )
    assert usage(row) == (9, 5, 4, 1, 2)
    assert (row.model, row.provider, row.response_id, row.finish_reason) == ("gpt-4o", "openai", "chatcmpl-1", "stop")


def test_a_serialised_message_of_langchain() -> None:
    inner = {"content": "hello", "usage_metadata": {"input_tokens": 9, "output_tokens": 5}}
    row = read("answer", message=[{"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs": inner}])
    assert (usage(row)[:2], json.loads(row.output or "")) == ((9, 5), HELLO)


def test_a_logged_call() -> None:
    response = {
        "id": "r1", "model": "gpt-4o-2024-08-06", "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}},
    }  # fmt: skip
    tools = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]
    row = read("answer", response=response, messages=ASK, request={"model": "gpt-4o", "temperature": 0, "tools": tools})
    assert usage(row)[:3] == (9, 5, 4)
    assert (row.request_model, row.model, row.response_id, row.finish_reason) == (
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "r1",
        "stop",
    )
    assert json.loads(row.tools or "") == [{"name": "search", "description": None, "parameters": {"type": "object"}}]
    assert (json.loads(row.parameters or ""), row.records_tools, row.records_parameters) == (
        {"temperature": 0},
        True,
        True,
    )


def test_the_input_of_anthropic_counts_what_its_cache_holds() -> None:
    response = {"role": "assistant", "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn",
                "usage": {"input_tokens": 9, "output_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 10}}  # fmt: skip
    row = read("answer", response=response)
    assert usage(row)[:4] == (119, 5, 100, 10)
    assert row.finish_reason == "end_turn"


def test_usage_beside_the_only_answer() -> None:
    row = read(
        "answer",
        message=[{"role": "assistant", "content": "hello"}],
        request={"model": "m", "usage": {"prompt_tokens": 9, "completion_tokens": 5}},
    )
    assert (usage(row)[:2], row.model) == ((9, 5), "m")


def test_a_member_of_a_group_chat_answers_though_it_has_the_role_of_the_user() -> None:
    row = read("answer", message=[{"role": "user", "name": "Expert", "content": "hello"}])
    assert json.loads(row.output or "") == [{**HELLO[0], "name": "Expert"}]
    assert row.output_empty is None  # decided when it is stored


@pytest.mark.parametrize(("derived", "cut"), [(["tree", "times"], False), (["tree", "input"], True)])
def test_a_prompt_that_is_not_known_whole(derived: list[str], cut: bool) -> None:
    attributes = {"conversation.step": "answer", "conversation.messages": ASK, "agentdbg.derived": derived}
    assert normalise(RawSpan("t", "s", None, "answer", 0, 1, attributes=attributes, scope="chat")).payload_cut == cut


CALL = {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "rome"}}


@pytest.mark.parametrize(
    "result",
    [
        {"role": "tool", "tool_call_id": "c1", "content": '{"found": 1}'},
        {"type": "tool", "tool_call_id": "c1", "name": "search", "content": '{"found": 1}'},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": '{"found": 1}'}]},
        {"type": "tool_result", "id": "c1", "result": '{"found": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": '{"found": 1}'},
    ],
)
def test_a_tool_call_with_its_result(result: dict[str, Any]) -> None:
    row = read("tool", name="search", call=CALL, result=result)
    assert (row.tool, row.tool_call_id, json.loads(row.input or ""), json.loads(row.output or "")) == (
        "search",
        "c1",
        {"q": "rome"},
        {"found": 1},
    )


def test_what_a_tool_was_not_asked_or_did_not_answer_is_absent() -> None:
    assert read("tool", name="search", call={**CALL, "arguments": None}).input is None
    assert read("tool", name="search", call=CALL).output is None
    alone = read("tool", name="tool", result={"role": "tool", "tool_call_id": "c9", "content": ""})
    assert (alone.tool, alone.tool_call_id, alone.input, alone.output) == ("tool", "c9", None, '""')


def test_a_handoff() -> None:
    result = {
        "type": "tool",
        "content": "ok",
        "tool_call_id": "c1",
        "response_metadata": {"__handoff_destination": "clerk"},
    }
    row = read("tool", call=CALL, result=result, scope="langsmith-fetch")
    assert (row.handoff_to, row.handoff_rule) == ("clerk", "__handoff_destination")


def test_an_agent_is_called_as_its_messages_say() -> None:
    row = read("agent", name="planner")
    assert (row.agent_hint, row.agent_rule) == ("planner", "message name")


def test_the_whole_conversation() -> None:
    row = read(
        "run",
        input=ASK,
        output={"role": "assistant", "content": "hello"},
        record={"metadata": {"custom_metadata": {"thread_id": "t7"}}},
    )
    assert (json.loads(row.input or ""), json.loads(row.output or ""), row.session_id) == (
        {"messages": HI},
        {"messages": HELLO},
        "t7",
    )
    empty = read("run", input=[])
    assert (empty.input, empty.output, empty.session_id) == (None, None, None)
