"""time.wall: a run that lasted longer than anybody waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from agentdbg.detectors.slowness import Call, calls
from agentdbg.detectors.wording import clipped, counted, duration
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped

_RUNS = """
    WITH kinds AS (SELECT workflow, count(*) AS runs, median(duration_ns) AS usual FROM traces GROUP BY workflow)
    SELECT t.trace_id, t.name, t.duration_ns, k.runs - 1, k.usual,
           (SELECT min_by(s.span_id, (s.parent_id IS NOT NULL, s.start_ns, s.span_id)) FROM spans s
            WHERE s.trace_id = t.trace_id)
    FROM traces t JOIN kinds k ON t.workflow = k.workflow
    WHERE t.duration_ns >= $least AND t.llm_calls > 0 ORDER BY t.trace_id
"""
_ENOUGH = 4
_TIMES = 10.0
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Judged:
    limit: float
    severity: Severity
    confidence: Confidence
    why: str


@dataclass(frozen=True, slots=True)
class Wall:
    """A run beyond the time that there was for it.

    **What it finds**: runs over a limit. How long a run may take depends on who waits for it: set `mode` to
    interactive (medium beyond 30 s, high beyond the breaker of 300 s) or batch (high beyond 900 s). Without a mode,
    the other runs of the workflow say what it is: where they usually take less than 30 s, a run that is beyond the
    limit and took ten times as long as usual is told. A run of a workflow of which nothing is known is only told, as a
    hint, beyond the limit for batches: long work is no fault.

    **Why it matters**: somebody waits at the other end, or a gateway does, and gives up: the work is paid for and
    thrown away.

    **Bad**:

        trace monday
        workflow report
          agent writer
            llm gpt-4o -> "Done." dur=35m

    **Good**:

        trace monday
        workflow report
          agent writer
            llm gpt-4o -> "Done." dur=95s

    **What to do**: look at what took longest, set a time limit at every call and a deadline for the run, and give back
    what is there when it is reached.

    Options: mode = auto, interactive or batch; interactive, breaker, batch = the limits in seconds.
    """

    compares_runs: ClassVar = True

    mode: str = "auto"
    interactive: float = 30.0
    breaker: float = 300.0
    batch: float = 900.0

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each run beyond its limit."""
        traces, least = set(reader.trace_ids()), min(self.interactive, self.breaker, self.batch)
        for trace_id, name, took, others, usual, root in reader.rows(_RUNS, least=int(least * 1e9)):
            found = self._judge(took / 1e9, others, (usual or 0) / 1e9) if trace_id in traces else None
            if found is not None:
                slowest = sorted(calls(reader, [trace_id]), key=lambda call: (-call.duration_ns, call.span_id))[:_SHOWN]
                yield _finding(trace_id, name, took / 1e9, root, found, slowest)

    def _judge(self, seconds: float, others: int, usual: float) -> _Judged | None:
        if self.mode == "batch":
            return _Judged(self.batch, "high", "certain", "for a batch") if seconds > self.batch else None
        known = others >= _ENOUGH and usual <= self.interactive and seconds > _TIMES * usual
        if self.mode == "interactive" or known:
            sure: Confidence = "certain" if self.mode == "interactive" else "likely"
            why = (
                "where a person waits"
                if self.mode == "interactive"
                else f"as {others} other runs take {duration(usual)}"
            )
            if seconds > self.breaker:
                return _Judged(self.breaker, "high", sure, f"at which a breaker should stop it, {why}")
            return _Judged(self.interactive, "medium", sure, why) if seconds > self.interactive else None
        if seconds <= self.batch or others >= _ENOUGH:
            return None  # what this workflow usually takes is a question of its baseline
        return _Judged(self.batch, "low", "hint", "for a batch; how long this workflow may take is not known")


def _finding(trace_id: str, name: str, seconds: float, root: str, judged: _Judged, slowest: list[Call]) -> Finding:
    spent = ", ".join(f"{call.name} {duration(call.seconds)}" for call in slowest)
    agent = slowest[0].agent if slowest else None
    return Finding(
        detector="time.wall",
        severity=judged.severity,
        confidence=judged.confidence,
        title=clipped(f"{name} took {duration(seconds)}, over a limit of {duration(judged.limit)}", 100),
        message=(
            f"{name} took {duration(seconds)}, over the limit of {duration(judged.limit)} {judged.why}."
            + (f" Its longest {counted(len(slowest), 'call')}: {spent}." if spent else "")
        ),
        trace_id=trace_id,
        agent=agent,
        evidence=(
            Evidence(root, "primary", f"took {duration(seconds)}"),
            *(Evidence(one.span_id, "related", f"{one.name}: {duration(one.seconds)}") for one in slowest),
        ),
        advice=(
            "Look at what took longest, set a time limit at every call and a deadline for the run, and give back what "
            'is there when it is reached. Say how long it may take: mode = "interactive" or "batch" of time.wall.'
        ),
        next=f"agentdbg show {trace_id}",
        key="over the limit",
    )
