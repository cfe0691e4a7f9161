"""`agents` and `metrics`: who did how much, how well, how fast, for how much, and what was handed to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal, TextIO

from agentdbg.analysis.metrics import AgentMetrics, Edge, Metrics, Times, ToolMetrics, WorkflowMetrics
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.columns import Column, fitting
from agentdbg.reporters.terminal.line import Line, Look, in_a_row, wrapped, write
from agentdbg.view.units import count, duration, tokens, usd

Order = Literal["time", "cost", "tokens", "errors", "calls", "turns", "name"]
NOBODY = "(no agent)"
_KEYS: dict[Order, Callable[[AgentMetrics], float]] = {
    "time": lambda one: one.own_ns or 0,
    "cost": lambda one: one.usage.cost_usd or 0.0,
    "tokens": lambda one: one.usage.tokens or 0,
    "errors": lambda one: one.errors + one.closed - one.succeeded,
    "calls": lambda one: one.usage.calls,
    "turns": lambda one: one.turns,
    "name": lambda one: 0,
}
_R = True
_AGENT = [
    Column("agent", style="agent"), Column("ok", _R), Column("calls", _R), Column("tools", _R), Column("errors", _R),
    Column("own time", _R), Column("path", _R), Column("p50", _R), Column("p95", _R), Column("rounds", _R),
    Column("in", _R), Column("out", _R), Column("tokens", _R), Column("cost", _R), Column("share", _R),
    Column("findings", _R),
]  # fmt: skip
_AGENT_DROPPED = ("tools", "out", "in", "rounds", "findings", "p50", "path", "calls", "p95", "errors", "share")
_EDGE = [
    Column("from", style="agent"), Column("to", style="agent"), Column("handoffs", _R), Column("failed", _R),
    Column("never ran", _R), Column("time", _R),
]  # fmt: skip
_TOOL = [
    Column("tool", style="tool"), Column("calls", _R), Column("errors", _R), Column("recovered", _R),
    Column("empty", _R), Column("avg", _R), Column("p50", _R), Column("p95", _R), Column("p99", _R), Column("max", _R),
]  # fmt: skip
_TOOL_DROPPED = ("avg", "p99", "p50", "recovered")
_WORKFLOW = [
    Column("workflow", style="bold"), Column("runs", _R), Column("complete", _R), Column("to a person", _R),
    Column("handoffs", _R), Column("avg", _R), Column("p50", _R), Column("p95", _R), Column("p99", _R),
    Column("max", _R), Column("tokens", _R), Column("cost", _R), Column("cost a run", _R),
]  # fmt: skip
_WORKFLOW_DROPPED = ("avg", "p99", "to a person", "handoffs", "p50", "tokens", "max", "cost")


def agents_text(found: Metrics, order: Order, title: str, stream: TextIO, look: Look) -> None:
    """The agents, the one that matters most first, and the handoffs between them. title: of one run, else ""."""
    write(_Page(found, look).agents(order, title), stream, look)


def text(found: Metrics, stream: TextIO, look: Look) -> None:
    """All tables."""
    write(_Page(found, look).everything(), stream, look)


def as_json(found: Metrics, order: Order, stream: TextIO) -> None:
    """One object; fields may be added, never renamed. All bytes are ASCII."""
    told: dict[str, Any] = {**asdict(found), "usage": asdict(found.usage)}
    told["agents"] = [asdict(one) for one in _sorted(found.agents, order)]
    document(told, stream)


def _sorted(agents: Sequence[AgentMetrics], order: Order) -> list[AgentMetrics]:
    return sorted(agents, key=lambda one: (-_KEYS[order](one), one.agent is None, one.agent or ""))


class _Page:
    def __init__(self, found: Metrics, look: Look) -> None:
        self.found = found
        self.look = look

    def agents(self, order: Order, title: str) -> Iterator[Line]:
        yield from self._head(title)
        yield from self._agents(order)
        if self.found.edges:
            yield Line()
            yield from fitting(_EDGE, [self._edge(edge) for edge in self.found.edges], self.look, ("never ran",))
        yield from self._coverage()

    def everything(self) -> Iterator[Line]:
        found, look = self.found, self.look
        yield from self._head("")
        yield from self._agents("time")
        if found.tools:
            yield Line()
            yield from fitting(_TOOL, [self._tool(one) for one in found.tools], look, _TOOL_DROPPED)
        if found.workflows:
            yield Line()
            yield from fitting(_WORKFLOW, [self._workflow(one) for one in found.workflows], look, _WORKFLOW_DROPPED)
        if together := self._together():
            yield Line()
            yield from wrapped(Line("together  ", "dim"), together, Line(" " * 10), look.width)
        yield from self._coverage()

    def _head(self, title: str) -> Iterator[Line]:
        found, look = self.found, self.look
        named = sum(one.agent is not None for one in found.agents)
        figures = [
            (title, "bold"),
            ("" if title else count(found.coordination.runs, "run"), "bold"),
            (count(named, "agent"), ""),
            (count(found.usage.calls, "model call"), ""),
            (f"{tokens(found.usage.tokens)} tok" if found.usage.tokens is not None else "", ""),
            (look.own(usd(found.usage.cost_usd, found.usage.partial)), ""),
            (count(found.coordination.handoffs, "handoff"), ""),
        ]
        yield from in_a_row([(look.text(words), style) for words, style in figures], look)

    def _agents(self, order: Order) -> Iterator[Line]:
        found = _sorted(self.found.agents, order)
        if found:
            total = sum(map(_KEYS[order], found))
            rows = [self._agent(one, _KEYS[order](one) / total if total else None) for one in found]
            kept = tuple(title for title in _AGENT_DROPPED if title not in _WANTED.get(order, ()))
            yield Line()
            yield from fitting(_AGENT, rows, self.look, kept)

    def _agent(self, one: AgentMetrics, share: float | None) -> list[str]:
        look = self.look
        return [
            look.text(one.agent or NOBODY),
            _of(one.succeeded, one.closed),
            _number(one.usage.calls),
            _number(one.tool_calls),
            _errors(one.errors, one.recovered, look),
            duration(one.own_ns),
            duration(one.path_ns),
            duration(one.times.p50_ns),
            duration(one.times.p95_ns),
            _number(one.rounds),
            _number(one.handed_in),
            _number(one.handed_out),
            tokens(one.usage.tokens),
            look.own(usd(one.usage.cost_usd, one.usage.partial)),
            f"{share:.0%}" if share is not None else "",
            _number(one.findings),
        ]

    def _edge(self, one: Edge) -> list[str]:
        named = [self.look.text(one.from_agent), self.look.text(one.to_agent), str(one.count)]
        return [*named, _number(one.failed), _number(one.never_ran), duration(one.took_ns)]

    def _tool(self, one: ToolMetrics) -> list[str]:
        figures = (_number(one.errors), _number(one.recovered), _number(one.empty))
        return [self.look.text(one.tool), str(one.calls), *figures, *_times(one.times)]

    def _workflow(self, one: WorkflowMetrics) -> list[str]:
        look, used = self.look, one.usage
        each = used.cost_usd / one.runs if used.cost_usd is not None else None
        return [
            look.text(one.workflow), str(one.runs), _of(one.completed, one.runs), _number(one.escalated),
            _number(one.handoffs), *_times(one.times), tokens(used.tokens), look.own(usd(used.cost_usd, used.partial)),
            look.own(usd(each, used.partial)),
        ]  # fmt: skip

    def _together(self) -> str:
        """What is nobody's alone, in one sentence."""
        both = self.found.coordination
        things = (
            (both.loops, "stuck loop"),
            (both.state_writes, "state write"),
            (both.state_conflicts, "state conflict"),
            (both.breaker_trips, "tripped breaker"),
            (both.dead_letters, "dead letter"),
        )
        told = [count(number, thing) for number, thing in things if number]
        if both.peak_calls and both.peak_calls < self.found.usage.calls:  # else the head tells it
            told.append(
                f"busiest minute {tokens(both.peak_tokens)} tokens and {count(both.peak_calls, 'call')}, "
                f"usually {tokens(both.usual_tokens)} and {both.usual_calls}"
            )
        return "; ".join(told)

    def _coverage(self) -> Iterator[Line]:
        used = self.found.usage
        if used.calls and (used.counted < used.calls or used.partial):
            words = f"tokens are known of {used.counted} of {count(used.calls, 'model call')}, cost of {used.priced}"
            yield Line()
            yield from wrapped(Line("coverage  ", "dim"), words, Line(" " * 10), self.look.width, "dim")


_WANTED: dict[Order, tuple[str, ...]] = {"errors": ("errors",), "calls": ("calls",)}
"""What is sorted by is not left out."""


def _times(times: Times) -> tuple[str, ...]:
    shown = (times.average_ns, times.p50_ns, times.p95_ns, times.p99_ns, times.longest_ns)
    return tuple(duration(one) for one in shown)


def _of(number: int, total: int) -> str:
    return f"{number}/{total}" if total else ""


def _number(number: int) -> str:
    return str(number) if number else ""


def _errors(errors: int, recovered: int, look: Look) -> str:
    return f"{errors} ({look.glyphs.again}{recovered})" if recovered else _number(errors)
