"""MLflow's span attributes."""

import json

import pytest

from agentdbg.rows import RawEvent
from tests.conventions.rows import fields, message, read


def call(**attributes):
    return read(
        {
            "mlflow.spanType": "CHAT_MODEL",
            **{f"mlflow.{key.replace('__', '.')}": value for key, value in attributes.items()},
        }
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("LLM", "llm"),
        ("CHAT_MODEL", "llm"),
        ("AGENT", "agent"),
        ("TOOL", "tool"),
        ("RETRIEVER", "retriever"),
        ("GUARDRAIL", "guard"),
        ("CHAIN", "other"),
        ("UNKNOWN", "other"),
    ],
)
def test_kinds(kind, expected):
    assert read({"mlflow.spanType": kind}).kind == expected
    assert read({"mlflow.spanType": f'"{kind}"'}).kind == expected


def test_a_request_and_its_response():
    row = call(
        spanInputs={"model": "claude-x", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 64, "system": "be brief"},
        spanOutputs={"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x-1", "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn",
                     "usage": {"input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 2}},
    )  # fmt: skip
    assert fields(row, "model", "request_model", "response_id", "input_tokens", "cached_tokens", "output_tokens", "finish_reason", "input", "parameters") == {
        "model": "claude-x-1", "request_model": "claude-x", "response_id": "msg_1", "input_tokens": 10, "cached_tokens": 7, "output_tokens": 2, "finish_reason": "end_turn",
        "input": [message("system", "be brief"), message("user", "hi")], "parameters": {"max_tokens": 64},
    }  # fmt: skip
    assert row.records_tools


def test_messages_without_their_request():
    """MLflow's callback for LangChain records the messages alone, and the parameters beside them."""
    row = read({"mlflow.spanType": "CHAT_MODEL", "mlflow.spanInputs": [[{"content": "hi", "type": "human"}]], "mlflow.spanOutputs": {
        "generations": [[{"text": "hello", "message": {"content": "hello", "type": "ai"}}]]}, "invocation_params": {"model": "gpt-4o", "temperature": 0.2}})  # fmt: skip
    assert fields(row, "input", "output", "model", "parameters", "records_tools", "records_parameters") == {
        "input": [message("user", "hi")], "output": [message("assistant", "hello")], "model": "gpt-4o", "parameters": {"temperature": 0.2}, "records_tools": False,
        "records_parameters": True,
    }  # fmt: skip


def test_usage_and_cost_that_mlflow_puts_in_one_form():
    row = call(
        chat__tokenUsage={"input_tokens": 9, "output_tokens": 1, "total_tokens": 10},
        llm__cost={"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3},
        llm__model="gpt-4o",
    )
    assert fields(row, "input_tokens", "output_tokens", "reported_cost_usd", "model") == {
        "input_tokens": 9,
        "output_tokens": 1,
        "reported_cost_usd": 0.3,
        "model": "gpt-4o",
    }


def test_usage_counts_what_the_cache_held_already():
    row = call(chat__tokenUsage={"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 4})
    assert fields(row, "input_tokens", "cached_tokens") == {"input_tokens": 9, "cached_tokens": 4}


def test_tools_and_tool_calls():
    row = read(
        {"mlflow.spanType": "TOOL", "mlflow.spanInputs": '{"q": "rome"}', "mlflow.spanOutputs": '"7"'}, name="search"
    )
    assert fields(row, "tool", "input", "output") == {"tool": "search", "input": {"q": "rome"}, "output": "7"}


@pytest.mark.parametrize("place", ["mlflow.trace_metadata", "mlflow.request_metadata", "mlflow.tags"])
def test_the_session_is_told_of_the_trace(place):
    assert (
        read({"mlflow.spanType": "CHAIN"}, resource={place: {"mlflow.trace.session": "thread-42"}}).session_id
        == "thread-42"
    )


def test_agents():
    assert read({"mlflow.spanType": "AGENT"}, name="planner").agent_hint == "planner"
    row = read({"mlflow.spanType": "CHAIN", "metadata": {"langgraph_node": "writer", "langgraph_step": 3}})
    assert fields(row, "agent_hint", "graph_step") == {"agent_hint": "writer", "graph_step": 3}


def test_tool_calls_of_a_stream_stand_in_its_chunks():
    def chunk(index, finish=None, **delta):
        value = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        return RawEvent(f"mlflow.chunk.item.{index}", attributes={"mlflow.chunk.value": json.dumps(value)})

    def piece(arguments, **more):
        return [{"index": 0, **more, "function": {"arguments": arguments, "name": "search" if more else None}}]

    events = [
        chunk(0, tool_calls=piece('{"q": ', id="c1")),
        chunk(1, tool_calls=piece('"rome"}')),
        chunk(2, "tool_calls"),
        RawEvent("mlflow.chunk.item.3", attributes={"mlflow.chunk.value": '{"choices": []}'}),
    ]
    summed = {
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "", "tool_calls": None}}]
    }
    told = {"mlflow.spanType": "CHAT_MODEL", "mlflow.spanOutputs": json.dumps(summed)}
    row = read(told, events=events)
    parts = fields(row, "output")["output"][0]["parts"]
    assert parts == [{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "rome"}}]
    assert row.finish_reason == "tool_calls"
