"""Runs in figures, and those that stand out among their like.

What is usual comes from the project's baseline where that knows enough runs of a workflow, else from the other runs at
hand. Statements, not loops: only runs that stand out are looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from agentdbg.model import AgentFigures, Reader, RunFigures

Measure = Literal["tokens", "cost_usd", "duration_ns"]

ENOUGH = 20
"""Runs below which the largest stands for a high quantile."""
UNPRICED = "cost_usd IS NULL AND (status <> 'error' OR input_tokens IS NOT NULL OR output_tokens IS NOT NULL)"
# What is open at once: turns of an agent, or its model calls. Where one ends as the next begins, only one is.
PEAKS = """
    work AS (
        SELECT 'turn' AS what, trace_id, agent, start_ns, end_ns FROM agent_turns
        UNION ALL SELECT 'call', trace_id, agent, start_ns, start_ns + duration_ns FROM llm_calls
    ), steps AS (
        SELECT what, trace_id, agent, start_ns AS moment, 1 AS step FROM work WHERE end_ns > start_ns
        UNION ALL SELECT what, trace_id, agent, end_ns, -1 FROM work WHERE end_ns > start_ns
    ), open AS (
        SELECT *, sum(step) OVER (
            PARTITION BY what, trace_id, agent ORDER BY moment, step ROWS UNBOUNDED PRECEDING) AS at_once
        FROM steps
    ), peaks AS (
        SELECT what, trace_id, agent, max(at_once) AS peak, arg_max(moment, (at_once, -moment)) AS moment
        FROM open GROUP BY what, trace_id, agent
    )
"""
_PAID = f"""
    paid AS (
        SELECT trace_id, count(*) AS calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
               sum(reasoning_tokens) AS reasoning_tokens, round(fsum(cost_usd), 9) AS cost_usd,
               count_if({UNPRICED}) AS unpriced
        FROM llm_calls GROUP BY trace_id
    )
"""
_RUNS = f"""
    WITH {_PAID}, {PEAKS}, widest AS (
        SELECT trace_id, max(peak) AS peak FROM peaks WHERE what = 'turn' GROUP BY trace_id
    )
    SELECT t.trace_id, t.workflow, t.start_ns, t.duration_ns, coalesce(p.calls, 0), p.input_tokens, p.output_tokens,
           p.reasoning_tokens, CASE WHEN p.unpriced = 0 THEN p.cost_usd END, coalesce(w.peak, 0),
           t.handoffs
    FROM traces t LEFT JOIN paid p USING (trace_id) LEFT JOIN widest w ON w.trace_id = t.trace_id
    WHERE t.status = 'ok' ORDER BY t.workflow, t.start_ns, t.trace_id
"""
_AGENTS = f"""
    WITH paid AS (
        SELECT trace_id, agent, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
               CASE WHEN count_if({UNPRICED}) = 0 THEN round(fsum(cost_usd), 9) END AS cost_usd
        FROM llm_calls WHERE agent IS NOT NULL GROUP BY trace_id, agent
    ), worked AS (
        SELECT trace_id, agent, max(end_ns - start_ns) AS longest_ns FROM agent_turns GROUP BY trace_id, agent
    )
    SELECT trace_id, agent, longest_ns, CASE WHEN input_tokens IS NOT NULL OR output_tokens IS NOT NULL
           THEN coalesce(input_tokens, 0) + coalesce(output_tokens, 0) END, cost_usd
    FROM worked LEFT JOIN paid USING (trace_id, agent) ORDER BY trace_id, agent
"""
_KEPT = {
    "trace_id": "VARCHAR", "workflow": "VARCHAR", "agent": "VARCHAR", "calls": "BIGINT", "input_tokens": "BIGINT",
    "output_tokens": "BIGINT", "reasoning_tokens": "BIGINT", "cost_usd": "DOUBLE", "duration_ns": "BIGINT",
}  # fmt: skip
_TOKENS = "coalesce(input_tokens, 0) + coalesce(output_tokens, 0)"
_SAVED = f"""
    saved AS (
        SELECT *, {_TOKENS} AS tokens
        FROM (SELECT unnest(from_json($saved, '{json.dumps([_KEPT])}'), recursive := true))
    )
"""
# `mine` are the runs at hand, `reference` those that say what is usual.
REFERENCE = f"""
    {_SAVED}, known AS (
        SELECT workflow, agent FROM saved GROUP BY workflow, agent HAVING count(*) >= $others
    ), {_PAID}, own AS (
        SELECT trace_id, workflow, NULL::VARCHAR AS agent, duration_ns, status, coalesce(p.calls, 0) AS calls,
               p.input_tokens, p.output_tokens, p.reasoning_tokens,
               CASE WHEN unpriced = 0 THEN p.cost_usd END AS cost_usd
        FROM traces LEFT JOIN paid p USING (trace_id) WHERE NOT $by_agent
        UNION ALL BY NAME
        SELECT trace_id, workflow, agent, max(u.end_ns - u.start_ns) AS duration_ns, max(t.status) AS status
        FROM agent_turns u JOIN traces t USING (trace_id) WHERE $by_agent GROUP BY trace_id, workflow, agent
    ), mine AS (SELECT *, {_TOKENS} AS tokens FROM own), reference AS (
        SELECT s.* FROM saved s SEMI JOIN known k
        ON s.workflow = k.workflow AND s.agent IS NOT DISTINCT FROM k.agent
        UNION ALL BY NAME
        SELECT m.* FROM mine m ANTI JOIN known k ON m.workflow = k.workflow AND m.agent IS NOT DISTINCT FROM k.agent
    )
"""
_STANDING_OUT = f"""
    WITH {REFERENCE}, centred AS (
        SELECT workflow, agent, trace_id, MEASURE AS x,
               median(ln(MEASURE)) OVER (PARTITION BY workflow, agent) AS mid FROM reference WHERE MEASURE > 0
    ), usual AS (
        SELECT workflow, agent, any_value(mid) AS mid, greatest(median(abs(ln(x) - mid)), ln(1.05)) AS spread
        FROM centred GROUP BY workflow, agent HAVING count(*) >= $others
    ), scored AS (
        SELECT m.trace_id, m.workflow, m.agent, m.MEASURE AS x, 0.6745 * (ln(m.MEASURE) - u.mid) / u.spread AS z
        FROM mine m JOIN usual u ON m.workflow = u.workflow AND m.agent IS NOT DISTINCT FROM u.agent
        WHERE m.MEASURE > 0 AND z > $z
    ), compared AS (
        SELECT s.trace_id, s.workflow, s.agent, s.x, s.z, count(*) AS others,
               CASE WHEN $level > 0.5 AND count(*) < {ENOUGH} THEN max(c.x) ELSE quantile_cont(c.x, $level) END AS usual
        FROM scored s JOIN centred c
        ON c.workflow = s.workflow AND c.agent IS NOT DISTINCT FROM s.agent AND c.trace_id <> s.trace_id GROUP BY ALL
    )
    SELECT c.trace_id, c.agent, x, usual, z, others,
           EXISTS (FROM known k WHERE k.workflow = c.workflow AND k.agent IS NOT DISTINCT FROM c.agent)
    FROM compared c WHERE others >= $others AND x > $factor * usual ORDER BY c.trace_id, c.agent
"""
_SHARES = f"""
    WITH {_SAVED}, kin AS (
        SELECT trace_id FROM traces WHERE workflow = (SELECT workflow FROM traces WHERE trace_id = $trace_id)
    ), shares AS (
        SELECT trace_id, agent, sum(coalesce(MEASURE, 0)) AS x, arg_max(span_id, (coalesce(MEASURE, 0), span_id)) AS top
        FROM (SELECT *, {_TOKENS} AS tokens FROM llm_calls) SEMI JOIN kin USING (trace_id) GROUP BY trace_id, agent
    ), known AS (
        SELECT agent, coalesce(MEASURE, 0) AS x FROM saved
        WHERE trace_id <> $trace_id AND workflow = (SELECT workflow FROM traces WHERE trace_id = $trace_id)
    ), others AS (
        FROM known UNION ALL SELECT agent, x FROM shares WHERE trace_id <> $trace_id AND NOT EXISTS (FROM known)
    ), usual AS (SELECT agent, median(x) AS x FROM others GROUP BY agent)
    SELECT s.agent, s.top, s.x, s.x - coalesce(u.x, 0) AS excess
    FROM shares s LEFT JOIN usual u ON s.agent IS NOT DISTINCT FROM u.agent
    WHERE s.trace_id = $trace_id ORDER BY excess DESC, s.top LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Outlier:
    """A run (or, with `agent`, what an agent did in it) that stands out. usual: the quantile that was asked
    for; kept: whether that is of the project's baseline and not of the other runs at hand."""

    trace_id: str
    agent: str | None
    value: float
    usual: float
    z: float
    others: int
    kept: bool

    @property
    def than(self) -> str:
        """What it is compared with: `the 7 other runs of its workflow`."""
        of = "runs of its workflow in the baseline" if self.kept else "other runs of its workflow"
        return f"the {self.others:,} {of}"


def ok_runs(reader: Reader) -> list[RunFigures]:
    """Every run that ended well, by workflow and start."""
    agents: dict[str, list[AgentFigures]] = {}
    for trace_id, *figures in reader.rows(_AGENTS):
        agents.setdefault(trace_id, []).append(AgentFigures(*figures))
    return [replace(RunFigures(*row), agents=tuple(agents.get(row[0], ()))) for row in reader.rows(_RUNS)]


def standing_out(
    reader: Reader,
    measure: Measure,
    *,
    others: int,
    z: float,
    factor: float,
    level: float = 0.5,
    by_agent: bool = False,
) -> list[Outlier]:
    """Runs that lie further from the rest of their workflow than `z` robust standard deviations (on the logarithm) and
    above `factor` times its quantile `level` (the largest, where they are few), where there are at least `others` to
    compare with. By trace id.

    by_agent: the longest turn of each agent instead, which only durations have.
    """
    rows = reader.rows(
        _STANDING_OUT.replace("MEASURE", measure),
        saved=saved(reader.baseline(), by_agent),
        by_agent=by_agent, others=others, z=z, factor=factor, level=level,
    )  # fmt: skip
    return [Outlier(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Share:
    """The agent of a run whose part exceeds most what it usually is. span_id: its largest call."""

    agent: str | None
    span_id: str
    value: float
    excess: float

    @property
    def who(self) -> str:
        return self.agent or "the program"


def grown(reader: Reader, trace_id: str, measure: Literal["tokens", "cost_usd"]) -> Share:
    """Whose part of a run with model calls exceeds most what that agent used in other runs of the workflow."""
    kept = saved(reader.baseline(), by_agent=True)
    return Share(*reader.rows(_SHARES.replace("MEASURE", measure), trace_id=trace_id, saved=kept)[0])


def saved(baseline: Sequence[RunFigures], by_agent: bool = False) -> str:
    """The runs of a baseline as the statements take them: JSON text, a row a run or an agent of a run."""
    return json.dumps([row for run in baseline for row in _rows(run, by_agent)])


def _rows(run: RunFigures, by_agent: bool) -> Iterator[dict[str, Any]]:
    whole = asdict(run)
    if not by_agent:
        yield {name: whole.get(name) for name in _KEPT}
        return
    for one in run.agents:
        yield {
            "trace_id": run.trace_id, "workflow": run.workflow, "agent": one.agent, "duration_ns": one.longest_ns,
            "input_tokens": one.tokens, "cost_usd": one.cost_usd,
        }  # fmt: skip
