"""The finished report of `check` and the summary of a trace: inert, what every reporter is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agentdbg.model import SEVERITIES, Finding, Note, Severity, Skipped, Trace
from agentdbg.view.totals import Totals

Verdict = Literal["clean", "findings", "not_judged"]
TraceStatus = Literal["ok", "error", "incomplete"]


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One run in figures. Tokens and money are those of real model calls, counted once; None where no call tells.

    coverage: of how many model calls something is known: `llm_calls`, and of these `with_tokens`, `with_cost`. joined:
    the other traces that were recorded of this run.
    """

    trace_id: str
    name: str
    status: TraceStatus
    start_ns: int | None
    duration_ns: int | None
    span_count: int
    agents: tuple[str, ...]
    llm_calls: int
    tool_calls: int
    handoffs: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    coverage: Mapping[str, int] = field(default_factory=dict)
    joined: tuple[str, ...] = ()

    @property
    def tokens(self) -> int | None:
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    @property
    def cost_partial(self) -> bool:
        """Some call has no price, so that `cost_usd` is the least it was."""
        return self.coverage.get("with_cost", 0) < self.coverage.get("llm_calls", 0)


@dataclass(frozen=True, slots=True)
class TraceLine:
    """A line of `traces`. `worst` is None where nothing was found; findings None where nothing has judged the trace."""

    summary: TraceSummary
    findings: int | None = None
    worst: Severity | None = None
    worst_detector: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found. Findings that are suppressed are not among `findings` but counted.

    reason: why the verdict is what it is, where that is not plain from the findings (`3 of 4 files could not be read`).
    """

    version: str
    verdict: Verdict
    traces: tuple[TraceSummary, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[Note, ...] = ()
    suppressed: int = 0
    reason: str = ""


def summarise(trace: Trace) -> TraceSummary:
    """The figures of one trace."""
    sums = Totals()
    for call in trace.calls:
        sums.count(call)
    agents = dict.fromkeys(turn.agent for turn in trace.turns)  # in order of their first turn
    with_tokens = sum(call.input_tokens is not None or call.output_tokens is not None for call in trace.calls)
    return TraceSummary(
        trace_id=trace.trace_id,
        name=trace.name,
        status=trace.status,
        start_ns=trace.start_ns,
        duration_ns=trace.duration_ns,
        span_count=len(trace.spans),
        agents=tuple(agents),
        llm_calls=sums.calls,
        tool_calls=sum(span.kind == "tool" for span in trace.spans),
        handoffs=len(trace.handoffs),
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost_usd=sums.cost_usd,
        coverage={"llm_calls": sums.calls, "with_tokens": with_tokens, "with_cost": sums.calls - sums.unpriced},
        joined=trace.joined,
    )


def severity_rank(severity: Severity) -> int:
    """0 for the worst: the order findings are told in."""
    return len(SEVERITIES) - 1 - SEVERITIES.index(severity)
