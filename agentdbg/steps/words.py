"""Texts as words: what of one text stands in another, however both are quoted, escaped or laid out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agentdbg.steps.messages import loaded

GRAM = 4
"""Words in a row that two texts share only if one knew the other, boilerplate aside."""
_NO_SPACES = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts that set no blanks: a character is a word
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W_{_NO_SPACES}]+(?:[_.:/@'’-]+[^\W_{_NO_SPACES}]+)*")
_ESCAPES = re.compile(r"\\[nrt\"/\\]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Carried:
    """What of one text stands in another. words: how many of `of`; quote: the longest stretch of them, as it was
    written; values: the numbers, ids and addresses among them, each once."""

    words: int
    of: int
    quote: str
    values: tuple[str, ...]


def texts(payload: str | None) -> list[str]:
    """The texts of a payload: of messages each part but reasoning, of any other value the value."""
    value = loaded(payload)
    if value is None:
        return []
    if isinstance(value, list) and value and all(isinstance(one, dict) and "parts" in one for one in value):
        return [text for one in value for part in one["parts"] or () if (text := part_text(part))]
    return [plain(value)]


def plain(value: Any) -> str:
    """A value as text; JSON inside of text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def part_text(part: Any) -> str:
    """The text of a part of a neutral message: what was said, called or returned; no reasoning."""
    if not isinstance(part, dict) or part.get("type") == "reasoning":
        return ""
    if part.get("type") == "tool_call":
        return f"{part.get('name') or ''} {plain(part.get('arguments') or '')}".strip()
    return plain(part.get("result") if part.get("type") == "tool_result" else part.get("text") or "")


def words(text: str) -> list[str]:
    """The words of a text, in lower case, numbers without marks between thousands."""
    return [found[0].lower() for found in _WORD.finditer(_readable(text))]


def row(text: str) -> str:
    """The words as one text with a blank around each: a part of it is found with `in`."""
    return f" {' '.join(words(text))} "


def is_value(word: str) -> bool:
    """Whether a word is rare by itself: a decimal, a number of three digits or more that is no year, an id, an
    address."""
    if not any(char.isdigit() for char in word):
        return "@" in word
    if word.replace(".", "", 1).isdigit():
        return "." in word or (len(word) > 2 and not _YEAR.fullmatch(word))
    return len(word) > 3


def units(text: str) -> Iterator[tuple[str, ...]]:
    """What a text can be known by: every four words in a row, and every value."""
    found = words(text)
    for n in range(len(found) - GRAM + 1):
        yield tuple(found[n : n + GRAM])
    for word in found:
        if is_value(word):
            yield (word,)


def carried(text: str, into: str) -> Carried:
    """What of the first text stands in the second: stretches of four words or more, the whole of a shorter text, and
    values."""
    readable = _readable(text)
    places = [(found.start(), found.end(), found[0].lower()) for found in _WORD.finditer(readable)]
    found, other = [word for _, _, word in places], words(into)
    known = set(other)
    taken = [is_value(word) and word in known for word in found]
    length = min(GRAM, len(found))
    there = {tuple(other[n : n + length]) for n in range(len(other) - length + 1)}
    for n in range(len(found) - length + 1):
        if length and tuple(found[n : n + length]) in there:
            taken[n : n + length] = [True] * length
    first, last = _longest(taken)
    values = [word for word, is_there in zip(found, taken, strict=True) if is_there and is_value(word)]
    quote = _with_marks(readable, places[first][0], places[last - 1][1]) if last > first else ""
    return Carried(sum(taken), len(found), quote, tuple(dict.fromkeys(values)))


def _with_marks(text: str, start: int, end: int) -> str:
    """A part of a text with the brackets, quotes and stops that stand at its ends."""
    while start and not (text[start - 1].isspace() or text[start - 1].isalnum()):
        start -= 1
    while end < len(text) and not (text[end].isspace() or text[end].isalnum()):
        end += 1
    return text[start:end]


def around(text: str, asked: str, room: int = 60) -> str:
    """The part of a text in which the asked words stand, with some of what is around it; "" where they do not."""
    readable, wanted = _readable(text), words(asked)
    places = list(_WORD.finditer(readable))
    found = [place[0].lower() for place in places]
    for n in range(len(found) - len(wanted) + 1):
        if found[n : n + len(wanted)] == wanted:
            start, end = places[n].start(), places[n + len(wanted) - 1].end()
            first, last = max(0, start - room), min(len(readable), end + room)
            if first:  # no word is cut in two
                first = min(start, readable.find(" ", first) + 1)
            if last < len(readable):
                last = max(end, readable.rfind(" ", 0, last + 1))
            return ("…" if first else "") + readable[first:last] + ("…" if last < len(readable) else "")
    return ""


def _readable(text: str) -> str:
    return _THOUSANDS.sub("", _ESCAPES.sub(" ", text))


def _longest(taken: list[bool]) -> tuple[int, int]:
    """Where the longest stretch of True begins and ends; (0, 0) where there is none."""
    best, start = (0, 0), 0
    for n, one in enumerate([*taken, False]):
        if not one:
            best = max(best, (start, n), key=lambda stretch: stretch[1] - stretch[0])
            start = n + 1
    return best
