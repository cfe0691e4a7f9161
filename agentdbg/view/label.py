"""What a span is called in its row: agents by their name, model calls by their model, tools by theirs, the rest as
recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agentdbg.model import Kind, Span
from agentdbg.tree import Node

LONGEST = 300
"""Characters of a message that are kept for a row: more than any terminal is wide."""

_CUT_SHORT = frozenset(("length", "max_tokens", "max_output_tokens", "content_filter", "safety", "incomplete"))


class Part(NamedTuple):
    """A piece of a row's name with what it names, which is what it is coloured by."""

    text: str
    kind: Kind


def label(span: Span) -> tuple[Part, ...]:
    """The name of a span. The top span of an agent's turn is called by the agent, and by its own work where it is
    work itself."""
    own = Part(work_name(span), span.kind)
    if not span.agent or (span.turn_id != span.span_id and span.kind != "agent"):
        return (own,)
    if span.kind == "agent" or _same(span.agent, span.name):
        return (Part(span.agent, "agent"),)
    return (Part(span.agent, "agent"), own)


def names(span: Span) -> tuple[str, ...]:
    """The texts of a span's label."""
    return tuple(part.text for part in label(span))


def work_name(span: Span) -> str:
    """The operation: the model of a model call, the tool of a tool call, else the recorded name."""
    if span.kind == "llm" and span.model:
        return span.model
    if span.kind in ("tool", "retriever") and span.tool:
        return span.tool
    return span.name or span.kind


def _same(agent: str, name: str) -> bool:
    """The span's name says no more than the agent's: `invoke_agent Writer` of Writer."""
    return agent.casefold() in name.casefold()


def tail(span: Span) -> str:
    """What follows the name: the error, the control flow that looked like one, or why the answer is cut short."""
    if span.status == "error":
        told = [one for one in (span.error_type, span.error_message) if one]
        if len(told) == 2 and told[1].startswith(told[0]):
            told = told[1:]
        return ": ".join(told)[:LONGEST]
    if span.control_flow:
        return span.control_flow[:LONGEST]
    if span.kind == "llm" and span.finish_reason and span.finish_reason.lower() in _CUT_SHORT:
        return f"cut short: {span.finish_reason}"[:LONGEST]
    return ""


def attempts(siblings: Iterable[Node[Span]]) -> dict[Node[Span], int]:
    """Which attempt a span is, from the second on: the same work again after it failed, with equal input where inputs
    are known."""
    out: dict[Node[Span], int] = {}
    last: dict[tuple[str, str], Node[Span]] = {}
    for node in siblings:
        work = node.span.kind, work_name(node.span)
        before = last.get(work)
        if before is not None and before.span.status == "error" and _equal_input(before.span, node.span):
            out[node] = out.get(before, 1) + 1
        last[work] = node
    return out


def _equal_input(a: Span, b: Span) -> bool:
    return a.input_key == b.input_key or a.input_key is None or b.input_key is None
