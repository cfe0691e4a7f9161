"""token.spike: a run, or one call of it, that used far more tokens than its like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from agentdbg.detectors.figures import REFERENCE, Outlier, Share, grown, saved, standing_out
from agentdbg.detectors.wording import clipped, counted
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped

_PARTS = f"""
    WITH {REFERENCE}, parts AS (
        SELECT trace_id, workflow, calls, coalesce(input_tokens, 0) AS input, coalesce(output_tokens, 0) AS output,
               coalesce(reasoning_tokens, 0) AS reasoning FROM reference WHERE tokens > 0
    ), usual AS (
        SELECT workflow, median(calls) AS calls, median(input / calls) AS input,
               median((output - reasoning) / calls) AS output, median(reasoning / calls) AS reasoning
        FROM parts GROUP BY workflow
    )
    SELECT m.trace_id, m.calls, coalesce(m.input_tokens, 0),
           coalesce(m.output_tokens, 0) - coalesce(m.reasoning_tokens, 0), coalesce(m.reasoning_tokens, 0),
           u.calls, u.input, u.output, u.reasoning
    FROM mine m JOIN usual u USING (workflow) WHERE m.trace_id IN (SELECT unnest($traces)) ORDER BY m.trace_id
"""
_ALONE = """
    WITH calls AS (
        SELECT *, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS tokens FROM llm_calls
    ), runs AS (
        SELECT trace_id, count(*) AS calls, median(tokens) AS mid, sum(tokens) AS total,
               arg_max(calls, (tokens, span_id)) AS top
        FROM calls WHERE tokens > 0 GROUP BY trace_id
    ), known AS (
        SELECT r.*, t.workflow, count(*) OVER (PARTITION BY t.workflow) AS runs
        FROM runs r JOIN traces t USING (trace_id)
    )
    SELECT trace_id, calls, mid, total, top.span_id, top.agent, top.tokens, coalesce(top.input_tokens, 0)
    FROM known
    WHERE runs <= $others AND workflow NOT IN (SELECT unnest($kept)::VARCHAR)
      AND (top.tokens > $call_tokens OR total > $run_tokens) ORDER BY trace_id
"""
_FEWEST_CALLS = 4
"""Calls of a run below which the median call says nothing."""
_ADVICE = {
    "more calls": "Look for what repeats: give the agent a limit of turns and a condition that stops it.",
    "more input per call": "Look at what fills the largest prompt, and pass on a summary or a reference.",
    "more output per call": "Limit the output, and say how long an answer is wanted.",
    "more reasoning per call": "Limit the reasoning effort of this step, or give it to a model that does not reason.",
}


@dataclass(frozen=True, slots=True)
class Spike:
    """A run that used far more tokens than other runs of its workflow, or one call that dwarfs the rest of its run.

    **What it finds**: runs whose tokens stand out among the runs of the same workflow in the baseline, else in the
    input (modified z-score on the logarithm, Iglewicz and Hoaglin 1993, and at least twice the median); where there are
    too few runs to compare with, one call that is many times the median call of its run; and, as a hint, a run beyond
    an absolute number. The excess is split: more calls, more input per call, more output, more reasoning.

    **Why it matters**: a spike is the first sign of a loop, a history that is carried along, or a document that was
    passed on whole, and it is on the bill.

    **Bad**:

        agent researcher
          llm gpt-4o in=900 out=60
          llm gpt-4o in=1000 out=60
          llm gpt-4o in=48000 out=200
          llm gpt-4o in=1100 out=60

    **Good**:

        agent researcher
          llm gpt-4o in=900 out=60
          llm gpt-4o in=1000 out=60
          llm gpt-4o in=2400 out=200
          llm gpt-4o in=1100 out=60

    **What to do**: look at the largest prompt of the named agent (`agentdbg span`), pass on summaries instead of
    texts, and set a budget for each agent.

    Options: z and factor = how far a run stands out (modified z-score; times the median); others = runs to compare
    with at least; call_factor and call_tokens = the same for one call within a run; run_tokens = tokens of a run
    worth a hint.
    """

    compares_runs: ClassVar = True

    z: float = 3.5
    factor: float = 2.0
    others: int = 5
    call_factor: float = 10.0
    call_tokens: int = 20_000
    run_tokens: int = 50_000

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding a trace: against other runs where there are enough, else within the run."""
        judged = set(reader.trace_ids())
        if not reader.rows("SELECT 1 FROM llm_calls WHERE input_tokens > 0 OR output_tokens > 0 LIMIT 1"):
            yield Skipped("token.spike", None, "no token counts recorded")
            return
        found: dict[str, Finding] = {}
        out = standing_out(reader, "tokens", others=self.others, z=self.z, factor=self.factor)
        found |= _outliers(reader, [one for one in out if one.trace_id in judged], self.others)
        for row in reader.rows(
            _ALONE, kept=_kept(reader, self.others), others=self.others, call_tokens=self.call_tokens,
            run_tokens=self.run_tokens,
        ):  # fmt: skip
            if row[0] in judged and (finding := self._alone(row)):
                found[row[0]] = finding
        yield from (found[trace_id] for trace_id in sorted(found))

    def _alone(self, row: tuple[Any, ...]) -> Finding | None:
        """A run without enough others to compare with: one call against its other calls, else a plain number."""
        trace_id, calls, middle, total, span_id, agent, tokens, given = row
        who = agent or "the program"
        if calls >= _FEWEST_CALLS and tokens > self.call_tokens and tokens > self.call_factor * middle:
            part = "more input per call" if given >= tokens / 2 else "more output per call"
            return _finding(
                trace_id, agent, span_id, "medium", "likely",
                title=f"One call of {who} used {tokens:,} tokens, {tokens / middle:.0f}× the median call of the run",
                message=(
                    f"One model call of {who} used {tokens:,} tokens, {tokens / middle:.1f}× the median of the run's "
                    f"{counted(calls, 'call')} ({middle:,.0f}); {given:,} of them are input."
                ),
                note=f"{tokens:,} tokens in one call",
                part=part,
                excess=int(tokens - middle),
            )  # fmt: skip
        if total > self.run_tokens:
            return _finding(
                trace_id, agent, span_id, "low", "hint",
                title=f"{total:,} tokens in one run",
                message=(
                    f"The run used {total:,} tokens in {counted(calls, 'model call')}, more than {self.run_tokens:,}; "
                    "there are too few other runs of this workflow to say whether that is usual."
                ),
                note=f"the largest call: {tokens:,} tokens",
                part="more calls" if tokens < total / 2 else "more input per call",
                excess=None,
            )  # fmt: skip
        return None


def _kept(reader: Reader, others: int) -> list[str]:
    """The workflows of which the baseline knows enough runs."""
    runs = Counter(run.workflow for run in reader.baseline())
    return sorted(workflow for workflow, number in runs.items() if number >= others)


def _outliers(reader: Reader, found: Sequence[Outlier], others: int) -> dict[str, Finding]:
    traces = [one.trace_id for one in found]
    kept = saved(reader.baseline())
    rows = reader.rows(_PARTS, saved=kept, by_agent=False, others=others, traces=traces) if traces else []
    parts, shares = {row[0]: row[1:] for row in rows}, grown(reader, traces, "tokens")
    return {one.trace_id: _outlier(one, parts[one.trace_id], shares[one.trace_id]) for one in found}


def _outlier(one: Outlier, parts: tuple[Any, ...], share: Share) -> Finding:
    """A run that stands out among the runs of its workflow, with the excess split into its causes."""
    calls, given, written, reasoned, usual_calls, usual_given, usual_written, usual_reasoned = parts
    excess = {
        "more calls": (calls - usual_calls) * (usual_given + usual_written + usual_reasoned),
        "more input per call": given - calls * usual_given,
        "more output per call": written - calls * usual_written,
        "more reasoning per call": reasoned - calls * usual_reasoned,
    }
    part = max(excess, key=lambda name: excess[name])
    return _finding(
        one.trace_id, share.agent, share.span_id, "high", "likely",
        title=f"{one.value:,.0f} tokens, {one.value / one.usual:.1f}× the usual run: {part}",
        message=(
            f"The run used {one.value:,.0f} tokens, {one.value / one.usual:.1f}× the median of {one.than} "
            f"({one.usual:,.0f}; modified z {one.z:.1f}). Most of the excess is {part} "
            f"({max(0, excess[part]):,.0f} tokens); {share.who} used {share.value:,.0f}, "
            f"{share.excess:,.0f} more than usual."
        ),
        note=f"the largest call of {share.agent or 'the run'}",
        part=part,
        excess=int(one.value - one.usual),
    )  # fmt: skip


def _finding(
    trace_id: str, agent: str | None, span_id: str, severity: Severity, confidence: Confidence, *,
    title: str, message: str, note: str, part: str, excess: int | None,
) -> Finding:  # fmt: skip
    return Finding(
        detector="token.spike",
        severity=severity,
        confidence=confidence,
        title=clipped(title, 100),
        message=message,
        trace_id=trace_id,
        agent=agent,
        evidence=(Evidence(span_id, "primary", note),),
        advice=_ADVICE[part],
        next=f"agentdbg span {span_id}",
        key=part,
        wasted_tokens=excess,
    )
