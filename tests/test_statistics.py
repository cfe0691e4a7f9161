"""Numbers in, numbers out."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.statistics import cusum, fisher_exact, mann_kendall, theil_sen, wilson

COUNTS = st.integers(0, 30)


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((3, 1, 1, 3), 0.4857142857),  # Fisher's lady tasting tea
        ((1, 9, 11, 3), 0.002759456185),
        ((60, 0, 0, 1), 1 / 61),
        ((8, 0, 0, 4), 1 / 495),
        ((5, 0, 0, 0), 1.0),
        ((0, 0, 0, 0), 1.0),
    ],
)
def test_fisher(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher_exact(*table) == pytest.approx(p, rel=1e-8)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_fisher_is_the_sum_of_the_tables_that_are_no_likelier(a: int, b: int, c: int, d: int) -> None:
    row, column, total = a + b, a + c, a + b + c + d
    ways = {
        x: comb(row, x) * comb(total - row, column - x)
        for x in range(max(0, column - (total - row)), min(row, column) + 1)
    }
    exact = Fraction(sum(w for w in ways.values() if w <= ways[a]), comb(total, column))
    assert fisher_exact(a, b, c, d) == pytest.approx(float(exact), rel=1e-6)
    assert (
        fisher_exact(a, b, c, d) == pytest.approx(fisher_exact(c, d, a, b)) == pytest.approx(fisher_exact(b, a, d, c))
    )


def test_fisher_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="negative"):
        fisher_exact(1, -1, 0, 0)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (8, 10, 0.4902, 0.9433), (0, 0, 0.0, 1.0)],
)
def test_wilson(k: int, n: int, low: float, high: float) -> None:
    assert list(wilson(k, n)) == pytest.approx([low, high], abs=1e-4)


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson_holds_the_rate(k: int, more: int) -> None:
    low, high = wilson(k, k + more)
    assert 0 <= low <= high <= 1
    assert k + more == 0 or low <= k / (k + more) <= high


def test_wilson_refuses_more_hits_than_tries() -> None:
    with pytest.raises(ValueError, match="k <= n"):
        wilson(3, 2)


def test_theil_sen_is_the_median_slope_and_bad_points_do_not_move_it() -> None:
    assert theil_sen([1, 3, 5, 7]) == 2
    assert theil_sen([0, 10, 20, 30, 4000, 50, 60, 70]) == 10
    assert theil_sen([7.0 * n for n in range(5000)]) == 7
    with pytest.raises(ValueError, match="two values"):
        theil_sen([1])


def test_a_trend_is_told_from_noise_and_knows_its_direction() -> None:
    assert mann_kendall(range(10)) == pytest.approx(3.9355, abs=1e-3)  # (45 - 1) / sqrt(10 * 9 * 25 / 18)
    assert mann_kendall(range(10, 0, -1)) == pytest.approx(-3.9355, abs=1e-3)
    assert mann_kendall([5.0] * 10) == 0.0
    assert mann_kendall([1.0, 2.0]) == 0.0
    assert abs(mann_kendall([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3][::-1])) < 3.3


def test_the_cumulative_sum_forgets_what_is_within_the_slack() -> None:
    assert cusum([10, 10.4, 12, 13, 10, 9], centre=10, sigma=1) == pytest.approx([0, 0, 1.5, 4.0, 3.5, 2.0])
    assert cusum([], centre=10, sigma=1) == []
