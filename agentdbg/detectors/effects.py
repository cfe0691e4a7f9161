"""Does a tool change something, by its name? A guess from verbs; tools that only look something up answer False."""

from __future__ import annotations

import re
from functools import lru_cache

_EFFECTS = """
    create update delete send post charge pay refund write insert book order publish execute transfer save set put add
    remove cancel submit upload notify email mail log record store register close open start stop approve reject assign
    schedule commit push deploy emit append move rename print finish done complete exit
"""
_LOOKUPS = """
    get list search read fetch find query lookup look load retrieve select browse scan check show view describe inspect
    recall download crawl scrape grep ask
"""
_OPEN_ENDED = """
    run exec bash shell sh python code repl terminal command cmd edit patch apply replace click type press scroll
    navigate goto browser move drag merge install build deploy train call invoke request api sql
"""
_TROUBLE = """
    conflict duplicate violation sanction vulnerability anomaly blocklist blacklist denylist watchlist overlap breach
    threat lint fraud
"""
_INSPECTION = frozenset(["detect", "screen", "scan", "lint", "audit", "validate", "verify"])
_EFFECT, _LOOKUP = frozenset(_EFFECTS.split()), frozenset(_LOOKUPS.split())
_OPEN_ENDS = frozenset(_OPEN_ENDED.split())
_TROUBLES = frozenset(_TROUBLE.split())
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


_ANSWERS = re.compile(
    r"final_?(?:answer|result|response|output)\w*|respond\w*|reply\w*|submit_?(?:answer|result|response|report)"
    r"|attempt_?completion|(?:finish|complete|end)_?(?:task|turn|run)?|task_?(?:complete|done)\w*"
    r"|return_?(?:answer|result|response)",
    re.I,
)


def words(tool: str | None) -> list[str]:
    """The words of a name, in lower case: `tool.createOrder` is tool, create, order."""
    return [word.lower() for word in _WORDS.findall(tool or "")]


@lru_cache(maxsize=4096)
def has_effect(tool: str | None) -> bool:
    """Whether the first telling verb of the name is one that changes something: `send_mail`, `tool.createOrder`."""
    return next((word in _EFFECT for word in words(tool) if word in _EFFECT | _LOOKUP), False)


_ONCE_WORDS = """
    create send post charge pay refund insert book order publish transfer submit notify email mail buy purchase
    issue dispatch withdraw deposit debit credit reserve schedule capture settle payout invoice wire reimburse
"""
_ONCE = frozenset(_ONCE_WORDS.split())
_DOING_WORDS = "process make place initiate perform execute trigger do complete confirm"
_DOING = frozenset(_DOING_WORDS.split())
_DEEDS_WORDS = "payment refund charge transfer payout booking purchase order invoice withdrawal deposit"
_DEEDS = frozenset(_DEEDS_WORDS.split())
_ASKING_WORDS = """
    status history details detail info count total summary quote estimate preview draft validate template
"""
_ASKING = frozenset(_ASKING_WORDS.split())


def happens_again(tool: str | None) -> bool:
    """Whether doing it twice has two effects, by its name: `charge_card`, `orders.create`, `process_payment`. Setting,
    updating and deleting something twice is the same as once; adding to a list may be meant twice."""
    said = words(tool)
    if not said or not _ASKING.isdisjoint(said) or not _LOOKUP.isdisjoint(said) or said[:2] == ["transfer", "to"]:
        return False
    telling = next((word for word in said if word in _EFFECT | _ONCE), "")
    if telling in _ONCE and telling in (said[0], said[-1]):
        return True
    return said[0] in _DOING and not _DEEDS.isdisjoint(said)


def may_change(tool: str | None) -> bool:
    """Whether the name leaves open what a call does, which may be a change: `bash`, `run_sql`, `browser_click`."""
    return not looks_up(tool) and not _OPEN_ENDS.isdisjoint(words(tool))


def gives_answer(tool: str | None) -> bool:
    """Whether calling the tool is how an agent gives its answer: `final_answer`, `final_result`,
    `attempt_completion`."""
    return bool(_ANSWERS.fullmatch(tool or ""))


def looks_up(tool: str | None) -> bool:
    """Whether the first telling verb of the name is one that only asks: `search_docs`, `getOrder`."""
    return next((word in _LOOKUP for word in words(tool) if word in _EFFECT | _LOOKUP), False)


def looks_for_trouble(tool: str | None) -> bool:
    """Whether finding nothing is the good answer of a tool: `find_duplicates`, `screenSanctions`, `validate_schema`."""
    said = words(tool)
    singular = {word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s") for word in said} | set(said)
    return bool(said) and (said[0] in _INSPECTION or bool(singular & _TROUBLES))
