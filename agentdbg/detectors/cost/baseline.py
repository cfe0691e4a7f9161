"""cost.baseline: a run that cost far more than its like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from agentdbg.detectors.figures import Outlier, Share, grown, standing_out
from agentdbg.detectors.wording import clipped, listed, money
from agentdbg.model import Evidence, Finding, Reader, Skipped

_TOKENS = """
    SELECT coalesce(sum(input_tokens), 0) + coalesce(sum(output_tokens), 0) FROM llm_calls WHERE trace_id = $trace_id
"""
_UNUSUAL_MODELS = """
    WITH others AS (
        SELECT trace_id, model FROM llm_calls JOIN traces USING (trace_id)
        WHERE trace_id <> $trace_id AND workflow = (SELECT workflow FROM traces WHERE trace_id = $trace_id)
    ), usual AS (
        SELECT model FROM others GROUP BY model
        HAVING 2 * count(DISTINCT trace_id) >= (SELECT count(DISTINCT trace_id) FROM others)
    )
    SELECT DISTINCT model FROM llm_calls
    WHERE trace_id = $trace_id AND EXISTS (FROM usual) AND model NOT IN (FROM usual WHERE model IS NOT NULL)
    ORDER BY model
"""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run that cost far more than other runs of its workflow.

    **What it finds**: runs whose cost stands out among the runs of the same workflow in the baseline, else in the input
    (modified z-score on the logarithm, Iglewicz and Hoaglin 1993, and more than twice the median of the others). Runs
    with a call of unknown price are not compared, and less than a tenth of a cent is no matter. Where the tokens stand
    out as well, token.spike tells it.

    **Why it matters**: tokens can be as usual and the bill is not: a dearer model was put in, or the provider's cache
    is missed.

    **Bad**:

        trace monday
        agent clerk
          llm gpt-4o in=900 out=60 cost=0.004
        trace tuesday
        agent clerk
          llm gpt-4o in=910 out=60 cost=0.004
        trace wednesday
        agent clerk
          llm gpt-4o in=890 out=60 cost=0.004
        trace thursday
        agent clerk
          llm gpt-4o in=905 out=60 cost=0.004
        trace friday
        agent clerk
          llm gpt-4o in=900 out=60 cost=0.004
        trace saturday
        agent clerk
          llm gpt-4-32k in=900 out=60 cost=0.058

    **Good**:

        trace monday
        agent clerk
          llm gpt-4o in=900 out=60 cost=0.004
        trace tuesday
        agent clerk
          llm gpt-4o in=910 out=60 cost=0.004
        trace wednesday
        agent clerk
          llm gpt-4o in=890 out=60 cost=0.004
        trace thursday
        agent clerk
          llm gpt-4o in=905 out=60 cost=0.004
        trace friday
        agent clerk
          llm gpt-4o in=900 out=60 cost=0.004
        trace saturday
        agent clerk
          llm gpt-4o in=1500 out=90 cost=0.007

    **What to do**: look at which model the named agent used, and how many of its input tokens came from the cache; give
    the agent a budget (budget.breach).

    Options: z and factor = how far a run stands out (modified z-score; times the median); others = runs to compare
    with at least; least_usd = dollars beyond the median which matter.
    """

    compares_runs: ClassVar = True

    z: float = 3.5
    factor: float = 2.0
    others: int = 5
    least_usd: float = 0.001

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding a trace."""
        if not reader.rows("SELECT 1 FROM llm_calls WHERE cost_usd IS NOT NULL LIMIT 1"):
            yield Skipped("cost.baseline", None, "no price of any model call is known")
            return
        judged = set(reader.trace_ids())
        runs = standing_out(reader, "cost_usd", others=self.others, z=self.z, factor=self.factor)
        spikes = standing_out(reader, "tokens", others=self.others, z=self.z, factor=self.factor)
        told = {one.trace_id for one in spikes}
        dear = [one for one in runs if one.trace_id in judged and one.value - one.usual >= self.least_usd]
        shares = grown(reader, [one.trace_id for one in dear], "cost_usd")
        for one in dear:
            yield _finding(reader, one, shares[one.trace_id], one.trace_id in told)


def _finding(reader: Reader, one: Outlier, share: Share, more_tokens: bool) -> Finding:
    models = [row[0] for row in reader.rows(_UNUSUAL_MODELS, trace_id=one.trace_id)]
    tokens = reader.rows(_TOKENS, trace_id=one.trace_id)[0][0]
    part = "more tokens" if more_tokens else "dearer tokens"
    of_models = f" It used {listed(models)}, which most other runs do not." if models else ""
    return Finding(
        detector="cost.baseline",
        severity="high",
        confidence="likely",
        title=clipped(f"{money(one.value)}, {one.value / one.usual:.1f}× the usual run: {part}", 100),
        message=(
            f"The run cost {money(one.value)}, {one.value / one.usual:.1f}× the median of {one.than} "
            f"({money(one.usual)}; modified z {one.z:.1f}): {part}. {share.who} cost {money(share.value)}, "
            f"{money(max(0.0, share.excess))} more than usual.{of_models}"
        ),
        trace_id=one.trace_id,
        agent=share.agent,
        evidence=(Evidence(share.span_id, "primary", f"the dearest call of {share.agent or 'the run'}"),),
        advice=(
            "Look at the model of this agent and at how much of its input came from the provider's cache, and give it "
            "a budget."
        ),
        next=f"agentdbg span {share.span_id}",
        key=part,
        wasted_tokens=None if not more_tokens else tokens,
        wasted_usd=one.value - one.usual,
    )
