"""How a payload is wrapped: bare JSON, JSON in a code fence, JSON in the middle of prose, or prose."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

Envelope = Literal["json", "fenced-json", "json-in-prose", "prose", "malformed", "empty"]

# The envelopes whose JSON can be reached.
STRUCTURED: tuple[Envelope, ...] = ("json", "fenced-json", "json-in-prose")

_FENCED = re.compile(r"\A\s*```[\w+-]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*\Z", re.S)
_FENCE_INSIDE = re.compile(r"```(?:json5?|JSON)?[ \t]*\r?\n(.*?)```", re.S)
_CUT_MARK = re.compile(r"(?:…|\.\.\.|[\[<(]\s*(?:truncated|cut|shortened|omitted)[^\]>)]*[\]>)]?)\s*\Z", re.I)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
_MAX_STARTS = 5
_MAX_WRAPS = 3
_CUT_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Opened:
    """A payload out of its envelope. `value` is the dict or list inside; None for prose, malformed and empty."""

    envelope: Envelope
    value: Any


def open_payload(value: object) -> Opened:
    """A payload out of its envelope. Never raises.

    A dict or list is bare JSON, text is looked into; text that holds JSON text is unwrapped. Other scalars are prose: a
    bare number or word has no fields that could drift. None, blank text, `{}` and `[]` are empty.
    """
    for _ in range(_MAX_WRAPS):
        if not (isinstance(value, str) and value.startswith('"') and isinstance(inner := _load(value), str)):
            break
        value = inner
    if isinstance(value, str):
        return open_text(value)
    if isinstance(value, dict | list):
        return Opened("json", value) if value else Opened("empty", None)
    return Opened("empty", None) if value is None else Opened("prose", None)


def open_text(text: str) -> Opened:
    """`open_payload` for text that is taken as it stands."""
    stripped = text.strip()
    if not stripped:
        return Opened("empty", None)
    if stripped[0] in "{[":
        value = _load(stripped)
        if isinstance(value, dict | list):
            return Opened("json", value) if value else Opened("empty", None)
    if (fence := _FENCED.match(stripped)) and (value := _container(fence[1])) is not None:
        return Opened("fenced-json", value)
    if (fence := _FENCE_INSIDE.search(stripped)) and (value := _container(fence[1])) is not None:
        return Opened("json-in-prose", value)
    if (value := _object_inside(stripped)) is not None:
        return Opened("json-in-prose", value)
    return Opened("malformed" if stripped[0] in "{[" else "prose", None)


def is_cut(text: str) -> bool:
    """Whether text that starts as JSON looks as if a recorder had cut it: a mark at its end, or long and never closed.

    What a recorder cut says nothing about what was sent.
    """
    stripped = text.strip()
    if not stripped.startswith(("{", "[", "```")) or open_text(stripped).envelope in STRUCTURED:
        return False
    if _CUT_MARK.search(stripped):
        return True
    outside = _QUOTED.sub("", stripped)
    open_brackets = sum(outside.count(c) for c in "{[") - sum(outside.count(c) for c in "}]")
    return len(stripped) >= _CUT_LENGTH and (open_brackets > 0 or outside.count('"') % 2 == 1)


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _container(text: str) -> Any:
    value = _load(text)
    return value if isinstance(value, dict | list) and value else None


def _object_inside(text: str) -> Any:
    """The first JSON object in prose. Lists are not looked for: `[1]` is a footnote.

    Text that starts as JSON holds that or nothing: the rest of a broken object is no message of its own.
    """
    decoder, at = json.JSONDecoder(), -1
    for _ in range(1 if text[0] in "{[" else _MAX_STARTS):
        at = text.find("{", at + 1)
        if at < 0:
            return None
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value:
            return value
        at = end - 1
    return None
