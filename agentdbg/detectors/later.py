"""What came later: things by key and start, so that runs of many thousand spans are asked a few times, not squared."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

NEAR = 8
"""How many of the next things are looked at where nothing but nearness ties them to what went wrong."""


class Later(Generic[T]):
    """Things under keys; given as (key, start, thing), in order of start."""

    def __init__(self, things: Iterable[tuple[Hashable, int, T]]) -> None:
        self._by_key: dict[Hashable, tuple[list[int], list[T]]] = {}
        for key, start, thing in things:
            starts, found = self._by_key.setdefault(key, ([], []))
            starts.append(start)
            found.append(thing)

    def after(self, key: Hashable, moment: int, most: int | None = None) -> list[T]:
        """The things under a key that started at or after a moment, the earliest first, at most so many."""
        starts, found = self._by_key.get(key, ([], []))
        first = bisect_left(starts, moment)
        return found[first : None if most is None else first + most]

    def last(self, key: Hashable) -> T | None:
        """The last thing under a key."""
        found = self._by_key.get(key, ([], []))[1]
        return found[-1] if found else None
