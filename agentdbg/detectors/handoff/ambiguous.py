"""handoff.ambiguous: an answer that neither settles the task nor says what is missing, and comes back to its agent."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from agentdbg.detectors import spending
from agentdbg.detectors.course import Course
from agentdbg.detectors.turns import Turn, turns_of
from agentdbg.detectors.wording import clipped, counted, usage
from agentdbg.model import Evidence, Finding, Reader, Severity, Skipped
from agentdbg.steps.demand import brings_news, demanded, same_demand
from agentdbg.steps.keys import near_clusters, opened
from agentdbg.steps.runs_apart import runs_apart
from agentdbg.tree import SKEW_NS

_CANDIDATES = """
    SELECT DISTINCT trace_id FROM (
        SELECT trace_id, count(*) AS turns, count(*) OVER (PARTITION BY trace_id) AS agents
        FROM agent_turns GROUP BY trace_id, agent
    ) WHERE turns > 1 AND agents > 1 ORDER BY trace_id
"""
_STATUS = frozenset(("status", "state", "done", "complete", "completed", "final", "next", "decision", "result"))
_SAYS = re.compile(
    r"\b(?:done|final(?:ly|ized|ised)?|complet\w+|finish\w+|here (?:is|are)|in (?:summary|conclusion)|answer is"
    r"|solved|need\w*|missing|clarif\w+|more (?:context|information|details?)|unable|cannot|can't|could not|fail\w*"
    r"|errors?)\b",
    re.I,
)
_ADVICE = (
    "Let each agent return a typed result {status, output, confidence, reason}, and let someone answer each of its"
    " values: needs_more_context goes to whoever has the context, never back to the agent that asked."
)


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """An agent that is called again with what it had, because its answer did not say whether the task is done.

    **What it finds**: an agent of several that twice in a row asks for the same (`needs_more_context`), and was given
    nothing new in between: high from the second equal answer on. And an agent that is given the same task three times
    or more by one that decides who is next, while its answers neither carry a status nor say in words that they are
    final, that something is missing or that it failed: medium.

    **Why it matters**: whoever decides what is next sees that the task is open and that this agent is still the right
    one for it. 200 such laps cost $40 on one malformed request.

    **Bad**:

        workflow intake
          agent supervisor "a request of 40 lines" -> "{\\"next\\": \\"parser\\"}"
            llm gpt-4o
          agent parser "parse the request" -> "{\\"status\\": \\"needs_more_context\\"}"
            llm gpt-4o
          agent supervisor "parser needs more context" -> "{\\"next\\": \\"parser\\"}"
            llm gpt-4o
          agent parser "parse the request" -> "{\\"status\\": \\"needs_more_context\\"}"
            llm gpt-4o

    **Good**:

        workflow intake
          agent supervisor "a request of 40 lines" -> "{\\"next\\": \\"parser\\"}"
            llm gpt-4o
          agent parser "parse the request" -> "{\\"status\\": \\"needs_more_context\\"}"
            llm gpt-4o
          agent archivist "find the contract" -> "The contract of 2019 names Miller Ltd as the buyer of the mill."
            llm gpt-4o
          agent parser "parse the request; the buyer is Miller Ltd" -> "{\\"status\\": \\"complete\\"}"
            llm gpt-4o

    **What to do**: a typed result {status, output, confidence, reason} for each agent, and for each status one who
    answers it.

    Options: turns = turns of an agent on the same task whose answers tell no status.
    """

    turns: int = 3

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each stretch of an agent's turns, by trace and start."""
        known = {row[0] for row in reader.rows(_CANDIDATES)}
        for trace in reader.traces(one for one in reader.trace_ids() if one in known):
            course = trace.once(Course)
            turns = turns_of(course)
            decided = [turn.start for turn in turns if turn.routes]
            for own in _by_agent(turns):
                for stretch in _stretches(own, _asks_again):
                    if not runs_apart(trace, [[turn.span.span_id] for turn in stretch]):
                        yield _finding(course, stretch, "high")
                for stretch in _stretches(own, partial(_tells_nothing, decided)):
                    if len(stretch) >= self.turns:
                        yield _finding(course, stretch, "medium")


def _by_agent(turns: Sequence[Turn]) -> list[list[Turn]]:
    """The turns of each agent that works under or beside another one."""
    own: dict[tuple[str, str | None], list[Turn]] = defaultdict(list)
    agents: dict[str | None, set[str]] = defaultdict(set)
    for turn in turns:
        own[turn.agent, turn.parent].append(turn)
        agents[turn.parent].add(turn.agent)
    return [found for (_, parent), found in own.items() if len(found) > 1 and (parent or len(agents[parent]) > 1)]


def _stretches(turns: Sequence[Turn], goes_on: Callable[[Turn, Turn], bool]) -> Iterator[list[Turn]]:
    stretch = [turns[0]]
    for one, other in pairwise(turns):
        if other.start >= one.end - SKEW_NS and goes_on(one, other):
            stretch.append(other)
            continue
        if len(stretch) > 1:
            yield stretch
        stretch = [other]
    if len(stretch) > 1:
        yield stretch


def _asks_again(one: Turn, other: Turn) -> bool:
    """Whether both turns end with the same demand although the second was given nothing that the first had not."""
    if one.said is None or other.said is None or one.asked is None or other.asked is None:
        return False
    first, second = demanded(one.said, one.asked), demanded(other.said, other.asked)
    if first is None or second is None or not same_demand(first, second):
        return False
    used = any(tool.output not in (None, *(before.output for before in one.tools)) for tool in other.tools)
    return not used and not brings_news(other.asked, (one.asked, one.said))


def _tells_nothing(decided: Sequence[int], one: Turn, other: Turn) -> bool:
    """Whether an agent got the same task again from one that decides, after an answer that tells no status. decided:
    when turns began that only decide who is next."""
    if not _is_open(one) or not _is_open(other) or one.asked is None or other.asked is None:
        return False
    if bisect_left(decided, one.end - SKEW_NS) == bisect_right(decided, other.start):
        return False
    cluster = near_clusters([one.asked, other.asked])
    return cluster[one.asked] == cluster[other.asked]


def _is_open(turn: Turn) -> bool:
    if turn.said is None or turn.routes:
        return False
    value = opened(turn.said)
    if isinstance(value, dict) and not _STATUS.isdisjoint(str(name).lower() for name in value):
        return False
    return not _SAYS.search(turn.said)


def _finding(course: Course, stretch: Sequence[Turn], severity: Severity) -> Finding:
    first, again, last = stretch[0], stretch[1], stretch[-1]
    who, laps = first.agent, len(stretch)
    between = [span for span in course.spans if again.start <= course.start(span) <= last.end]
    tokens, usd = spending.spent(course.trace, [span.span_id for span in between])
    said = f'"{clipped(last.said or "", 60)}"'
    if severity == "high":
        what = f"answered {counted(laps, 'time')} in a row that it needs the same"
        why = f"with nothing new between: {said}"
    else:
        what = f"got the same task {counted(laps, 'time')}"
        why = f"after answers that do not say whether it is done: {said}"
    cost, later = usage(tokens, usd), "Lap 2" if laps == 2 else f"Laps 2 to {laps}"
    return Finding(
        detector="handoff.ambiguous",
        severity=severity,
        confidence="likely",
        title=clipped(f"{who} {what}", 100),
        message=f"{who} {what}, {why}." + (f" {later} took {cost}." if cost else ""),
        trace_id=course.trace.trace_id,
        agent=who,
        evidence=(
            Evidence(again.span.span_id, "primary", "called again with nothing new"),
            Evidence(first.span.span_id, "related", f"the first such answer: {clipped(first.said or '', 80)}"),
            *([Evidence(last.span.span_id, "related", f"the last of {laps}")] if laps > 2 else []),
        ),
        advice=_ADVICE,
        next=f"agentdbg show {course.trace.trace_id}",
        key="no status that ends it",
        wasted_tokens=tokens,
        wasted_usd=usd,
    )
