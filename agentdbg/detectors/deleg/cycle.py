"""deleg.cycle: a task that comes back to an agent that had delegated it, or that everyone passes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from agentdbg.detectors import spending
from agentdbg.detectors.course import Course
from agentdbg.detectors.delegation import Chain, chains, unchanged
from agentdbg.detectors.wording import clipped, counted, usage
from agentdbg.model import Confidence, Finding, Reader, Skipped


@dataclass(frozen=True, slots=True)
class Cycle:
    """Delegation in a circle: an agent gets back what it had given away, or a task is handed on and never worked on.

    **What it finds**: an agent that works three times or more within one chain of agents inside one another; and a
    task that was passed on unchanged over three hops although nobody on the way used a tool or came to an answer.
    Recursion in which an agent gets another task each time is none.

    **Why it matters**: everyone believes that someone else does the work. Each hop pays for reading the task again, and
    nothing but a limit of depth or time ends it.

    **Bad**:

        agent planner "plan the trip"
          agent researcher "plan the trip"
            agent planner "plan the trip"
              agent researcher "plan the trip"
                agent planner "plan the trip"
                  llm gpt-4o -> "Let the researcher have a look."

    **Good**:

        agent planner "plan the trip to Rome in May"
          agent planner "find a hotel near the station"
            agent booker "which rooms are free on May 4?"
              tool rooms {"day": "05-04"} -> ["a double room for 90 EUR"]
              llm gpt-4o -> "A double room for 90 EUR."

    **What to do**: tell each agent what it must do itself, refuse a task that comes back, set a maximum depth of
    delegation, and define when a task is done.

    Options: visits = turns of one agent in a chain; hops = hops with an unchanged task where no work was done.
    """

    visits: int = 3
    hops: int = 3

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each trace: the longest chain that goes in a circle."""
        for course, found in chains(reader):
            circles = [(chain, why) for chain in found if (why := self._why(chain))]
            longest = max(circles, key=lambda one: len(one[0].turns), default=None)
            if longest is not None:
                yield self._finding(course, longest[0], *longest[1])

    def _why(self, chain: Chain) -> tuple[str, int, Confidence] | None:
        """(what goes in a circle, the hop where it is seen first, how sure that is)."""
        agent, places = chain.visits()
        if len(places) >= self.visits:
            pairs = [unchanged(chain.turns[a], chain.turns[b]) for a, b in combinations(places, 2)]
            if any(pair is not False for pair in pairs):
                return f"{agent} got the work back {counted(len(places) - 1, 'time')}", places[1], "certain"
        if not chain.works:
            run = 0
            for i, (one, other) in enumerate(pairwise(chain.turns), 1):
                run = run + 1 if unchanged(one, other) else 0
                if run >= self.hops:
                    return "everyone passes the task on and nobody works on it", i, "likely"
        return None

    def _finding(self, course: Course, chain: Chain, why: str, first: int, confidence: Confidence) -> Finding:
        same = sum(bool(unchanged(one, other)) for one, other in pairwise(chain.turns))
        known = all(turn.asked is not None for turn in chain.turns)
        told = f"{counted(same, 'hop')} passed the task on unchanged" if known else "not every task is recorded"
        again = chain.turns[first]
        tokens, usd = spending.spent(course.trace, [span.span_id for span in (again.span, *course.below(again.span))])
        cost = usage(tokens, usd)
        return Finding(
            detector="deleg.cycle",
            severity="high",
            confidence=confidence,
            title=clipped(f"{why}: {chain.path()}", 100),
            message=(
                f"In a chain of {counted(len(chain.turns), 'turn')}, {chain.path()}, {why}; {told}, and "
                f"{'some work was done' if chain.works else 'no work was done'} on the way."
                + (f" From there on it took {cost}." if cost else "")
            ),
            trace_id=course.trace.trace_id,
            agent=again.agent,
            evidence=tuple(chain.evidence(first)),
            advice=(
                "Tell each agent what it must do itself, refuse a task that comes back, set a maximum depth of"
                " delegation, and define when a task is done."
            ),
            next=f"agentdbg show {course.trace.trace_id}",
            key=" → ".join(sorted({turn.agent for turn in chain.turns})),
            wasted_tokens=tokens,
            wasted_usd=usd,
        )
