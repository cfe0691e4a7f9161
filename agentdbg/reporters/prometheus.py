"""`metrics --format prometheus`: the text format that a node exporter's textfile collector reads.

All are gauges: they tell what is in the store now, which shrinks when runs are purged. What is not known has no sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from agentdbg.analysis.metrics import Metrics, Times, Usage
from agentdbg.view.clean import clean

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

Number = float | int | None
Sample = tuple[Sequence[str], Number]
Figure = Callable[[Any], Number]
_AGENTS: tuple[tuple[str, str, Figure], ...] = (
    ("turns", "Turns of the agent", lambda one: one.turns),
    ("turns_closed", "Turns that ended and were not cancelled", lambda one: one.closed),
    ("turns_succeeded", "Turns that ended well", lambda one: one.succeeded),
    ("success_ratio", "Turns that ended well of those that ended", lambda one: _ratio(one.succeeded, one.closed)),
    ("operations", "Calls of models and tools", lambda one: one.operations),
    ("errors", "Failed calls of models and tools", lambda one: one.errors),
    ("errors_recovered", "Failed calls that a retry made good", lambda one: one.recovered),
    ("error_ratio", "Failed for good, of all calls", lambda one: _ratio(one.errors - one.recovered, one.operations)),
    ("own_seconds", "Time that no span below explains better", lambda one: _seconds(one.own_ns)),
    ("blind_seconds", "Time of its turns of which nothing is recorded", lambda one: _seconds(one.blind_ns)),
    ("rounds_max", "Most model calls within one turn", lambda one: one.rounds),
    ("loops", "Stuck loops it takes part in", lambda one: one.loops),
)  # fmt: skip
_TOOLS: tuple[tuple[str, str, Figure], ...] = (
    ("calls", "Calls of the tool", lambda one: one.calls),
    ("errors", "Failed calls", lambda one: one.errors),
    ("errors_recovered", "Failed calls that a retry made good", lambda one: one.recovered),
    ("empty", "Calls that ended well with nothing", lambda one: one.empty),
)
_WORKFLOWS: tuple[tuple[str, str, Figure], ...] = (
    ("runs", "Runs of the workflow", lambda one: one.runs),
    ("runs_completed", "Runs that ended well with an answer", lambda one: one.completed),
    ("completion_ratio", "Runs that ended well with an answer, of all", lambda one: _ratio(one.completed, one.runs)),
    ("runs_escalated", "Runs in which a person was asked", lambda one: one.escalated),
    ("handoffs", "Handoffs between agents", lambda one: one.handoffs),
)
_TOGETHER: tuple[tuple[str, str, Figure], ...] = (
    ("loops", "Stuck loops", lambda one: one.loops),
    ("state_writes", "Writes of shared state", lambda one: one.state_writes),
    ("state_conflicts", "Writes that were refused because the state had changed", lambda one: one.state_conflicts),
    ("breaker_trips", "Breakers, budgets and turn limits that stopped something", lambda one: one.breaker_trips),
    ("dead_letters", "Tasks that went to a dead letter queue", lambda one: one.dead_letters),
    ("minute_tokens_usual", "Tokens of the median minute", lambda one: one.usual_tokens),
    ("minute_tokens_peak", "Tokens of the busiest 60 seconds", lambda one: one.peak_tokens),
    ("minute_calls_usual", "Model calls of the median minute", lambda one: one.usual_calls),
    ("minute_calls_peak", "Model calls of the busiest 60 seconds", lambda one: one.peak_calls),
)  # fmt: skip
_USAGE: tuple[tuple[str, str, Callable[[Usage], Number]], ...] = (
    ("model_calls", "Model calls, failed ones too", lambda used: used.calls),
    ("model_calls_priced", "Model calls whose cost is known", lambda used: used.priced),
    ("cost_usd", "Cost of the priced calls", lambda used: used.cost_usd),
)
_QUANTILES = (("0.5", "p50_ns"), ("0.95", "p95_ns"), ("0.99", "p99_ns"), ("1", "longest_ns"))
_TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")


def text(found: Metrics, version: str, stream: TextIO) -> None:
    """Write every metric that has a sample, in a fixed order."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Families(found, version))
    stream.write(generate_latest(registry).decode())


class _Families:
    """What prometheus_client asks for families of metrics."""

    def __init__(self, found: Metrics, version: str) -> None:
        self.found = found
        self.version = version

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = self.found
        yield from _family("info", "Version that made these figures", ["version"], [([self.version], 1)])
        for name, said, figure in _TOGETHER:
            yield from _family(name, said, [], [((), figure(found.coordination))])
        yield from _described("workflow", _WORKFLOWS, [(one.workflow, one) for one in found.workflows])
        agents = [(one.agent or "", one) for one in found.agents]
        yield from _described("agent", _AGENTS, agents)
        yield from _described("tool", _TOOLS, [(one.tool, one) for one in found.tools], used=False)
        edges = [((one.from_agent, one.to_agent), one) for one in found.edges]
        ends = ["from_agent", "to_agent"]
        yield from _family("edge_handoffs", "Handoffs of one agent to another", ends, [(e, o.count) for e, o in edges])
        yield from _family("edge_failed", "Of these, whose receiver failed", ends, [(e, o.failed) for e, o in edges])


def _described(
    what: str,
    table: Iterable[tuple[str, str, Figure]],
    things: Sequence[tuple[str, Any]],
    used: bool = True,
) -> Iterator[GaugeMetricFamily]:
    """The metrics of agents, tools or workflows: those of its table, its times, and what models were used for."""
    for name, said, figure in table:
        yield from _family(f"{what}_{name}", said, [what], [([label], figure(one)) for label, one in things])
    timed: list[tuple[str, Times]] = [(label, one.times) for label, one in things]
    samples = [([label, q], _seconds(getattr(times, field))) for label, times in timed for q, field in _QUANTILES]
    yield from _family(f"{what}_duration_seconds", "Wall time, by quantile", [what, "quantile"], samples)
    average = [([label], _seconds(times.average_ns)) for label, times in timed]
    yield from _family(f"{what}_duration_average_seconds", "Wall time, the average", [what], average)
    if used:
        for name, said, used_for in _USAGE:
            yield from _family(f"{what}_{name}", said, [what], [([label], used_for(o.usage)) for label, o in things])
        told = [([label, kind[:-7]], getattr(one.usage, kind)) for label, one in things for kind in _TOKENS]
        yield from _family(f"{what}_tokens", "Tokens; input includes cached, output reasoning", [what, "type"], told)


def _family(name: str, said: str, labels: Sequence[str], samples: Iterable[Sample]) -> Iterator[GaugeMetricFamily]:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"agentdbg_{name}", said, labels=labels)
    for values, value in samples:
        if value is not None:
            family.add_metric([clean(label) for label in values], value)
    if family.samples:
        yield family


def _ratio(number: int, total: int) -> float | None:
    return number / total if total else None


def _seconds(ns: int | None) -> float | None:
    return ns / 1e9 if ns is not None else None
