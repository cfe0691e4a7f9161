"""instruction.drift: an agent delegates a task and leaves most of its limits out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdbg.detectors.constraints import Constraint, constraints
from agentdbg.detectors.course import Course
from agentdbg.detectors.utterances import given_to, task_of
from agentdbg.detectors.wording import clipped, counted, listed, short
from agentdbg.model import Evidence, Finding, Handoff, Reader, Skipped, Span

_CANDIDATES = """
    SELECT DISTINCT trace_id FROM handoffs WHERE rule <> 'next sibling' AND receiver_span_id IS NOT NULL
    ORDER BY trace_id
"""
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Drift:
    """A task that loses its limits when it is delegated.

    **What it finds**: an agent whose own task sets at least three limits (clauses with must, only, never, at most,
    until and the like) and that delegates so that less than half of them reach any agent it asks, and those that got
    lost do not show in the last answer of the run either. Limits shared out among several agents are passed on, and so
    are those in the receiver's own prompt. A hint: numbers and words are counted, meaning is not judged.

    **Why it matters**: the agent that does the work does well what it was told. That it was told something else is
    seen only by whoever asked.

    **Bad**:

        agent organiser "Book a hall: at most 900 euros, only with a stage, not before 18:00, never on a Sunday."
          llm gpt-4o
          agent scout "Find a hall with a stage."
            llm gpt-4o -> "The Grand Hall has a stage."
          llm gpt-4o -> "I booked the Grand Hall."

    **Good**:

        agent organiser "Book a hall: at most 900 euros, only with a stage, not before 18:00, never on a Sunday."
          llm gpt-4o
          agent scout "Find a hall with a stage, at most 900 euros, not before 18:00 and never on a Sunday."
            llm gpt-4o -> "The Grand Hall has a stage."
          llm gpt-4o -> "I booked the Grand Hall."

    **What to do**: pass the task on as an object with its limits, word for word, and check the result against them.

    Options: least = limits that a task must have; share = share of them that must arrive.
    """

    least: int = 3
    share: float = 0.5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace and delegating agent, at the first it asked."""
        judged = set(reader.trace_ids())
        rows = reader.rows(_CANDIDATES)
        for trace in reader.traces(trace_id for (trace_id,) in rows if trace_id in judged):
            course = trace.once(Course)
            told: set[str] = set()
            for turn, receivers in _delegations(course):
                agent = course.agent(turn) or ""
                limits = [one for one in constraints(task_of(course, turn)) if one.is_limit]
                if agent in told or len(limits) < self.least:
                    continue
                given = ["\n".join(given_to(course, receiver)) for receiver in receivers]
                if not all(text.strip() for text in given):
                    continue  # what one of them was told is not recorded
                if finding := self._judged(course, turn, receivers, limits, given):
                    told.add(agent)
                    yield finding

    def _judged(
        self, course: Course, turn: Span, receivers: Sequence[Span], limits: Sequence[Constraint], given: Sequence[str]
    ) -> Finding | None:
        passed = [one for one in limits if any(one.kept_in(text) for text in given)]
        said = course.said(course.final) if course.final is not None else None
        answer = said.text if said is not None else ""
        lost = [one for one in limits if one not in passed and not one.kept_in(answer)]
        if len(passed) >= self.share * len(limits) or len(lost) <= self.share * len(limits):
            return None
        agent, asked = course.agent(turn) or "the program", sorted({str(course.agent(one)) for one in receivers})
        in_answer = sum(one.kept_in(answer) for one in limits)
        gone = "; ".join(f'"{clipped(one.text, 80)}"' for one in lost[:_SHOWN])
        return Finding(
            detector="instruction.drift",
            severity="medium",
            confidence="hint",
            title=clipped(f"{agent} passed on {len(passed)} of {counted(len(limits), 'limit')} of its task", 100),
            message=(
                f"{agent} was given a task with {counted(len(limits), 'limit')}; what it told {listed(asked)} keeps "
                f"{len(passed)} of them, and the last answer shows {in_answer}. Lost: {gone}."
            ),
            trace_id=course.trace.trace_id,
            agent=course.agent(turn),
            evidence=(
                Evidence(receivers[0].span_id, "primary", f"{asked[0]} was told: {clipped(given[0], 80)}"),
                Evidence(turn.span_id, "related", f"{agent} was asked: {clipped(task_of(course, turn), 80)}"),
            ),
            advice=f"Let {agent} pass the task on with its limits, word for word, and check the result against them.",
            next=f"agentdbg span {short(receivers[0].span_id, course.forest.by_id)}",
            key=f"{agent} → {', '.join(asked)}",
        )


def _delegations(course: Course) -> list[tuple[Span, list[Span]]]:
    """Each turn that asked other agents, with the turns of those, by start. What follows among siblings was not asked
    by the one before it."""
    found: dict[str, tuple[Span, list[Span]]] = {}
    for handoff in course.trace.handoffs:
        receiver = course.forest.by_id.get(handoff.receiver_span_id or "")
        turn = _turn(course, handoff)
        if handoff.rule == "next sibling" or receiver is None or turn is None:
            continue
        found.setdefault(turn.span_id, (turn, []))[1].append(receiver.span)
    return list(found.values())


def _turn(course: Course, handoff: Handoff) -> Span | None:
    sender = course.forest.by_id.get(handoff.sender_span_id)
    return course.turn(sender.span) if sender is not None else None
