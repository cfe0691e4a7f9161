"""LangGraph's metadata and the agent it tells."""

from __future__ import annotations

from typing import Any

import pytest

from agentdbg.vocabulary.langgraph import agent

ID = "306e98a7-cc74-32d6-9003-645f591d81d0"


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"langgraph_node": "planner", "langgraph_checkpoint_ns": f"planner:{ID}"}, ("planner", "langgraph_checkpoint_ns")),
        ({"langgraph_node": "agent", "langgraph_checkpoint_ns": f"planner:{ID}|agent:{ID}"}, ("planner", "langgraph_checkpoint_ns")),
        ({"langgraph_node": "tools", "langgraph_checkpoint_ns": f"team:{ID}|planner:{ID}|tools:{ID}"}, ("planner", "langgraph_checkpoint_ns")),
        ({"langgraph_node": "agent", "langgraph_checkpoint_ns": f"planner:{ID}|2|agent:{ID}"}, ("planner", "langgraph_checkpoint_ns")),
        ({"langgraph_node": "planner"}, ("planner", "langgraph_node")),
        ({"langgraph_node": "model", "lc_agent_name": "planner"}, ("planner", "lc_agent_name")),
        ({"langgraph_node": "agent", "langgraph_checkpoint_ns": f"agent:{ID}"}, None),
        ({"langgraph_node": "Summary.before_model"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_agent_is_the_innermost_node_that_is_no_plumbing(
    metadata: dict[str, Any], told: tuple[str, str] | None
) -> None:
    assert agent(metadata) == told
