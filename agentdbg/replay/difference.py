"""The first difference of two recorded values: where, and what stands there on either side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import ndiff
from typing import Any

AROUND = 60
"""Characters shown on either side of the place where two texts part."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`path` is a JSON path. `before` and `after` are the texts there (JSON for what is no string), None where there
    is nothing. `at` is the character of `before` where two texts part, white space aside; None where they are not
    both texts."""

    path: str
    before: str | None
    after: str | None
    at: int | None = None


def first_difference(before: Any, after: Any, path: str = "$") -> Difference | None:
    """Depth first, in the order of `before`. Texts that differ in white space alone are equal."""
    stack: list[tuple[Any, Any, str]] = [(before, after, path)]
    while stack:
        a, b, here = stack.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            stack += reversed(
                [(a.get(key, _NOTHING), b.get(key, _NOTHING), _member(here, key)) for key in dict.fromkeys([*a, *b])]
            )
        elif isinstance(a, list) and isinstance(b, list):
            longest = range(max(len(a), len(b)))
            stack += reversed([(_item(a, n), _item(b, n), f"{here}[{n}]") for n in longest])
        elif isinstance(a, str) and isinstance(b, str):
            at = parting(a, b)
            if at is not None:
                return Difference(here, a, b, at)
        elif type(a) is not type(b) or a != b:
            return Difference(here, _text(a), _text(b))
    return None


def parting(before: str, after: str) -> int | None:
    """The character of `before` from which on two texts differ in more than white space; None where they do not."""
    if before == after:
        return None
    i = j = 0
    while True:
        while i < len(before) and before[i].isspace():
            i += 1
        while j < len(after) and after[j].isspace():
            j += 1
        if i == len(before) or j == len(after):
            return None if i == len(before) and j == len(after) else i
        if before[i] != after[j]:
            return i
        i, j = i + 1, j + 1


def sides(difference: Difference) -> tuple[str, str]:
    """What stands on either side, each cut to what is around the place where they part."""
    before, after = (_around(text, difference.at or 0) for text in (difference.before, difference.after))
    return before, after


def _around(text: str | None, at: int) -> str:
    start = max(0, at - AROUND)
    return "nothing" if text is None else ("…" if start else "") + text[start : at + AROUND]


def side_by_side(found: Difference) -> list[str]:
    """The lines that differ with one around them: behind `- ` what was there, behind `+ ` what is."""
    before, after = ((side or "").splitlines() for side in (found.before, found.after))
    marked = [line.rstrip() for line in ndiff(before, after) if not line.startswith("? ")]
    near = {n + d for n, line in enumerate(marked) if line[:1] in "+-" for d in (-1, 0, 1)}
    return [line for n, line in enumerate(marked) if n in near]


_NOTHING = object()


def _item(values: list[Any], n: int) -> Any:
    return values[n] if n < len(values) else _NOTHING


def _member(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def _text(value: Any) -> str | None:
    if value is _NOTHING:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
