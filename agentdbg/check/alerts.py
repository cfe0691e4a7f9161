"""Alerts: rules of the project over all runs at hand (`[alerts]` in its configuration); each acts where it is written.

What they find are findings like any other, called `alert.RULE`. A rate needs so many cases before it is judged; until
then it is neither passed nor failed, and said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Any

from agentdbg.analysis import measures
from agentdbg.analysis.metrics import Metrics, metrics
from agentdbg.config import nearest
from agentdbg.detectors.wording import clipped, counted, money
from agentdbg.errors import AgentdbgError
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped
from agentdbg.statistics import wilson

FEWEST = 5
"""Turns, calls or runs below which a rate says nothing; a baseline of fewer runs neither."""
FEWEST_WRITES = 100
_RELATED = 3

_PRICED = """
    SELECT t.workflow, c.trace_id, arg_max(c.span_id, (coalesce(c.cost_usd, 0), c.span_id)), sum(c.cost_usd)
    FROM llm_calls c JOIN traces t USING (trace_id) GROUP BY t.workflow, c.trace_id
    HAVING sum(c.cost_usd) IS NOT NULL ORDER BY t.workflow, c.trace_id
"""
_LONG_TURNS = """
    SELECT trace_id, arg_max(span_id, (end_ns - start_ns, span_id)), agent, max(end_ns - start_ns), count(*)
    FROM agent_turns WHERE end_ns - start_ns > $limit GROUP BY trace_id, agent ORDER BY trace_id, agent
"""
_ROUNDS = """
    SELECT trace_id, turn_id, agent, count(*) AS rounds FROM spans
    WHERE is_call AND turn_id IS NOT NULL GROUP BY trace_id, turn_id, agent HAVING rounds > $limit
    ORDER BY trace_id, rounds DESC, turn_id
"""

_RECORDED = """
    SELECT t.workflow, c.trace_id, c.span_id, s.input IS NOT NULL AND s.output IS NOT NULL AND NOT s.payload_cut
        AND (c.input_tokens IS NOT NULL OR c.output_tokens IS NOT NULL)
    FROM llm_calls c JOIN spans s ON c.trace_id = s.trace_id AND c.span_id = s.span_id
    JOIN traces t ON t.trace_id = c.trace_id
    WHERE c.status <> 'error' AND c.duration_ns IS NOT NULL ORDER BY t.workflow, c.start_ns, c.trace_id, c.span_id
"""


@dataclass(frozen=True, slots=True)
class Breach:
    """What broke a rule. places: (trace id, span id), the first to be looked at first."""

    said: str
    agent: str | None
    places: Sequence[tuple[str, str]]
    key: str
    sure: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules judge by."""

    reader: Reader
    found: Metrics
    findings: Sequence[Finding]


Verdicts = Iterator[Breach | str]
"""Breaches, and in words what could not be judged."""


def alerts(
    reader: Reader, findings: Sequence[Finding], limits: Mapping[str, float], severity: Severity
) -> tuple[list[Finding], list[Skipped]]:
    """What breaks the rules, and what they could not judge. AgentdbgError for a rule that does not exist."""
    for name in limits:
        if name not in RULES:
            raise AgentdbgError(f"no alert is called {name}", nearest(name, [*RULES, "severity"]))
    broken: list[Finding] = []
    unjudged: list[Skipped] = []
    if not limits:
        return broken, unjudged
    facts = Facts(reader, metrics(reader, findings), findings)
    for name, limit in sorted(limits.items()):
        for one in RULES[name].judge(facts, limit):
            if isinstance(one, str):
                unjudged.append(Skipped(f"alert.{name}", None, one))
            else:
                broken.append(_finding(name, one, severity, RULES[name].advice))
    return broken, unjudged


def _finding(name: str, breach: Breach, severity: Severity, advice: str) -> Finding:
    trace_id, span_id = breach.places[0]
    here = [span for trace, span in breach.places[1:] if trace == trace_id and span != span_id]
    confidence: Confidence = "certain" if breach.sure else "likely"
    return Finding(
        detector=f"alert.{name}",
        severity=severity,
        confidence=confidence,
        title=clipped(breach.said, 100),
        message=f"{breach.said}.{' ' * bool(breach.detail)}{breach.detail}",
        trace_id=trace_id,
        agent=breach.agent,
        evidence=(
            Evidence(span_id, "primary", "the first of them" if len(breach.places) > 1 else "here"),
            *(Evidence(span, "related", "another") for span in here[:_RELATED]),
        ),
        advice=advice,
        next=f"agentdbg show {trace_id}",
        key=breach.key,
    )


def _success_rate(facts: Facts, limit: float) -> Verdicts:
    failed = _places(facts.reader.rows(measures.FAILED_TURNS, trace=None))
    for one in facts.found.agents:
        if 0 < one.closed < FEWEST:
            yield f"{one.agent}: {counted(one.closed, 'turn')}, fewer than {FEWEST}"
        elif one.closed and one.succeeded / one.closed < limit:
            yield Breach(
                f"{one.succeeded} of {counted(one.closed, 'turn')} of {one.agent} ended well, less than {limit:.0%}",
                one.agent, failed[one.agent], "success rate", wilson(one.succeeded, one.closed)[1] < limit,
            )  # fmt: skip


def _error_rate(facts: Facts, limit: float) -> Verdicts:
    for name, by in (("agent", "agent"), ("tool", "CASE WHEN kind <> 'llm' THEN op END")):
        sql = f"WITH {measures.WORK} SELECT trace_id, span_id, {by} AS whose, failed AND NOT again FROM work"
        for whose, group in groupby(
            facts.reader.rows(f"{sql} ORDER BY whose, 1, 2", trace=None), key=lambda row: row[2]
        ):
            calls = list(group)
            failed = [(row[0], row[1]) for row in calls if row[3]]
            if whose is None or not failed:
                continue
            if len(calls) < FEWEST:
                yield f"{whose}: {counted(len(calls), 'call')}, fewer than {FEWEST}"
            elif len(failed) / len(calls) > limit:
                yield Breach(
                    f"{len(failed)} of {counted(len(calls), 'call')} of {whose} failed for good, more than {limit:.0%}",
                    whose if name == "agent" else None, failed, f"error rate of {name} {whose}",
                    wilson(len(failed), len(calls))[0] > limit,
                )  # fmt: skip


def _latency(facts: Facts, limit: float) -> Verdicts:
    for trace_id, span_id, workflow, took, *_ in facts.reader.rows(measures.RUNS, trace=None):
        if took is not None and took > limit * 1e9:
            name = workflow.partition(" [")[0]
            yield Breach(
                f"A run of {name} took {took / 1e9:,.1f} s, more than {limit:g}", None, [(trace_id, span_id)], "latency"
            )


def _turn_latency(facts: Facts, limit: float) -> Verdicts:
    for trace_id, span_id, agent, took, turns in facts.reader.rows(_LONG_TURNS, limit=limit * 1e9):
        more = f"{counted(turns, 'turn')} of this run did." if turns > 1 else ""
        said = f"A turn of {agent} took {took / 1e9:,.1f} s, more than {limit:g}"
        yield Breach(said, agent, [(trace_id, span_id)], "latency of a turn", detail=more)


def _iterations(facts: Facts, limit: float) -> Verdicts:
    rows = facts.reader.rows(_ROUNDS, limit=limit)
    for (trace_id, agent), group in groupby(
        sorted(rows, key=lambda r: (r[0], r[2] or "", -r[3], r[1])), lambda r: (r[0], r[2])
    ):
        turns = list(group)
        said = f"{agent or 'The program'} called the model {turns[0][3]} times in one turn, more than {limit:g}"
        yield Breach(said, agent, [(trace_id, row[1]) for row in turns], "iterations")


def _conflict_rate(facts: Facts, limit: float) -> Verdicts:
    both = facts.found.coordination
    if not both.state_conflicts:
        return
    if both.state_writes < FEWEST_WRITES:
        yield f"{counted(both.state_writes, 'state write')}, fewer than {FEWEST_WRITES}"
    elif both.state_conflicts / both.state_writes > limit:
        rows = facts.reader.rows(measures.CONFLICTS)
        said = (
            f"{both.state_conflicts} of {counted(both.state_writes, 'state write')} were refused, more than {limit:.1%}"
        )
        yield Breach(said, rows[0][2], [(row[0], row[1]) for row in rows], "conflict rate")


def _completion_rate(facts: Facts, limit: float) -> Verdicts:
    for workflow, group in groupby(facts.reader.rows(measures.RUNS, trace=None), key=lambda row: row[2]):
        runs = list(group)
        name, bad = workflow.partition(" [")[0], [(row[0], row[1]) for row in runs if not row[5]]
        done = len(runs) - len(bad)
        if bad and len(runs) < FEWEST:
            yield f"{name}: {counted(len(runs), 'run')}, fewer than {FEWEST}"
        elif done / len(runs) < limit:
            said = f"{done} of {counted(len(runs), 'run')} of {name} ended well with an answer, less than {limit:.0%}"
            yield Breach(said, None, bad, f"completion of {name}", wilson(done, len(runs))[1] < limit)


def _escalation_rate(facts: Facts, limit: float) -> Verdicts:
    for workflow, group in groupby(facts.reader.rows(measures.RUNS, trace=None), key=lambda row: row[2]):
        runs = list(group)
        name, asked = workflow.partition(" [")[0], [(row[0], row[1]) for row in runs if row[6]]
        if asked and len(runs) < FEWEST:
            yield f"{name}: {counted(len(runs), 'run')}, fewer than {FEWEST}"
        elif len(asked) / len(runs) > limit:
            said = f"{len(asked)} of {counted(len(runs), 'run')} of {name} asked a person, more than {limit:.0%}"
            yield Breach(said, None, asked, f"escalation of {name}", wilson(len(asked), len(runs))[0] > limit)


def _coverage(facts: Facts, limit: float) -> Verdicts:
    for workflow, group in groupby(facts.reader.rows(_RECORDED), key=lambda row: row[0]):
        calls = list(group)
        name, bare = workflow.partition(" [")[0], [(row[1], row[2]) for row in calls if not row[3]]
        whole = len(calls) - len(bare)
        if bare and len(calls) < FEWEST:
            yield f"{name}: {counted(len(calls), 'model call')}, fewer than {FEWEST}"
        elif whole / len(calls) < limit:
            of = f"{whole} of {counted(len(calls), 'model call')} of {name}"
            said = f"{of} are recorded with prompt, answer and tokens, less than {limit:.0%}"
            yield Breach(said, None, bare, f"coverage of {name}")


def _cost_factor(facts: Facts, limit: float) -> Verdicts:
    usual = _usual(facts.reader, lambda run: run.cost_usd)
    rows = [(workflow, trace_id, span_id, cost) for workflow, trace_id, span_id, cost in facts.reader.rows(_PRICED)]
    yield from _above(usual, rows, limit, "cost", money)


def _handoffs_factor(facts: Facts, limit: float) -> Verdicts:
    usual = _usual(facts.reader, lambda run: run.handoffs)
    rows = [(row[2], row[0], row[1], row[4]) for row in facts.reader.rows(measures.RUNS, trace=None) if row[4]]
    yield from _above(usual, rows, limit, "handoffs", lambda number: f"{number:g}")


def _above(
    usual: Mapping[str, float],
    rows: Iterable[tuple[str, str, str, float]],
    limit: float,
    of: str,
    told: Callable[[float], str],
) -> Verdicts:
    for workflow, group in groupby(rows, key=lambda row: row[0]):
        name, before = workflow.partition(" [")[0], usual.get(workflow)
        if not before:
            yield f"{name}: the baseline has fewer than {FEWEST} runs of it (`agentdbg baseline`)"
            continue
        for _, trace_id, span_id, value in group:
            if value > limit * before:
                more = f"more than {limit:g}× the {told(before)} of the baseline"
                yield Breach(
                    f"The {of} of a run of {name}: {told(value)}, {more}",
                    None,
                    [(trace_id, span_id)],
                    f"{of} of {name} beside the baseline",
                )


def _usual(reader: Reader, figure: Callable[[Any], float | None]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for run in reader.baseline():
        if (value := figure(run)) is not None:
            values.setdefault(run.workflow, []).append(value)
    return {workflow: median(known) for workflow, known in values.items() if len(known) >= FEWEST}


def _loops(facts: Facts, limit: float) -> Verdicts:
    loops = [one for one in facts.findings if one.detector == "loop.cycle" and one.severity not in ("info", "low")]
    stuck = [one for one in loops if one.confidence != "hint"]
    if len(stuck) > limit:
        said = f"{counted(len(stuck), 'stuck loop')} in these runs, more than {limit:g}"
        yield Breach(said, stuck[0].agent, [(one.trace_id, one.primary.span_id) for one in stuck], "loops")


def _events(condition: str, thing: str) -> Callable[[Facts, float], Verdicts]:
    def rule(facts: Facts, limit: float) -> Verdicts:
        sql = f"SELECT trace_id, span_id, agent FROM spans WHERE {condition} ORDER BY start_ns, trace_id, span_id"
        rows = facts.reader.rows(sql)
        if len(rows) > limit:
            said = f"{counted(len(rows), thing)} in these runs, more than {limit:g}"
            yield Breach(said, rows[0][2], [(row[0], row[1]) for row in rows], thing)

    return rule


def _places(rows: Iterable[tuple[Any, ...]]) -> dict[str | None, list[tuple[str, str]]]:
    out: dict[str | None, list[tuple[str, str]]] = {}
    for trace_id, span_id, agent in rows:
        out.setdefault(agent, []).append((trace_id, span_id))
    return out


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert. usual: the limit that field reports name; fires: when, in words; advice: what to do then."""

    judge: Callable[[Facts, float], Verdicts]
    usual: float
    fires: str
    advice: str


RULES: dict[str, Rule] = {
    "success_rate": Rule(
        _success_rate, 0.8, "fewer of an agent's turns end well",
        "Look at why its turns fail: `agentdbg check` names where each error started.",
    ),
    "error_rate": Rule(
        _error_rate, 0.2, "more of an agent's or a tool's calls fail for good",
        "Look at the first of these calls; retry what can pass, and do not call what cannot.",
    ),
    "completion_rate": Rule(
        _completion_rate, 0.95, "fewer runs of a workflow end well with an answer",
        "Look at the first run that did not end well with an answer.",
    ),
    "escalation_rate": Rule(
        _escalation_rate, 0.1, "more runs of a workflow ask a person",
        "Look at what the first of these runs could not decide, and whether the one it asked was needed.",
    ),
    "coverage": Rule(
        _coverage, 0.8, "fewer of a workflow's model calls are recorded whole",
        "`agentdbg doctor` says what is missing, what that prevents, and the line of configuration that mends it.",
    ),
    "latency_s": Rule(
        _latency, 30, "a run takes more seconds",
        "Look at the critical path (`agentdbg show --path`), and for loops and retries on it.",
    ),
    "turn_latency_s": Rule(
        _turn_latency, 30, "an agent's turn takes more seconds",
        "Look at what the turn waited for, and give each call a timeout.",
    ),
    "iterations": Rule(
        _iterations, 5, "an agent calls the model more often in one turn",
        "Give the agent a limit of turns, and a condition that ends its work.",
    ),
    "cost_factor": Rule(
        _cost_factor, 2, "a run costs more times the baseline's median",
        "Compare it with a usual run: model, length of the prompts, number of calls.",
    ),
    "handoffs_factor": Rule(
        _handoffs_factor, 2, "a run has more times the baseline's median of handoffs",
        "Look whether agents pass the same work to and fro.",
    ),
    "conflict_rate": Rule(
        _conflict_rate, 0.01, "more writes of shared state are refused",
        "Give the state one writer, or a reducer that joins what several write.",
    ),
    "loops": Rule(
        _loops, 0, "there are more stuck loops", "Each loop has a finding of its own that says what repeats."
    ),
    "breaker_trips": Rule(
        _events(measures.TRIPPED, "tripped breaker"), 0, "more breakers, budgets or turn limits stopped something",
        "Look at what ran into the limit before it did.",
    ),
    "dead_letters": Rule(
        _events(measures.DEAD_LETTER, "dead letter"), 0, "more tasks went to a dead letter queue",
        "Look at why the task failed, and replay it.",
    ),
}  # fmt: skip
IDS = tuple(f"alert.{name}" for name in sorted(RULES))
