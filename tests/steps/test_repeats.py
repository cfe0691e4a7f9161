"""Repetitions: the fast search against the definition."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.steps.repeats import Gapped, Run, gapped, runs

SHORT = st.integers(1, 4).flatmap(lambda letters: st.lists(st.integers(0, letters - 1), max_size=40))
PLANTED = st.tuples(SHORT, st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(2, 9), SHORT).map(
    lambda parts: parts[0] + parts[1] * parts[2] + parts[3]
)


def by_definition(symbols: list[int]) -> list[Run]:
    """Every (start, end, period) that repeats, cannot be extended, is two periods long, and whose period is smallest."""
    n, found = len(symbols), []
    for period in range(1, n // 2 + 1):
        start = 0
        while start + period < n:
            end = start
            while end + period < n and symbols[end] == symbols[end + period]:
                end += 1
            if end - start >= period:
                found.append(Run(start, end + period, period))
            start = end + 1
    smallest: dict[tuple[int, int], int] = {}
    for run in found:
        smallest[run[:2]] = min(run.period, smallest.get(run[:2], run.period))
    return sorted(run for run in found if smallest[run[:2]] == run.period)


@given(SHORT | PLANTED)
@settings(max_examples=500)
def test_runs_are_those_of_the_definition(symbols: list[int]) -> None:
    assert runs(symbols) == by_definition(symbols)


@given(st.lists(st.integers(0, 5), min_size=20, max_size=60), st.integers(3, 12))
def test_long_periods(lap: list[int], times: int) -> None:
    symbols = [7, *lap * times, 8]
    assert runs(symbols) == by_definition(symbols)


@given(SHORT)
def test_only_equality_of_symbols_counts(symbols: list[int]) -> None:
    assert runs(symbols) == runs([f"step {s}" for s in symbols]) == runs([(-s, "x") for s in symbols])


def test_laps_of_a_run() -> None:
    (run,) = runs("xabcabcabca")
    assert (run, run.laps) == (Run(1, 11, 3), 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "symbols",
    [
        pytest.param([0] * 100_000, id="one symbol"),
        pytest.param([0, 1] * 50_000, id="two in turn"),
        pytest.param(list(range(100_000)), id="all different"),
        pytest.param([i.bit_count() & 1 for i in range(100_000)], id="Thue and Morse"),
        pytest.param(([0] * 50 + [1]) * 1960, id="blocks"),
        pytest.param([i * i % 1009 for i in range(50_000)] * 2, id="a square"),
    ],
)
def test_a_hundred_thousand_steps_take_seconds(symbols: list[int]) -> None:
    begun = time.process_time()
    runs(symbols)
    gapped(symbols)
    assert time.process_time() - begun < 20  # about 2 s on an idle core


def stretches_by_definition(symbols: list[int], period: int) -> list[Gapped]:
    """Place by place: a hit is worth 1, a miss costs 7/3; a stretch begins where the sum has fallen to nothing."""
    found: list[Gapped] = []
    score = best = 0.0
    begun = hits = 0
    top: Gapped | None = None
    for place in range(len(symbols) - period):
        if symbols[place] != symbols[place + period]:
            score -= 7 / 3
            continue
        if score <= 0:
            if top:
                found.append(top)
            begun, hits, score, best, top = place, 0, 0.0, 0.0, None
        score, hits = score + 1, hits + 1
        if score > best:
            best, top = score, Gapped(begun, place + period + 1, period, hits)
    return [*found, top] if top else found


@given(SHORT | PLANTED)
@settings(max_examples=300)
def test_gapped_repeats_are_stretches_of_the_definition_and_do_not_overlap(symbols: list[int]) -> None:
    found = gapped(symbols)
    every = {g for period in range(1, len(symbols) // 3 + 1) for g in stretches_by_definition(symbols, period)}
    assert set(found) <= every
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(g.laps >= 3 for g in found)
    covered = {i for g in found for i in range(g.start, g.end)}
    for other in every:
        assert other.laps < 3 or not covered.isdisjoint(range(other.start, other.end)) or _told(symbols, other.period)


def _told(symbols: list[int], period: int) -> bool:
    """Whether a part of the period repeats as often."""
    count = [sum(a == b for a, b in zip(symbols, symbols[p:], strict=False)) for p in range(period + 1)]
    return any(period % part == 0 and count[part] >= count[period] for part in range(1, period))


def test_another_step_between_does_not_end_a_repetition() -> None:
    symbols = [0, 1] * 6 + [0, 2] + [0, 1] * 6
    assert gapped(symbols) == [Gapped(0, 26, 2, 22)]
    assert gapped(symbols)[0].laps == 12
