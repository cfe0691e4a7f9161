"""LangGraph's run metadata, as OpenInference, LangSmith and OpenLLMetry all carry it: whose work a span is.

Inside a prebuilt agent the node is called `agent` or `tools`; the agent's own name is the node *around* it. The
checkpoint namespace holds the whole chain, outermost first: `researcher:<uuid>|agent:<uuid>`; a bare number in it
counts the invocations of a graph within one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Node names that the framework or its prebuilt agents give: they say what a step does, not who does it.
STRUCTURAL = frozenset(
    [
        "agent",
        "tools",
        "tool",
        "tool_node",
        "model",
        "llm",
        "call_model",
        "model_request",
        "call_agent",
        "call_tool",
        "should_continue",
        "pre_model_hook",
        "post_model_hook",
        "generate_structured_response",
        "__start__",
        "__end__",
        "start",
        "end",
    ]
)

# Names of steps that people give inside an agent of their own; on the top level they are as good as any.
STEPS = frozenset(["chatbot", "generate", "oracle", "respond", "router"])


def agent(metadata: Mapping[str, Any]) -> tuple[str, str] | None:
    """(agent name, rule) that a span's metadata tells, or None where it only names structural nodes."""
    named = metadata.get("lc_agent_name")
    if isinstance(named, str) and named:
        return named, "lc_agent_name"
    namespace = metadata.get("langgraph_checkpoint_ns") or metadata.get("checkpoint_ns")
    if isinstance(namespace, str) and namespace:
        nodes = [step.split(":", 1)[0] for step in namespace.split("|")]
        own = [
            node for node in nodes if not node.isdigit() and node.lower() not in STRUCTURAL and not _is_middleware(node)
        ]
        while len(own) > 1 and own[-1].lower() in STEPS:
            own.pop()
        if own:
            return own[-1], "langgraph_checkpoint_ns"
    node = metadata.get("langgraph_node")
    if isinstance(node, str) and node and node.lower() not in STRUCTURAL and not _is_middleware(node):
        return node, "langgraph_node"
    return None


def step(metadata: Mapping[str, Any]) -> int | None:
    """The super-step of the graph: spans of equal step ran at the same time by construction."""
    value = metadata.get("langgraph_step")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def session(metadata: Mapping[str, Any]) -> str | None:
    """The conversation a run belongs to."""
    for key in ("session_id", "conversation_id", "thread_id"):
        if metadata.get(key):
            return str(metadata[key])
    return None


def _is_middleware(node: str) -> bool:
    # create_agent() names its hook nodes `SomeMiddleware.before_model`
    return node.endswith((".before_model", ".after_model", ".before_agent", ".after_agent"))
