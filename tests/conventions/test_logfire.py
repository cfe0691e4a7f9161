"""Logfire's instrumentations: the OpenAI Agents SDK, and model clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conventions.rows import fields, message, read

AGENTS = "logfire.openai_agents"


def sdk(template: str, **told: Any) -> dict[str, Any]:
    return {"logfire.msg_template": template, "gen_ai.system": "openai", **told}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (sdk("OpenAI Agents trace: {name}", name="Agent workflow"), ("other", None, None, None)),
        (sdk("Task: Agent workflow", type="custom", name="Agent workflow"), ("other", None, None, None)),
        (sdk("Turn {turn} for agent writer", type="custom", agent_name="writer"), ("other", None, None, None)),
        (sdk("Agent run: {name!r}", name="writer", tools="[]"), ("agent", "writer", None, None)),
        (sdk("Function: {name}", name="search", input='{"q": 1}'), ("tool", None, "search", None)),
        (sdk("Handoff: {from_agent} → {to_agent}", from_agent="a", to_agent="b"), ("tool", None, "handoff", "b")),
        (sdk("Guardrail {name!r} {triggered=}", name="polite", triggered=False), ("guard", None, None, None)),
    ],
)
def test_spans_of_the_agents_sdk(told: dict[str, Any], expected: tuple[Any, ...]) -> None:
    row = read(told, scope=AGENTS)
    assert (row.kind, row.agent_hint, row.tool, row.handoff_to) == expected


def test_a_span_is_called_by_its_message_not_by_the_template() -> None:
    told = sdk("Function: {name}", name="search", **{"logfire.msg": "Function: search"})
    assert read(told, name="Function: {name}", scope=AGENTS).name == "Function: search"


def test_a_failure_is_told_as_one_and_not_in_the_name() -> None:
    told = sdk("Function: {name}", name="search", error={"message": "Error running tool"})
    told["logfire.msg"] = "Function: search failed: Error running tool"
    row = read(told, scope=AGENTS, status="error")
    assert (row.name, row.error_message) == ("Function: search", "Error running tool")


def test_a_call_of_the_responses_api() -> None:
    answer = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}]
    tool = {"type": "function", "name": "search", "parameters": {"type": "object"}}
    response = {
        "object": "response", "id": "resp_1", "instructions": "Be brief.", "output": answer, "tools": [tool],
        "usage": {"input_tokens": 11, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 4}},
    }  # fmt: skip
    told = sdk("Responses API with {gen_ai.request.model!r}", raw_input=[{"role": "user", "content": "hi"}])
    told |= {"response": json.dumps(response), "model_settings": {"temperature": 0.5, "top_p": None}}
    told |= {"gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06"}
    row = read(told, scope=AGENTS)
    assert fields(row, "kind", "model", "response_id", "input_tokens", "cached_tokens", "parameters") == {
        "kind": "llm", "model": "gpt-4o-2024-08-06", "response_id": "resp_1", "input_tokens": 11, "cached_tokens": 4,
        "parameters": {"temperature": 0.5},
    }  # fmt: skip
    assert fields(row, "input", "output") == {
        "input": [message("system", "Be brief."), message("user", "hi")],
        "output": [message("assistant", "hello")],
    }
    assert fields(row, "tools")["tools"][0]["name"] == "search"


def test_the_span_of_a_streams_answer_lasts_as_long_as_the_stream() -> None:
    told = {"logfire.span_type": "log", "duration": 0.5, "gen_ai.request.model": "gpt-4o"}
    told |= {"response_data": {"combined_chunk_content": "hello"}, "request_data": {"messages": ["hi"]}}
    row = read(told, scope="logfire.openai")
    assert fields(row, "kind", "start_ns", "output") == {
        "kind": "llm", "start_ns": 1 - 500_000_000, "output": [message("assistant", "hello")],
    }  # fmt: skip
