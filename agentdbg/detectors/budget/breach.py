"""budget.breach: a run, or an agent in it, that used more than it may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agentdbg.detectors.wording import clipped, counted, money
from agentdbg.model import Evidence, Finding, Reader, Skipped

_TOKENS = "coalesce(input_tokens, 0) + coalesce(output_tokens, 0)"
# Sums are rounded, so that ten times ten cents are a dollar.
_SPENT = """
    WITH calls AS (
        SELECT trace_id, span_id, agent, coalesce(start_ns, 0) + coalesce(duration_ns, 0) AS ended, MEASURE AS used
        FROM llm_calls WHERE MEASURE > 0
    ), spent AS (
        SELECT *, round(sum(used) OVER (PARTITION BY GROUPED), 9) AS total,
               round(sum(used) OVER (PARTITION BY GROUPED ORDER BY ended, span_id ROWS UNBOUNDED PRECEDING), 9)
                   AS by_then
        FROM calls
    )
    SELECT trace_id, total,
           arg_min(spent, (ended, span_id)) FILTER (by_then >= $warned) AS warned,
           arg_min(spent, (ended, span_id)) FILTER (by_then > $budget) AS crossed,
           count(*) FILTER (by_then - used > $budget)
    FROM spent WHERE total >= $warned GROUP BY GROUPED, total ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Breach:
    """A run that used up its budget, or most of it.

    **What it finds**: the call by whose end a run had spent 75 % of its budget (medium), and the one that took it past
    100 % (critical), with what was spent after it: that is what a hard stop would have saved. A run may spend $5 unless
    told otherwise; agents and tokens have a budget when one is set. Calls without a price count for nothing, so that
    what is told is the least it was.

    **Why it matters**: a budget that only a monthly bill enforces is none.

    **Bad**:

        agent researcher
          llm gpt-4o cost=2.50
          llm gpt-4o cost=2.50
          llm gpt-4o cost=2.50

    **Good**:

        agent researcher
          llm gpt-4o cost=0.60
          llm gpt-4o cost=0.70
          llm gpt-4o cost=0.50

    **What to do**: count what is spent in the orchestrator and refuse further calls when the budget is used up; look at
    what the money went for first (`agentdbg agents --sort cost`).

    Options: run_usd = budget of a run; agent_usd and run_tokens = of one agent in a run, and in tokens (0: none);
    warn = share of a budget from which on it is told.
    """

    run_usd: float = 5.0
    agent_usd: float = 0.0
    run_tokens: int = 0
    warn: float = 0.75

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each budget of a trace: that it is gone, else that most of it is."""
        judged = set(reader.trace_ids())
        priced = reader.everywhere("SELECT 1 FROM llm_calls WHERE cost_usd IS NOT NULL LIMIT 1")
        if not priced and (self.run_usd or self.agent_usd):
            yield Skipped("budget.breach", None, "no price of any model call is known")
        for kind, measure, grouped, budget in (
            ("run", "cost_usd", "trace_id", self.run_usd),
            ("agent", "cost_usd", "trace_id, agent", self.agent_usd),
            ("run", _TOKENS, "trace_id", self.run_tokens),
        ):
            if budget > 0:
                sql = _SPENT.replace("MEASURE", measure).replace("GROUPED", grouped)
                rows = reader.rows(sql, budget=float(budget), warned=round(self.warn * budget, 9))
                yield from (_finding(kind, budget, row) for row in rows if row[0] in judged)


def _finding(kind: str, budget: float, row: tuple[Any, ...]) -> Finding:
    trace_id, total, warned, crossed, after = row
    at = crossed or warned
    who = at["agent"] or "the program"
    of = f"{who} in this run" if kind == "agent" else "the run"

    def amount(value: float) -> str:
        return money(value) if isinstance(budget, float) else counted(int(value), "token")

    left = total - at["by_then"]
    evidence = [Evidence(at["span_id"], "primary", f"{amount(at['by_then'])} spent when it ended")]
    if crossed and warned["span_id"] != crossed["span_id"]:
        evidence.append(Evidence(warned["span_id"], "related", f"{amount(warned['by_then'])} spent when it ended"))
    if crossed:
        title = f"The budget of {of} was {amount(budget)}, and {amount(total)} was spent"
        then = f"It was used up by a call of {who}; {counted(after, 'call')} and {amount(left)} came after it."
    else:
        title = f"{total / budget:.0%} of the budget of {of} was spent: {amount(total)} of {amount(budget)}"
        then = f"{at['by_then'] / budget:.0%} was gone with a call of {who}; {amount(left)} came after it."
    money_spent = isinstance(budget, float)
    return Finding(
        detector="budget.breach",
        severity="critical" if crossed else "medium",
        confidence="certain",
        title=clipped(title, 100),
        message=f"{title}. {then}",
        trace_id=trace_id,
        agent=at["agent"],
        evidence=tuple(evidence),
        advice="Enforce the budget in the orchestrator: refuse further calls when it is used up, and say so.",
        next=f"agentdbg span {at['span_id']}",
        key=f"{kind} budget {'used up' if crossed else 'nearly used up'}",
        wasted_usd=left if crossed and money_spent else None,
        wasted_tokens=int(left) if crossed and not money_spent else None,
    )
