"""Which repetitions of a sequence to fold: those that spare most rows, none inside another."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from agentdbg.steps.repeats import runs

HEAD_AND_REST = 2
"""Rows that a folded cycle takes beside its first turn."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """`count` times the same `period` members, from place `start` on."""

    start: int
    period: int
    count: int

    @property
    def size(self) -> int:
        return self.period * self.count


def repeats(sequence: Sequence[Hashable], spared: int) -> list[Repeat]:
    """Stretches of at least three equal turns that spare at least so many rows, in order and without overlap.

    The longest stretch is taken first, of equals the one with the shorter period, then the earlier. O(n log n).
    """
    found = sorted(runs(sequence), key=lambda run: (run.start - run.end, run.period, run.start))
    taken = bytearray(len(sequence))
    out = []
    for run in found:
        free = _untaken(run.start, run.end, run.period, taken)
        if free.count >= 3 and free.size - free.period - HEAD_AND_REST >= spared:
            taken[free.start : free.start + free.size] = b"\1" * free.size
            out.append(free)
    return sorted(out, key=lambda one: one.start)


def _untaken(low: int, high: int, period: int, taken: bytearray) -> Repeat:
    """The free part of a stretch. What is taken stands at its ends: it is longer, and so not inside."""
    while low < high and taken[low]:
        low += 1
    end = taken.find(1, low, high)
    return Repeat(low, period, ((high if end < 0 else end) - low) // period)
