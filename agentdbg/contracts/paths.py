"""The places inside a payload and what stands there.

A path is written `$.items[].price`; keys that are data (ids, dates, names) are one path `{*}`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from agentdbg.contracts.envelope import Opened, open_payload, open_text

Form = frozenset[tuple[str, str]]

NUMBERS = frozenset({"integer", "number"})
TEXTS = frozenset({"string", "json-text", "fenced-json", "json-in-prose"})

_FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("blank", re.compile(r"\s*\Z")),
    ("uuid", re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\Z", re.I)),
    ("datetime", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d\Z")),
    ("number-text", re.compile(r"\s*[-+]?(?:\d[\d,_]*(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?\s*%?\s*\Z", re.I)),
    ("url", re.compile(r"https?://")),
    ("email", re.compile(r"[^@\s]+@[^@\s]+\.\w+\Z")),
)
_FLAGS = frozenset({"true", "false", "yes", "no"})
_TELLING_FORMATS = frozenset({"number-text", "bool-text", "blank"})
# Formats that are told apart in a form are those of short texts.
_SHORT_TEXT = 40
_HEX = re.compile(r"[0-9a-fA-F]{8}")
_DATA_KEY = re.compile(r"\d|[A-Za-z]{1,3}[-_]?\d+\Z|.*\d\d|.*[\s@/:]|.{65}", re.S)
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]*\Z")
_MAX_DEPTH = 16
_MAX_ITEMS = 200
_MAX_KEYS = 100


def visit(opened: Opened) -> Iterator[tuple[str, str, str, object, bool]]:
    """(path, path of the parent, type, value, whether its fields follow) of all that a payload holds.

    Bounded: 16 levels, 200 items of a list; an object of more than 100 keys is a map.
    """
    stack: list[tuple[object, str, str, int]] = [(opened.value, "$", "", 0)] if opened.value is not None else []
    while stack:
        value, path, parent, depth = stack.pop()
        kind, inner = _kind(value)
        if depth == _MAX_DEPTH:
            inner = None
        yield path, parent, kind, value, isinstance(inner, dict)
        if isinstance(inner, dict):
            is_map = len(inner) > _MAX_KEYS
            stack.extend(
                (inner[key], child(path, "{*}" if is_map else str(key)), path, depth + 1)
                for key in sorted(inner, key=str)[:_MAX_ITEMS]
            )
        elif isinstance(inner, list):
            stack.extend((item, path + "[]", path, depth + 1) for item in inner[:_MAX_ITEMS])


def form(payload: object) -> Form:
    """What is cheap to know of a payload and settles how it is graded: paths and types, text that holds a number, a
    flag or nothing told from other text, and a mark where some object lacks what another has."""
    opened = open_payload(payload)
    kinds: set[tuple[str, str]] = {("", opened.envelope)}
    seen: defaultdict[str, int] = defaultdict(int)
    objects: defaultdict[str, int] = defaultdict(int)
    parents: dict[str, str] = {}
    for path, parent, kind, value, is_object in visit(opened):
        if kind == "string" and isinstance(value, str) and len(value) < _SHORT_TEXT:
            held = string_format(value)
            kind = held if held in _TELLING_FORMATS else kind
        kinds.add((path, family(kind)))
        seen[path] += 1
        parents[path] = parent
        if is_object:
            objects[path] += 1
    return frozenset(kinds | {(path, "some") for path, parent in parents.items() if seen[path] < objects[parent]})


@lru_cache(maxsize=4096)
def child(path: str, key: str) -> str:
    """The path of a key: `$.key`, `$.{*}` for a key that is data, `$["odd,key"]` where it would be ambiguous."""
    if key == "{*}" or _DATA_KEY.match(key):
        return path + ".{*}"
    return f"{path}.{key}" if _PLAIN_KEY.match(key) else f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def repeats(path: str) -> bool:
    """Whether a path stands for many values of one message: inside an array or a map keyed by data."""
    return "[]" in path or "{*}" in path


def family(kind: str) -> str:
    """A type without the difference that no consumer sees: a whole number is a number."""
    return "number" if kind in NUMBERS else kind


def string_format(text: str) -> str:
    """uuid, datetime, date, number-text, bool-text, url, email, blank, or text."""
    if text[:1].isalpha():
        if text.lower() in _FLAGS:
            return "bool-text"
        if text[0] not in "hH" and "@" not in text and not _HEX.match(text):
            return "text"  # most texts are words, and no pattern fits a word
    return next((name for name, pattern in _FORMATS if pattern.match(text)), "text")


def _kind(value: object) -> tuple[str, object]:
    """Type of a JSON value, and the container to look into: for text that holds JSON, what it holds."""
    if isinstance(value, str):
        return _text_kind(value)
    if value is None:
        return "null", None
    if isinstance(value, bool):
        return "boolean", None
    if isinstance(value, dict):
        return "object", value
    if isinstance(value, list):
        return "array", value
    return ("integer" if isinstance(value, int) else "number"), None


def _text_kind(text: str) -> tuple[str, object]:
    if "{" not in text and "[" not in text:
        return "string", None
    if text.strip() in ("{}", "[]"):
        return "json-text", None
    opened = open_text(text)
    if opened.envelope in ("json", "fenced-json"):
        return ("json-text" if opened.envelope == "json" else "fenced-json"), opened.value
    return ("json-in-prose" if opened.envelope == "json-in-prose" else "string"), None
