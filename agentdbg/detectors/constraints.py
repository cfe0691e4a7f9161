"""What a task asks to be kept: its clauses with a limit, a number, a date or a quoted text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from agentdbg.detectors.values import numbers
from agentdbg.steps.keys import content_words

_SENTENCE = re.compile(r"[;\n•]|[.!?](?=\s|$)|(?:^|\s)(?:\d{1,2}[.)]|[-*])\s")
_CLAUSE = re.compile(r":(?=\s)|,(?=\s)(?:\s(?:and|but|then)\b)?|\s(?:and|but|then)\s(?=\S)")
_OBLIGES = re.compile(r"\b(?:must|shall|has to|have to|needs? to)\b(?! not\b)", re.I)
_GOES_ON = re.compile(
    r"(?:also |not )?(?:an?|be|come|contain|cost|cover|fit|follow|give|have|include|last|lie|list|mention|name|offer"
    r"|provide|show|state|support|take|use)\b"
)
"""How a clause begins that goes on with what its sentence obliges to: `must have a stage, be warm, and seat forty`."""
_MARK = re.compile(
    r"\b(?:must|only|never|always|do not|don['’]t|at most|at least|no more than|no less than|no later than|within|under"
    r"|below|above|up to|maximum|minimum|max|min|exactly|without|except|exclude|excluding|avoid|before|after|until"
    r"|between|not|no)\b",
    re.I,
)
_ABOUT_LIMITS = """
    must only never always not most least more less later within under below above maximum minimum max min exactly
    without except exclude excluding avoid before after until between use keep make include answer give write should
    please each every them they this that with from into than then have be are the
"""
_MARK_WORDS = frozenset(_ABOUT_LIMITS.split())
_QUOTED = re.compile(r"[\"“«]([^\"”»\n]{2,60})[\"”»]|(?<!\w)'([^'\n]{2,60})'(?!\w)")
_LONGEST = 4000
_MOST = 24


@dataclass(frozen=True, slots=True)
class Constraint:
    """One clause of a task. numbers and quotes must be there again; of a clause that has neither, its words. is_limit:
    words of the clause set a limit, its numbers are not merely told."""

    text: str
    numbers: frozenset[float]
    quotes: frozenset[str]
    words: frozenset[str]
    is_limit: bool

    def kept_in(self, text: str) -> bool:
        """Whether a text still holds it: every number and quoted text of it or, without such, half of its words."""
        if self.numbers or self.quotes:
            return self.numbers <= numbers(text) and all(quote in text.lower() for quote in self.quotes)
        return 2 * len(self.words & content_words(text)) >= len(self.words)


@lru_cache(maxsize=1024)
def constraints(task: str) -> tuple[Constraint, ...]:
    """The constraints of a task, in its order. Of long tasks, which hold more material than orders, none."""
    if len(task) > _LONGEST:
        return ()
    found: dict[str, Constraint] = {}
    for clause, obliged in _clauses(task):
        quotes = frozenset((a or b).lower() for a, b in _QUOTED.findall(clause))
        counts, words = numbers(clause), content_words(clause) - _MARK_WORDS
        limit = obliged or bool(_MARK.search(clause))
        if quotes or counts or (limit and words):
            found.setdefault(clause.lower(), Constraint(clause, counts, quotes, words, limit))
    return tuple(found.values())[:_MOST]


def _clauses(task: str) -> Iterator[tuple[str, bool]]:
    """Each clause, and whether it goes on with what one before it in its sentence obliges to."""
    for sentence in _SENTENCE.split(task):
        obliging = False
        for clause in (part.strip() for part in _CLAUSE.split(sentence)):
            yield clause, obliging and bool(_GOES_ON.match(clause))
            obliging = obliging or bool(_OBLIGES.search(clause))
