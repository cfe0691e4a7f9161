"""cost.fanout: one agent started far more often at once than anybody meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from agentdbg.detectors.figures import PEAKS
from agentdbg.detectors.wording import clipped, counted, money
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped
from agentdbg.steps.keys import canonical, near_clusters
from agentdbg.steps.messages import delta, focus, loaded, parsed_messages, text_of

_WIDE = f"""
    WITH {PEAKS} SELECT p.what, p.trace_id, t.workflow, p.agent, p.peak, p.moment
    FROM peaks p JOIN traces t USING (trace_id) WHERE p.peak >= $least
    ORDER BY p.trace_id, p.peak DESC, p.what DESC, p.agent
"""
# What each was asked: the turn's own input, else that of its first model call.
_TURNS = """
    WITH asked AS (
        SELECT turn_id, arg_min(input, (start_ns, span_id)) AS input FROM spans
        WHERE trace_id = $trace_id AND is_call AND turn_id IS NOT NULL GROUP BY turn_id
    ), paid AS (
        SELECT s.turn_id, sum(c.cost_usd) AS cost_usd,
               sum(coalesce(c.input_tokens, 0) + coalesce(c.output_tokens, 0)) AS tokens
        FROM llm_calls c JOIN spans s USING (trace_id, span_id) WHERE c.trace_id = $trace_id GROUP BY s.turn_id
    )
    SELECT u.span_id, u.parent_turn_id, coalesce(s.input, a.input), p.cost_usd, p.tokens
    FROM agent_turns u JOIN spans s ON s.trace_id = u.trace_id AND s.span_id = u.span_id
    LEFT JOIN asked a ON a.turn_id = u.span_id LEFT JOIN paid p ON p.turn_id = u.span_id
    WHERE u.trace_id = $trace_id AND u.agent = $agent AND u.start_ns <= $moment AND u.end_ns > $moment
    ORDER BY u.start_ns, u.span_id
"""
_CALLS = """
    SELECT c.span_id, s.turn_id, s.input, c.cost_usd, coalesce(c.input_tokens, 0) + coalesce(c.output_tokens, 0)
    FROM llm_calls c JOIN spans s USING (trace_id, span_id)
    WHERE c.trace_id = $trace_id AND c.agent IS NOT DISTINCT FROM $agent AND c.start_ns <= $moment
      AND c.start_ns + c.duration_ns > $moment ORDER BY c.start_ns, c.span_id
"""
# Runs of one workflow that are open at once.
_CROWDS = """
    WITH steps AS (
        SELECT workflow, start_ns AS moment, 1 AS step FROM traces WHERE duration_ns > 0
        UNION ALL SELECT workflow, start_ns + duration_ns, -1 FROM traces WHERE duration_ns > 0
    ), open AS (
        SELECT *, sum(step) OVER (PARTITION BY workflow ORDER BY moment, step ROWS UNBOUNDED PRECEDING) AS at_once
        FROM steps
    )
    SELECT workflow, arg_max(moment, (at_once, -moment)) FROM open
    GROUP BY workflow HAVING max(at_once) > $most ORDER BY workflow
"""
_CROWD = """
    WITH runs AS (
        SELECT trace_id, start_ns, cost_usd, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS tokens
        FROM traces WHERE workflow = $workflow AND start_ns <= $moment AND start_ns + duration_ns > $moment
    ), asked AS (
        SELECT trace_id, arg_min(span_id, (parent_id IS NOT NULL, start_ns, span_id)) AS span_id,
               arg_min(input, (parent_id IS NOT NULL, start_ns, span_id)) FILTER (input IS NOT NULL) AS input
        FROM spans SEMI JOIN runs USING (trace_id) WHERE parent_id IS NULL OR is_call GROUP BY trace_id
    )
    SELECT a.span_id, r.trace_id, a.input, r.cost_usd, r.tokens FROM runs r JOIN asked a USING (trace_id)
    ORDER BY r.start_ns, r.trace_id
"""
_ADVICE = "Limit how many may be started at once, and let a question that is being answered wait for that answer."
_WORDINGS = 10
"""Different texts of one question that runs must ask at once."""
_TURN_OF = "SELECT agent FROM agent_turns WHERE trace_id = $trace_id AND span_id = $span_id"


@dataclass(frozen=True, slots=True)
class _Piece:
    """One of those at work at once. above: the turn that started it, where one is known; of a run its trace."""

    span_id: str
    above: str | None
    input: str | None
    cost_usd: float | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Fanout:
    """An agent that was started far more often at once than anybody meant.

    **What it finds**: more than 50 turns (or model calls) of one agent at work at the same time in one run, or more
    than four times what the baseline knows. It is high where most of them were asked nearly the same (the same things
    are named, or most words agree), for then they pay again and again for one answer; a fan-out over different items is
    told as a hint, since many do that on purpose. So are more than 50 runs of one workflow at once that ask nearly
    the same, where their words differ: equal words are a test under load, or a vote.

    **Why it matters**: a coordination fault that asks again in ever new words, for as many as answer, has spent
    thousands over a weekend.

    **Bad**:

        agent dispatcher
          agent researcher "Find the refund policy of Acme Corp" parallel x60
            llm gpt-4o cost=0.03

    **Good**:

        agent dispatcher
          agent researcher "Find the refund policy of Acme Corp" parallel
            llm gpt-4o cost=0.03
          agent researcher "Find the delivery times of Globex" parallel
            llm gpt-4o cost=0.03
          agent researcher "Find the price list of Initech" parallel
            llm gpt-4o cost=0.03

    **What to do**: limit how many the named agent may start at once, and remember what was asked already, so that the
    same question waits for the answer that is on its way.

    Options: most = at work at once; factor = times the baseline's median; least = fewer are never told.
    """

    compares_runs: ClassVar = True

    most: int = 50
    factor: float = 4.0
    least: int = 10

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding a trace: the widest that counts."""
        judged = set(reader.trace_ids())
        told: set[str] = set()
        peaks: dict[str, list[int]] = {}
        for run in reader.baseline():
            peaks.setdefault(run.workflow, []).append(run.peak)
        for what, trace_id, workflow, agent, peak, moment in reader.rows(_WIDE, least=self.least):
            usual = median(peaks[workflow]) if what == "turn" and workflow in peaks else None
            above = usual is not None and peak > self.factor * max(1, usual)
            if trace_id in told or trace_id not in judged or not (peak > self.most or above):
                continue
            told.add(trace_id)
            sql = _TURNS if what == "turn" else _CALLS
            rows = reader.rows(sql, trace_id=trace_id, agent=agent, moment=moment)
            yield _finding(reader, what, (trace_id, agent), [_Piece(*row) for row in rows], usual if above else None)
        for workflow, moment in reader.rows(_CROWDS, most=self.most):
            runs = _alike([_Piece(*row) for row in reader.rows(_CROWD, workflow=workflow, moment=moment)])
            first = next((one for one in runs if one.above in judged and one.above not in told), None)
            if first and len(runs) > self.most and len({one.input for one in runs}) >= _WORDINGS:
                yield _crowd(reader, workflow, first, runs)


def _crowd(reader: Reader, workflow: str, first: _Piece, runs: Sequence[_Piece]) -> Finding:
    """Many runs at once that ask nearly the same: told at the first of them."""
    trace_id = first.above or ""
    agents = reader.rows("SELECT agents FROM traces WHERE trace_id = $trace_id", trace_id=trace_id)[0][0]
    costs = [one.cost_usd for one in runs if one.cost_usd is not None]
    title = f"{len(runs):,} runs of {workflow.partition(' [')[0]} at once ask nearly the same"
    return Finding(
        detector="cost.fanout",
        severity="high",
        confidence="likely",
        title=clipped(title, 100),
        message=f"{title}, in {len({one.input for one in runs}):,} wordings." + _paid(costs),
        trace_id=trace_id,
        agent=agents[0] if agents else None,
        evidence=(Evidence(first.span_id, "primary", "the first of them"),),
        advice=_ADVICE,
        next=f"agentdbg show {trace_id}",
        key="runs that ask the same at once",
        wasted_tokens=sum(one.tokens or 0 for one in runs if one is not first) or None,
        wasted_usd=sum(one.cost_usd or 0.0 for one in runs if one is not first) if costs else None,
    )


def _paid(costs: Sequence[float]) -> str:
    return f" They cost {money(sum(costs))}." if costs else ""


def _alike(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The largest part of the pieces that were asked nearly the same: they name the same things in like words."""
    asked = {piece.span_id: text for piece in pieces if (text := _question(piece.input))}
    if not asked:
        return []
    clusters = near_clusters(list(asked.values()))
    sizes = Counter(clusters[text] for text in asked.values())
    commonest = min(sizes, key=lambda cluster: (-sizes[cluster], cluster))
    return [piece for piece in pieces if piece.span_id in asked and clusters[asked[piece.span_id]] == commonest]


def _question(text: str | None) -> str:
    """What is asked: of a prompt what it adds, of a framework's state its last message, of anything else all of it."""
    said = text_of(delta(parsed_messages(text) or []))
    if said or text is None:
        return said
    asked = focus("agent", loaded(text))
    return asked if isinstance(asked, str) else canonical(asked)


def _finding(
    reader: Reader, what: str, place: tuple[str, str | None], pieces: Sequence[_Piece], usual: float | None
) -> Finding:
    trace_id, agent = place
    alike = _alike(pieces)
    copies = 2 * len(alike) > len(pieces)
    above = Counter(piece.above for piece in pieces).most_common(1)[0][0]
    started = reader.rows(_TURN_OF, trace_id=trace_id, span_id=above) if above else []
    who = agent or "the program"
    things_ = counted(len(pieces), f"{'turn' if what == 'turn' else 'model call'} of {who}",
                      f"{'turns' if what == 'turn' else 'model calls'} of {who}")  # fmt: skip
    costs = [piece.cost_usd for piece in pieces if piece.cost_usd is not None]
    by = f", started by {started[0][0]}" if started and started[0][0] != agent else ""
    than = f", {len(pieces) / max(1, usual):.0f}× what the baseline knows" if usual is not None else ""
    same = f" {len(alike):,} of them were asked nearly the same." if copies else ""
    title = f"{things_} at work at once{by}"
    severity: Severity = "high" if copies else "medium" if usual is not None else "low"
    confidence: Confidence = "likely" if copies or usual is not None else "hint"
    spare = alike[1:] if copies else []
    first = above or pieces[0].span_id
    related = [piece.span_id for piece in pieces if piece.span_id != first][:3]
    return Finding(
        detector="cost.fanout",
        severity=severity,
        confidence=confidence,
        title=clipped(title, 100),
        message=f"{title}{than}.{same}{_paid(costs)}",
        trace_id=trace_id,
        agent=started[0][0] if started else agent,
        evidence=(
            Evidence(first, "primary", f"{'started them' if above else 'the first of them'}"),
            *(Evidence(span_id, "related", "one of them") for span_id in related),
        ),
        advice=_ADVICE,
        next=f"agentdbg show {trace_id}",
        key="asked the same at once" if copies else "many at once",
        wasted_tokens=sum(piece.tokens or 0 for piece in spare) or None,
        wasted_usd=sum(piece.cost_usd for piece in spare if piece.cost_usd is not None) if costs and spare else None,
    )
