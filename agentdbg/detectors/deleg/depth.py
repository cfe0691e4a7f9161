"""deleg.depth: work that is delegated and delegated again, too deep for anyone to see to the bottom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from agentdbg.detectors import spending
from agentdbg.detectors.course import Course
from agentdbg.detectors.delegation import Chain, chains, unchanged
from agentdbg.detectors.wording import clipped
from agentdbg.model import Finding, Reader, Skipped


@dataclass(frozen=True, slots=True)
class Depth:
    """Agents inside agents inside agents: a chain of delegation that goes deeper than five.

    **What it finds**: an agent's turn inside five other agents' turns or more. High; medium where every agent was told
    another task than the one above it and work was done, as in a deep organisation that functions.

    **Why it matters**: each level repeats the task in its own words, waits for all below it, and pays for reading what
    came back. A chain without a bottom ends at a timeout.

    **Bad**:

        agent desk "settle claim 12"
          agent office "settle claim 12"
            agent bureau "settle claim 12"
              agent board "settle claim 12"
                agent council "settle claim 12"
                  agent panel "settle claim 12"
                    llm gpt-4o -> "I pass this on."

    **Good**:

        agent desk "settle claim 12"
          agent assessor "what is the damage of claim 12?"
            tool read_report {"claim": 12} -> "a broken window, 300 EUR"
            llm gpt-4o -> "300 EUR"

    **What to do**: set a maximum depth of delegation, and let an agent at the limit do the work or say that it cannot.

    Options: depth = turns inside one another above which it is too deep.
    """

    depth: int = 5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each trace: its deepest chain."""
        for course, found in chains(reader):
            deepest = max(found, key=lambda chain: len(chain.turns), default=None)
            if deepest is not None and len(deepest.turns) > self.depth:
                yield self._finding(course, deepest)

    def _finding(self, course: Course, chain: Chain) -> Finding:
        hops = [unchanged(one, other) for one, other in pairwise(chain.turns)]
        same, known = hops.count(True), sum(hop is not None for hop in hops)
        moving = known == len(hops) and not same and chain.works
        told = f"{same} of {known} hops pass the task on unchanged" if known else "the tasks are not recorded"
        work = "work was done on the way" if chain.works else "no work was done on the way"
        over = chain.turns[self.depth]
        tokens, usd = spending.spent(course.trace, [span.span_id for span in (over.span, *course.below(over.span))])
        return Finding(
            detector="deleg.depth",
            severity="medium" if moving else "high",
            confidence="certain",
            title=clipped(f"Delegated {len(chain.turns)} levels deep: {chain.path()}", 100),
            message=f"Work was delegated {len(chain.turns)} levels deep: {chain.path()}; {told}, and {work}.",
            trace_id=course.trace.trace_id,
            agent=over.agent,
            evidence=tuple(chain.evidence(self.depth)),
            advice="Set a maximum depth of delegation; an agent at the limit does the work or says that it cannot.",
            next=f"agentdbg show {course.trace.trace_id}",
            key="depth of delegation",
            wasted_tokens=tokens,
            wasted_usd=usd,
        )
