"""Who passed work to whom, and the rule that saw it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stores import of_files, of_sketch, otlp

EDGES = "SELECT from_agent, to_agent, rule, receiver_span_id IS NULL FROM handoffs ORDER BY seq"


@pytest.mark.parametrize(
    ("sketch", "edges"),
    [
        pytest.param(
            """
workflow w
  agent planner
    llm gpt-4o
    handoff writer {"task": "x"}
  agent writer
    llm gpt-4o
""",
            [("planner", "writer", "handoff span", False)],
            id="a span that says so, once",
        ),
        pytest.param(
            """
workflow w
  agent planner
    llm gpt-4o
    tool transfer_to_data_analyst
  agent "Data Analyst"
    llm gpt-4o
""",
            [("planner", "Data Analyst", "tool name", False)],
            id="a tool whose name says so",
        ),
        pytest.param(
            """
workflow w
  agent planner
    llm gpt-4o
    tool transfer_to_agent
  agent writer
    llm gpt-4o
""",
            [("planner", "writer", "next sibling", False)],
            id="a tool whose argument would say so, but is not recorded",
        ),
        pytest.param(
            """
agent planner
  llm gpt-4o
  tool ask
    agent writer
      llm gpt-4o
""",
            [("planner", "writer", "agent as tool", False)],
            id="an agent as a tool",
        ),
        pytest.param(
            """
agent planner
  llm gpt-4o
  agent writer
    llm gpt-4o
""",
            [("planner", "writer", "nested agent", False)],
            id="an agent inside an agent",
        ),
        pytest.param(
            """
workflow w
  agent planner
    llm gpt-4o
  agent writer
    llm gpt-4o
  agent planner
    llm gpt-4o
""",
            [("planner", "writer", "next sibling", False), ("writer", "planner", "next sibling", False)],
            id="one after the other",
        ),
        pytest.param(
            """
workflow w
  agent planner
    llm gpt-4o
  agent left
    llm gpt-4o
  agent right parallel
    llm gpt-4o
  agent merger
    llm gpt-4o
""",
            [
                ("planner", "left", "next sibling", False),
                ("planner", "right", "next sibling", False),
                ("left", "merger", "next sibling", False),
                ("right", "merger", "next sibling", False),
            ],
            id="fan out and in",
        ),
        pytest.param(
            """
workflow w
  agent planner
    llm gpt-4o
    handoff writer {"task": "x"}
""",
            [("planner", "writer", "handoff span", True)],
            id="to an agent that never ran",
        ),
        pytest.param("agent planner\n  llm gpt-4o\n  tool search\n  llm gpt-4o\n", [], id="one agent alone"),
    ],
)
def test_handoffs(tmp_path: Path, sketch: str, edges: list[tuple[str, str, str, bool]]) -> None:
    assert of_sketch(tmp_path, sketch).reader().rows(EDGES) == edges


def test_the_sender_is_the_last_model_call_before_the_handoff(tmp_path: Path) -> None:
    store = of_sketch(
        tmp_path,
        'workflow w\n  agent planner\n    llm gpt-4o "first" id=aa\n    llm gpt-4o "second" id=bb\n  agent writer\n    llm gpt-4o\n',
    )
    assert store.reader().rows(
        "SELECT s.output LIKE '%second%' FROM handoffs h JOIN spans s ON s.span_id = h.sender_span_id"
    ) == [(True,)]


def test_a_start_rounded_down_to_the_millisecond_does_not_make_neighbours_parallel(tmp_path: Path) -> None:
    store = of_sketch(
        tmp_path,
        "workflow w\n  agent planner at=0s dur=46.1ms\n  agent writer at=46ms dur=100ms\n  agent critic at=146ms dur=5ms\n",
    )
    assert store.reader().rows(EDGES) == [
        ("planner", "writer", "next sibling", False),
        ("writer", "critic", "next sibling", False),
    ]


def test_ten_thousand_turns_of_two_agents_hand_over_one_by_one(tmp_path: Path) -> None:
    laps = "  agent planner x1\n    tool transfer_to_writer\n  agent writer\n    llm gpt-4o\n" * 5000
    store = of_sketch(tmp_path, "workflow w\n" + laps)
    assert store.reader().rows("SELECT rule, count(*) FROM handoffs GROUP BY rule ORDER BY rule") == [
        ("next sibling", 4999),
        ("tool name", 5000),
    ]


def test_an_agent_as_a_tool_whose_span_stands_beside_it(tmp_path: Path) -> None:
    """OpenLLMetry puts every agent of openai-agents under the root."""

    def agent(name: str, number: str, start: int, end: int) -> dict[str, Any]:
        told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        return {"name": name, "id": number * 16, "parent": "a" * 16, "start": start, "end": end, "attributes": told}

    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "ask_checker"}
    spans = [
        {"name": "run", "id": "a" * 16, "end": 9_000_000},
        agent("triage", "b", 10, 1_000_000),
        agent("researcher", "c", 2_000_000, 5_000_000),
        {"name": "x", "id": "d" * 16, "parent": "c" * 16, "start": 3_000_000, "end": 4_000_000, "attributes": tool},
        agent("checker", "e", 3_100_000, 3_900_000),
        agent("writer", "f", 6_000_000, 8_000_000),
    ]
    assert of_files(otlp(tmp_path, spans)).reader().rows(EDGES) == [
        ("triage", "researcher", "next sibling", False),
        ("researcher", "checker", "agent as tool", False),
        ("researcher", "writer", "next sibling", False),
    ]
