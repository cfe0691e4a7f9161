"""Text that changes from run to run without meaning anything: what is masked before two questions are compared."""

from __future__ import annotations

import re

_DIGIT = re.compile(r"\d")
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AP]M\b)?(?:Z\b| ?UTC\b|[+-]\d\d:?\d\d\b)?"
_RULES = {
    "uuid": re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I),
    "time": re.compile(rf"\b(?:\d{{4}}-\d\d-\d\d[T ])?{_CLOCK}(?![\w:])"),
    "date": re.compile(
        rf"\b(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? )?"
        rf"(?:\d{{4}}-\d\d-\d\d|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}\.? {_MONTH}\.? \d{{4}})\b"
    ),
    "epoch": re.compile(r"\b1[5-9]\d{8}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?\b"),
    "address": re.compile(r"\b0x[0-9a-f]{6,}\b", re.I),
}


def mask(text: str) -> tuple[str, frozenset[str]]:
    """The text with what is volatile replaced by the name of its rule, and the rules that found something."""
    used = set()
    if _DIGIT.search(text):
        for name, pattern in _RULES.items():
            text, found = pattern.subn(f"<{name}>", text)
            if found:
                used.add(name)
    return text, frozenset(used)
