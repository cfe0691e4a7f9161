"""Small-sample statistics that detectors, alerts and replays share. Pure functions over plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def fisher_exact(a: int, b: int, c: int, d: int) -> float:
    """Two-sided p-value of Fisher's exact test on the 2x2 table [[a, b], [c, d]].

    The sum of the hypergeometric probabilities of all tables with the same margins that are no likelier than the
    observed one (R. A. Fisher, Statistical Methods for Research Workers, 1934; two-sided as in R's `fisher.test`).
    Returns 1.0 where a margin is empty. Raises ValueError for negative counts.
    """
    if min(a, b, c, d) < 0:
        raise ValueError("counts cannot be negative")
    total, row, column = a + b + c + d, a + b, a + c

    def log_probability(x: int) -> float:
        return _log_choose(row, x) + _log_choose(total - row, column - x) - _log_choose(total, column)

    # Tables that are exactly as likely must count although their logarithms differ in the last bits.
    limit = log_probability(a) + 1e-7
    possible = range(max(0, column - (total - row)), min(row, column) + 1)
    return min(1.0, math.fsum(math.exp(log_probability(x)) for x in possible if log_probability(x) <= limit))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def wilson(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Lower and upper bound of a rate seen as k of n; z = 1.96 gives the 95 % interval (E. B. Wilson, JASA 22, 1927).

    (0.0, 1.0) for n = 0: nothing is known. Raises ValueError unless 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError("needs 0 <= k <= n")
    if n == 0:
        return 0.0, 1.0
    rate = k / n
    scale = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # At the ends the bound is the rate itself; rounding would put it a hair beside.
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)


def theil_sen(values: Sequence[float], most: int = 400) -> float:
    """Slope per step of evenly spaced values: the median of the slopes between any two (H. Theil, 1950; P. K. Sen, JASA
    63, 1968), which 29 % of bad points do not move. Of more than `most` values, evenly spaced ones stand for all, so
    that the work is bounded. Raises ValueError for fewer than two."""
    stride = -(-len(values) // most)
    points = list(enumerate(values))[::stride]
    if len(points) < 2:
        raise ValueError("needs two values")
    return median((y - b) / (x - a) for i, (x, y) in enumerate(points) for a, b in points[:i])


def kendall_tau(values: Sequence[float], most: int = 400) -> float:
    """How steadily a series rises, from -1 to 1: the share of its pairs that rise less the share that fall (M. G.
    Kendall, Biometrika 30, 1938, against time; ties count for neither). Of more than `most` values, evenly spaced ones
    stand for all. Raises ValueError for fewer than two."""
    score, n = _rises_less_falls(values, most)
    if n < 2:
        raise ValueError("needs two values")
    return score / (n * (n - 1) / 2)


def mann_kendall(values: Sequence[float], most: int = 400) -> float:
    """Standard normal score of a trend without assumptions on its shape (H. B. Mann, Econometrica 13, 1945; M. G.
    Kendall, 1975): positive where later values tend to be larger. Ties count for nothing, which errs towards no trend.
    Of more than `most` values, evenly spaced ones stand for all. 0.0 for fewer than three."""
    score, n = _rises_less_falls(values, most)
    if n < 3:
        return 0.0
    return (score - math.copysign(min(1, abs(score)), score)) / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)


def _rises_less_falls(values: Sequence[float], most: int) -> tuple[int, int]:
    """(pairs that rise less pairs that fall, how many values were compared)."""
    points = values[:: max(1, -(-len(values) // most))]
    return sum((later > earlier) - (later < earlier) for i, later in enumerate(points) for earlier in points[:i]), len(
        points
    )


def cusum(values: Sequence[float], centre: float, sigma: float, k: float = 0.5) -> list[float]:
    """The upper cumulative sum after each value, in standard deviations beyond the slack `k` (E. S. Page, Biometrika
    41, 1954). With k = 0.5 a sum above 5 comes by chance once in 900 values, and within 10 of a shift by one sigma."""
    sums: list[float] = []
    for value in values:
        sums.append(max(0.0, (sums[-1] if sums else 0.0) + (value - centre) / sigma - k))
    return sums
