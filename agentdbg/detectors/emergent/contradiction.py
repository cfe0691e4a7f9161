"""emergent.contradiction: two agents state different values for one thing, and a third makes one number of them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from agentdbg.detectors.claims import Claim, claims
from agentdbg.detectors.course import Course
from agentdbg.detectors.utterances import Utterance, utterances
from agentdbg.detectors.wording import clipped, listed, short
from agentdbg.model import Evidence, Finding, Reader, Skipped

_CANDIDATES = """
    SELECT trace_id FROM agent_turns GROUP BY trace_id HAVING count(DISTINCT agent) >= 3 ORDER BY trace_id
"""
_APART = 0.05
_COUNTED = 30
_CLOSE = 0.005
_COMPARABLE = 8
_AVERAGES = re.compile(r"averag|\bmean\b|(?:^|_)(?:avg|mean)(?:$|_)|\bmedian\b|\bmidpoint\b|\baggregat|\bblend", re.I)
_MARKS_WORDS = """
    score rating grade mark rank vote star point confidence probability likelihood certainty weight overall consensus
    combined
"""
_MARKS = frozenset(_MARKS_WORDS.split())
_NEAR, _SOURCES = 256, 16
"""Utterances before a synthesis among which those of other agents are looked for, and how many of these count."""


@dataclass(frozen=True, slots=True)
class _Source:
    said: Utterance
    claim: Claim


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A number that is the mean of two that contradict each other.

    **What it finds**: agents that state values more than 5 % apart for the same thing (the same field of the same
    record, or the same words and unit), and another agent that states their mean, which nobody before it had stated,
    and names none of them. Values for different times or records contradict nothing, marks of judges are there to be
    averaged, and whoever says that it is an average, or of what, has told.

    **Why it matters**: a mean of two answers is right only by chance, and it looks surer than both. That somebody
    disagreed is lost.

    **Bad**:

        workflow market-study
          agent bottom_up
            llm gpt-4o -> "{\\"country\\": \\"Norway\\", \\"market_size\\": 12.4}"
          agent top_down
            llm gpt-4o -> "{\\"country\\": \\"Norway\\", \\"market_size\\": 17.8}"
          agent editor
            llm gpt-4o -> "The market size of Norway is 15.1."

    **Good**:

        workflow market-study
          agent bottom_up
            llm gpt-4o -> "{\\"country\\": \\"Norway\\", \\"year\\": \\"2030\\", \\"market_size\\": 12.4}"
          agent top_down
            llm gpt-4o -> "{\\"country\\": \\"Norway\\", \\"year\\": \\"2035\\", \\"market_size\\": 17.8}"
          agent editor
            llm gpt-4o -> "The market size of Norway grows from 12.4 in 2030 to 17.8 in 2035."

    **What to do**: let the agent that merges name every value with its source, tell it what to do when they differ (ask
    again, prefer a source, give a range), and check for contradictions before it writes.

    Options: apart = how far two values must lie from each other, as a share of the larger.
    """

    apart: float = _APART

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace and agent that merges, at its first such answer."""
        judged = set(reader.trace_ids())
        rows = reader.rows(_CANDIDATES)
        for trace in reader.traces(trace_id for (trace_id,) in rows if trace_id in judged):
            course, told = trace.once(Course), set[str | None]()
            spoken = utterances(course)
            for place, said in enumerate(spoken):
                if (
                    said.final
                    and said.agent not in told
                    and (found := self._merged(said, spoken[max(0, place - _NEAR) : place]))
                ):
                    told.add(said.agent)
                    yield _finding(course, said, *found)

    def _merged(self, said: Utterance, before: Sequence[Utterance]) -> tuple[Claim, list[_Source]] | None:
        """A claim that is the mean of claims of other agents, with these."""
        stated = claims(said.text)
        others = [one for one in before if one.end <= said.start and one.agent not in (None, said.agent)][-_SOURCES:]
        if not stated or len({one.agent for one in others}) < 2:
            return None
        sources = [_Source(one, claim) for one in others for claim in claims(one.text)]
        known, named = {source.claim.value for source in sources}, {claim.value for claim in stated}
        by_word: dict[str, dict[int, _Source]] = {}
        for source in sources:
            for word in source.claim.words if source.claim.value not in named else ():
                by_word.setdefault(word, {})[id(source)] = source
        for claim in stated:
            if claim.value in known or not _is_telling(claim) or _is_told(claim, said.text):
                continue
            sharing = {i: one for word in sorted(claim.words) for i, one in by_word.get(word, {}).items()}
            alike = [one for one in sharing.values() if one.claim.is_of(claim)]
            if len(alike) > _COMPARABLE:
                continue  # among so many, some two have any mean
            if (pair := self._pair(claim, alike)) or (pair := self._all(claim, alike)):
                return claim, pair
        return None

    def _pair(self, claim: Claim, alike: Sequence[_Source]) -> list[_Source] | None:
        """Two claims of two agents about one thing whose mean it is."""
        ordered = sorted(alike, key=lambda one: one.claim.value)
        values = [one.claim.value for one in ordered]
        for one in ordered:
            wanted = 2 * claim.value - one.claim.value
            for other in ordered[bisect_left(values, wanted - 2 * claim.slack) :]:
                if other.claim.value > wanted + 2 * claim.slack or other.claim.value < one.claim.value:
                    break
                if self._contradict(one, other) and _is_mean(claim, (one, other)):
                    return [one, other]
        return None

    def _all(self, claim: Claim, alike: Sequence[_Source]) -> list[_Source] | None:
        """The claims of three agents and more, one each, whose mean it is."""
        by_agent: dict[str | None, list[_Source]] = {}
        for one in alike:
            by_agent.setdefault(one.said.agent, []).append(one)
        latest = [group[-1] for group in by_agent.values()]
        if len(latest) < 3 or not _is_mean(claim, latest):
            return None
        low, high = (pick(latest, key=lambda one: one.claim.value) for pick in (min, max))
        return latest if self._contradict(low, high) else None

    def _contradict(self, one: _Source, other: _Source) -> bool:
        a, b = one.claim.value, other.claim.value
        apart = abs(a - b) > self.apart * max(abs(a), abs(b))
        return apart and one.said.agent != other.said.agent and one.claim.is_of(other.claim)


def _is_telling(claim: Claim) -> bool:
    """Whether it is hardly the mean of two others by chance: 4 is that of 3 and 5 wherever things are counted."""
    return claim.value != int(claim.value) or abs(claim.value) >= _COUNTED


def _is_told(claim: Claim, text: str) -> bool:
    """Whether it says that it is an average, or is a mark: those of several judges are made to be averaged."""
    return bool(_AVERAGES.search(text) or _AVERAGES.search(claim.key) or claim.words & _MARKS)


def _is_mean(claim: Claim, sources: Sequence[_Source]) -> bool:
    """To the precision that it is written with, which must tell it from the values themselves."""
    mean = fmean(one.claim.value for one in sources)
    close = abs(claim.value - mean) <= min(claim.slack, _CLOSE * abs(mean)) + 1e-9 * abs(mean)
    return close and all(abs(one.claim.value - claim.value) > claim.slack for one in sources)


def _finding(course: Course, said: Utterance, claim: Claim, sources: Sequence[_Source]) -> Finding:
    agent = said.agent or "the program"
    what = " ".join(sorted(claim.words & frozenset().union(*(one.claim.words for one in sources)))) or "one thing"
    table = listed([f"{one.said.agent} says {_value(one.claim)}" for one in sources])
    return Finding(
        detector="emergent.contradiction",
        severity="high",
        confidence="likely",
        title=clipped(f"{agent} averaged values that contradict each other: {_value(claim)}", 100),
        message=(
            f"{agent} states {_value(claim)} ({what}), which equals the mean of values that contradict each other: "
            f'{table}. Nobody had stated it before, and {agent} names none of them: "{clipped(said.text, 160)}"'
        ),
        trace_id=course.trace.trace_id,
        agent=said.agent,
        evidence=(
            Evidence(said.span.span_id, "primary", f"{agent} states {_value(claim)}: equals the mean"),
            *(Evidence(o.said.span.span_id, "related", f"{o.said.agent} says {_value(o.claim)}") for o in sources),
        ),
        advice=(
            f"Let {agent} name every value with its source and say what it does when they differ: ask again, prefer a "
            "source, or give a range."
        ),
        next=f"agentdbg replay {short(said.span.span_id, course.forest.by_id)}",
        key=f"mean of {', '.join(sorted({str(one.said.agent) for one in sources}))}",
    )


def _value(claim: Claim) -> str:
    return f"{claim.written} {claim.unit}".strip()
