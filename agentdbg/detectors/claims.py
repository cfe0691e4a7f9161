"""Numbers that somebody states about something: what they are called, in which unit, and for when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from agentdbg.contracts.envelope import STRUCTURED, open_payload
from agentdbg.contracts.paths import visit
from agentdbg.detectors.values import number
from agentdbg.steps.keys import content_words, things

_CLAUSE = re.compile(r"[;\n]|(?<=[.!?])\s|,\s|\s(?:and|while|whereas|but|versus|vs\.?)\s")
_NUMBER = re.compile(
    r"(?P<before>[$€£¥])?\s?(?<![\w.,])(?P<number>-?\d{1,3}(?:[,'’]\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)"
    r"(?:\s?(?P<after>%|[$€£¥]|[A-Za-z]+(?:/[A-Za-z]+)?)|(?![\w]))?"
)
_PERIOD = re.compile(
    r"\b(?:(?:19|20)\d\d(?:-\d\d){0,2}|q[1-4]|h[12]|(?:jan|febr)uary|march|april|may|june|july|august"
    r"|(?:septem|octo|novem|decem)ber"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|week \d+|(?:last|next|this) (?:year|month|quarter|week))\b",
    re.I,
)
_CURRENCIES = {"€": "eur", "euro": "eur", "$": "usd", "dollar": "usd", "£": "gbp", "pound": "gbp", "¥": "jpy"}
_NO_UNITS_WORDS = "in at of to for and or is was are were on by from with until as than the a an if then but it per"
_NO_UNITS = frozenset(_NO_UNITS_WORDS.split())
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.\[\]$]+")
_ABOUT_SOURCE = re.compile(
    r"\.(?:source|sources|method|methodology|approach|by|agent|author|note|notes|comment|reason|reasoning|rationale"
    r"|basis|unit|currency|status|type|model|summary|explanation)$",
    re.I,
)
"""Fields that say where a value comes from, and not what it is about."""
_NAME_LONGEST = 40
_ALIKE = 0.5
_LONGEST = 20_000
_MOST = 60


@dataclass(frozen=True, slots=True)
class Claim:
    """written: the number as it stands there. words: what it is called. about: names and numbers beside it in the same
    record or clause, which say what it is a number of. periods: the times that it is for."""

    value: float
    written: str
    unit: str
    words: frozenset[str]
    about: frozenset[str]
    periods: frozenset[str]
    key: str = ""

    def is_of(self, other: Claim) -> bool:
        """Whether the two may state the same thing: the same name, unit and time, and nothing that tells them apart."""
        if self.unit and other.unit and self.unit != other.unit:
            return False
        if self.periods and other.periods and self.periods != other.periods:
            return False
        if bool(self.key) == bool(other.key) and self.about - other.about and other.about - self.about:
            return False
        if self.key and other.key:
            return self.key == other.key
        few, many = sorted((self.words, other.words), key=len)
        return bool(few) and len(few & many) >= _ALIKE * len(few)

    @property
    def slack(self) -> float:
        """Half of the last digit that is written."""
        decimals = self.written.partition(".")[2]
        return 0.5 * 10 ** -len(decimals) if decimals else 0.5


@lru_cache(maxsize=512)
def claims(text: str) -> tuple[Claim, ...]:
    """The numbers of a text, those of JSON under their keys. Of a long text, which is material, none."""
    if len(text) > _LONGEST:
        return ()
    opened = open_payload(text)
    found = _of_record(opened.value) if opened.envelope in STRUCTURED else _of_prose(text)
    return tuple(one for _, one in zip(range(_MOST), found, strict=False))


def _of_record(value: object) -> Iterator[Claim]:
    beside: dict[str, set[str]] = {}
    leaves = list(visit(open_payload(value)))
    for path, parent, kind, item, _ in leaves:
        if _ABOUT_SOURCE.search(path):
            continue
        if kind == "string" and isinstance(item, str) and len(item) < _NAME_LONGEST and not item[:1].isdigit():
            beside.setdefault(parent, set()).add(item.strip().lower())
    for path, parent, kind, item, _ in leaves:
        if kind in ("integer", "number") and isinstance(item, int | float):
            key = path.rpartition(".")[2].lower()
            about = frozenset(beside.get(parent, ()))
            words = content_words(_HUMP.sub(" ", path))
            periods = frozenset(period.lower() for text in (*about, key) for period in _PERIOD.findall(text))
            yield Claim(float(item), f"{item}", "", words, about, periods, key)
    for path, _, kind, item, _ in leaves:
        if kind == "string" and isinstance(item, str) and " " in item:
            name = content_words(_HUMP.sub(" ", path))
            for one in _of_prose(item):
                yield Claim(one.value, one.written, one.unit, one.words | name, one.about, one.periods)


def _of_prose(text: str) -> Iterator[Claim]:
    for clause in _CLAUSE.split(text):
        periods = frozenset(period.lower() for period in _PERIOD.findall(clause or ""))
        names = things(clause or "")
        for found in _NUMBER.finditer(clause or ""):
            written = found["number"]
            if written in periods:
                continue
            unit = _unit(found["before"] or found["after"] or "")
            words = frozenset(w for w in content_words(clause) if not any(c.isdigit() for c in w)) - {unit}
            about = frozenset(name for name in names - {unit, f"{unit}s"} - periods if name not in written)
            yield Claim(number(written), written, unit, words, about, periods)


def _unit(word: str) -> str:
    """The unit that stands beside a number; "" for a word that is none."""
    plain = word.lower()
    return _CURRENCIES.get(plain.rstrip("s")) or ("" if plain in _NO_UNITS else plain.rstrip("s"))
