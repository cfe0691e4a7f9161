"""time.p95: a run, or an agent in it, that took far longer than nearly all of its like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from agentdbg.detectors.figures import ENOUGH, Outlier, standing_out
from agentdbg.detectors.wording import clipped
from agentdbg.model import Evidence, Finding, Reader, Skipped

_TURN = """
    SELECT span_id FROM agent_turns WHERE trace_id = $trace_id AND agent = $agent
    ORDER BY end_ns - start_ns DESC NULLS LAST, span_id LIMIT 1
"""
_TOP = """
    SELECT span_id FROM spans WHERE trace_id = $trace_id
    ORDER BY parent_id IS NOT NULL, duration_ns DESC NULLS LAST, span_id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class P95:
    """A run, or an agent's turn in it, that took far longer than nearly all other runs of its workflow.

    **What it finds**: runs, and agents within runs, whose time is more than twice the 95th percentile of the runs of
    the same workflow in the baseline, else in the input (of the slowest, where there are fewer than 20 of them), and
    stands out by the modified z-score on the logarithm. Less than a second is no matter. The run is told where both
    are slow, with the agent named.

    **Why it matters**: averages hide it, users do not: the slowest twentieth of the runs is what is complained about.

    **Bad**:

        trace r1
        agent clerk dur=2s
        trace r2
        agent clerk dur=2.1s
        trace r3
        agent clerk dur=1.9s
        trace r4
        agent clerk dur=2.2s
        trace r5
        agent clerk dur=2s
        trace r6
        agent clerk dur=2.4s
        trace r7
        agent clerk dur=2s
        trace r8
        agent clerk dur=2.1s
        trace r9
        agent clerk dur=11s

    **Good**:

        trace r1
        agent clerk dur=2s
        trace r2
        agent clerk dur=2.1s
        trace r3
        agent clerk dur=1.9s
        trace r4
        agent clerk dur=2.2s
        trace r5
        agent clerk dur=2s
        trace r6
        agent clerk dur=2.4s
        trace r7
        agent clerk dur=2s
        trace r8
        agent clerk dur=2.1s
        trace r9
        agent clerk dur=3.5s

    **What to do**: look at what the run waited for (`agentdbg show --path`): one slow call, a retry, or agents that
    wait for one another.

    Options: z and factor = how far it stands out (modified z-score; times the 95th percentile); others = runs to
    compare with at least; least_s = seconds beyond that percentile which matter.
    """

    compares_runs: ClassVar = True

    z: float = 3.5
    factor: float = 2.0
    others: int = 8
    least_s: float = 1.0

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding a trace."""
        judged = set(reader.trace_ids())
        slow = {one.trace_id: one for one in self._slow(reader, by_agent=False)}
        agents: dict[str, Outlier] = {}
        for one in self._slow(reader, by_agent=True):
            before = agents.get(one.trace_id)
            if before is None or one.value - one.usual > before.value - before.usual:
                agents[one.trace_id] = one
        for trace_id in sorted({*slow, *agents} & judged):
            yield _finding(reader, slow.get(trace_id) or agents[trace_id], agents.get(trace_id))

    def _slow(self, reader: Reader, by_agent: bool) -> list[Outlier]:
        found = standing_out(
            reader, "duration_ns", others=self.others, z=self.z, factor=self.factor, level=0.95, by_agent=by_agent
        )
        return [one for one in found if one.value - one.usual >= self.least_s * 1e9]


def _finding(reader: Reader, one: Outlier, agent: Outlier | None) -> Finding:
    """one: what is told, the run or only what an agent did; agent: the one that exceeds most what is usual for it."""
    trace_id, who = one.trace_id, agent.agent if agent else None
    rows = reader.rows(_TURN, trace_id=trace_id, agent=who) if who else reader.rows(_TOP, trace_id=trace_id)
    times, yardstick = f"{one.value / one.usual:.1f}×", "95th percentile" if one.others >= ENOUGH else "slowest"
    what = "The run" if one.agent is None else f"The longest turn of {one.agent}"
    slowest = ""
    if one.agent is None and agent:
        slowest = f" The longest turn of {who} took {_seconds(agent.value)}, {_seconds(agent.usual)} elsewhere."
    return Finding(
        detector="time.p95",
        severity="medium",
        confidence="likely",
        title=clipped(f"{what} took {_seconds(one.value)}, {times} the {yardstick} of {one.others} others", 100),
        message=(
            f"{what} took {_seconds(one.value)}, {times} the {yardstick} of {one.than} ({_seconds(one.usual)}; "
            f"modified z {one.z:.1f}).{slowest}"
        ),
        trace_id=trace_id,
        agent=who,
        evidence=(Evidence(rows[0][0], "primary", f"{_seconds((agent or one).value)}"),),
        advice="Look at what the run waited for, and give every call a timeout.",
        next=f"agentdbg show {trace_id}",
        key="slower than usual",
    )


def _seconds(ns: float) -> str:
    return f"{ns / 1e9:,.1f} s" if ns >= 1e8 else f"{ns / 1e6:,.1f} ms"
