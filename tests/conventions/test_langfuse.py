"""Langfuse's observations, and the attributes of its SDKs."""

from typing import Any

import pytest

from tests.conventions.rows import fields, message, read

CALL = {"langfuse.type": "GENERATION", "langfuse.model": "gpt-4o"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("GENERATION", "llm"),
        ("TOOL", "tool"),
        ("AGENT", "agent"),
        ("RETRIEVER", "retriever"),
        ("GUARDRAIL", "guard"),
        ("SPAN", "other"),
        ("CHAIN", "other"),
        ("EVENT", "other"),
    ],
)
def test_kinds(kind, expected):
    assert read({"langfuse.type": kind}).kind == expected
    assert read({"langfuse.observation.type": kind.lower()}).kind == expected


def test_another_instrumentation_says_better_what_a_span_is():
    assert read({"langfuse.type": "GENERATION", "openinference.span.kind": "CHAIN"}).kind != "llm"


def test_spans_of_the_sdk():
    row = read({
        "langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-4o", "langfuse.observation.input": '[{"role": "user", "content": "hi"}]',
        "langfuse.observation.output": "hello", "langfuse.observation.usage_details": '{"input": 10, "output": 2}', "session.id": "thread-42",
        "langfuse.observation.model.parameters": '{"temperature": 0.2}', "langfuse.observation.cost_details": '{"total": 0.5}',
    })  # fmt: skip
    assert fields(row, "kind", "model", "input", "output", "input_tokens", "output_tokens", "session_id", "parameters", "reported_cost_usd") == {
        "kind": "llm", "model": "gpt-4o", "input": [message("user", "hi")], "output": [message("assistant", "hello")], "input_tokens": 10, "output_tokens": 2,
        "session_id": "thread-42", "parameters": {"temperature": 0.2}, "reported_cost_usd": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input": 10, "output": 2, "total": 12}, (10, 2, None, None, None)),
        (
            {"input": 6, "input_cached_tokens": 4, "output": 2, "output_reasoning_tokens": 1, "total": 13},
            (10, 3, 4, None, 1),
        ),
        (
            {"input": 1, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 5, "output": 2},
            (10, 2, 4, 5, None),
        ),
        ({"input_cache_read": 4, "input_cache_creation": 5, "input": 1, "output": 2}, (10, 2, 4, 5, None)),
        ({"promptTokens": 10, "completionTokens": 2, "unit": "TOKENS"}, (10, 2, None, None, None)),
        ({"input": 10, "output": 2, "unit": "CHARACTERS"}, (None, None, None, None, None)),
        ({}, (None, None, None, None, None)),
    ],
)
def test_the_buckets_of_usage_do_not_overlap(usage, expected):
    row = read({**CALL, "langfuse.usageDetails": usage})
    assert (
        row.input_tokens,
        row.output_tokens,
        row.cached_tokens,
        row.cache_write_tokens,
        row.reasoning_tokens,
    ) == expected


def test_what_langfuse_counted_by_itself_gives_way_to_what_the_model_reported():
    """Without recorded usage Langfuse counts with a tokeniser of its own, and prices what it counted."""
    told = {**CALL, "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2}
    estimated = {"langfuse.usageDetails": {"input": 7, "output": 3}, "langfuse.costDetails": {"total": 0.5}}
    row = read({**told, **estimated})
    assert (row.input_tokens, row.output_tokens, row.reported_cost_usd) == (10, 2, None)
    same = read({**told, **estimated, "langfuse.usageDetails": {"input": 10, "output": 2}})
    assert same.reported_cost_usd == 0.5


@pytest.mark.parametrize(
    ("told", "cost"),
    [
        ({"langfuse.costDetails": {"input": 0.1, "total": 0.3}}, 0.3),
        ({"langfuse.calculatedTotalCost": 0.3}, 0.3),
        ({"langfuse.calculatedTotalCost": 0}, None),
        ({"langfuse.costDetails": {}, "langfuse.totalCost": "0.3"}, 0.3),
        ({}, None),
    ],
)
def test_costs(told, cost):
    assert read({**CALL, **told}).reported_cost_usd == cost


def test_parameters_are_those_that_were_set():
    told = {
        "temperature": "0.2",
        "max_tokens": -1,
        "top_p": None,
        "stop": '["END"]',
        "seed": "",
        "n": "null",
        "stream": False,
        "model": "gpt-4o",
        "toolChoice": "auto",
    }
    assert fields(read({**CALL, "langfuse.modelParameters": told}), "parameters") == {
        "parameters": {"temperature": 0.2, "stop": ["END"], "tool_choice": "auto"}
    }


def test_tools_among_the_messages():
    """Langfuse's callback for LangChain writes the tools that are offered as messages of role tool."""
    offered = {"type": "function", "function": {"name": "search", "description": "d", "parameters": {}}}
    given = [{"role": "user", "content": "hi"}, {"role": "tool", "content": offered}]
    assert fields(read({**CALL, "langfuse.input": given}), "input", "tools") == {
        "input": [message("user", "hi")], "tools": [{"name": "search", "description": "d", "parameters": {}}],
    }  # fmt: skip


def test_tool_definitions_by_name():
    told = {"search": '{"description": "d", "parameters": {"type": "object"}}'}
    assert fields(read({**CALL, "langfuse.toolDefinitions": told}), "tools") == {
        "tools": [{"name": "search", "description": "d", "parameters": {"type": "object"}}]
    }


@pytest.mark.parametrize(
    ("metadata", "agent"),
    [
        ({"langgraph_checkpoint_ns": "researcher:1|agent:2", "langgraph_node": "agent"}, "researcher"),
        ({"langgraph_path": ["__pregel_pull", "writer"], "langgraph_node": "writer"}, "writer"),
        ({"langgraph_node": "step 1"}, None),
    ],
)
def test_agents_of_langgraph(metadata, agent):
    assert read({"langfuse.type": "CHAIN", "langfuse.metadata": metadata}).agent_hint == agent


def test_an_agent_is_called_as_the_span_says_or_else_by_its_name():
    assert fields(read({"langfuse.type": "AGENT"}, name="planner"), "agent_hint", "agent_rule") == {
        "agent_hint": "planner",
        "agent_rule": "span name",
    }
    assert read({"langfuse.type": "AGENT", "gen_ai.agent.name": "planner"}, name="run 7").agent_hint == "planner"


def test_a_tool_of_langchain_is_known_by_its_message():
    answer: dict[str, Any] = {"content": "7", "tool_call_id": "call_1", "name": "search"}
    row = read({"langfuse.type": "SPAN", "langfuse.input": "{'q': 'rome'}", "langfuse.output": answer}, name="search")
    assert fields(row, "kind", "tool", "tool_call_id", "input", "output") == {
        "kind": "tool",
        "tool": "search",
        "tool_call_id": "call_1",
        "input": {"q": "rome"},
        "output": "7",
    }
    assert read({"langfuse.type": "SPAN", "langfuse.output": answer}, name="tools").kind == "other"


def test_an_error_is_no_answer():
    row = read(
        {**CALL, "langfuse.input": "hi", "langfuse.output": "RateLimitError"},
        status="error",
        status_message="RateLimitError: slow down",
    )
    assert fields(row, "output", "error_type") == {"output": None, "error_type": "RateLimitError"}


def test_what_langfuse_never_records_proves_nothing():
    row = read({**CALL, "langfuse.input": "hi"})
    assert (row.records_tools, row.records_parameters) == (False, False)
