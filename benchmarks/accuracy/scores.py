"""Figures from labels: precision, recall, F1, and how far each may be off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from math import sqrt
from random import Random
from typing import TypeVar

from benchmarks.accuracy.trail import CATEGORIES, Pair

T = TypeVar("T")
Interval = tuple[float, float]
_Z = 1.96
_DRAWS = 1_000


def prf(right: int, said: int, true: int) -> tuple[float, float, float]:
    """Precision, recall and F1 of so many right ones among those said and those that are true."""
    precision, recall = right / said if said else 0.0, right / true if true else 0.0
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def wilson(hits: int, count: int) -> Interval:
    """The 95 % interval of a share (Wilson)."""
    if not count:
        return 0.0, 1.0
    share, spread = hits / count, _Z * _Z / count
    middle = share + spread / 2
    reach = _Z * sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, (middle - reach) / (1 + spread)), min(1.0, (middle + reach) / (1 + spread))


def bootstrap(cases: Sequence[T], figure: Callable[[Sequence[T]], float]) -> Interval:
    """The 95 % interval of a figure over cases, drawn anew with a fixed seed."""
    random = Random(1)
    drawn = sorted(figure([random.choice(cases) for _ in cases]) for _ in range(_DRAWS))
    return drawn[int(0.025 * _DRAWS)], drawn[int(0.975 * _DRAWS)]


Case = tuple[Set[Pair], Set[Pair]]
"""What people marked in a run, and what was said of it."""


def pairs(cases: Iterable[Case]) -> tuple[float, float, float]:
    """Precision, recall and F1 of (span, category)."""
    known = list(cases)
    return prf(
        sum(len(gold & said) for gold, said in known),
        sum(len(said) for _, said in known),
        sum(len(gold) for gold, _ in known),
    )


def spans(cases: Iterable[Case]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the spans alone."""
    return pairs([({(s, "") for s, _ in gold}, {(s, "") for s, _ in said}) for gold, said in cases])


def recalled(cases: Sequence[Case]) -> float:
    """TRAIL's joint accuracy: the share of a run's marked pairs that were said, the mean over runs. It ignores false
    alarms."""
    return sum(len(gold & said) / len(gold) if gold else 0.0 for gold, said in cases) / len(cases)


def located(cases: Sequence[Case]) -> float:
    """TRAIL's location accuracy: the same of spans."""
    return recalled([({(s, "") for s, _ in gold}, {(s, "") for s, _ in said}) for gold, said in cases])


def categories(cases: Sequence[Case]) -> float:
    """TRAIL's category F1: of each category over runs, weighted by the runs that have it."""
    told = [({c for _, c in gold}, {c for _, c in said}) for gold, said in cases]
    weighted, weight = 0.0, 0
    for name in CATEGORIES:
        true = sum(name in gold for gold, _ in told)
        right = sum(name in gold and name in said for gold, said in told)
        weighted += true * prf(right, sum(name in said for _, said in told), true)[2]
        weight += true
    return weighted / weight if weight else 0.0


TRAIL: Mapping[str, Callable[[Sequence[Case]], float]] = {
    "location": located, "joint": recalled, "category F1": categories,
    "pair precision": lambda cases: pairs(cases)[0], "pair recall": lambda cases: pairs(cases)[1],
    "pair F1": lambda cases: pairs(cases)[2], "span F1": lambda cases: spans(cases)[2],
}  # fmt: skip
