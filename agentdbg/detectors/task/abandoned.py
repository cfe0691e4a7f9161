"""task.abandoned: a task that somebody began, and nobody finished or gave back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from agentdbg.detectors.course import answer
from agentdbg.detectors.recorded import facts, first
from agentdbg.detectors.results import value
from agentdbg.detectors.wording import clipped, duration, short
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped

_TELLING = """
    SELECT trace_id, span_id, agent, kind, output, attributes, coalesce(end_ns, start_ns) AS told_ns FROM spans
    WHERE start_ns IS NOT NULL
        AND (contains(output, 'status') AND contains(output, 'task')
             OR kind <> 'llm' AND contains(attributes, 'state.') AND contains(attributes, 'status'))
    ORDER BY told_ns, trace_id, span_id
"""
_LIVES = """
    SELECT s.trace_id, s.span_id, s.agent, s.name, s.start_ns, s.end_ns, s.parent_id, t.status
    FROM spans s JOIN traces t ON s.trace_id = t.trace_id
    WHERE s.start_ns IS NOT NULL AND s.trace_id IN (SELECT unnest($traces)) ORDER BY s.trace_id, s.start_ns, s.span_id
"""
_NAMES = ("task_id", "taskId", "task", "job_id", "job")
_OWNERS = ("worker", "agent", "owner", "assignee", "claimed_by", "assigned_to")
_RUNNING = frozenset(["processing", "inprogress", "running", "started", "claimed", "working", "active"])
_VALUES = ("state.value", "state.after")
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class _Told:
    """What a span says of a task."""

    trace_id: str
    span_id: str
    agent: str | None
    task: str
    status: str
    at: int


@dataclass(frozen=True, slots=True)
class _Life:
    """One span of a run: whose, and when."""

    trace_id: str
    span_id: str
    agent: str | None
    name: str
    start_ns: int
    end_ns: int | None
    parent_id: str | None
    run_status: str

    @property
    def last_ns(self) -> int:
        return self.start_ns if self.end_ns is None else max(self.start_ns, self.end_ns)


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A task that is still being processed although nobody is at it.

    **What it finds**: a task whose last recorded status (JSON with `task` and `status`, as a result or a state) is that
    somebody works on it, in a run that went on or ended without it. High and certain where a span of that worker never
    ended while others went on; low where the run just ended so: the work may go on elsewhere. A task that is finished,
    failed or given back, in this run or a later one, is none.

    **Why it matters**: a worker that dies tells nobody. The task is lost, and a supervisor that waits for it waits for
    ever.

    **Bad**:

        workflow claims
          agent intake
            tool assign {"task": "c-7"} -> {"task": "c-7", "status": "pending"}
          agent adjuster open
            tool claim {"task": "c-7"} -> {"task": "c-7", "status": "processing"}
            llm gpt-4o open
          agent intake
            tool look {"n": 1} -> "nothing new" at=90s

    **Good**:

        workflow claims
          agent intake
            tool assign {"task": "c-7"} -> {"task": "c-7", "status": "pending"}
          agent adjuster error="WorkerLost: killed"
            tool claim {"task": "c-7"} -> {"task": "c-7", "status": "processing"}
          agent watchdog
            tool release {"task": "c-7"} -> {"task": "c-7", "status": "pending"}
          agent adjuster2
            tool claim {"task": "c-7"} -> {"task": "c-7", "status": "processing"}
            tool finish {"task": "c-7"} -> {"task": "c-7", "status": "completed"}

    **What to do**: let workers renew a lease while they work, and a watchdog put tasks back whose lease ran out.
    """

    compares_runs: ClassVar = True

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each task that was left so."""
        judged = set(reader.trace_ids())
        last: dict[str, _Told] = {}
        for row in reader.rows(_TELLING):
            for told in _told(row):
                last[told.task] = told
        left = [told for told in last.values() if _word(told.status) in _RUNNING and told.trace_id in judged]
        traces = sorted({told.trace_id for told in left})
        lives: dict[str, list[_Life]] = {}
        for row in reader.rows(_LIVES, traces=traces) if traces else ():
            lives.setdefault(row[0], []).append(_Life(*row))
        for told in sorted(left, key=lambda one: (one.trace_id, one.at, one.task)):
            yield from _finding(told, lives[told.trace_id])


def _word(status: str) -> str:
    return "".join(character for character in status.lower() if character.isalpha())


def _told(row: Sequence[Any]) -> Iterator[_Told]:
    """The tasks that a span speaks of: in its output, and in a state that it wrote."""
    trace_id, span_id, agent, kind, output, attributes, at = row
    said = answer(output) if kind == "llm" else None
    results = [said.text if said else None] if kind == "llm" else [output, first(facts(attributes), _VALUES)]
    for result in results:
        told = value(result) if isinstance(result, str) else result
        for one in told if isinstance(told, list) else [told]:
            if not isinstance(one, dict):
                continue
            task, status = first(one, _NAMES), one.get("status")
            if isinstance(task, str | int) and isinstance(status, str) and len(str(task)) <= _LONGEST:
                owner = first(one, _OWNERS)
                yield _Told(trace_id, span_id, owner if isinstance(owner, str) else agent, str(task), status, at)


def _finding(told: _Told, lives: Sequence[_Life]) -> Iterator[Finding]:
    own = [life for life in lives if life.agent == told.agent and told.agent is not None]
    still = [life for life in own if life.end_ns is None]
    sign = max((life.last_ns for life in own), default=told.at)
    end = max(life.last_ns for life in lives)
    if not any(life.parent_id is None and life.end_ns is not None for life in lives) and end <= sign:
        return  # everything stopped at once: the run was killed, or is not over
    sure = bool(still) and end > sign
    severity: Severity = "high" if sure else "low"
    confidence: Confidence = "certain" if sure else "likely"
    dead = max(still, key=lambda life: (life.start_ns, life.span_id), default=None)
    primary = dead.span_id if dead else told.span_id
    who = told.agent or "somebody"
    tail = (
        f"{who}'s span {clipped(dead.name, 40)} never ended, and its last sign of life is "
        f"{duration((end - sign) / 1e9)} before the end of the run."
        if dead and sure
        else "the run ended without it."
    )
    related = [Evidence(told.span_id, "related", f'says "{told.status}", and nothing after it')] if dead else []
    yield Finding(
        detector="task.abandoned",
        severity=severity,
        confidence=confidence,
        title=clipped(f"Task {told.task} was left {told.status} by {who}", 100),
        message=f"Task {told.task} is still {told.status}: {tail}",
        trace_id=told.trace_id,
        agent=told.agent,
        evidence=(
            Evidence(primary, "primary", "never ended" if dead else f'says "{told.status}", and nothing after it'),
            *(Evidence(life.span_id, "related", "never ended") for life in still if life is not dead),
            *related,
        ),
        advice="Let workers renew a lease while they work, and a watchdog put back tasks whose lease ran out.",
        next=f"agentdbg span {short(primary, [life.span_id for life in lives])}",
        key="left in processing",
    )
