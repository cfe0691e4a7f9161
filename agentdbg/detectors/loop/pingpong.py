"""loop.pingpong: two agents that hand the work to and fro while hardly anything new is said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agentdbg.detectors import spending
from agentdbg.detectors.course import Course
from agentdbg.detectors.effects import has_effect, may_change
from agentdbg.detectors.turns import Turn, turns_of
from agentdbg.detectors.wording import clipped, counted, duration, usage
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped, Span
from agentdbg.steps.keys import content_words
from agentdbg.steps.novelty import Novelty
from agentdbg.steps.runs_apart import runs_apart
from agentdbg.tree import SKEW_NS

_CANDIDATES = """
    WITH shared AS (
        SELECT trace_id, parent_turn_id, agent, count(*) AS turns FROM agent_turns GROUP BY ALL
    )
    SELECT DISTINCT trace_id FROM shared GROUP BY trace_id, parent_turn_id
    HAVING count(*) FILTER (2 * turns >= $least - 1) >= 2 ORDER BY trace_id
"""
_CEILING = 5
_ACKNOWLEDGES = 3
"""Content words from which an answer says more than that the work is done."""


@dataclass(frozen=True, slots=True)
class Pingpong:
    """Two agents that take turns, again and again, while hardly anything new is said.

    **What it finds**: six or more turns of two agents in alternation, with no third one between, of which less than
    half say something that neither had said before; turns that only pass the work on do not count for that, and the
    result of a tool that was not there before counts as new, as does "Done." to what was not asked before. A debate, an
    interview or a review that moves on is none. Where no words are recorded it goes by the turns alone: a hint, and
    likely only when there are many.

    **Why it matters**: each takes the other's answer for progress, so neither has a reason to stop. What repeats step
    by step is told as `loop.cycle`; this is its mark where the steps differ, or are not recorded.

    **Bad**:

        workflow review
          agent writer
            llm gpt-4o "draft" -> "I kept the text as it stands and polished a word of the intro."
          agent critic
            llm gpt-4o "the draft" -> "The text reads well, but please polish a word of the intro."
          other again x4
            agent writer
              llm gpt-4o "polish" -> "I kept the text as it stands and polished a word of the intro, again."
            agent critic
              llm gpt-4o "the new draft" -> "The text reads well, but please polish a word of the intro once more."

    **Good**:

        workflow debate
          agent pro
            llm gpt-4o "begin" -> "Trains move more people for less energy than cars do."
          agent contra
            llm gpt-4o "answer" -> "Rails cost more than roads where few people live."
          agent pro
            llm gpt-4o "answer" -> "Density is a choice: towns grow along the lines we build."
          agent contra
            llm gpt-4o "answer" -> "That takes forty years, while buses start next month."
          agent pro
            llm gpt-4o "answer" -> "Buses stand in the same jam as everyone else."
          agent contra
            llm gpt-4o "answer" -> "A lane of their own solves it at a tenth of the price."

    **What to do**: limit the rounds (max_turns 3 to 5), let one of the two decide, and define what counts as done.

    Options: turns = turns in alternation at least; unrecorded_turns = the same, from which it is more than a hint
    where no words are recorded.
    """

    turns: int = 6
    unrecorded_turns: int = 40

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each pair of agents and stretch of turns, by trace and first turn."""
        alternating = {row[0] for row in reader.rows(_CANDIDATES, least=self.turns)}
        for trace in reader.traces(one for one in reader.trace_ids() if one in alternating):
            course = trace.once(Course)
            for stretch in _stretches(turns_of(course), self.turns):
                if finding := self._finding(course, stretch):
                    yield finding

    def _finding(self, course: Course, stretch: Sequence[Turn]) -> Finding | None:
        told = [turn for turn in stretch if turn.said is not None and not turn.routes]
        fresh = _fresh(told)
        if told and 2 * fresh >= len(told):
            return None
        ids = [turn.span.span_id for turn in stretch]
        apart = runs_apart(course.trace, [ids[i : i + 2] for i in range(0, len(ids), 2)])
        severity: Severity = "high" if told and not apart else "medium"
        confidence: Confidence = "likely" if told or len(stretch) >= self.unrecorded_turns else "hint"
        first, last = stretch[0], stretch[-1]
        pair = f"{first.agent} ⇄ {stretch[1].agent}"
        after = [span for turn in stretch[2:] for span in (turn.span, *course.below(turn.span))]
        tokens, usd = spending.spent(course.trace, {span.span_id for span in after})
        took = duration((last.end - stretch[2].start) / 1e9)
        said = f"{fresh} of {len(told)} turns say anything new" if told else "what they say is not recorded"
        places = {stretch[2].span.span_id: "the first turn that repeats the other's and its own"}
        if len(stretch) > 2 * _CEILING:
            places.setdefault(stretch[2 * _CEILING - 1].span.span_id, f"a limit of {_CEILING} rounds would stop here")
        places.setdefault(last.span.span_id, "the last turn")
        return Finding(
            detector="loop.pingpong",
            severity=severity,
            confidence=confidence,
            title=clipped(f"{pair}: {len(stretch)} turns to and fro, {said}", 100),
            message=(
                f"{pair} took {counted(len(stretch), 'turn')} in alternation, and {said}. Turns 3 to {len(stretch)} "
                f"took {' and '.join(filter(None, (usage(tokens, usd), took)))}."
            ),
            trace_id=course.trace.trace_id,
            agent=stretch[1].agent,
            evidence=(
                Evidence(first.span.span_id, "primary", f"turn 1 of {len(stretch)}"),
                *(Evidence(span_id, "related", note) for span_id, note in places.items()),
            ),
            advice=(
                f"Stop {first.agent} and {stretch[1].agent} when a round brings nothing new, after"
                f" {min(_CEILING, len(stretch) // 2 - 1)} at the most ({len(stretch) // 2} were taken), let one of the"
                " two decide, and define what counts as done."
            ),
            next=f"agentdbg show {course.trace.trace_id}",
            key=" ⇄ ".join(sorted({first.agent, stretch[1].agent})),
            wasted_tokens=tokens,
            wasted_usd=usd,
        )


def _stretches(turns: Sequence[Turn], least: int) -> Iterator[list[Turn]]:
    """Turns below one parent in which each agent is that of two turns before; turns in a row of one agent are one."""
    beside: dict[str | None, list[Turn]] = defaultdict(list)
    for turn in turns:
        row = beside[turn.parent]
        if not row or row[-1].agent != turn.agent:
            row.append(turn)
    for row in beside.values():
        begun = 0
        for i in range(2, len(row) + 1):
            if i == len(row) or row[i].agent != row[i - 2].agent:
                if i - begun >= least and _one_after_another(row[begun:i]):
                    yield row[begun:i]
                begun = i - 1


def _one_after_another(turns: Sequence[Turn]) -> bool:
    return all(later.start >= earlier.end - SKEW_NS for earlier, later in pairwise(turns))


def _fresh(turns: Sequence[Turn]) -> int:
    """How many turns say, or had from a tool, what was not said before in these turns. "Done." says what it was asked:
    it is as new as that."""
    said, asked, results = Novelty(), Novelty(), Novelty()
    fresh = 0
    for turn in turns:
        new = [results.tells(text) for tool in turn.tools if (text := _news(tool)) is not None]
        new.append(said.tells(turn.said or "", turn.asked or ""))
        if turn.asked and asked.tells(turn.asked):
            new.append(len(content_words(turn.said or "")) < _ACKNOWLEDGES)
        fresh += any(new)
    return fresh


def _news(tool: Span) -> str | None:
    """What a tool's call brings about: its result or, where it changes something, what it was told to do."""
    name = tool.tool or tool.name
    return tool.input if has_effect(name) or may_change(name) else tool.output
