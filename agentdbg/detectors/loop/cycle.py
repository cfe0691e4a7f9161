"""loop.cycle: agents that go round in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentdbg.detectors import circling, spending
from agentdbg.detectors.wording import clipped, counted, duration, from_difference, usage
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped, Trace
from agentdbg.steps.blame import agent_at_fault
from agentdbg.steps.laps import CERTAIN, Level, Limits, cycles_of
from agentdbg.steps.laps import Cycle as Laps
from agentdbg.steps.routing import is_transfer
from agentdbg.steps.runs_apart import runs_apart
from agentdbg.steps.sequence import Step

_CANDIDATES = """
    SELECT DISTINCT trace_id FROM (
        SELECT trace_id FROM spans WHERE is_call OR kind IN ('tool', 'retriever', 'agent')
        GROUP BY trace_id, agent, kind, tool HAVING count(*) >= $least
    ) ORDER BY trace_id
"""
_SAME: dict[Level, str] = {
    "exact": "with the same inputs and outputs",
    "masked": "with inputs and outputs that are the same up to ids and times",
    "near": "with nearly the same words",
    "demand": "in ever new words, but with the same unanswered demand",
    "blind": "with the same structure and token counts",
}
_MANY_BLIND_LAPS = 6
_IN_SHORT: dict[Level, str] = {
    "exact": "nothing new in any lap",
    "masked": "nothing new in any lap",
    "near": "nearly the same words in every lap",
    "demand": "the same demand in every lap, never met",
    "blind": "the same structure in every lap",
}
_POLLING_ADVICE = "Wait in code instead: a tool that polls with growing pauses and a deadline costs no model calls."


@dataclass(frozen=True, slots=True)
class _Waste:
    """What laps 2 to n cost. share: of the trace's cost, or of its tokens where the cost is not known."""

    tokens: int | None
    usd: float | None
    seconds: float | None
    share: float | None
    of_cost: bool


@dataclass(frozen=True, slots=True)
class Cycle:
    """Agents that do the same steps over and over while nothing new comes of it.

    **What it finds**: a cycle of any length that runs at least 3 times (4 times when it is a single step) although its
    outcomes had been there before: equal, equal up to ids and times, in nearly the same words, or in other words with
    the same unanswered demand. Polling that ends, progress, pages, maps over items and parallel votes are no loops, and
    a new message of a person ends one. A tool that alone repeats counts within one turn of an agent whose model calls
    are not recorded, as likely and no more; bare acknowledgements, retries and polling by code do not. Where payloads
    are not recorded it goes by structure and token counts, wants more laps, and says so.

    **Why it matters**: a model cannot see that it is going round. Every lap is paid for, and only a timeout or a budget
    ends it.

    **Bad**:

        workflow credit-memo
          other lap x6
            agent researcher
              llm gpt-4o "We need more context on Acme." -> "Acme sells batteries in 40 countries." in=900 out=40
            agent analyst
              llm gpt-4o "Acme sells batteries in 40 countries." -> "We need more context on Acme." in=700 out=8

    and, with one agent and its tool,

        agent researcher
          other turn x4
            llm gpt-4o -> "Let me look again."
            tool search {"q": "revenue of Acme"} -> []

    **Good**:

        agent researcher
          tool search {"q": "revenue of Acme", "page": 1} -> ["a"]
          llm gpt-4o -> "One more page."
          tool search {"q": "revenue of Acme", "page": 2} -> ["b"]
          llm gpt-4o -> "One more page."
          tool search {"q": "revenue of Acme", "page": 3} -> ["c"]
          llm gpt-4o -> "One more page."
          tool search {"q": "revenue of Acme", "page": 4} -> []
          llm gpt-4o -> "Done: a, b, c."

    **What to do**: set max_turns (5 to 8), add a breaker on a repeated pattern over the last 3 steps, escalate to a
    person, and define a typed status such as needs_more_context together with what answers it.

    Options: least_laps = laps from which a cycle of several steps counts; least_laps_of_one_step = the same for a
    single step; critical_laps = laps from which it is critical; ceiling = the limit on turns that the message reckons
    with.
    """

    least_laps: int = 3
    least_laps_of_one_step: int = 4
    critical_laps: int = 10
    ceiling: int = 5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each cycle, by trace and first step."""
        limits = Limits(self.least_laps_of_one_step, self.least_laps)
        repeating = {
            row[0] for row in reader.rows(_CANDIDATES, least=min(self.least_laps, self.least_laps_of_one_step))
        }
        for trace in reader.traces(trace_id for trace_id in reader.trace_ids() if trace_id in repeating):
            cycles = cycles_of(trace, limits)
            yield from (self._finding(trace, cycle) for cycle in cycles)
            if not cycles and not _is_recorded(trace):
                yield Skipped(
                    "loop.cycle", trace.trace_id, "no payloads recorded: judged by structure and token counts alone"
                )

    def _finding(self, trace: Trace, cycle: Laps) -> Finding:
        waste, polled = _waste(trace, cycle), cycle.verdict == "polled"
        agent, apart = agent_at_fault(trace, cycle), runs_apart(trace, cycle.span_ids)
        confidence = _confidence(cycle)
        return Finding(
            detector="loop.cycle",
            severity="info" if polled else "medium" if apart else self._severity(cycle, waste),
            confidence="likely" if apart and confidence == "certain" else confidence,
            title=f"{_actors(cycle)} ×{cycle.laps}: {_in_short(cycle)}",
            message=" ".join(filter(None, self._sentences(trace, cycle, agent, waste, apart))),
            trace_id=trace.trace_id,
            agent=agent,
            evidence=tuple(self._evidence(cycle)),
            advice=_POLLING_ADVICE if polled else circling.advice(trace, cycle, agent, self.ceiling),
            next=f"agentdbg show {trace.trace_id}",
            key=" | ".join(" ".join(filter(None, (agent, name or op))) for agent, op, name in cycle.form),
            wasted_tokens=waste.tokens,
            wasted_usd=waste.usd,
        )

    def _severity(self, cycle: Laps, waste: _Waste) -> Severity:
        if cycle.level == "blind":
            return "medium"  # a map over items looks the same where nothing but counts is recorded
        if not cycle.proven or _is_tools_alone(cycle):
            return "high"
        dear = waste.share is not None and waste.share > 0.5 and cycle.laps >= self.ceiling
        return "critical" if dear or cycle.laps >= self.critical_laps else "high"

    def _sentences(self, trace: Trace, cycle: Laps, agent: str | None, waste: _Waste, apart: bool) -> Iterator[str]:
        what = f"a cycle of {counted(cycle.period, 'step')} ran {cycle.laps} times {_same(cycle)}"
        yield f"{_actors(cycle)} ×{cycle.laps}: {what}{_ending(cycle)}."
        yield circling.told(circling.standstill(cycle, agent)) if cycle.verdict == "stuck" else ""
        yield _cost(cycle, waste)
        if cycle.laps > self.ceiling and cycle.verdict == "stuck":
            stopped = f"at turn {self.ceiling} of {cycle.laps}{_after(trace, self._ceiling_step(cycle))}"
            yield f"A ceiling of {self.ceiling} turns would have stopped it {stopped}."
        yield _difference(cycle, agent)
        if cycle.elsewhere:
            yield f"They went round in the same steps in {counted(cycle.elsewhere, 'other place')} of this run."
        if apart:
            yield "Only likely: each lap is below a root of its own, and runs that share a trace id look alike."
        elif cycle.level == "blind" or not cycle.proven:
            sure = "a hint" if _confidence(cycle) == "hint" else "likely"
            yield f"Only {sure}: payloads are not recorded, and different work of the same shape would look alike."
        elif _is_tools_alone(cycle):
            yield "Only likely: no model call is recorded that asked again, and code that repeats a call looks alike."

    def _ceiling_step(self, cycle: Laps) -> Step:
        return cycle.steps[min(self.ceiling * cycle.period, len(cycle.steps)) - 1]

    def _evidence(self, cycle: Laps) -> Iterator[Evidence]:
        yield Evidence(cycle.steps[0].span_id, "primary", f"lap 1 of {cycle.laps} begins")
        places = {cycle.steps[cycle.period].span_id: "lap 2 begins: the first repeat"}
        if cycle.laps > self.ceiling:
            places.setdefault(
                self._ceiling_step(cycle).span_id, f"a ceiling of {self.ceiling} turns would have stopped here"
            )
        places.setdefault(cycle.steps[-1].span_id, "the last step of the cycle")
        yield from (Evidence(span_id, "related", note) for span_id, note in places.items())


def _is_recorded(trace: Trace) -> bool:
    kinds = ("llm", "tool", "retriever", "agent")
    return any(span.kind in kinds and (span.input or span.output) for span in trace.spans)


def _confidence(cycle: Laps) -> Confidence:
    """Without payloads one agent's steps look the same in a loop, in a map over items and while paging: a lead, unless
    there are many of them and the prompt grows by the same each time, or model and tool take turns."""
    if cycle.level == "blind" and len(cycle.agents) < 2:
        even = cycle.grows or _calls_model_and_tool(cycle)
        return "likely" if even and cycle.laps >= _MANY_BLIND_LAPS else "hint"
    return "certain" if cycle.level in CERTAIN and cycle.proven and not _is_tools_alone(cycle) else "likely"


def _is_tools_alone(cycle: Laps) -> bool:
    """Whether one tool's call repeats with no model call recorded between: an agent may have asked for it, or code."""
    return cycle.period == 1 and all(step.op == "tool" for step in cycle.steps)


def _calls_model_and_tool(cycle: Laps) -> bool:
    return {"llm", "tool"} <= {step.op for step in cycle.lap}


def _actors(cycle: Laps) -> str:
    """`researcher ⇄ analyst`, `a → b → c`, `researcher ↻ search_docs`."""
    agents = list(cycle.agents)
    if len(agents) > 1:
        return (" ⇄ " if len(agents) == 2 else " → ").join(agents)
    tools = list(dict.fromkeys(step.name for step in cycle.lap if step.name))
    does = ", ".join(tools) or ("its model" if any(step.op == "llm" for step in cycle.lap) else "itself")
    return f"{agents[0]} ↻ {does}" if agents else does


def _in_short(cycle: Laps) -> str:
    if cycle.level == "demand" and all(is_transfer(step) for step in cycle.steps):
        return "everyone passes the work on"
    return "polled by a model until the outcome changed" if cycle.verdict == "polled" else _IN_SHORT[cycle.level]


def _same(cycle: Laps) -> str:
    if cycle.level == "demand" and all(is_transfer(step) for step in cycle.steps):
        return "in which everyone passes the work on and nobody does it"
    words: dict[object, set[str]] = {}
    for step in cycle.steps:
        if step.act and step.answered:
            words.setdefault((step.shape, step.act.masked), set()).add(step.answered.masked)
    if cycle.level in CERTAIN and any(len(said) > 1 for said in words.values()):
        return "with the same calls and results, whatever was said in between"
    return _SAME[cycle.level]


def _ending(cycle: Laps) -> str:
    if cycle.verdict == "polled":
        return " until the outcome changed"
    return ", and nothing new came of it" if cycle.proven else ""


def _waste(trace: Trace, cycle: Laps) -> _Waste:
    repeated = {span_id for step in cycle.steps[cycle.period :] for span_id in step.span_ids}
    tokens, usd = spending.spent(trace, repeated)
    of_cost = bool(usd)
    whole, part = (spending.usd(trace.calls), usd) if of_cost else (spending.tokens(trace.calls), tokens)
    begun, ended = cycle.steps[cycle.period].start_ns, cycle.steps[-1].end_ns
    seconds = None if begun is None or ended is None else max(0, ended - begun) / 1e9
    return _Waste(tokens, usd, seconds, part / whole if part is not None and whole else None, of_cost)


def _cost(cycle: Laps, waste: _Waste) -> str:
    spent = [part for part in (usage(waste.tokens, waste.usd), duration(waste.seconds)) if part]
    if not spent:
        return ""
    share = (
        f", {waste.share:.0%} of the run's {'cost' if waste.of_cost else 'tokens'}" if waste.share is not None else ""
    )
    return f"Laps 2 to {cycle.laps} took {' and '.join(spent)}{share}."


def _after(trace: Trace, step: Step) -> str:
    if trace.start_ns is None or step.end_ns is None or step.end_ns < trace.start_ns:
        return ""
    return f", {duration((step.end_ns - trace.start_ns) / 1e9)} into the run"


def _difference(cycle: Laps, agent: str | None) -> str:
    """What differs between the first and the last lap, in a sentence; of several agents, at the one at fault."""
    pairs = [(a, b) for a, b in zip(cycle.lap, cycle.last_lap, strict=True) if a.shape[:3] == b.shape[:3]]
    for first, last in sorted(pairs, key=lambda pair: pair[0].agent != agent):
        told, again = first.told_by, last.told_by
        if told and again and told.exact != again.exact:
            before, after = from_difference(told.exact, again.exact)
            return f'From the first lap to the last, "{clipped(before, 70)}" became "{clipped(after, 70)}".'
    sizes = [(a.input_tokens, b.input_tokens) for a, b in pairs]
    grown = [(a, b) for a, b in sizes if a is not None and b is not None and a != b]
    if not grown:
        return ""
    least, most = max(grown, key=lambda pair: abs(pair[1] - pair[0]))
    return f"First and last lap differ only in the size of the prompt: {least:,} and {most:,} tokens."
