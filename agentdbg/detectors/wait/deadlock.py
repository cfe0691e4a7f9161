"""wait.deadlock: agents that wait for one another in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdbg.detectors.course import Course
from agentdbg.detectors.waits import Wait, waits_by_trace
from agentdbg.detectors.wording import clipped, duration
from agentdbg.model import Evidence, Finding, Reader, Skipped


@dataclass(frozen=True, slots=True)
class Deadlock:
    """Agents that wait for one another in a circle, so that none of them can go on.

    **What it finds**: waits that are open at the same time and close a circle: A for B, B for C, C for A. A wait is
    told by an attribute `wait.for` with an agent's name, by a blocking read of a queue that only one agent fills
    (critical, certain), or by an agent's words that name the other one and that nothing answers (high, likely). A chain
    that ends at somebody who waits for nobody is no deadlock.

    **Why it matters**: nothing fails and nothing happens. The run hangs until a timeout or a person ends it, and every
    lock it holds blocks others.

    **Bad**:

        workflow settlement
          agent ledger
            other wait wait.for=auditor at=1s dur=60s
          agent auditor parallel
            other wait wait.for=counsel at=2s dur=59s
          agent counsel parallel
            other wait wait.for=ledger at=3s dur=58s

    **Good**:

        workflow settlement
          agent ledger
            other wait wait.for=auditor at=1s dur=9s
          agent auditor parallel
            other wait wait.for=counsel at=2s dur=5s
          agent counsel parallel
            llm gpt-4o -> "The contract is fine."

    **What to do**: an explicit timeout at every wait, one owner who may break the circle, and one order in which locks
    are taken.
    """

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each circle of agents, by trace and time."""
        for course, waits in waits_by_trace(reader):
            seen: set[frozenset[str]] = set()
            for latest in waits:
                circle = _circle(latest, [w for w in waits if w.start <= latest.start < w.end])
                agents = frozenset(wait.agent for wait in circle)
                if circle and agents not in seen:
                    seen.add(agents)
                    yield _finding(course, circle)


def _circle(latest: Wait, others: Sequence[Wait]) -> list[Wait]:
    """The waits that lead from the one this wait is for back to who waits, itself first; none where none do."""
    ways: dict[str, list[Wait]] = {latest.target: [latest]}
    reached = [latest.target]
    for agent in reached:
        if agent == latest.agent:
            return ways[agent]
        for wait in others:
            if wait.agent == agent and wait.target not in ways:
                ways[wait.target] = [*ways[agent], wait]
                reached.append(wait.target)
    return []


def _finding(course: Course, circle: Sequence[Wait]) -> Finding:
    closed, broken = max(wait.start for wait in circle), min(wait.end for wait in circle)
    last = max(course.end(span) for span in course.spans)
    lost = duration((min(broken, last) - closed) / 1e9)
    first = min(range(len(circle)), key=lambda i: (circle[i].start, circle[i].span_id))
    ring = [*circle[first:], *circle[:first]]
    explicit = all(wait.explicit for wait in ring)
    path = " → ".join([*(wait.agent for wait in ring), ring[0].agent])
    pieces: dict[str, str] = {}
    for wait in ring:
        pieces.setdefault(wait.span_id, f"{wait.agent} waits for {wait.target}")
    places = list(pieces.items())
    return Finding(
        detector="wait.deadlock",
        severity="critical" if explicit else "high",
        confidence="certain" if explicit else "likely",
        title=clipped(f"{path}: each waits for the next, {lost} lost", 100),
        message=(
            f"{path}: each waits for the next, so that none can go on; {lost} were lost until the circle was broken or"
            " the run ended." + ("" if explicit else " Only likely: the waits are told by the agents' own words.")
        ),
        trace_id=course.trace.trace_id,
        agent=ring[0].agent,
        evidence=(
            Evidence(places[0][0], "primary", places[0][1]),
            *(Evidence(span_id, "related", note) for span_id, note in places[1:]),
        ),
        advice=("Give every wait a timeout, let one owner break the circle, and take locks in one order everywhere."),
        next=f"agentdbg show {course.trace.trace_id}",
        key=" → ".join(sorted(wait.agent for wait in ring)),
    )
