"""What agents, tools and workflows did, in figures (`agentdbg agents`, `agentdbg metrics`, the alerts of `check`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentdbg.analysis import measures
from agentdbg.model import Finding, Reader
from agentdbg.tree import build
from agentdbg.view.critical import critical_path


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took: wall time of what closed. All None where nothing did."""

    count: int = 0
    average_ns: int | None = None
    p50_ns: int | None = None
    p95_ns: int | None = None
    p99_ns: int | None = None
    longest_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Model calls, each counted once. Tokens and money are of the calls that tell them, None where none does; counted,
    priced: of how many calls tokens, and cost, are known."""

    calls: int = 0
    counted: int = 0
    priced: int = 0
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None

    @property
    def tokens(self) -> int | None:
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    @property
    def partial(self) -> bool:
        """Some call has no price, so that `cost_usd` is the least it was."""
        return self.priced < self.calls


@dataclass(frozen=True, slots=True)
class AgentMetrics:
    """One agent. agent None: model and tool calls that are nobody's.

    closed: turns that ended and were not cancelled; succeeded: of these. operations: calls of models and tools; errors:
    of these, those recovered by a retry among them. own_ns: time of its spans that nothing below them covers, blind_ns:
    of that what only its own frame covers. path_ns: of the critical path, where one run is looked at. rounds: most
    model calls within one turn. loops: it goes round in so many stuck loops.
    """

    agent: str | None
    runs: int = 0
    turns: int = 0
    closed: int = 0
    succeeded: int = 0
    operations: int = 0
    errors: int = 0
    recovered: int = 0
    tool_calls: int = 0
    rounds: int = 0
    own_ns: int | None = None
    blind_ns: int | None = None
    path_ns: int | None = None
    handed_in: int = 0
    handed_out: int = 0
    loops: int = 0
    findings: int = 0
    times: Times = field(default_factory=Times)
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class ToolMetrics:
    """One tool or retriever. errors: failed calls, those recovered among them; empty: ended well with nothing."""

    tool: str
    calls: int
    errors: int
    recovered: int
    empty: int
    times: Times


@dataclass(frozen=True, slots=True)
class WorkflowMetrics:
    """Runs of one kind. completed: ended well with an answer; escalated: a person was asked."""

    workflow: str
    runs: int
    completed: int
    escalated: int
    handoffs: int
    times: Times
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Edge:
    """Handoffs from one agent to another. never_ran: the receiver did not; failed: its turn did; took_ns: its turns."""

    from_agent: str
    to_agent: str
    count: int
    never_ran: int
    failed: int
    took_ns: int | None


@dataclass(frozen=True, slots=True)
class Coordination:
    """What is nobody's alone. peak_*: the busiest 60 seconds; usual_*: the median minute; None without times."""

    runs: int
    handoffs: int
    loops: int
    state_writes: int
    state_conflicts: int
    breaker_trips: int
    dead_letters: int
    usual_tokens: int | None = None
    peak_tokens: int | None = None
    usual_calls: int | None = None
    peak_calls: int | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything, by name. usage: of all model calls."""

    agents: tuple[AgentMetrics, ...]
    tools: tuple[ToolMetrics, ...]
    workflows: tuple[WorkflowMetrics, ...]
    edges: tuple[Edge, ...]
    coordination: Coordination

    @property
    def usage(self) -> Usage:
        every = [one.usage for one in self.workflows]
        costs = [one.cost_usd for one in every if one.cost_usd is not None]
        return Usage(
            sum(one.calls for one in every),
            sum(one.counted for one in every),
            sum(one.priced for one in every),
            _total(one.input_tokens for one in every),
            _total(one.cached_tokens for one in every),
            _total(one.output_tokens for one in every),
            _total(one.reasoning_tokens for one in every),
            round(sum(costs), 9) if costs else None,
        )


_TOOL = ("tool", "calls", "errors", "recovered", "empty")
_WORKFLOW = ("workflow", "runs", "completed", "escalated", "handoffs")
_TURNED = ("turns", "closed", "succeeded")
_WORK = ("operations", "errors", "recovered", "tool_calls")
_OWN = ("own_ns", "blind_ns")


def metrics(reader: Reader, findings: Iterable[Finding], trace_id: str | None = None) -> Metrics:
    """The figures of one run, or of all. findings: what the detectors say of them."""
    told = [one for one in findings if one.confidence != "hint" and trace_id in (None, one.trace_id)]
    edges = tuple(Edge(*row) for row in reader.rows(measures.EDGES, trace=trace_id))
    workflows = _workflows(reader, trace_id)
    events = reader.rows(measures.EVENTS, trace=trace_id)[0]
    minutes = reader.rows(measures.MINUTES, trace=trace_id)[0]
    return Metrics(
        agents=_agents(reader, trace_id, edges, told),
        tools=tuple(
            ToolMetrics(**_named(_TOOL, row), times=Times(*row[len(_TOOL) :]))
            for row in reader.rows(measures.TOOLS, trace=trace_id)
        ),
        workflows=workflows,
        edges=edges,
        coordination=Coordination(
            sum(one.runs for one in workflows), sum(one.handoffs for one in workflows), _loops(told), *events, *minutes
        ),
    )


def _agents(
    reader: Reader, trace_id: str | None, edges: Sequence[Edge], told: Sequence[Finding]
) -> tuple[AgentMetrics, ...]:
    turns, usage, work, rounds, own = (
        _by_name(reader.rows(sql, trace=trace_id))
        for sql in (
            measures.TURNS, measures.AGENT_USAGE, measures.AGENT_WORK, measures.ROUNDS, measures.OWN_TIME,
        )
    )  # fmt: skip
    path = _path(reader, trace_id) if trace_id else {}
    out = []
    for agent in sorted({*turns, *usage, *work}, key=lambda name: (name is None, name or "")):
        turned = turns.get(agent, (0, 0, 0, 0))
        used = usage.get(agent, (0,))
        out.append(
            AgentMetrics(
                agent,
                **_named(_TURNED, turned[1:]) | _named(_WORK, work.get(agent, ())) | _named(_OWN, own.get(agent, ())),
                runs=max(turned[0], used[0]),
                rounds=rounds.get(agent, (0,))[0],
                path_ns=path.get(agent, 0) if trace_id else None,
                handed_in=sum(edge.count for edge in edges if edge.to_agent == agent),
                handed_out=sum(edge.count for edge in edges if edge.from_agent == agent),
                loops=_loops([one for one in told if one.agent == agent]),
                findings=sum(one.agent == agent and one.severity != "info" for one in told),
                times=Times(*turned[4:]),
                usage=Usage(*used[1:]),
            )
        )
    return tuple(out)


def _workflows(reader: Reader, trace_id: str | None) -> tuple[WorkflowMetrics, ...]:
    usage = _by_name(reader.rows(measures.WORKFLOW_USAGE, trace=trace_id))
    return tuple(
        WorkflowMetrics(
            **_named(_WORKFLOW, row),
            times=Times(*row[len(_WORKFLOW) :]),
            usage=Usage(*usage.get(row[0], (0,))[1:]),
        )
        for row in reader.rows(measures.WORKFLOWS, trace=trace_id)
    )


def _path(reader: Reader, trace_id: str) -> Counter[str | None]:
    """How long the run waited for each agent."""
    trace = reader.trace(trace_id)
    waited: Counter[str | None] = Counter()
    if trace.start_ns is not None and trace.duration_ns is not None:
        roots = build(trace.spans).roots
        for node, windows in critical_path(roots, trace.start_ns, trace.start_ns + trace.duration_ns).items():
            waited[node.span.agent] += sum(high - low for low, high in windows)
    return waited


def _loops(told: Iterable[Finding]) -> int:
    return sum(one.detector == "loop.cycle" and one.severity not in ("info", "low") for one in told)


def _named(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, row, strict=False))


def _by_name(rows: Iterable[tuple[Any, ...]]) -> dict[Any, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in rows}


def _total(figures: Iterable[int | None]) -> int | None:
    known = [one for one in figures if one is not None]
    return sum(known) if known else None
