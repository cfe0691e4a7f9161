"""Whose work each span is, and the turns that follow from it.

A span belongs to the agent it names, else to the agent of its nearest ancestor; what a delegating tool does belongs
to the agent it delegates to. A *turn* is an unbroken stretch of one agent's work: it starts where the agent changes, or
where an agent calls itself through a tool."""

from __future__ import annotations

import re

from agentdbg.resolve.facts import Facts, TurnRow
from agentdbg.rows import AGENT_BEFORE, DELEGATION
from agentdbg.tree import Forest, Node
from agentdbg.vocabulary import langgraph

WORK = ("llm", "tool", "retriever")
# Names of plumbing that frameworks put around model calls: never an agent's name.
PLUMBING = re.compile(
    r"Runnable\w*(?:<.*>)?|(?:Chat)?Prompt(?:Template)?|LLMChain|Sequence|Pipeline|(?:Compiled)?StateGraph|LangGraph|orchestrate_tools"
    r"|(?:Predict\(.*\)|ChainOfThought(?:\(.*\))?)\.forward|\w*Adapter\.__call__"  # DSPy
)

NAMELESS = {"ai.generateText", "ai.streamText"}  # the Vercel AI SDK's runs without a functionId
# How MCP's client and server spans of a tool call begin; the tool's own span may be around them.
MCP_CALL = "tools/call"
KIND_WORDS = re.compile(r"^execute_task (?=.)|(?<=.)\.(?:workflow|task)$")


def assign(forest: Forest[Facts]) -> list[TurnRow]:
    """Set agent, agent_rule, turn_id and the final kind of every span; answer the turns in order of their start."""
    _demote_workflows(forest)
    _demote_echoes(forest)
    if not any(node.span.agent_hint for node in forest.walk()):
        _name_by_place(forest)
    turns: dict[str, TurnRow] = {}
    through_tool: set[str] = set()  # spans that stand under a tool of their parent's turn
    latest: dict[str, TurnRow] = {}  # the latest turn directly under a span
    for node in forest.walk():
        if not _continue(node, turns, latest):
            _inherit(node, turns, through_tool, latest)
    for root in forest.roots:
        if root.span.kind == "other" and root.children:
            root.span.kind = "workflow"
    return sorted(turns.values(), key=lambda turn: (turn.start_ns or 0, turn.span_id))


def _continue(node: Node[Facts], turns: dict[str, TurnRow], latest: dict[str, TurnRow]) -> bool:
    """Work whose agent neither itself nor an ancestor names: the next step of the agent before it, or what goes on
    inside a tool that delegates. It joins the turn beside it; the first of what was delegated starts one."""
    span, parent = node.span, node.parent.span if node.parent else None
    if parent is None or span.agent_hint:
        return False
    turn = latest.get(parent.span_id)
    if span.agent_rule == AGENT_BEFORE and turn is not None:
        span.agent = turn.agent
    elif parent.kind == "tool" and parent.handoff_rule == DELEGATION and parent.handoff_to:
        span.agent, span.agent_rule = parent.handoff_to, "delegated to"
    else:
        return False
    if turn is None:
        turn = turns[span.span_id] = latest[parent.span_id] = _turn(span, span.agent, parent.turn_id)
    if turn.end_ns is not None and span.end_ns is not None:
        turn.end_ns = max(turn.end_ns, span.end_ns)
    span.turn_id = turn.span_id
    return True


def _turn(span: Facts, agent: str, parent_turn_id: str | None) -> TurnRow:
    return TurnRow(
        trace_id=span.trace_id,
        span_id=span.span_id,
        agent=agent,
        agent_rule=span.agent_rule or "",
        parent_turn_id=parent_turn_id,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        status=span.status,
    )


def _inherit(node: Node[Facts], turns: dict[str, TurnRow], through_tool: set[str], latest: dict[str, TurnRow]) -> None:
    span = node.span
    parent = node.parent.span if node.parent else None
    if parent and (parent.kind == "tool" or (parent.span_id in through_tool and parent.span_id not in turns)):
        through_tool.add(span.span_id)
    if _runs_an_agent(span) and not span.agent_hint and parent and parent.kind == "tool" and parent.tool:
        span.agent_hint, span.agent_rule = parent.tool, "tool that runs it"
    if span.name.startswith(MCP_CALL) and _told_above(node):
        span.kind = "other"
    span.agent = span.agent_hint or (parent.agent if parent else None)
    if not span.agent_hint and span.agent and parent:
        span.agent_rule = "inherited from ancestor"
    if span.agent is None:
        span.agent_rule = None
        return
    if (
        parent is not None
        and parent.agent == span.agent
        and parent.turn_id
        and not (
            span.kind == "agent" and span.agent_hint and span.span_id in through_tool  # an agent that calls itself
        )
    ):
        span.turn_id = parent.turn_id
        if span.kind == "agent":
            span.kind = "other"  # a wrapper inside the turn, not one more agent
        return
    span.turn_id = span.span_id
    if span.kind == "other":
        span.kind = "agent"
    turns[span.span_id] = _turn(span, span.agent, parent.turn_id if parent else None)
    if parent is not None:
        latest[parent.span_id] = turns[span.span_id]


def _runs_an_agent(span: Facts) -> bool:
    return span.kind == "agent" or span.name in NAMELESS


def _told_above(node: Node[Facts]) -> bool:
    """Whether a tool call is told by a span around this one already, with only plumbing between them."""
    above = node.parent
    while above is not None and above.span.kind == "other":
        above = above.parent
    return above is not None and above.span.kind == "tool" and above.span.tool == node.span.tool


def _demote_workflows(forest: Forest[Facts]) -> None:
    """A root that is called an agent only by its span's name and does no work itself is the workflow around the
    agents."""
    for root in forest.roots:
        span = root.span
        if span.kind == "agent" and span.agent_rule == "span name" and root.children and not _works_itself(root):
            span.kind, span.agent_hint, span.agent_rule = "workflow", None, None


def _demote_echoes(forest: Forest[Facts]) -> None:
    """Two instrumentations report one call of a tool, one inside the other: only one of them is the call, and that is
    the one that saw it fail, else the one with payloads. A tool that calls itself tells each time what it was given."""
    for node in forest.walk():
        span, outer = node.span, node.parent.span if node.parent else None
        if outer is None or not span.kind == outer.kind == "tool" or not span.tool or span.tool != outer.tool:
            continue
        bare = [one for one in (span, outer) if not (one.has_input or one.has_output)]
        if bare:
            failed = [one for one in (outer, span) if one.status == "error"]
            echo = bare[0] if len(failed) != 1 else outer if failed[0] is span else span
            echo.kind = "other"


def _works_itself(root: Node[Facts]) -> bool:
    stack = list(root.children)
    others = False
    while stack:
        node = stack.pop()
        if node.span.agent_hint and node.span.agent_hint != root.span.agent_hint:
            others = True
            continue
        if node.span.kind in WORK:
            return True
        stack.extend(node.children)
    return not others


def _name_by_place(forest: Forest[Facts]) -> None:
    """No span of the trace names an agent: what stands directly under the root and makes model calls is one, by its
    span's name; where that is plumbing, a node of a prebuilt agent or the calls themselves, the root is the agent."""
    for root in forest.roots:
        steps = [node for node in root.children if node.span.kind not in WORK and _calls_models(node)]
        named = [node for node in steps if node.span.kind == "other" and not PLUMBING.fullmatch(_named(node.span))]
        if any(_named(node.span).lower() not in langgraph.STRUCTURAL for node in named):
            for node in named:
                node.span.agent_hint, node.span.agent_rule = _named(node.span), "span name under the root"
        elif root.span.kind not in WORK and _calls_models(root):
            root.span.agent_hint, root.span.agent_rule = _named(root.span), "root span name"


def _named(span: Facts) -> str:
    """A span's name without the kind that OpenLLMetry puts before or behind it."""
    return KIND_WORDS.sub("", span.name)


def _calls_models(node: Node[Facts]) -> bool:
    return any(below.span.kind == "llm" for below in node.walk())
