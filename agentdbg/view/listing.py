"""Runs in figures, read from the store's views without loading a single span: for `traces`, and for `check` over many
runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentdbg.model import Reader
from agentdbg.view.report import TraceLine, TraceSummary

Order = Literal["start", "wall", "tokens", "cost", "findings"]

_ORDERS: dict[Order, str] = {
    "start": "t.start_ns DESC NULLS LAST",
    "wall": "t.duration_ns DESC NULLS LAST",
    "tokens": "coalesce(t.input_tokens, 0) + coalesce(t.output_tokens, 0) DESC",
    "cost": "t.cost_usd DESC NULLS LAST",
    "findings": "coalesce(w.rank, -1) DESC, coalesce(w.findings, 0) DESC",
}
# A call that failed before it used a token has no price to pay, so that nothing is unknown about its cost.
_SQL = """
    WITH paid AS (
        SELECT trace_id, count(*) FILTER (cost_usd IS NOT NULL
            OR status = 'error' AND input_tokens IS NULL AND output_tokens IS NULL) AS calls
        FROM llm_calls GROUP BY trace_id
    ), ranked AS (
        SELECT trace_id, detector, severity, seq,
            list_position(['info', 'low', 'medium', 'high', 'critical'], severity) AS rank FROM findings
    ), worst AS (
        SELECT trace_id, count(*) AS findings, max(rank) AS rank, arg_max(severity, (rank, -seq)) AS severity,
            arg_max(detector, (rank, -seq)) AS detector
        FROM ranked GROUP BY trace_id
    )
    SELECT t.trace_id, t.name, t.status, t.start_ns, t.duration_ns, t.span_count, t.agents, t.llm_calls, t.tool_calls,
        t.handoffs, t.input_tokens, t.output_tokens, t.cost_usd, t.counted_calls, coalesce(paid.calls, 0), t.joined,
        coalesce(w.findings, 0), w.severity, w.detector
    FROM traces t LEFT JOIN paid USING (trace_id) LEFT JOIN worst w ON w.trace_id = t.trace_id
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which runs, in which order. since_ns: started then or later; within_ns: started at most that long before the
    newest run did; agent: it took part, whatever its capitals; limit None: all."""

    failed: bool = False
    since_ns: int | None = None
    within_ns: int | None = None
    agent: str | None = None
    order: Order = "start"
    limit: int | None = None


def summaries(reader: Reader) -> list[TraceSummary]:
    """Every run, sorted by trace id: the same figures as `view.report.summarise` makes of a whole trace."""
    return [_summary(row) for row in reader.rows(f"{_SQL} ORDER BY t.trace_id")]


def lines(reader: Reader, choice: Choice, unjudged: Collection[str] = ()) -> list[TraceLine]:
    """The chosen runs with their worst finding. unjudged: runs whose findings are not known."""
    where, args = _where(choice)
    limit = f" LIMIT {choice.limit:d}" if choice.limit is not None else ""
    rows = reader.rows(
        f"{_SQL} {where} ORDER BY {_ORDERS[choice.order]}, t.start_ns DESC NULLS LAST, t.trace_id{limit}", **args
    )
    unknown = frozenset(unjudged)
    return [
        TraceLine(_summary(row)) if row[0] in unknown else TraceLine(_summary(row), row[-3], row[-2], row[-1])
        for row in rows
    ]


def _where(choice: Choice) -> tuple[str, dict[str, object]]:
    conditions: list[str] = []
    args: dict[str, object] = {}
    if choice.failed:
        conditions.append("t.status = 'error'")
    if choice.since_ns is not None:
        conditions.append("t.start_ns >= $since")
        args["since"] = choice.since_ns
    if choice.within_ns is not None:
        conditions.append("t.start_ns >= (SELECT max(start_ns) FROM traces) - $within")
        args["within"] = choice.within_ns
    if choice.agent is not None:
        conditions.append("list_contains(list_transform(t.agents, lambda agent: lower(agent)), lower($agent))")
        args["agent"] = choice.agent
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), args


def _summary(row: Sequence[Any]) -> TraceSummary:
    return TraceSummary(
        trace_id=row[0],
        name=row[1],
        status=row[2],
        start_ns=row[3],
        duration_ns=row[4],
        span_count=row[5],
        agents=tuple(row[6] or ()),
        llm_calls=row[7],
        tool_calls=row[8],
        handoffs=row[9],
        input_tokens=row[10],
        output_tokens=row[11],
        cost_usd=row[12],
        coverage={"llm_calls": row[7], "with_tokens": row[13], "with_cost": row[14]},
        joined=tuple(row[15]),
    )
