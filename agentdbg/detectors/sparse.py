"""Many traces at a time, each with its handoffs and only the spans that record what was handed over.

A handful of statements for thousands of runs, and no prompts: whole traces are for the few that are looked at closely.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agentdbg.model import Handoff, Reader, Span, Trace

_FIELDS = (
    "trace_id", "span_id", "parent_id", "name", "kind", "start_ns", "end_ns", "status", "finish_reason", "turn_id",
    "model", "tool", "tool_call_id",
)  # fmt: skip
_COLUMNS = ", ".join(f"s.{name}" for name in _FIELDS)
_AMONG = "IN (SELECT unnest($ids))"
_RUNS = f"SELECT trace_id, name, status FROM traces WHERE trace_id {_AMONG} ORDER BY trace_id"
_HANDOFFS = f"""
    SELECT trace_id, seq, from_agent, to_agent, rule, sender_span_id, receiver_span_id, via_span_id, start_ns
    FROM handoffs WHERE trace_id {_AMONG} ORDER BY trace_id, seq
"""
_LAST_WORDS = f"""
    WITH last AS (
        SELECT trace_id, arg_max(span_id, (start_ns, span_id)) AS turn_id, arg_max(agent, (start_ns, span_id)) AS agent
        FROM agent_turns WHERE trace_id {_AMONG} GROUP BY trace_id
    ), said AS (
        SELECT c.trace_id, s.turn_id,
               arg_max(c.span_id, (c.start_ns + coalesce(c.duration_ns, 0), c.span_id)) AS span_id
        FROM llm_calls c JOIN spans s ON c.trace_id = s.trace_id AND c.span_id = s.span_id
        WHERE c.trace_id {_AMONG} GROUP BY c.trace_id, s.turn_id
    )
    SELECT l.trace_id, l.agent, coalesce(s.span_id, l.turn_id)
    FROM last l LEFT JOIN said s ON l.trace_id = s.trace_id AND l.turn_id = s.turn_id ORDER BY l.trace_id
"""
_SPANS = f"""
    SELECT {_COLUMNS}, CASE WHEN s.kind <> 'llm' THEN s.input END, s.output
    FROM spans s JOIN (SELECT unnest($traces) AS trace_id, unnest($spans) AS span_id) n
    ON s.trace_id = n.trace_id AND s.span_id = n.span_id ORDER BY s.trace_id, s.start_ns, s.span_id
"""
_TOOLS = f"""
    SELECT {_COLUMNS}, NULL, NULL FROM spans s
    WHERE s.kind IN ('tool', 'retriever') AND s.trace_id {_AMONG} ORDER BY s.trace_id, s.start_ns, s.span_id
"""
_AT_ONCE = 2000


@dataclass(slots=True)
class Run:
    """A trace with few of its spans. For a run that was asked about: the agent that worked last, and the span with
    which it ended."""

    trace: Trace
    last_agent: str | None = None
    last_span_id: str | None = None


def runs(reader: Reader, trace_ids: Iterable[str], ended: Collection[str]) -> Iterator[Run]:
    """These traces in the order of their ids. `ended` are those of which the last word is wanted as well."""
    ids = sorted(trace_ids)
    for start in range(0, len(ids), _AT_ONCE):
        yield from _some(reader, ids[start : start + _AT_ONCE], ended)


def _some(reader: Reader, ids: list[str], ended: Collection[str]) -> list[Run]:
    found = {i: Run(Trace(i, name, status, None, None, [])) for i, name, status in reader.rows(_RUNS, ids=ids)}
    for row in reader.rows(_HANDOFFS, ids=ids):
        found[row[0]].trace.handoffs.append(Handoff(*row))
    if about := [i for i in ids if i in ended]:
        for i, agent, span_id in reader.rows(_LAST_WORDS, ids=about):
            found[i].last_agent, found[i].last_span_id = agent, span_id
    said = _at(reader, {place for run in found.values() for place in _places(run)})
    have = {(span.trace_id, span.span_id) for span in said}
    turns = _at(reader, {(s.trace_id, s.turn_id) for s in said if s.output is None and s.turn_id} - have)
    have |= {(span.trace_id, span.span_id) for span in turns}
    asking = sorted({s.trace_id for s in said if s.kind == "llm" and '"tool_call"' in (s.output or "")})
    tools = [_span(row) for row in reader.rows(_TOOLS, ids=asking)] if asking else []
    for span in [*said, *turns, *(tool for tool in tools if (tool.trace_id, tool.span_id) not in have)]:
        found[span.trace_id].trace.spans.append(span)
    return list(found.values())


def _places(run: Run) -> Iterator[tuple[str, str]]:
    for handoff in run.trace.handoffs:
        yield run.trace.trace_id, handoff.sender_span_id
        if handoff.via_span_id is not None:
            yield run.trace.trace_id, handoff.via_span_id
    if run.last_span_id is not None:
        yield run.trace.trace_id, run.last_span_id


def _at(reader: Reader, places: Collection[tuple[str, str]]) -> list[Span]:
    traces, spans = [trace for trace, _ in sorted(places)], [span for _, span in sorted(places)]
    return [_span(row) for row in reader.rows(_SPANS, traces=traces, spans=spans)] if places else []


def _span(row: tuple[Any, ...]) -> Span:
    return Span(**dict(zip((*_FIELDS, "input", "output"), row, strict=True)))
