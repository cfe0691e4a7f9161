"""LlamaIndex through OpenInference: steps of a workflow, tools in their wrappers, requests that are no calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.rows import SpanRow
from tests.conventions.rows import fields, read


def step(kind: str, name: str, **told: Any) -> SpanRow:
    attributes = {"openinference.span.kind": kind, **{key: json.dumps(value) for key, value in told.items()}}
    attributes = {key.replace("_", "."): value for key, value in attributes.items()}
    return read(attributes, name=name, scope="openinference.instrumentation.llama_index")


@pytest.mark.parametrize("workflow", ["AgentWorkflow", "BaseWorkflowAgent"])
def test_a_step_is_the_work_of_the_agent_that_its_event_names_last(workflow: str) -> None:
    said = "TextBlock(text='current_agent_name=\\'nobody\\')')"
    row = step(
        "CHAIN",
        f"{workflow}.run_agent_step",
        input_value={"ctx": "<Context>", "ev": f"AgentSetup(input=[{said}], current_agent_name='writer')"},
    )
    assert (row.agent_hint, row.agent_rule) == ("writer", "current_agent_name")


def test_an_event_that_names_no_agent_at_its_end_names_none() -> None:
    event = "AgentSetup(input=[TextBlock(text='current_agent_name=\\'nobody\\')')])"
    assert step("CHAIN", "AgentWorkflow.run_agent_step", input_value={"ev": event}).agent_hint is None


def test_making_a_request_is_no_model_call() -> None:
    assert step("LLM", "OpenAI._prepare_chat_with_tools").kind == "other"
    assert step("LLM", "OpenAI.astream_chat").kind == "llm"


def tool(name: str, given: dict[str, Any], answered: str) -> SpanRow:
    output = {"blocks": [{"text": answered}], "tool_name": name, "raw_input": {}, "raw_output": answered}
    attributes = {
        "openinference.span.kind": "TOOL",
        "tool.name": name,
        "input.value": json.dumps({"kwargs": {**given, "ctx": "<workflows.context.context.Context object at 0x7f>"}}),
        "output.value": json.dumps(output),
    }
    return read(attributes, name="FunctionTool.acall", scope="openinference.instrumentation.llama_index")


def test_arguments_and_result_of_a_tool_stand_in_wrappers() -> None:
    row = tool("search", {"query": "rome"}, '[{"title": "Rome"}]')
    assert fields(row, "tool", "input", "output", "handoff_to") == {
        "tool": "search", "input": {"query": "rome"}, "output": [{"title": "Rome"}], "handoff_to": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answered", "to"),
    [
        ("Agent writer is now handling the request due to the following reason: go on.", "writer"),
        ("Agent writer not found. Please select a valid agent to hand off to. Valid agents: editor", None),
        ("Agent writer cannot hand off to planner. Please select a valid agent to hand off to.", None),
        ("Agent planner cannot handoff to writer. Please select a valid agent to hand off to.", None),
        ("Agent writer is now handling the request due to the following reason: the page was not found.", "writer"),
    ],
)
def test_a_handoff_is_one_where_it_was_taken(answered: str, to: str | None) -> None:
    row = tool("handoff", {"to_agent": "writer", "reason": "go on"}, answered)
    assert (row.handoff_to, row.handoff_rule) == (to, "to_agent" if to else None)
