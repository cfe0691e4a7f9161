"""cost.drift: a workflow whose runs have become dearer, none of them by much."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from typing import Any, ClassVar

from agentdbg.detectors.figures import ENOUGH, UNPRICED
from agentdbg.detectors.wording import clipped, listed, money
from agentdbg.model import Evidence, Finding, Reader, RunFigures, Skipped
from agentdbg.statistics import cusum, mann_kendall, theil_sen

# The latest runs of each workflow that ended well and have a price throughout, in their order.
_RUNS = f"""
    WITH paid AS (
        SELECT trace_id, sum(cost_usd) AS cost_usd,
               sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) AS tokens
        FROM llm_calls GROUP BY trace_id
        HAVING count_if({UNPRICED}) = 0
    ), runs AS (
        SELECT trace_id, workflow, p.cost_usd, p.tokens,
               row_number() OVER (PARTITION BY workflow ORDER BY start_ns DESC, trace_id DESC) AS back
        FROM traces JOIN paid p USING (trace_id)
        WHERE status = 'ok' AND p.cost_usd > 0 AND trace_id NOT IN (SELECT unnest($kept)::VARCHAR)
    ), latest AS (FROM runs WHERE back <= $window), risen AS (
        SELECT workflow, count(*) AS runs, median(cost_usd) FILTER (4 * back <= runs) AS now,
               median(cost_usd) FILTER (4 * back > 3 * runs) AS before
        FROM (SELECT *, count(*) OVER (PARTITION BY workflow) AS runs FROM latest) GROUP BY workflow
    )
    SELECT workflow, trace_id, cost_usd, tokens FROM latest
    WHERE workflow IN (SELECT unnest($known)::VARCHAR)
       OR workflow IN (SELECT workflow FROM risen WHERE runs >= $runs AND now > 1.2 * before)
    ORDER BY workflow, back DESC
"""
_AGENTS = """
    SELECT agent, coalesce(median(x) FILTER (late), 0) - coalesce(median(x) FILTER (NOT late), 0) AS grown
    FROM (SELECT agent, sum(cost_usd) AS x, trace_id IN (SELECT unnest($late)) AS late FROM llm_calls
          WHERE trace_id IN (SELECT unnest($early)::VARCHAR UNION ALL SELECT unnest($late)) GROUP BY agent, trace_id)
    GROUP BY agent ORDER BY grown DESC, agent LIMIT 1
"""
_MODELS = """
    SELECT DISTINCT model FROM llm_calls WHERE trace_id IN (SELECT unnest($late)) AND model NOT IN (
        SELECT model FROM llm_calls WHERE trace_id IN (SELECT unnest($early)::VARCHAR) AND model IS NOT NULL)
    ORDER BY model
"""
_DEAREST = """
    SELECT span_id FROM llm_calls WHERE trace_id = $trace_id AND cost_usd IS NOT NULL
    ORDER BY agent IS NOT DISTINCT FROM $agent DESC, cost_usd DESC, span_id LIMIT 1
"""
_ENDS = 3
"""Runs whose median is what a run costs now, and what it did at first."""
_FEWEST = 5
"""Runs since the change; a few dear ones are no drift yet."""


@dataclass(frozen=True, slots=True)
class _Drift:
    """early: runs from before it, where they are at hand; late: the runs since, of which the first is where it began.
    before, now: what a run cost; tokens: how many times as many it takes now, None where that is not known."""

    runs: int
    early: list[str]
    late: list[str]
    before: float
    now: float
    tokens: float | None


@dataclass(frozen=True, slots=True)
class _Series:
    """The runs of one workflow in their order."""

    trace_ids: list[str] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Drift:
    """A workflow whose runs have become dearer over time, although none stands out from the one before.

    **What it finds**: workflows of which a run costs 1.5 times what it did, and stays there. With a baseline the runs
    since are compared with it by a cumulative sum (CUSUM; Page 1954; slack 0.5, limit 5); without one there must be a
    trend over the runs at hand, in the order in which they were run, that chance does not make (Mann 1945, Kendall
    1975). Told once, at the first run after the change, with the agent whose part has grown most.

    **Why it matters**: nobody looks at a run that costs two per cent more than yesterday's. After a month it is twice
    the money.

    **Bad**:

        trace d01
        agent clerk
          llm gpt-4o cost=0.0100
        trace d02
        agent clerk
          llm gpt-4o cost=0.0104
        trace d03
        agent clerk
          llm gpt-4o cost=0.0109
        trace d04
        agent clerk
          llm gpt-4o cost=0.0113
        trace d05
        agent clerk
          llm gpt-4o cost=0.0120
        trace d06
        agent clerk
          llm gpt-4o cost=0.0126
        trace d07
        agent clerk
          llm gpt-4o cost=0.0134
        trace d08
        agent clerk
          llm gpt-4o cost=0.0141
        trace d09
        agent clerk
          llm gpt-4o cost=0.0150
        trace d10
        agent clerk
          llm gpt-4o cost=0.0160
        trace d11
        agent clerk
          llm gpt-4o cost=0.0172
        trace d12
        agent clerk
          llm gpt-4o cost=0.0185

    **Good**:

        trace d01
        agent clerk
          llm gpt-4o cost=0.0100
        trace d02
        agent clerk
          llm gpt-4o cost=0.0104
        trace d03
        agent clerk
          llm gpt-4o cost=0.0097
        trace d04
        agent clerk
          llm gpt-4o cost=0.0103
        trace d05
        agent clerk
          llm gpt-4o cost=0.0101
        trace d06
        agent clerk
          llm gpt-4o cost=0.0095
        trace d07
        agent clerk
          llm gpt-4o cost=0.0105
        trace d08
        agent clerk
          llm gpt-4o cost=0.0099
        trace d09
        agent clerk
          llm gpt-4o cost=0.0106
        trace d10
        agent clerk
          llm gpt-4o cost=0.0098
        trace d11
        agent clerk
          llm gpt-4o cost=0.0102
        trace d12
        agent clerk
          llm gpt-4o cost=0.0104

    **What to do**: compare a run from before with one from now: the length of the prompts, the model, the number of
    calls, the tokens from the cache.

    Options: factor = what a run costs now over what it did; runs = runs at least, without a baseline; trend = the
    standard score of the trend that they must have; limit = of the cumulative sum against a baseline; window = latest
    runs that are looked at.
    """

    compares_runs: ClassVar = True

    factor: float = 1.5
    runs: int = 12
    trend: float = 3.3
    limit: float = 5.0
    window: int = 100

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding a workflow."""
        kept = _kept(reader.baseline())
        ids = [run.trace_id for runs in kept.values() for run in runs]
        rows = reader.rows(_RUNS, kept=ids, known=sorted(kept), runs=self.runs, window=self.window)
        judged = set(reader.trace_ids())
        for workflow, group in groupby(rows, key=lambda row: row[0]):
            series = _series(list(group))
            drift = self._since(series, kept[workflow]) if workflow in kept else self._trend(series)
            first = next((one for one in drift.late if one in judged), None) if drift else None
            if drift and first:
                yield _finding(reader, workflow, drift, first, workflow in kept)

    def _since(self, series: _Series, kept: Sequence[RunFigures]) -> _Drift | None:
        """A change of the runs at hand against those of the baseline."""
        before = [run.cost_usd for run in kept if run.cost_usd]
        tokens = [(run.input_tokens or 0) + (run.output_tokens or 0) for run in kept if run.cost_usd]
        place, total = _change(before, series.costs)
        if total <= self.limit:
            return None
        return self._drift(series, place, [], before, tokens)

    def _trend(self, series: _Series) -> _Drift | None:
        """A change within the runs at hand."""
        logs = [math.log(cost) for cost in series.costs]
        if mann_kendall(logs) < self.trend or theil_sen(logs) * (len(logs) - 1) < math.log(self.factor):
            return None
        first = max(_FEWEST, len(logs) // 4)
        place, _ = _change(series.costs[:first], series.costs[first:])
        early = series.trace_ids[: first + place]
        return self._drift(series, first + place, early, series.costs[:_ENDS], series.tokens[:_ENDS])

    def _drift(
        self, series: _Series, place: int, early: list[str], before: Sequence[float], tokens: Sequence[int]
    ) -> _Drift | None:
        late = series.trace_ids[place:]
        if len(late) < _FEWEST:
            return None
        then, now = median(before), median(series.costs[-_ENDS:])
        usual = median(tokens)
        times = median(series.tokens[-_ENDS:]) / usual if usual else None
        return _Drift(len(series.costs), early, late, then, now, times) if now >= self.factor * then else None


def _kept(baseline: Sequence[RunFigures]) -> dict[str, list[RunFigures]]:
    """The runs of the baseline by workflow, where it has enough with a price to say how much they differ."""
    priced = [run for run in baseline if run.cost_usd]
    runs = {name: list(group) for name, group in groupby(priced, key=lambda run: run.workflow)}
    return {name: group for name, group in runs.items() if len(group) >= ENOUGH}


def _series(rows: Sequence[tuple[Any, ...]]) -> _Series:
    return _Series([row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows])


def _change(before: Sequence[float], since: Sequence[float]) -> tuple[int, float]:
    """Where the cumulative sum of the later runs last left zero, and how far it has come by the last of them."""
    logs = [math.log(cost) for cost in before]
    centre = median(logs)
    sigma = max(1.4826 * median(abs(x - centre) for x in logs), math.log(1.05))
    sums = cusum([math.log(cost) for cost in since], centre, sigma)
    zeros = [place for place, total in enumerate(sums) if total == 0.0]
    return (zeros[-1] + 1 if zeros else 0), (sums[-1] if sums else 0.0)


def _finding(reader: Reader, workflow: str, drift: _Drift, trace_id: str, kept: bool) -> Finding:
    agent = reader.rows(_AGENTS, early=drift.early, late=drift.late)[0][0]
    models = [row[0] for row in reader.rows(_MODELS, early=drift.early, late=drift.late)] if drift.early else []
    span_id = reader.rows(_DEAREST, trace_id=trace_id, agent=agent)[0][0]
    factor, who = drift.now / drift.before, agent or "the program"
    name = workflow.partition(" [")[0]
    since = "in the baseline" if kept else "at first"
    why = f" A run takes {drift.tokens:.1f}× the tokens." if drift.tokens else ""
    why += f" Since then it uses {listed(models)}." if models else ""
    return Finding(
        detector="cost.drift",
        severity="medium",
        confidence="likely",
        title=clipped(
            f"A run of {name} costs {factor:.1f}× what it did: {money(drift.before)} → {money(drift.now)}", 100
        ),
        message=(
            f"A run of {name} cost {money(drift.before)} {since} and costs {money(drift.now)} now, {factor:.1f}×, over "
            f"{drift.runs:,} runs. The change began {len(drift.late):,} runs ago, with this one first; the "
            f"part of {who} has grown most.{why}"
        ),
        trace_id=trace_id,
        agent=agent,
        evidence=(Evidence(span_id, "primary", f"the dearest call of {who} in the first run after the change"),),
        advice="Compare this run with one from before: length of the prompts, model, number of calls, cached tokens.",
        next=f"agentdbg show {trace_id}",
        key="dearer over time",
        wasted_usd=round((drift.now - drift.before) * len(drift.late), 9),
    )
