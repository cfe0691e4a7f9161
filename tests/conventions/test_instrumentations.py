"""Corrections of what single instrumentations tell."""

import json

import pytest

from tests.conventions.rows import fields, read


@pytest.mark.parametrize(
    ("name", "kind", "told", "expected"),
    [
        ("agent.reAct.start-1", "AGENT", {}, ("other", None, None)),
        ("beeai-framework", "AGENT", {"source": "Planner"}, ("agent", "Planner", None)),
        ("backend.openai.chat.start-2", "LLM", {}, ("llm", None, None)),
        ("backend.openai.chat.success-3", "LLM", {}, ("other", None, None)),
        ("backend.openai.chat.finish-4", "LLM", {}, ("other", None, None)),
        ("tool.search.start-5", "TOOL", {}, ("other", None, None)),
        ("tool.search.success-6", "TOOL", {"tool.parameters": '{"q": 1}'}, ("tool", None, "search")),
        ("tool.search.error-7", "TOOL", {"tool.name": "Search"}, ("tool", None, "Search")),
        ("tool.search.finish-8", "TOOL", {}, ("other", None, None)),
    ],
)
def test_the_events_of_beeai_are_one_call_each(name, kind, told, expected):
    row = read({"openinference.span.kind": kind, **told}, name=name, scope="openinference.instrumentation.beeai")
    assert (row.kind, row.agent_hint, row.tool) == expected


@pytest.mark.parametrize(
    ("name", "kind", "path", "expected"),
    [
        ("final_answer", "AGENT", "agent.requirement.final_answer", "other"),
        ("error", "LLM", "backend.openai.chat.error", "other"),
        ("planner", "AGENT", "agent.requirement", "agent"),
        ("OpenAIChatModel", "LLM", None, "llm"),
    ],
)
def test_newer_versions_name_an_event_by_the_end_of_its_path(name, kind, path, expected):
    told = {"openinference.span.kind": kind, "metadata.path": path}
    assert read(told, name=name, scope="openinference.instrumentation.beeai").kind == expected


def test_other_scopes_have_no_such_events():
    assert read({"openinference.span.kind": "LLM"}, name="backend.openai.chat.success-3", scope="mine").kind == "llm"


@pytest.mark.parametrize(
    ("told", "agent"),
    [
        ("Agent(role='Software \\'s', goal='x')", "Software 's"),
        ('Agent(role="Writer ", goal=1)', "Writer"),
        ("Agent(goal='x')", None),
    ],
)
def test_the_role_of_a_crewai_task(told, agent):
    given = {"agent": told, "task": "write"}
    row = read(
        {"openinference.span.kind": "AGENT", "input.value": given},
        name="Task._execute_core",
        scope="openinference.instrumentation.crewai",
    )
    assert agent is None or fields(row, "agent_hint", "agent_rule") == {"agent_hint": agent, "agent_rule": "agent role"}
    assert agent is not None or row.agent_rule != "agent role"


@pytest.mark.parametrize("scope", ["gcp.vertex.agent", "openinference.instrumentation.google_adk"])
def test_agents_of_older_adks_stand_in_the_name_of_the_span(scope):
    assert fields(read({}, name="agent_run [planner]", scope=scope), "kind", "agent_hint") == {
        "kind": "agent",
        "agent_hint": "planner",
    }


def test_an_agent_without_a_name_is_called_by_its_id():
    row = read({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.id": "a-7"}, name="invoke_agent")
    assert row.agent_hint == "a-7"
    assert (
        read(
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.id": "a-7", "gen_ai.agent.name": "planner"}
        ).agent_hint
        == "planner"
    )


def test_what_only_the_response_tells():
    """OpenInference's instrumentations for plain clients keep it in `output.value`, and no attributes of it."""
    response = '{"id": "chatcmpl-1", "model": "gpt-4o-1", "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}'
    row = read({"openinference.span.kind": "LLM", "output.value": response, "llm.model_name": "gpt-4o"})
    assert fields(row, "model", "response_id", "finish_reason", "input_tokens", "output_tokens", "output") == {
        "model": "gpt-4o", "response_id": "chatcmpl-1", "finish_reason": "stop", "input_tokens": 9, "output_tokens": 1,
        "output": [{"role": "assistant", "parts": [{"type": "text", "text": "hello"}], "finish_reason": "stop"}],
    }  # fmt: skip


def test_a_call_that_failed_is_one_of_the_model_that_was_asked():
    asked = {"llm.invocation_parameters": '{"model": "gpt-4o-mini"}'}
    failed = read({"openinference.span.kind": "LLM", **asked}, status="error")
    answered = read({"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-mini-2024-07-18", **asked})
    assert (failed.model, answered.model) == ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")


@pytest.mark.parametrize(
    ("tool", "given", "to"),
    [
        ("Delegate work to coworker", {"task": "x", "coworker": "researcher"}, "researcher"),
        ("ask_question_to_coworker", {"question": "x", "coworker": " Senior Writer "}, "Senior Writer"),
        ("Delegate work to coworker", {"task": "x"}, None),
        ("search", {"coworker": "researcher"}, None),
    ],
)
def test_whom_a_crewai_tool_delegates_to(tool, given, to):
    attributes = {"openinference.span.kind": "TOOL", "tool.name": tool, "input.value": json.dumps(given)}
    row = read(attributes, name=f"{tool}.run", scope="openinference.instrumentation.crewai")
    assert (row.handoff_to, row.handoff_rule) == (to, "delegation" if to else None)
    assert fields(row, "tool", "input") == {"tool": tool, "input": given}


@pytest.mark.parametrize(
    ("scope", "call", "given"),
    [
        ("smolagents", {"args": [], "sanitize_inputs_outputs": True, "kwargs": {"q": "rome"}}, {"q": "rome"}),
        ("smolagents", {"args": ["rome"], "kwargs": {}}, {"args": ["rome"], "kwargs": {}}),
        ("dspy", {"kwargs": {"q": "rome"}}, {"q": "rome"}),
        ("openai_agents", {"kwargs": {"q": "rome"}}, {"kwargs": {"q": "rome"}}),  # the tool's own argument
    ],
)
def test_the_python_call_around_the_arguments_of_a_tool(scope, call, given):
    attributes = {"openinference.span.kind": "TOOL", "tool.name": "search", "input.value": json.dumps(call)}
    row = read(attributes, scope=f"openinference.instrumentation.{scope}")
    assert fields(row, "input") == {"input": given}


def test_a_dspy_tool_is_named_by_its_span_and_answers_in_json():
    told = {"openinference.span.kind": "TOOL", "output.value": '"[1, 2]"', "output.mime_type": "application/json"}
    assert fields(read(told, name="search.__call__"), "tool", "output") == {"tool": "search", "output": [1, 2]}
    told["output.mime_type"] = "text/plain"
    assert fields(read(told, name="search.__call__"), "output") == {"output": '"[1, 2]"'}


def test_the_response_of_smolagents_stands_there_as_python_writes_it():
    raw = (
        "ChatCompletion(id='chatcmpl-1', choices=[Choice(finish_reason='tool_calls', index=0, message=M(content='x'))])"
    )
    output = {"role": "assistant", "content": "hello", "raw": raw}
    row = read({"openinference.span.kind": "LLM", "output.value": json.dumps(output)})
    assert fields(row, "response_id", "finish_reason") == {"response_id": "chatcmpl-1", "finish_reason": "tool_calls"}


def test_results_of_tools_that_autogen_keeps_beside_the_message():
    result = {"name": "search", "content": "[]", "call_id": "c1", "is_error": False}
    prefix = "llm.input_messages.0"
    row = read(
        {
            "openinference.span.kind": "LLM",
            f"{prefix}.message.role": "function",
            f"{prefix}.function.0": json.dumps(result),
            f"{prefix}.function.1": json.dumps({**result, "call_id": "c2", "content": "none"}),
        }
    )
    assert not row.payload_cut
    assert fields(row, "input")["input"] == [
        {"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "result": "[]", "name": "search"}]},
        {"role": "tool", "parts": [{"type": "tool_result", "id": "c2", "result": "none", "name": "search"}]},
    ]


def test_a_call_of_no_tokens_is_one_that_nobody_counted():
    counts = {"llm.token_count.prompt": 0, "llm.token_count.completion": 0}
    assert fields(read({"openinference.span.kind": "LLM", **counts}), "input_tokens", "output_tokens") == {
        "input_tokens": None,
        "output_tokens": None,
    }
    counts["llm.token_count.prompt"] = 5
    assert read({"openinference.span.kind": "LLM", **counts}).output_tokens == 0


def test_the_trace_item_of_the_agents_sdk_names_the_run():
    row = read({}, name="task", scope="openai-agents native", resource={"openai_agents.workflow_name": "market-report"})
    assert (row.name, row.workflow_name) == ("task", "market-report")


def test_the_tools_of_a_smolagents_agent_stand_on_its_span():
    told = {
        "openinference.span.kind": "AGENT",
        "smolagents.tools_names": '["visit_page", "final_answer"]',
        "smolagents.managed_agents.0.name": "searcher",
        "smolagents.managed_agents.0.description": "Searches.",
    }
    row = read(told, name="CodeAgent.run", scope="openinference.instrumentation.smolagents")
    assert [tool["name"] for tool in fields(row, "tools")["tools"]] == ["visit_page", "final_answer", "searcher"]
