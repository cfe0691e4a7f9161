"""LangSmith runs, as its exports have them and as its SDK sends them over OpenTelemetry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.rows import RawEvent, SpanRow
from tests.conventions.rows import fields, message, read

OTEL = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "langsmith.span.kind": "llm"}
CALL = {"type": "function", "id": "c1", "function": {"name": "search", "arguments": '{"q": 1}'}}
ASKED = {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": 1}}]}


def otel(attributes: dict[str, Any], **more: Any) -> SpanRow:
    return read(attributes, scope="langsmith", **more)


def test_a_call_of_langchain_over_opentelemetry():
    said = {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs": {
        "content": "hello", "response_metadata": {"id": "r1", "model_name": "gpt-1", "finish_reason": "stop"},
        "usage_metadata": {"input_tokens": 9, "output_tokens": 2, "input_token_details": {"cache_read": 3}},
    }}  # fmt: skip
    given = {"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"], "kwargs": {"content": "hi"}}
    row = otel(
        {
            **OTEL,
            "gen_ai.request.model": "gpt",
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.output_tokens": 2,
            "gen_ai.prompt": json.dumps({"messages": [[given]]}),
            "gen_ai.completion": json.dumps({"generations": [[{"text": "hello", "message": said}]]}),
            "gen_ai.tool.definitions": '[{"type": "function", "function": {"name": "search"}}]',
            "langsmith.metadata.lc_agent_name": "planner",
            "langsmith.metadata.thread_id": "t1",
            "langsmith.metadata.langgraph_step": 4,
            "langsmith.metadata._type": "openai-chat",
            "langsmith.metadata.temperature": 0.2,
        }
    )
    assert fields(
        row, "kind", "agent_hint", "agent_rule", "session_id", "graph_step", "model", "request_model", "response_id",
        "finish_reason", "input_tokens", "output_tokens", "cached_tokens", "input", "output", "tools", "parameters",
        "records_tools", "records_parameters",
    ) == {
        "kind": "llm", "agent_hint": "planner", "agent_rule": "lc_agent_name", "session_id": "t1", "graph_step": 4,
        "model": "gpt-1", "request_model": "gpt", "response_id": "r1", "finish_reason": "stop", "input_tokens": 9,
        "output_tokens": 2, "cached_tokens": 3, "input": [message("user", "hi")],
        "output": [message("assistant", "hello")],
        "tools": [{"name": "search", "description": None, "parameters": None}], "parameters": {"temperature": 0.2},
        "records_tools": True, "records_parameters": True,
    }  # fmt: skip


def test_chains_and_filled_prompts_are_no_calls_though_they_have_tokens():
    for kind, operation in (("chain", "chain"), ("prompt", "chat")):
        told = {**OTEL, "langsmith.span.kind": kind, "gen_ai.operation.name": operation, "gen_ai.prompt": '{"a": 1}'}
        row = otel({**told, "gen_ai.usage.input_tokens": 9, "gen_ai.request.model": "gpt"})
        assert fields(row, "kind", "input_tokens", "input") == {
            "kind": "other",
            "input_tokens": None,
            "input": {"a": 1},
        }


def test_a_tool_over_opentelemetry():
    told = {"type": "tool", "content": '[{"title": "x"}]', "tool_call_id": "c1", "status": "success"}
    row = otel(
        {
            "gen_ai.operation.name": "execute_tool",
            "langsmith.span.kind": "tool",
            "gen_ai.prompt": '{"q": 1}',
            "gen_ai.completion": json.dumps({"output": told}),
            "langsmith.metadata.__handoff_destination": "writer",
        },
        name="search",
    )
    assert fields(row, "kind", "tool", "tool_call_id", "input", "output", "handoff_to") == {
        "kind": "tool", "tool": "search", "tool_call_id": "c1", "input": {"q": 1}, "output": [{"title": "x"}],
        "handoff_to": "writer",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ValueError('boom')Traceback (most recent call last):\n  File", ("error", "ValueError", "boom", None)),
        ("ParentCommand(Command(goto='b'))Traceback (most recent call last):", ("ok", None, None, "ParentCommand")),
    ],
)
@pytest.mark.parametrize("status", ["ok", "error"])
def test_the_error_of_a_run_that_was_posted_before_it_failed(status, error, expected):
    """Its span was set OK by the post, and stays so: OpenTelemetry lets nobody take an OK back."""
    raised = [RawEvent("exception", 1, {"exception.type": "Exception", "exception.message": error})]
    row = otel({**OTEL, "langsmith.span.kind": "chain"}, events=raised, status=status)
    assert (row.status, row.error_type, row.error_message, row.control_flow) == expected


def run(run_type: str, **more: Any) -> SpanRow:
    return otel({f"langsmith.{key}": value for key, value in {"run_type": run_type, **more}.items()}, name="search")


def test_the_answer_of_wrap_anthropic_is_the_message_itself():
    answer = {"id": "m1", "content": None, "role": "assistant", "model": "c-1", "stop_reason": "tool_use"}
    row = run("llm", inputs={"messages": [], "model": "c"}, outputs={**answer, "tool_calls": [CALL]})
    assert fields(row, "output", "finish_reason", "response_id", "model") == {
        "output": [ASKED], "finish_reason": "tool_use", "response_id": "m1", "model": "c-1",
    }  # fmt: skip


def test_the_instructions_of_a_responses_call_are_its_system_prompt():
    row = run("llm", inputs={"input": "hi", "instructions": "be kind", "model": "m"})
    assert fields(row, "input", "records_parameters") == {
        "input": [message("system", "be kind"), message("user", "hi")],
        "records_parameters": True,
    }


def test_a_tool_names_its_call_beside_its_result_too():
    row = run("tool", extra={"tool_call_id": "c1"}, inputs={"q": 1}, outputs={"output": None})
    assert (row.tool_call_id, row.input, row.output) == ("c1", '{"q":1}', "null")


def test_a_tool_that_gave_back_a_command_answers_in_its_update():
    command = {"goto": "writer", "update": {"messages": [{"type": "human"}, {"type": "tool", "tool_call_id": "c1"}]}}
    assert run("tool", outputs={"output": command}).tool_call_id == "c1"


def test_a_tool_that_failed_gave_nothing_back():
    told = {"langsmith.run_type": "tool", "langsmith.outputs": {"output": None}}
    assert otel(told, status="error").output is None
