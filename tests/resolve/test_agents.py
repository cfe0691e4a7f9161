"""Whose work a span is: a sketch in, agents and turns out."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stores import of_files, of_sketch, otlp


def agents(store) -> list[tuple[str, str | None]]:  # type: ignore[no-untyped-def]
    return store.reader().rows("SELECT name, agent FROM spans ORDER BY start_ns, span_id")


def test_a_span_belongs_to_the_nearest_agent_above_it(tmp_path: Path) -> None:
    store = of_sketch(
        tmp_path,
        """
workflow report
  agent planner
    llm gpt-4o in=10 out=1
    tool search {"q": "rome"} -> []
      agent researcher
        llm gpt-4o in=20 out=2
""",
    )
    assert agents(store) == [
        ("report", None),
        ("planner", "planner"),
        ("gpt-4o", "planner"),
        ("search", "planner"),
        ("researcher", "researcher"),
        ("gpt-4o", "researcher"),
    ]


def test_an_agent_that_calls_itself_through_a_tool_starts_a_turn(tmp_path: Path) -> None:
    store = of_sketch(
        tmp_path,
        """
agent planner
  llm gpt-4o
  tool think
    agent planner
      llm gpt-4o
""",
    )
    assert store.reader().rows("SELECT agent, parent_turn_id IS NULL FROM agent_turns ORDER BY start_ns") == [
        ("planner", True),
        ("planner", False),
    ]


def test_a_wrapper_of_the_same_agent_is_no_turn_of_its_own(tmp_path: Path) -> None:
    store = of_sketch(tmp_path, "agent planner\n  agent planner\n    llm gpt-4o\n")
    assert len(store.reader().rows("FROM agent_turns")) == 1


def test_a_root_called_agent_by_its_name_alone_is_the_workflow(tmp_path: Path) -> None:
    spans = [
        {"name": "my run", "id": "a" * 16, "attributes": {"openinference.span.kind": "AGENT"}, "end": 900},
        {
            "name": "x",
            "id": "b" * 16,
            "parent": "a" * 16,
            "attributes": {"openinference.span.kind": "AGENT", "agent.name": "planner"},
        },
        {"name": "call", "id": "c" * 16, "parent": "b" * 16, "attributes": {"openinference.span.kind": "LLM"}},
    ]
    assert agents(of_files(otlp(tmp_path, spans))) == [("my run", None), ("x", "planner"), ("call", "planner")]


def test_a_root_agent_that_works_itself_stays_one(tmp_path: Path) -> None:
    spans = [
        {"name": "Manager.run", "id": "a" * 16, "attributes": {"openinference.span.kind": "AGENT"}, "end": 900},
        {"name": "call", "id": "b" * 16, "parent": "a" * 16, "attributes": {"openinference.span.kind": "LLM"}},
        {
            "name": "Worker.run",
            "id": "c" * 16,
            "parent": "a" * 16,
            "attributes": {"openinference.span.kind": "AGENT"},
            "start": 200,
        },
    ]
    assert agents(of_files(otlp(tmp_path, spans))) == [
        ("Manager.run", "Manager"),
        ("call", "Manager"),
        ("Worker.run", "Worker"),
    ]


def test_without_any_agent_the_steps_under_the_root_that_call_models_are_named_after_their_spans(
    tmp_path: Path,
) -> None:
    store = of_sketch(
        tmp_path,
        """
workflow job
  other planner
    llm gpt-4o
  other load
    tool read_file
  other RunnableSequence
    llm gpt-4o
""",
    )
    told = store.reader().rows("SELECT name, agent, agent_rule FROM spans WHERE agent IS NOT NULL ORDER BY start_ns")
    assert told == [
        ("planner", "planner", "span name under the root"),
        ("gpt-4o", "planner", "inherited from ancestor"),
    ]


def test_without_any_agent_or_step_of_a_name_the_root_is_the_agent(tmp_path: Path) -> None:
    store = of_sketch(tmp_path, "workflow support\n  other RunnableSequence\n    llm gpt-4o\n  llm gpt-4o\n")
    assert store.reader().rows("SELECT DISTINCT agent, agent_rule FROM spans WHERE is_call") == [
        ("support", "inherited from ancestor")
    ]


def test_an_agent_without_a_name_is_called_by_the_tool_that_runs_it(tmp_path: Path) -> None:
    agent, llm = {"gen_ai.operation.name": "invoke_agent"}, {"gen_ai.operation.name": "chat"}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "ask_writer"}
    spans = [
        {"name": "run", "id": "a" * 16, "attributes": {**agent, "gen_ai.agent.name": "planner"}},
        {"name": "tool", "id": "b" * 16, "parent": "a" * 16, "start": 10, "end": 90, "attributes": tool},
        {"name": "run", "id": "c" * 16, "parent": "b" * 16, "start": 20, "end": 80, "attributes": agent},
        {"name": "chat", "id": "d" * 16, "parent": "c" * 16, "start": 30, "end": 70, "attributes": llm},
    ]
    reader = of_files(otlp(tmp_path, spans)).reader()
    assert reader.rows("SELECT agent FROM llm_calls") == [("ask_writer",)]
    assert reader.rows("SELECT agent, agent_rule FROM agent_turns ORDER BY start_ns") == [
        ("planner", "gen_ai.agent.name"),
        ("ask_writer", "tool that runs it"),
    ]


def test_mcps_spans_inside_a_tools_span_are_the_same_call(tmp_path: Path) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    mcp = {**tool, "mcp.method.name": "tools/call"}
    spans = [
        {"name": "execute_tool search", "id": "a" * 16, "attributes": tool},
        {"name": "tools/call search", "id": "b" * 16, "parent": "a" * 16, "start": 10, "end": 90, "attributes": mcp},
        {"name": "POST", "id": "c" * 16, "parent": "b" * 16, "start": 20, "end": 80},
        {"name": "tools/call search", "id": "d" * 16, "parent": "c" * 16, "start": 30, "end": 70, "attributes": mcp},
        {"name": "tools/call search", "id": "e" * 16, "start": 200, "attributes": mcp},
    ]
    reader = of_files(otlp(tmp_path, spans)).reader()
    assert reader.rows("SELECT span_id FROM spans WHERE kind = 'tool' ORDER BY 1") == [("a" * 16,), ("e" * 16,)]
    assert reader.rows("SELECT tool_calls FROM traces") == [(2,)]


def test_names_of_openllmetry_are_without_the_kind_of_their_span(tmp_path: Path) -> None:
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    spans = [
        {"name": "report.workflow", "id": "a" * 16, "end": 900},
        {"name": "draft.task", "id": "b" * 16, "parent": "a" * 16, "start": 10, "end": 300},
        {"name": "chat", "id": "c" * 16, "parent": "b" * 16, "start": 20, "end": 30, "attributes": call},
        {"name": "execute_task RunnableParallel<a,b>", "id": "d" * 16, "parent": "a" * 16, "start": 400, "end": 500},
        {"name": "chat", "id": "e" * 16, "parent": "d" * 16, "start": 410, "end": 420, "attributes": call},
    ]
    rows = of_files(otlp(tmp_path, spans)).reader().rows("SELECT agent, agent_rule FROM agent_turns")
    assert rows == [("draft", "span name under the root")]


ROLES = "SELECT name, kind, agent, agent_rule FROM spans ORDER BY start_ns, span_id"
TURNS = "SELECT agent, agent_rule, parent_turn_id IS NULL FROM agent_turns ORDER BY start_ns"


def span(number: int, name: str, kind: str, parent: int | None = None, **attributes: str) -> dict[str, object]:
    told = {"openinference.span.kind": kind, **{key.replace("_", "."): value for key, value in attributes.items()}}
    above = {"parent": f"{parent:016x}"} if parent else {}
    return {
        "id": f"{number:016x}",
        "name": name,
        "start": number * 10,
        "end": number * 10 + 5,
        "attributes": told,
    } | above


def test_a_tool_of_a_workflow_belongs_to_the_agent_whose_step_came_before_it(tmp_path: Path) -> None:
    def step(number: int, agent: str) -> dict[str, object]:
        event = {"ev": f"AgentSetup(input=[], current_agent_name='{agent}')"}
        return span(number, "AgentWorkflow.run_agent_step", "CHAIN", 1, input_value=json.dumps(event))

    spans = [
        span(1, "AgentWorkflow.run", "CHAIN"),
        step(2, "planner"),
        span(3, "OpenAI.achat", "LLM", 2),
        step(4, "writer"),
        span(5, "AgentWorkflow.call_tool", "CHAIN", 1),
        span(6, "FunctionTool.acall", "TOOL", 5, tool_name="search"),
    ]
    store = of_files(otlp(tmp_path, spans, scope="openinference.instrumentation.llama_index"))
    assert store.reader().rows(ROLES) == [
        ("AgentWorkflow.run", "workflow", None, None),
        ("AgentWorkflow.run_agent_step", "agent", "planner", "current_agent_name"),
        ("OpenAI.achat", "llm", "planner", "inherited from ancestor"),
        ("AgentWorkflow.run_agent_step", "agent", "writer", "current_agent_name"),
        ("AgentWorkflow.call_tool", "other", "writer", "agent before it"),
        ("FunctionTool.acall", "tool", "writer", "inherited from ancestor"),
    ]
    assert [row[0] for row in store.reader().rows(TURNS)] == ["planner", "writer"]


def test_what_a_delegating_tool_does_is_one_turn_of_the_agent_it_delegates_to(tmp_path: Path) -> None:
    spans = [
        span(1, "manager._execute_core", "AGENT", graph_node_id="manager"),
        span(2, "Delegate work to coworker.run", "TOOL", 1, input_value='{"coworker": "writer"}'),
        span(3, "ChatCompletion", "LLM", 2),
        span(4, "search.run", "TOOL", 2),
        span(5, "ChatCompletion", "LLM", 1),
    ]
    store = of_files(otlp(tmp_path, spans, scope="openinference.instrumentation.crewai"))
    assert [row[2:] for row in store.reader().rows(ROLES)] == [
        ("manager", "graph.node.id"),
        ("manager", "inherited from ancestor"),
        ("writer", "delegated to"),
        ("writer", "delegated to"),
        ("manager", "inherited from ancestor"),
    ]
    assert store.reader().rows(TURNS) == [("manager", "graph.node.id", True), ("writer", "delegated to", False)]
    edges = store.reader().rows("SELECT from_agent, to_agent, rule, receiver_span_id FROM handoffs")
    assert edges == [("manager", "writer", "delegation", f"{3:016x}")]


def test_one_call_of_a_tool_that_two_instrumentations_report_is_one(tmp_path: Path) -> None:
    told = {"input_value": "{}", "output_value": "found"}
    spans = [
        span(1, "planner", "AGENT", agent_name="planner"),
        span(2, "planner.search", "TOOL", 1, tool_name="search", **told),
        span(3, "execute_tool search", "TOOL", 2, tool_name="search"),
        span(4, "planner.search", "TOOL", 1, tool_name="search", **told),
        span(5, "execute_tool search", "TOOL", 4, tool_name="search") | {"status": {"code": 2}},
        span(6, "search", "TOOL", 1, tool_name="search", **told),
        span(7, "search", "TOOL", 6, tool_name="search", **told),
    ]
    rows = of_files(otlp(tmp_path, spans)).reader().rows("SELECT span_id, status FROM tool_calls ORDER BY start_ns")
    assert [(int(span_id, 16), status) for span_id, status in rows] == [
        (2, "unset"),  # the one that tells what was given
        (5, "error"),  # the one that saw it fail
        (6, "unset"),  # a tool that calls itself
        (7, "unset"),
    ]


def test_the_nodes_of_a_prebuilt_agent_are_no_agents_where_nobody_names_one(tmp_path: Path) -> None:
    """Langfuse exports of LangGraph for one: `agent` and `tools` are one agent's inside, and that is the graph."""
    store = of_sketch(
        tmp_path,
        """
workflow support
  other agent
    llm gpt-4o in=10 out=1
  other tools
    tool search {"q": "rome"} -> []
""",
    )
    assert {agent for _, agent in agents(store)} == {"support"}
