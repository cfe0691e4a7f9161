"""Where a person spoke. A new message of a real user ends a loop; a framework's nudge ("use a tool") does not.

Both come under the user's role, and so do the words of other agents. A message is a person's when it goes on a
conversation that this trace holds, repeats nothing that an agent or a tool said before, and does not read like a nudge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentdbg.steps.sequence import Step

_SHINGLE = 3  # words that two texts must share in a row to count as one quoting the other
_QUOTED = 0.5  # share of a message's shingles that were said before, from which it is not new
_LONGEST_NUDGE = 2000  # characters
_SPEAKERS = frozenset(("user", "human", "assistant", "agent", "person", "me"))  # names that name nobody
_WORD = re.compile(r"\w+")
_NUDGE = re.compile(
    r"^\W*(?:observation|tool (?:result|output|response)|result|output|error|warning|reminder|system)\b\s*:"
    r"|\b(?:use|call|invoke|choose|select) (?:an?|one of|the|your|only)\b.{0,40}\b(?:tool|function|action)s?\b"
    r"|\b(?:did(?: not|n't)|have not|haven't|no) (?:\w+ ){0,3}(?:tool|function|action)\b"
    r"|\b(?:please )?(?:continue|proceed|go on|keep going)\b"
    r"|\b(?:invalid|malformed|could not|couldn't|cannot|can't|failed to|unable to|not valid|was not) (?:\w+ ){0,4}"
    r"(?:format|json|parse[dr]?|schema|output|response|answer)\b"
    r"|\b(?:respond|answer|reply|return|output)\b.{0,20}\b(?:json|format|schema)\b"
    r"|\b(?:fix the errors?|try again|try something else|steps? (?:remaining|left)|you must)\b",
    re.I,
)


def after_person(steps: Sequence[Step]) -> list[bool]:
    """For each step whether a person spoke just before it, in the course of a conversation."""
    if not any(step.heard for step in steps):
        return [False] * len(steps)
    answers: set[str] = set()
    said: set[tuple[str, ...]] = set()
    quotes, spoken = _quoting({step.agent for step in steps if step.agent}), []
    for step in steps:
        fresh = (text for text in step.heard if not (_is_nudge(text) or quotes.search(text[:_LONGEST_NUDGE])))
        spoken.append(step.replies_to in answers and any(_is_new(text, said) for text in fresh))
        if step.op in ("llm", "agent") and step.answered:
            answers.add(step.answered.masked)
        for part in (step.answered, step.asked if step.op == "tool" else None):
            if part:
                said.update(shingles(part.exact))
    return spoken


def _is_nudge(text: str) -> bool:
    return len(text) <= _LONGEST_NUDGE and bool(_NUDGE.search(text))


def _quoting(agents: set[str]) -> re.Pattern[str]:
    """Finds `[analyst]`, `analyst:` and `analyst said`: what one agent tells another of a third."""
    names = "|".join(re.escape(name) for name in sorted(agents - _SPEAKERS))
    spoken = r"\s*(?::|`|\b(?:said|says|called|returned|replied|answered|wrote|asked)\b)"
    return re.compile(rf"\[(?:{names})\]|\b(?:{names})\b{spoken}" if names else r"(?!)", re.I)


def _is_new(text: str, said: set[tuple[str, ...]]) -> bool:
    own = shingles(text)
    return sum(shingle in said for shingle in own) < _QUOTED * len(own)


def shingles(text: str) -> list[tuple[str, ...]]:
    """The runs of three words of a text, lower case; of a shorter one, all its words."""
    words = _WORD.findall(text.lower())
    return [tuple(words[i : i + _SHINGLE]) for i in range(max(1, len(words) - _SHINGLE + 1))]
