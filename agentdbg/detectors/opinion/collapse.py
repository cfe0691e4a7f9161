"""opinion.collapse: agents that came to agree without looking anything up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from agentdbg.contracts.envelope import STRUCTURED, open_payload
from agentdbg.detectors.claims import Claim, claims
from agentdbg.detectors.course import Course
from agentdbg.detectors.utterances import Utterance, utterances
from agentdbg.detectors.wording import clipped, short
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.steps.keys import content_words

_CANDIDATES = """
    SELECT u.trace_id FROM agent_turns u JOIN spans s ON u.trace_id = s.trace_id AND u.span_id = s.turn_id
    WHERE s.output IS NOT NULL AND s.kind IN ('llm', 'agent') GROUP BY u.trace_id
    HAVING count(DISTINCT u.agent) > 1 AND count(DISTINCT s.span_id) > 3 ORDER BY u.trace_id
"""
_DECISIONS_WORDS = """
    answer verdict risk label choice decision recommendation position vote opinion conclusion diagnosis assessment
    classification stance hypothesis cause root_cause
"""
_DECISIONS = frozenset(_DECISIONS_WORDS.split())
_GIVES_IN = (
    r"\b(?:(?:you(?: are|['’]re)|{peer} (?:is|was)) (?:probably |likely |absolutely |quite |certainly )?right|i stand"
    r" corrected|i (?:now |fully |therefore )?(?:agree|concur|concede|withdraw|give in|defer|accept)|i(?:['’]ll| will)"
    r" (?:go with|follow|accept|defer to)|i was wrong|i change my mind|(?:agree|agreed|concur) with {peer}"
    r"|(?:following|as|since) {peer}\b)"
)
_CITES = re.compile(
    r"\b(?:confirm\w*|agree\w*|concur\w*|support\w*|consensus|as well|both|verified|proof|backs?)\b", re.I
)
_COMPARED = 64
_LATEST = 12
_REMEMBERED = 3
"""What a peer said last, as far back as it counts as its position."""


@dataclass(frozen=True, slots=True)
class _Flip:
    """One agent differed from its peer, gave in, and the peer spoke once more, with nothing looked up between."""

    peer: Utterance
    differed: Utterance
    gave_in: Utterance
    cited: Utterance
    positions: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Collapse:
    """Agreement that has no support of its own.

    **What it finds**: two agents with different positions (a decision field of their answers such as `verdict`, a
    number for the same thing, or words), one of which takes over the position of the other after that one spoke,
    whereupon the other speaks again, with that position; and no tool and no search gave anything to one of them until
    then, or to anybody between the difference and the agreement. A hint: it shows that the agreement rests on nothing
    new, not that it is wrong.

    **Why it matters**: two agents that confirm each other look like two sources. They are one guess, said twice.

    **Bad**:

        workflow triage
          agent first
            llm gpt-4o -> "{\\"verdict\\": \\"disk\\"}"
          agent second
            llm gpt-4o -> "{\\"verdict\\": \\"network\\"}"
          agent first
            llm gpt-4o -> "{\\"verdict\\": \\"disk\\"}"
          agent second
            llm gpt-4o -> "{\\"verdict\\": \\"disk\\"}"
          agent first
            llm gpt-4o -> "{\\"verdict\\": \\"disk\\", \\"because\\": \\"second confirms it\\"}"

    **Good**:

        workflow triage
          agent first
            llm gpt-4o -> "{\\"verdict\\": \\"disk\\"}"
          agent second
            llm gpt-4o -> "{\\"verdict\\": \\"network\\"}"
          agent first
            llm gpt-4o -> "{\\"verdict\\": \\"disk\\"}"
          agent second
            tool read_log {"host": "db1"} -> ["I/O error on sda"]
            llm gpt-4o -> "{\\"verdict\\": \\"disk\\"}"
          agent first
            llm gpt-4o -> "{\\"verdict\\": \\"disk\\", \\"because\\": \\"I/O error on sda\\"}"

    **What to do**: let agents answer before they read each other, ask one of them to argue against, and count agreement
    only where each brings evidence of its own.
    """

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace and agent that gave in, at its change of mind."""
        judged = set(reader.trace_ids())
        rows = reader.rows(_CANDIDATES)
        for trace in reader.traces(trace_id for (trace_id,) in rows if trace_id in judged):
            course = trace.once(Course)
            spoken = [one for one in utterances(course) if one.final and one.agent]
            looked: dict[str | None, int] = {}
            for tool in course.tools:
                looked[course.agent(tool)] = min(course.end(tool), looked.get(course.agent(tool), course.end(tool)))
            told: set[str | None] = set()
            for place, said in enumerate(spoken):
                near = spoken[max(0, place - _LATEST) : place], spoken[place + 1 : place + _LATEST]
                if said.agent in told or looked.get(said.agent, said.end) < said.start:
                    continue  # what it looked up may be why
                if flip := _flip(course, said, *near):
                    told.add(said.agent)
                    yield _finding(course, flip)


def _flip(course: Course, said: Utterance, before: Sequence[Utterance], after: Sequence[Utterance]) -> _Flip | None:
    """The change of mind that an utterance is; None where it is none, or something was looked up for it."""
    differed = next((one for one in reversed(before) if one.agent == said.agent), None)
    if differed is None:
        return None
    for cited in after:
        peers = [one for one in before if one.agent == cited.agent and one.end <= said.start]
        for peer in reversed(peers[-_REMEMBERED:] if cited.agent != said.agent else ()):
            four = (peer, differed, said, cited)
            positions = _by_field(*four) or _by_number(*four) or _in_words(*four)
            if positions and not _looked_up(course, *four):
                return _Flip(*four, positions)
    return None


def _by_field(peer: Utterance, differed: Utterance, said: Utterance, cited: Utterance) -> tuple[str, str] | None:
    """(position given up, position taken over), by a decision field that all of them have."""
    found = [_decisions(one.text) for one in (peer, differed, said, cited)]
    for name in sorted(found[0]):
        theirs, own, now, last = (one.get(name) for one in found)
        if own is not None and own != theirs and theirs == now == last:
            return own, str(theirs)
    return None


@lru_cache(maxsize=1024)
def _decisions(text: str) -> dict[str, str]:
    opened = open_payload(text)
    if opened.envelope not in STRUCTURED or not isinstance(opened.value, dict):
        return {}
    fields = ((str(name).lower(), value) for name, value in opened.value.items())
    return {
        name: str(v).strip().lower() for name, v in fields if name in _DECISIONS and isinstance(v, str | int | float)
    }


def _by_number(peer: Utterance, differed: Utterance, said: Utterance, cited: Utterance) -> tuple[str, str] | None:
    """The same, by a number that they state for one thing."""
    if len(claims(differed.text)) * len(claims(peer.text)) > _COMPARED:
        return None  # reports, not positions
    now, last = claims(said.text), claims(cited.text)
    for own, their in product(claims(differed.text), claims(peer.text)):
        apart = own.value != their.value and own.is_of(their)
        if apart and _states(now, their) and _states(last, their) and not _states(now, own):
            return own.written, their.written
    return None


def _states(stated: Sequence[Claim], claim: Claim) -> bool:
    return any(one.value == claim.value and one.is_of(claim) for one in stated)


def _in_words(peer: Utterance, differed: Utterance, said: Utterance, cited: Utterance) -> tuple[str, str] | None:
    """The same, where one gives in in so many words, says more of what the other said than before, and is cited."""
    gives_in = _giving_in(str(peer.agent))
    if gives_in.search(differed.text) or not gives_in.search(said.text):
        return None
    named = re.search(rf"\b{_written(str(said.agent))}\b", cited.text, re.I) and _CITES.search(cited.text)
    theirs = content_words(peer.text)
    closer = len(theirs & content_words(said.text)) > len(theirs & content_words(differed.text))
    return (clipped(differed.text, 60), clipped(said.text, 60)) if named and closer else None


@lru_cache(maxsize=256)
def _giving_in(peer: str) -> re.Pattern[str]:
    return re.compile(_GIVES_IN.replace("{peer}", _written(peer)), re.I)


def _written(agent: str) -> str:
    """Finds a name as prose writes it: `thermal expert` for `thermal_expert`."""
    return r"[\W_]+".join(map(re.escape, filter(None, re.split(r"[\W_]+", agent)))) or re.escape(agent)


def _looked_up(course: Course, peer: Utterance, differed: Utterance, said: Utterance, cited: Utterance) -> bool:
    """Whether a tool or a search gave anything: to one of the two until they agreed, or to anybody meanwhile."""
    start, two = min(peer.start, differed.start), (peer.agent, said.agent)
    looked = [tool for tool in course.tools if course.end(tool) <= cited.start]
    return any(course.end(tool) >= start or course.agent(tool) in two for tool in looked)


def _finding(course: Course, flip: _Flip) -> Finding:
    peer, agent = flip.peer.agent, flip.gave_in.agent
    given_up, taken = flip.positions
    return Finding(
        detector="opinion.collapse",
        severity="medium",
        confidence="hint",
        title=clipped(f"{agent} gave in to {peer}, and neither looked anything up", 100),
        message=(
            f'{agent} gave in to {peer}, and neither looked anything up: it said "{given_up}", then "{taken}", and '
            f"{peer} went on with that. New evidence between them: none. Their agreement is one guess, said twice; "
            "that does not make it wrong."
        ),
        trace_id=course.trace.trace_id,
        agent=agent,
        evidence=(
            Evidence(flip.gave_in.span.span_id, "primary", f"{agent} now says: {clipped(taken, 60)}"),
            Evidence(flip.peer.span.span_id, "related", f"{peer} had said: {clipped(flip.peer.text, 60)}"),
            Evidence(flip.differed.span.span_id, "related", f"{agent} had said: {clipped(given_up, 60)}"),
            Evidence(flip.cited.span.span_id, "related", f"{peer} goes on: {clipped(flip.cited.text, 60)}"),
        ),
        advice=(
            "Let agents answer before they read each other, ask one of them to argue against, and count agreement only "
            "where each brings evidence of its own."
        ),
        next=f"agentdbg span {short(flip.gave_in.span.span_id, course.forest.by_id)}",
        key=f"{agent} gives in to {peer}",
    )
