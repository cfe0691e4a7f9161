"""Whose work a span is: a sketch in, agents and turns out."""

from __future__ import annotations

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
