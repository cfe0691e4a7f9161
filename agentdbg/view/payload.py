"""Recorded payloads as values and as one line of text, whatever they hold."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 100


def parsed(payload: str | None) -> Any:
    """The JSON value of a payload, the text itself where it is none, None where nothing is recorded.

    Numbers that JSON does not know (NaN) become their names. What is nested deeper than 100 levels stays text: nobody
    reads it, and it could not be written again.
    """
    if payload is None:
        return None
    try:
        value = json.loads(payload, parse_constant=str)
    except (ValueError, RecursionError):
        return payload
    return payload if payload.count("[") + payload.count("{") > DEEPEST and _deep(value) else value


def compact(value: Any, indent: int | None = None) -> str:
    """A string as it is, every other value as JSON. indent: over several lines, so many blanks a level."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=indent)


def is_chat(value: Any) -> bool:
    """Whether a value is a list of messages as model.py describes them."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and isinstance(one.get("parts"), list) and "role" in one for one in value)
    )


def _deep(value: Any) -> bool:
    """Whether it is nested deeper than 100 levels."""
    level = [value]
    for _ in range(DEEPEST):
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [below for one in inner for below in one]
    return bool(level)
