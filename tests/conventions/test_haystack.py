"""Haystack's own tracing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conventions.rows import fields, message, read

USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
CALL = {"tool_call": {"tool_name": "search", "arguments": {"q": "rome"}, "id": "c1"}}
RESULT = {"tool_call_result": {"result": "[]", "origin": CALL["tool_call"], "error": False}}


def said(role: str, *content: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"role": role, "meta": meta, "name": None, "content": list(content)}


def test_a_step_of_an_agent_that_calls_the_model() -> None:
    asked = [said("user", {"text": "hi"}), said("assistant", CALL), said("tool", RESULT)]
    offered = [{"type": "haystack.tools.tool.Tool", "data": {"name": "search", "parameters": {"type": "object"}}}]
    answer = said("assistant", {"text": "hello"}, model="gpt-4o", finish_reason="stop", usage=USAGE)
    told = {
        "haystack.agent.step.llm.input": json.dumps({"messages": asked, "tools": offered}),
        "haystack.agent.step.llm.output": json.dumps({"replies": [answer]}),
    }
    row = read(told, name="haystack.agent.step.llm")
    assert fields(row, "kind", "model", "finish_reason", "input_tokens", "output_tokens", "cached_tokens") == {
        "kind": "llm", "model": "gpt-4o", "finish_reason": "stop", "input_tokens": 12, "output_tokens": 3,
        "cached_tokens": 4,
    }  # fmt: skip
    assert [part for one in fields(row, "input")["input"] for part in one["parts"]] == [
        {"type": "text", "text": "hi"},
        {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "rome"}},
        {"type": "tool_result", "id": "c1", "name": "search", "result": []},
    ]
    assert fields(row, "output")["output"] == [{**message("assistant", "hello"), "finish_reason": "stop"}]
    assert fields(row, "tools")["tools"][0]["name"] == "search"


@pytest.mark.parametrize(
    ("name", "kind", "agent"),
    [
        ("OpenAIChatGenerator", "llm", None),
        ("InMemoryBM25Retriever", "retriever", None),
        ("Agent", "agent", "part"),
        ("PromptBuilder", "other", None),
    ],
)
def test_components(name: str, kind: str, agent: str | None) -> None:
    row = read({"haystack.component.name": "part", "haystack.component.type": name}, name="haystack.component.run")
    assert (row.kind, row.agent_hint) == (kind, agent)


def test_a_generator_without_chat() -> None:
    told = {
        "haystack.component.type": "OpenAIGenerator",
        "haystack.component.input": {"prompt": "hi"},
        "haystack.component.output": {"replies": ["hello"], "meta": [{"model": "gpt-4o", "usage": USAGE}]},
    }
    row = read(told, name="haystack.component.run")
    assert fields(row, "input", "output", "model", "input_tokens") == {
        "input": [message("user", "hi")], "output": [message("assistant", "hello")], "model": "gpt-4o",
        "input_tokens": 12,
    }  # fmt: skip


def test_a_tool_that_failed_says_so_beside_its_status() -> None:
    told = {
        "haystack.tool.name": "search", "haystack.agent.step.tool.input": {"q": "rome"}, "haystack.tool.error": True,
        "haystack.agent.step.tool.output": {"error": "no index"},
    }  # fmt: skip
    row = read(told, name="haystack.agent.step.tool")
    assert fields(row, "kind", "tool", "input", "status", "error_message") == {
        "kind": "tool", "tool": "search", "input": {"q": "rome"}, "status": "error", "error_message": "no index",
    }  # fmt: skip
