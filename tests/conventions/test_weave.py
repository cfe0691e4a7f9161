"""Weave's calls."""

import pytest

from tests.conventions.rows import fields, message, read

USED = {"usage": {"gpt-4o": {"prompt_tokens": 10, "completion_tokens": 2, "requests": 1}}}


def call(op, name="call", **fields):
    return read({"weave.op_name": op, **{f"weave.{key}": value for key, value in fields.items()}}, name=name)


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        ("langchain.Llm.ChatOpenAI", "llm"), ("langchain.ChatModel.ChatOpenAI", "llm"), ("langchain.Tool.search", "tool"), ("langchain.Chain.RunnableSequence", "other"),
        ("langchain.Retriever.store", "retriever"), ("openai_agent_generation", "llm"), ("openai_agent_function", "tool"), ("openai_agent_agent", "agent"),
        ("openai_agent_guardrail", "guard"), ("openai_agent_trace", "workflow"), ("weave:///e/p/op/langchain.Tool.search:DIGEST", "tool"), ("my_function", "other"),
    ],
)  # fmt: skip
def test_operations_of_integrations(op, kind):
    assert call(op).kind == kind


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("llm", "llm"), ("agent", "agent"), ("tool", "tool"), ("search", "retriever"), ("scorer", "other")],
)
def test_kinds_that_were_told(kind, expected):
    assert call("f", attributes={"weave": {"kind": kind}}).kind == expected


def test_usage_is_summed_up_over_the_calls_below_so_that_it_makes_no_model_call():
    assert fields(call("f", inputs={"question": "hi"}, summary=USED), "kind", "input_tokens") == {
        "kind": "other",
        "input_tokens": None,
    }
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    assert fields(call("f", inputs=asked, summary=USED), "kind", "input_tokens", "output_tokens") == {
        "kind": "llm",
        "input_tokens": 10,
        "output_tokens": 2,
    }
    assert call("f", inputs=asked, output="a text", summary={}).kind == "other"


def test_an_anthropic_call():
    row = call(
        "anthropic.Messages.create", inputs={"model": "claude-x", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 64, "system": "be brief"},
        output={"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x-1", "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn"},
        summary={"usage": {"claude-x-1": {"input_tokens": 3, "output_tokens": 2, "requests": 1}}},
    )  # fmt: skip
    assert fields(row, "kind", "model", "request_model", "input", "input_tokens", "output_tokens", "finish_reason", "parameters", "response_id") == {
        "kind": "llm", "model": "claude-x-1", "request_model": "claude-x", "input": [message("system", "be brief"), message("user", "hi")], "input_tokens": 3,
        "output_tokens": 2, "finish_reason": "end_turn", "parameters": {"max_tokens": 64}, "response_id": "msg_1",
    }  # fmt: skip


def test_costs_of_several_kinds_of_tokens_are_one_sum():
    costs = {"gpt-4o": {"prompt_tokens_total_cost": 0.1, "completion_tokens_total_cost": 0.2, "prompt_token_cost": 9.0}}
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    assert call("f", inputs=asked, summary={**USED, "weave": {"costs": costs}}).reported_cost_usd == pytest.approx(0.3)
    assert call("f", inputs=asked, summary=USED).reported_cost_usd is None


def test_a_handoff():
    row = call("openai_agent_handoff", inputs={"from_agent": "planner", "to_agent": "writer"})
    assert fields(row, "kind", "handoff_from", "handoff_to", "handoff_rule") == {
        "kind": "tool",
        "handoff_from": "planner",
        "handoff_to": "writer",
        "handoff_rule": "handoff span",
    }


def test_tools_agents_and_sessions():
    tool = call("langchain.Tool.search", inputs={"q": "rome"}, output="7", thread_id="thread-42")
    assert fields(tool, "tool", "input", "output", "session_id") == {
        "tool": "search",
        "input": {"q": "rome"},
        "output": "7",
        "session_id": "thread-42",
    }
    agent = call("openai_agent_agent", name="planner", display_name="planner")
    assert fields(agent, "agent_hint", "agent_rule") == {"agent_hint": "planner", "agent_rule": "display name"}
