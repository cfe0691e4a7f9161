"""Each dialect's message, and the one neutral message it becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.vocabulary.messages import messages, said, tool_definitions

CALL = {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "rome"}}
RESULT = {"type": "tool_result", "id": "c1", "result": "[]"}

USER = {
    "openai": {"role": "user", "content": "hi"},
    "openai content parts": {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    "openai responses": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
    "anthropic": {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    "gemini": {"role": "user", "parts": [{"text": "hi"}]},
    "bedrock": {"role": "user", "content": [{"text": "hi"}]},
    "otel genai": {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
    "openinference": {"role": "user", "contents": [{"message_content": {"type": "text", "text": "hi"}}]},
    "langchain dict": {"type": "human", "content": "hi", "additional_kwargs": {}},
    "langchain data": {"type": "human", "data": {"content": "hi", "type": "human"}},
    "langchain constructor": {
        "lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"],
        "kwargs": {"content": "hi", "type": "human"},
    },
    "langchain pair": ["user", "hi"],
}  # fmt: skip

ASSISTANT_CALLS = {
    "openai": {
        "role": "assistant", "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": "rome"}'}}],
    },
    "openai responses": {"type": "function_call", "call_id": "c1", "name": "search", "arguments": '{"q": "rome"}'},
    "anthropic": {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "rome"}}]},
    "gemini": {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "search", "args": {"q": "rome"}}}]},
    "bedrock": {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "search", "input": {"q": "rome"}}}]},
    "otel genai": {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "rome"}}]},
    "openinference": {
        "role": "assistant", "tool_calls": [{"tool_call": {"id": "c1", "function": {"name": "search", "arguments": '{"q": "rome"}'}}}],
    },
    "langchain": {"type": "ai", "content": "", "tool_calls": [{"id": "c1", "name": "search", "args": {"q": "rome"}, "type": "tool_call"}]},
    "vercel": {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "search", "args": {"q": "rome"}}]},
}  # fmt: skip

TOOL_RESULTS = {
    "openai": {"role": "tool", "tool_call_id": "c1", "content": "[]"},
    "openai responses": {"type": "function_call_output", "call_id": "c1", "output": "[]"},
    "anthropic": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "[]"}]},
    "gemini": {"role": "user", "parts": [{"functionResponse": {"id": "c1", "response": "[]"}}]},
    "bedrock": {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "[]"}]}}]},
    "otel genai": {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "[]"}]},
    "langchain": {"type": "tool", "content": "[]", "tool_call_id": "c1"},
}


@pytest.mark.parametrize("dialect", USER)
def test_a_user_message_of_every_dialect(dialect: str) -> None:
    assert messages([USER[dialect]]) == [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}]


@pytest.mark.parametrize("dialect", ASSISTANT_CALLS)
def test_a_tool_call_of_every_dialect(dialect: str) -> None:
    assert messages([ASSISTANT_CALLS[dialect]]) == [{"role": "assistant", "parts": [CALL]}]


@pytest.mark.parametrize("dialect", TOOL_RESULTS)
def test_a_tool_result_of_every_dialect(dialect: str) -> None:
    assert messages([TOOL_RESULTS[dialect]]) == [{"role": "tool", "parts": [RESULT]}]


def test_json_text_is_read_as_what_it_holds() -> None:
    assert messages(json.dumps([USER["openai"]])) == messages([USER["openai"]])


def test_plain_text_is_said_by_the_given_role() -> None:
    assert messages("done", "assistant") == [{"role": "assistant", "parts": [{"type": "text", "text": "done"}]}]


def test_a_request_gives_its_system_prompt_first() -> None:
    request = {"system": "be brief", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    assert [said["role"] for said in messages(request) or []] == ["system", "user"]


def test_the_pieces_of_one_responses_answer_are_one_message() -> None:
    answer = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "let me look"}]},
        {"type": "function_call", "call_id": "c1", "name": "search", "arguments": '{"q": "rome"}'},
        {"type": "function_call", "call_id": "c2", "name": "search", "arguments": "{}"},
    ]
    (said,) = messages(answer, "assistant") or []
    assert [part["type"] for part in said["parts"]] == ["reasoning", "tool_call", "tool_call"]


def test_arguments_that_are_no_json_stay_text() -> None:
    cut = {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "search", "arguments": '{"q": "ro'}}]}
    (said,) = messages([cut]) or []
    assert said["parts"][0]["arguments"] == '{"q": "ro'


def test_nothing_recorded_is_none() -> None:
    assert messages(None) is None
    assert messages("") is None
    assert messages([]) is None


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "function", "function": {"name": "search", "description": "d", "parameters": {"type": "object"}}},
        {"type": "function", "name": "search", "description": "d", "parameters": {"type": "object"}},
        {"name": "search", "description": "d", "input_schema": {"type": "object"}},
        {"name": "search", "description": "d", "inputSchema": {"json": {"type": "object"}}},
        {"toolSpec": {"name": "search", "description": "d", "inputSchema": {"json": {"type": "object"}}}},
        {"name": "search", "description": "d", "parameters_json_schema": {"type": "object"}},
    ],
)
def test_a_tool_definition_of_every_dialect(definition: dict[str, Any]) -> None:
    expected = [{"name": "search", "description": "d", "parameters": {"type": "object"}}]
    assert tool_definitions([definition]) == expected
    assert tool_definitions([json.dumps(definition)]) == expected
    assert tool_definitions([{"function_declarations": [definition]}]) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["role", "type", "content", "parts", "text", "tool_calls", "function", "name", "id", "data", "kwargs"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_whatever_was_recorded_becomes_messages_or_nothing(value: Any) -> None:
    for told in [*(messages(value) or []), *(said(value) or [])]:
        assert told["role"] in ("system", "user", "assistant", "tool")
        assert all(part["type"] in ("text", "reasoning", "tool_call", "tool_result", "media") for part in told["parts"])


def test_an_object_that_is_no_message_was_said_as_it_is() -> None:
    assert messages({"growth": 0.1}, "assistant") == [
        {"role": "assistant", "parts": [{"type": "text", "text": '{"growth":0.1}'}]}
    ]


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "Acme", "score": 1}', '{"type": "invoice", "data": {"content": 1}}', '{"role": "buyer", "content": "x"}',
        '{"text": "x", "content": "y"}', '{"message": "all well"}', '["a", "b"]', '[{"name": "a"}]', '[{"text": "a", "n": 1}, 2]',
        '{"input": [1, 2]}', "{not json",
    ],
)  # fmt: skip
def test_an_answer_in_json_is_said_word_for_word(answer: str) -> None:
    assert said(answer, "assistant") == [{"role": "assistant", "parts": [{"type": "text", "text": answer}]}]


@pytest.mark.parametrize("dialect", USER)
def test_messages_are_known_among_what_may_be_anything(dialect: str) -> None:
    assert said([USER[dialect]]) == messages([USER[dialect]])
    assert said(json.dumps([USER[dialect]])) == messages([USER[dialect]])


@pytest.mark.parametrize("dialect", ASSISTANT_CALLS)
def test_tool_calls_are_known_among_what_may_be_anything(dialect: str) -> None:
    assert said(json.dumps([ASSISTANT_CALLS[dialect]]), "assistant") == [{"role": "assistant", "parts": [CALL]}]
