"""What only the whole trace can tell: whose work a span is, which spans are one model call, who handed what to whom.

Spans arrive children first, in any order and in pieces; so this runs on all spans of a trace together, after they are
stored, and again when late ones join."""

from __future__ import annotations

from agentdbg.resolve.agents import assign
from agentdbg.resolve.calls import Price, calls
from agentdbg.resolve.facts import CallRow, Facts, HandoffRow, Resolved, Role, TraceRow, TurnRow
from agentdbg.resolve.handoffs import handoffs
from agentdbg.tree import MAKING, Forest, build

__all__ = ["Facts", "Price", "Resolved", "resolve"]


def resolve(spans: list[Facts], price: Price, session_id: str | None = None, workflow: str | None = None) -> Resolved:
    """Everything that follows from the spans of one trace. `spans` must not be empty; their order does not matter.
    workflow: what the export calls the run, else it goes by its root."""
    forest = build(spans)
    turns = assign(forest)
    called = calls(forest, price)
    passed = handoffs(forest, turns, called)
    roles = [
        Role(
            trace_id=span.trace_id,
            span_id=span.span_id,
            kind=span.kind,
            agent=span.agent,
            agent_rule=span.agent_rule,
            turn_id=span.turn_id,
            is_call=span.is_call,
        )
        for span in spans
    ]
    trace = _summary(forest, spans, turns, called, passed, session_id, workflow)
    return Resolved(trace, roles, called, turns, passed, [problem.message for problem in forest.problems])


def _summary(
    forest: Forest[Facts],
    spans: list[Facts],
    turns: list[TurnRow],
    called: list[CallRow],
    passed: list[HandoffRow],
    session_id: str | None,
    workflow: str | None,
) -> TraceRow:
    first = next((root for root in forest.roots if not root.span.name.startswith(MAKING)), forest.roots[0])
    name = workflow or first.span.name
    timed = [span for span in spans if not span.name.startswith(MAKING)] or spans
    starts = [span.start_ns for span in timed if span.start_ns is not None]
    ends = [span.end_ns for span in timed if span.end_ns is not None]
    agents = list(dict.fromkeys(turn.agent for turn in turns))
    priced = [call.cost_usd for call in called if call.cost_usd is not None]
    return TraceRow(
        trace_id=first.span.trace_id,
        name=name,
        status=_status(forest),
        start_ns=min(starts, default=None),
        duration_ns=max(0, max([*starts, *ends]) - min(starts)) if starts and ends else None,
        span_count=len(spans),
        agents=agents,
        llm_calls=len(called),
        tool_calls=sum(span.kind == "tool" for span in spans),
        handoffs=len(passed),
        input_tokens=_total([call.input_tokens for call in called]),
        output_tokens=_total([call.output_tokens for call in called]),
        cost_usd=sum(priced) if priced else None,
        priced_calls=len(priced),
        counted_calls=sum(call.output_tokens is not None for call in called),
        payload_calls=sum(span.is_call and span.has_input and span.has_output for span in spans),
        session_id=session_id,
        workflow=f"{name} [{', '.join(sorted(agents))}]",
    )


def _status(forest: Forest[Facts]) -> str:
    """error or ok as the roots say; incomplete where the top of the tree is missing or still open."""
    true_roots = [root.span for root in forest.roots if not (root.orphan or root.span.stand_in)]
    if any(root.status == "error" for root in true_roots or [root.span for root in forest.roots]):
        return "error"
    if not true_roots or any(root.end_ns is None and root.start_ns is not None for root in true_roots):
        return "incomplete"
    return "ok"


def _total(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
