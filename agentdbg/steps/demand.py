"""Answers that settle nothing: they ask for more, or nothing was found. The demand stands still, not its words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentdbg.steps.keys import content_words, opened, scalars, things

_LONGEST = 90  # words; a longer answer gives something, whatever else it asks for
_WANTED = (
    r"(?:context|information|info|details?|data|inputs?|clarification|evidence|sources?|documents?|material|background"
    r"|work|time|research|specifics?)"
)
_ASKS = re.compile(
    r"\bneed(?:s|ed)?\b(?! not\b)|\brequire[sd]?\b"
    rf"|\b(?:more|additional|further|another|better)\s+(?:\w+\s+){{0,2}}{_WANTED}\b"
    r"|\b(?:missing|insufficient|incomplete|inconclusive|unclear|ambiguous|lacks?|lacking|not enough)\b"
    r"|\bnot (?:yet |quite )?(?:sufficient|enough|acceptable|good enough|ready|final|complete|perfect|clear|there)\b"
    r"|\b(?:please|kindly|could you|can you)\s+(?:\w+\s+)?"
    r"(?:provide|send|share|clarify|revise|redo|retry|improve|rework|add)\b"
    r"|\b(?:try|look|check|search|revise|redo|rework|resubmit)\s+(?:it\s+)?again\b|\b(?:revise|rework|resubmit)\b"
    r"|\b(?:cannot|can not|can't|unable to|not able to|could not|couldn't|did not|didn't)\s+(?:\w+\s+)?"
    r"(?:proceed|continue|complete|answer|assess|decide|conclude|determine|verify|confirm|approve|judge|evaluate|finish"
    r"|find|locate|retrieve|access|obtain)\b|\b(?:not|nothing|nowhere) (?:\w+ )?found\b",
    re.I,
)
_STATUS = re.compile(
    r"(?:needs?|requires?|request|more)_\w+|incomplete|insufficient\w*|pending|retry|revise|rejected|unresolved", re.I
)
_WORDS_OF_DEMANDS = """
    need needed require required more additional further another better context information info detail data input
    clarification evidence source document material background work time research specific missing insufficient
    incomplete inconclusive unclear ambiguous lack lacking enough not yet quite sufficient acceptable good ready
    final complete perfect clear please kindly provide send share clarify revise redo retry improve rework add try
    again cannot unable could proceed continue answer assess decide conclude determine verify confirm approve judge
    evaluate finish before after first sure properly able order this that still have has had we us will without
    until only report text file paper given make help assessment analysis analyse analyze review conclusion decision
    judgement judgment based much very too little few been find found locate retrieve obtain nothing nowhere did
    didn say anything something really actually status fact none null true false next step
"""
_EMPTY_WORDS = content_words(_WORDS_OF_DEMANDS)


def demanded(answer: str, given: str | None) -> frozenset[str] | None:
    """The things an answer asks for, as words; empty when it only asks for "more". None when it asks for nothing.

    `given` is what it was asked with: names and numbers from there say what the answer is about, not what it lacks.
    """
    value = opened(answer)
    texts = [text for _, text in scalars(value)]
    if sum(len(text.split()) for text in texts) > _LONGEST:
        return None
    if not any(_ASKS.search(text) or _STATUS.fullmatch(text.strip()) for text in texts):
        return None
    spoken = [text for text in texts if not _STATUS.fullmatch(text.strip())]
    words = content_words(spoken) - _EMPTY_WORDS
    return frozenset(words - things(opened(given))) if given else frozenset(words)


def same_demand(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two demands ask for the same things, a word more or less."""
    if one <= other or other <= one:
        return len(one ^ other) <= 1
    return 2 * len(one & other) >= len(one | other)


def brings_news(given: str, known: Sequence[str]) -> bool:
    """Whether a text names a thing or a number that the known ones do not, or has more than a word or two of its own.
    Words that only ask again are none."""
    if things(opened(given)) - frozenset().union(*(things(opened(text)) for text in known)):
        return True
    own = content_words(opened(given))
    fresh = own - _EMPTY_WORDS - frozenset().union(*(content_words(opened(text)) for text in known))
    return len(fresh) > max(2, len(own) // 5)


def nothing_new(demands: Sequence[frozenset[str] | None]) -> int:
    """How many of a sequence of answers, after the first, demand what one before them had demanded."""
    seen: list[frozenset[str]] = []
    again = 0
    for demand in demands:
        if demand is None:
            continue
        if any(same_demand(demand, before) for before in seen):
            again += 1
        else:
            seen.append(demand)
    return again
