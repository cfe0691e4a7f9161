"""Every maximal repetition in a sequence of symbols, and repetitions with an occasional other step between.

A *run* (start, end, period) is a stretch whose every symbol equals the one a period later, at least two periods long,
that cannot be extended, and whose period is its smallest. There are fewer runs than symbols (Bannai, I, Inenaga,
Nakashima, Takeda, Tsuruta: The "Runs" Theorem, SIAM J. Comput. 46, 2017): each holds a Lyndon word, of one of the two
alphabet orders, that is as long as its period and is the longest Lyndon word at its place. So the longest Lyndon words
at all places, extended to both sides, give all runs.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator, Sequence
from operator import eq
from typing import NamedTuple

_WIDTH = 4  # bytes a symbol
_MISS = 7 / 3  # what a place that does not repeat costs in places that do: up to 30 % of a stretch may differ


class Run(NamedTuple):
    """Symbols [start, end) repeat with `period`; (end - start) // period whole laps and perhaps a part of one."""

    start: int
    end: int
    period: int

    @property
    def laps(self) -> int:
        return (self.end - self.start) // self.period


class Gapped(NamedTuple):
    """Symbols [start, end) repeat with `period` in most places: `hits` of them equal the one a period later."""

    start: int
    end: int
    period: int
    hits: int

    @property
    def laps(self) -> int:
        return self.hits // self.period + 1


def runs(symbols: Sequence[Hashable]) -> list[Run]:
    """All maximal repetitions, sorted. Only equality of symbols counts."""
    word = _Word(symbols)
    found: set[Run] = set()
    for flipped in (False, True):
        found.update(_runs_of_order(word, flipped))
    return sorted(found)


def gapped(symbols: Sequence[Hashable], least_laps: int = 3, longest_period: int = 32) -> list[Gapped]:
    """Repetitions with an occasional other step, sorted and without overlap, those with the most hits first served.

    For each period the stretches whose hits, less 7/3 for each miss, add up to a local maximum; a period of which a
    part repeats as often tells nothing more. O(n · longest_period).
    """
    number: dict[Hashable, int] = {}
    codes = [number.setdefault(symbol, len(number)) for symbol in symbols]
    found: list[Gapped] = []
    count: dict[int, int] = {}
    for period in range(1, min(longest_period, len(codes) // least_laps) + 1):
        hits = [i for i, same in enumerate(map(eq, codes, codes[period:])) if same]
        count[period] = len(hits)
        told = any(period % part == 0 and count[part] >= len(hits) for part in range(1, period // 2 + 1))
        if len(hits) >= (least_laps - 1) * period and not told:
            found.extend(g for g in _stretches(hits, period) if g.laps >= least_laps)
    taken = bytearray(len(codes))
    chosen = []
    for stretch in sorted(found, key=lambda g: (-g.hits, g.period, g.start)):
        if not any(taken[stretch.start : stretch.end]):
            taken[stretch.start : stretch.end] = b"\1" * (stretch.end - stretch.start)
            chosen.append(stretch)
    return sorted(chosen)


def _stretches(hits: list[int], period: int) -> Iterator[Gapped]:
    """Maximal-scoring stretches: a new one begins where the score of the last has fallen to nothing."""
    begun = counted = 0
    score = highest = 0.0
    best: Gapped | None = None
    for place, hit in enumerate(hits):
        score -= _MISS * (hit - hits[place - 1] - 1) if place else 0
        if score <= 0:
            if best:
                yield best
            begun, counted, score, highest = hit, 0, 0.0, 0.0
        counted, score = counted + 1, score + 1
        if score > highest:
            highest, best = score, Gapped(begun, hit + period + 1, period, counted)
    if best:
        yield best


class _Word:
    """Symbols as numbers and as bytes. Equal stretches are measured by comparing bytes in doubling pieces; the last
    answer for each distance is kept: within one run the same is asked again and again one step to the left."""

    def __init__(self, symbols: Sequence[Hashable]) -> None:
        number: dict[Hashable, int] = {}
        self.codes = [number.setdefault(symbol, len(number)) for symbol in symbols]
        self.bytes = array("I", self.codes).tobytes()
        self._known: dict[int, tuple[int, int]] = {}

    def forward(self, i: int, j: int) -> int:
        """How many symbols from i on equal those from j on; i < j."""
        place, length = self._known.get(j - i, (len(self.codes), 0))
        near = i <= place <= i + 64 and self.codes[i:place] == self.codes[j : j + place - i]
        answer = place - i + length if near else self._forward(i, j)
        self._known[j - i] = (i, answer)
        return answer

    def backward(self, i: int, j: int) -> int:
        """How many symbols before i equal those before j; i < j."""
        codes, known = self.codes, 0
        while known < i and known < 16:
            if codes[i - 1 - known] != codes[j - 1 - known]:
                return known
            known += 1
        step = 16
        while known < i:
            step = min(step, i - known)
            ours = self.bytes[(i - known - step) * _WIDTH : (i - known) * _WIDTH]
            theirs = self.bytes[(j - known - step) * _WIDTH : (j - known) * _WIDTH]
            if ours != theirs:
                differ = int.from_bytes(ours, "little") ^ int.from_bytes(theirs, "little")
                return known + step - 1 - (differ.bit_length() - 1) // (8 * _WIDTH)
            known += step
            step *= 2
        return known

    def _forward(self, i: int, j: int) -> int:
        codes, known, most = self.codes, 0, len(self.codes) - j
        while known < most and known < 8:
            if codes[i + known] != codes[j + known]:
                return known
            known += 1
        step = 16
        while known < most:
            step = min(step, most - known)
            ours = self.bytes[(i + known) * _WIDTH : (i + known + step) * _WIDTH]
            theirs = self.bytes[(j + known) * _WIDTH : (j + known + step) * _WIDTH]
            if ours != theirs:
                differ = int.from_bytes(ours, "little") ^ int.from_bytes(theirs, "little")
                return known + ((differ & -differ).bit_length() - 1) // (8 * _WIDTH)
            known += step
            step *= 2
        return known


def _runs_of_order(word: _Word, flipped: bool) -> set[Run]:
    found: set[Run] = set()
    reached: dict[int, int] = {}  # period -> end of the last run with it: other places inside it give it again
    for i, period in enumerate(_longest_lyndon(word, flipped)):
        j = i + period
        if j <= reached.get(period, -1):
            continue
        end = j + (word.forward(i, j) if j < len(word.codes) else 0)
        start = i - word.backward(i, j)
        if end - start >= 2 * period:
            found.add(Run(start, end, period))
            reached[period] = max(reached.get(period, -1), end)
    return found


def _longest_lyndon(word: _Word, flipped: bool) -> list[int]:
    """Length of the longest Lyndon word that begins at each place: it ends where the next smaller suffix begins."""
    codes = word.codes
    n = len(codes)
    lengths = [0] * n
    stack: list[int] = []  # ends of the Lyndon words that are still to be tried, the nearest last
    for i in range(n - 1, -1, -1):
        j = i + 1
        while stack:
            common = word.forward(i, j)
            if j + common == n:
                break  # suffix j is a beginning of suffix i: smaller in both orders
            if (codes[i + common] < codes[j + common]) == flipped:
                break
            j = stack.pop()
        lengths[i] = j - i
        stack.append(j)
    return lengths
