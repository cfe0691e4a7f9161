"""Runs in figures, and those that stand out among their like.

What is usual comes from the project's baseline where that knows enough runs of a workflow, else from the other runs at
hand. Statements, not loops: only runs that stand out are looked at.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, floor
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
    )
    SELECT s.trace_id, s.workflow, s.agent, s.x, s.z, c.x,
           EXISTS (FROM known k WHERE k.workflow = s.workflow AND k.agent IS NOT DISTINCT FROM s.agent)
    FROM scored s LEFT JOIN centred c
    ON c.workflow = s.workflow AND c.agent IS NOT DISTINCT FROM s.agent AND c.trace_id = s.trace_id
    ORDER BY s.trace_id, s.agent
"""
_SORTED = f"""
    WITH {REFERENCE}
    SELECT workflow, agent, list(MEASURE ORDER BY MEASURE) FROM reference
    WHERE MEASURE > 0 AND workflow IN (SELECT unnest($workflows)) GROUP BY workflow, agent ORDER BY workflow, agent
"""
_SHARES = f"""
    SELECT trace_id, any_value(workflow), agent, sum(coalesce(MEASURE, 0)) AS x,
           arg_max(span_id, (coalesce(MEASURE, 0), span_id)) AS top
    FROM (SELECT *, {_TOKENS} AS tokens FROM llm_calls) JOIN (SELECT trace_id, workflow FROM traces) USING (trace_id)
    WHERE WHICH GROUP BY trace_id, agent
"""
_SHARES_OF = f"{_SHARES.replace('WHICH', 'trace_id IN (SELECT unnest($traces))')} ORDER BY trace_id, top"
_SHARES_AMONG = f"""
    SELECT workflow, agent, list(x ORDER BY x)
    FROM ({_SHARES.replace("WHICH", "workflow IN (SELECT unnest($workflows))")}) s (trace_id, workflow, agent, x, top)
    GROUP BY workflow, agent ORDER BY workflow, agent
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


def most_alike(reader: Reader) -> int:
    """How many runs the workflow with the most of them has: where there are few, nothing need be compared."""
    counts = reader.everywhere("SELECT count(*) FROM traces GROUP BY workflow ORDER BY 1 DESC LIMIT 1")
    return int(counts[0][0]) if counts else 0


class Others:
    """Sorted values without one of them: what is usual for the others of a kind, without a list of them for each."""

    def __init__(self, values: Sequence[float], own: float | None) -> None:
        self._values = values
        self._own = len(values) if own is None else bisect_left(values, own)

    def __len__(self) -> int:
        return len(self._values) - (self._own < len(self._values))

    def quantile(self, level: float) -> float:
        """The continuous quantile, as SQL has it."""
        place = level * (len(self) - 1)
        low, part = self._at(floor(place)), place - floor(place)
        return low * (1 - part) + self._at(ceil(place)) * part

    def _at(self, place: int) -> float:
        return self._values[place + (place >= self._own)]


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
    if not reader.baseline() and most_alike(reader) <= others:
        return []
    given: dict[str, object] = {"saved": saved(reader.baseline(), by_agent), "by_agent": by_agent, "others": others}
    scored = reader.rows(_STANDING_OUT.replace("MEASURE", measure), z=z, **given)
    workflows = sorted({row[1] for row in scored})
    lists = reader.rows(_SORTED.replace("MEASURE", measure), workflows=workflows, **given) if scored else []
    of_kind = {(workflow, agent): values for workflow, agent, values in lists}
    found = []
    for trace_id, workflow, agent, x, score, own, kept in scored:
        rest = Others(of_kind[workflow, agent], own)
        if len(rest) >= max(1, others):
            usual = rest.quantile(1.0 if level > 0.5 and len(rest) < ENOUGH else level)
            if x > factor * usual:
                found.append(Outlier(trace_id, agent, x, usual, score, len(rest), kept))
    return found


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


def grown(reader: Reader, trace_ids: Sequence[str], measure: Literal["tokens", "cost_usd"]) -> dict[str, Share]:
    """Whose part of each of these runs exceeds most what that agent used in other runs of the workflow. Of runs with
    model calls."""
    rows = reader.rows(_SHARES_OF.replace("MEASURE", measure), traces=list(trace_ids)) if trace_ids else []
    among = _SHARES_AMONG.replace("MEASURE", measure)
    lists = reader.rows(among, workflows=sorted({row[1] for row in rows})) if rows else []
    of_kind = {(workflow, agent): values for workflow, agent, values in lists}
    found: dict[str, Share] = {}
    for trace_id, workflow, agent, x, top in rows:
        kept = [run for run in reader.baseline() if run.workflow == workflow and run.trace_id != trace_id]
        if any(run.agents for run in kept):
            mine = (one for run in kept for one in run.agents if one.agent == agent)
            others = Others(sorted(getattr(one, measure) or 0 for one in mine), None)
        else:
            others = Others(of_kind[workflow, agent], x)
        excess = x - (others.quantile(0.5) if len(others) else 0)
        if trace_id not in found or excess > found[trace_id].excess:
            found[trace_id] = Share(agent, top, x, excess)
    return found


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
