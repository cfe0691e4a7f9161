"""Ids as short as can be pasted back: a beginning that no other id of the trace has."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable

SHORTEST = 8
_PREFIXED = re.compile(r"[A-Za-z]+[_-]")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-", re.I)


class ShortIds:
    """Short forms of a set of ids. Memory for one sorted list; each question is a binary search."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = sorted(set(ids))

    def __call__(self, full: str) -> str:
        """At least 8 characters (past a prefix such as `span_`), more where another id begins alike."""
        place = bisect_left(self._ids, full)
        near = self._ids[max(place - 1, 0) : place] + self._ids[place : place + 2]
        shared = max((_common(full, other) for other in near if other != full), default=0)
        return full[: max(shared + 1, _least(full))]


def short_trace_id(trace_id: str) -> str:
    """A short form without knowing the other traces. UUIDs of version 7 begin with the time and need more to differ."""
    return trace_id[:18] if _UUID7.match(trace_id) else trace_id[: _least(trace_id)]


def _least(full: str) -> int:
    prefix = _PREFIXED.match(full)
    return SHORTEST + (prefix.end() if prefix else 0)


def _common(a: str, b: str) -> int:
    size = 0
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        size += 1
    return size
