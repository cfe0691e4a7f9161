"""model.routing: a dear model for answers of one word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from agentdbg.detectors.wording import clipped, counted, money
from agentdbg.model import Evidence, Finding, Reader, Skipped

# A token of an answer costs about four times what one of a prompt does: prices are compared by tokens weighed so.
_DEAR = """
    WITH calls AS (
        SELECT c.trace_id, c.span_id, c.agent, c.model, c.start_ns, c.cost_usd, c.output_tokens, s.output_key,
               coalesce(c.input_tokens, 0)::DOUBLE + 4 * coalesce(c.output_tokens, 0)::DOUBLE AS weight
        FROM llm_calls c JOIN spans s ON c.trace_id = s.trace_id AND c.span_id = s.span_id
        WHERE c.cost_usd > 0 AND c.model IS NOT NULL AND c.status <> 'error'
    ), priced AS (
        SELECT model, sum(cost_usd) / sum(weight) AS price FROM calls WHERE weight > 0 GROUP BY model
        HAVING count(*) >= $few
    ), sorting AS (
        SELECT agent, model, count(*) AS calls, count(DISTINCT output_key) AS answers, sum(cost_usd) AS cost,
               count(DISTINCT trace_id) AS runs, arg_max(trace_id, (start_ns, trace_id, span_id)) AS trace_id,
               arg_max(span_id, (start_ns, trace_id, span_id)) AS span_id
        FROM calls WHERE agent IS NOT NULL GROUP BY agent, model
        HAVING count(*) >= $calls AND max(output_tokens) <= $tokens AND count(output_key) = count(*)
            AND count(DISTINCT output_key) <= $answers AND count(output_tokens) = count(*)
    )
    SELECT s.trace_id, s.span_id, s.agent, s.model, s.calls, s.answers, s.runs, s.cost, p.price / c.price, c.model
    FROM sorting s JOIN priced p ON s.model = p.model, (SELECT model, price FROM priced ORDER BY price, model LIMIT 1) c
    WHERE p.price >= $times * c.price ORDER BY ALL
"""
_FEW = 5  # calls of a model below which it is not taken to be in use, and its price is not compared


@dataclass(frozen=True, slots=True)
class Routing:
    """A dear model that only sorts: its answers are one of a few words, and a cheap model is in use beside it.

    **What it finds**: an agent with 20 calls or more of one model over all runs at hand, whose answers are all of 20
    tokens or fewer and no more than 8 different ones, while another model in use costs a fifth or less for the same
    tokens. Told once, in the latest of these runs. Calls without a price do not count.

    **Why it matters**: to tell one of three words takes no capable model. What is saved here is saved on every request.

    **Bad**:

        workflow desk
          other ticket x20
            agent triage
              llm big-model in=400 out=2 cost=0.004 -> "refund"
            agent writer
              llm small-model in=600 out=90 cost=0.0002 -> "Dear customer, your refund is on its way."

    **Good**:

        workflow desk
          other ticket x20
            agent triage
              llm small-model in=400 out=2 cost=0.0001 -> "refund"
            agent writer
              llm big-model in=600 out=90 cost=0.009 -> "Dear customer, your refund is on its way."

    **What to do**: let the cheap model sort, with the few answers as an enumeration in its response format, and compare
    both on recorded requests before switching.

    Options: calls = calls of an agent; answers = different answers at most; tokens = length of an answer at most;
    times = price of the model over that of the cheapest in use.
    """

    compares_runs: ClassVar = True

    calls: int = 20
    answers: int = 8
    tokens: int = 20
    times: float = 5.0

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each agent and model, in the latest run that has it."""
        judged = set(reader.trace_ids())
        limits = {"calls": self.calls, "answers": self.answers, "tokens": self.tokens, "times": self.times}
        rows = reader.rows(_DEAR, few=_FEW, **limits)
        for trace_id, span_id, agent, model, calls, answers, runs, cost, times, cheap in rows:
            if trace_id not in judged:
                continue
            saved = cost * (1 - 1 / times)
            yield Finding(
                detector="model.routing",
                severity="low",
                confidence="likely",
                title=clipped(
                    f"{agent} uses {model} for {counted(answers, 'short answer')}, {times:.0f}× the price of {cheap}",
                    100,
                ),
                message=(
                    f"{agent} asked {model} {counted(calls, 'time')} in {counted(runs, 'run')} and got no more than"
                    f" {counted(answers, 'different short answer')}. {cheap} is in use at 1/{times:.0f} of the price:"
                    f" about {money(saved)} of {money(cost)} could be saved."
                ),
                trace_id=trace_id,
                agent=agent,
                evidence=(Evidence(span_id, "primary", f"the latest of {counted(calls, 'call')}"),),
                advice=(
                    "Let the cheap model sort, with the few answers as an enumeration in its response format, and"
                    " compare both on recorded requests first."
                ),
                next=f"agentdbg replay {span_id}",
                key=f"{model} sorts",
                wasted_usd=saved,
            )
