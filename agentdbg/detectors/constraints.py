"""What a task asks to be kept: its clauses with a limit, a number, a date or a quoted text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from agentdbg.detectors.values import numbers
from agentdbg.steps.keys import content_words

_CLAUSE = re.compile(r"[;\n•]|:(?=\s)|[.!?](?=\s|$)|,(?=\s)|\s(?:and|but|then)\s(?=\S)|(?:^|\s)(?:\d{1,2}[.)]|[-*])\s")
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
    for clause in (part.strip() for part in _CLAUSE.split(task)):
        quotes = frozenset((a or b).lower() for a, b in _QUOTED.findall(clause))
        counts, words = numbers(clause), content_words(clause) - _MARK_WORDS
        limit = bool(_MARK.search(clause))
        if quotes or counts or (limit and words):
            found.setdefault(clause.lower(), Constraint(clause, counts, quotes, words, limit))
    return tuple(found.values())[:_MOST]
