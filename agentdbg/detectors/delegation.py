"""Chains of delegation: agents that work inside one another's turns, with the task of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from agentdbg.detectors.course import Course
from agentdbg.detectors.turns import Turn, turns_of
from agentdbg.detectors.wording import clipped
from agentdbg.model import Evidence, Reader
from agentdbg.steps.demand import demanded
from agentdbg.steps.interruptions import shingles
from agentdbg.steps.keys import near_clusters
from agentdbg.steps.routing import hands_to

_NESTED = """
    SELECT trace_id FROM agent_turns WHERE parent_turn_id IS NOT NULL GROUP BY trace_id HAVING count(*) >= 2 ORDER BY 1
"""
_FORWARDED = 0.8  # share of a task's runs of three words that the next one must hold to be the same task
_SHOWN = 8
_PASSES_ON = re.compile(
    r"\b(?:pass|forward|hand|delegat|transferr?|escalat|referr?|rout)(?:e|ed|ing)?\b.{0,40}\b(?:on|over|to|along)\b"
    r"|\b(?:let|letting|ask|asking)\b.{0,30}\b(?:have a look|handle|take care|deal with)\b"
    r"|\b(?:an?other|a different|some other) (?:agent|colleague|department|desk|expert|specialist|team)\b"
    r"|\b(?:some(?:one|body)|any(?:one|body)) else\b",
    re.I | re.S,
)


@dataclass(frozen=True, slots=True)
class Chain:
    """Turns from the outermost to the innermost, each inside the one before. works: a tool other than a transfer was
    used in the turns, or the innermost gave an answer that settles something."""

    turns: tuple[Turn, ...]
    works: bool

    def visits(self) -> tuple[str, list[int]]:
        """The agent that comes most often, and where in the chain."""
        agent = Counter(turn.agent for turn in self.turns).most_common(1)[0][0]
        return agent, [i for i, turn in enumerate(self.turns) if turn.agent == agent]

    def path(self) -> str:
        """`a → b → a`, with an ellipsis in the middle of long ones."""
        names = [turn.agent for turn in self.turns]
        return " → ".join(names if len(names) <= _SHOWN else [*names[:4], "…", *names[-3:]])

    def evidence(self, first: int) -> Iterator[Evidence]:
        """A piece for the hop of this number, the primary one, and for the others; of long chains the last is kept."""
        yield Evidence(self.turns[first].span.span_id, "primary", self._note(first))
        for i, turn in enumerate(self.turns):
            if i != first and (i < _SHOWN - 1 or i == len(self.turns) - 1):
                yield Evidence(turn.span.span_id, "related", self._note(i))

    def _note(self, i: int) -> str:
        turn = self.turns[i]
        return f"hop {i + 1}: {turn.agent}" + (f', told "{clipped(turn.asked, 60)}"' if turn.asked else "")


def chains(reader: Reader) -> Iterator[tuple[Course, list[Chain]]]:
    """The chains of three turns or more of each trace that has any: one for each innermost turn, by start."""
    nested = {row[0] for row in reader.rows(_NESTED)}
    for trace in reader.traces(one for one in reader.trace_ids() if one in nested):
        course = trace.once(Course)
        turns = turns_of(course)
        by_id = {turn.span.span_id: turn for turn in turns}
        enclosing = {turn.parent for turn in turns}
        every = [_chain(turn, by_id) for turn in turns if turn.span.span_id not in enclosing]
        yield course, [chain for chain in every if len(chain.turns) > 2]


def unchanged(one: Turn, other: Turn) -> bool | None:
    """Whether the later turn was told the same task as the earlier one, perhaps with more words around it. None where
    it is not recorded."""
    if one.asked is None or other.asked is None:
        return None
    clusters = near_clusters([one.asked, other.asked])
    if clusters[one.asked] == clusters[other.asked]:
        return True
    own, later = shingles(one.asked), set(shingles(other.asked))
    return sum(shingle in later for shingle in own) >= _FORWARDED * len(own)


def _chain(turn: Turn, by_id: dict[str, Turn]) -> Chain:
    path, at = [turn], by_id.get(turn.parent or "")
    while at is not None:
        path.append(at)
        at = by_id.get(at.parent or "")
    return Chain(tuple(path[::-1]), _works(path, {turn.agent for turn in by_id.values()}))


def _works(turns: Sequence[Turn], agents: Collection[str]) -> bool:
    """Whether a tool was used in these turns, the innermost of which comes first, or its answer settles something."""
    if any(not hands_to(tool.tool or tool.name, agents) for turn in turns for tool in turn.tools):
        return True
    said, asked = turns[0].said, turns[0].asked or ""
    if said is None or turns[0].routes or turns[0].span.status == "error" or demanded(said, None) is not None:
        return False
    own, task = shingles(said), set(shingles(asked))
    echoes = 2 * sum(shingle in task for shingle in own) >= len(own)
    return len(said.split()) > 2 and not echoes and not _PASSES_ON.search(said)
