"""What separates bad runs from good ones (`agentdbg suspects`): traits of runs, counted, tested, and corrected for how
many were tried."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentdbg.analysis.sides import Sides
from agentdbg.analysis.traits import Trait
from agentdbg.statistics import fisher_exact

Grade = Literal["suspect", "absent", "lead"]
"""suspect: bad runs have it more often than chance explains; absent: less often; lead: it may well be chance."""
ALPHA = 0.05
_MOST_EXAMPLES = 5
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Suspect:
    """A trait, or several that exactly the same runs have; instead: what exactly the other runs have. bad_with of
    bad_with + good_with runs that have it are bad, and bad_without of the others. odds: ratio with its 95 % interval,
    half a run added to each count so that it is finite. p: Fisher's exact test, two-sided; corrected: after Holm's
    correction for all that were tried. bad, good: examples of runs, bad ones with it (of an absent one: without it),
    good ones the other way."""

    grade: Grade
    traits: tuple[Trait, ...]
    instead: tuple[Trait, ...]
    bad_with: int
    good_with: int
    bad_without: int
    good_without: int
    odds: float
    low: float
    high: float
    p: float
    corrected: float
    bad: tuple[str, ...]
    good: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suspects:
    """The answer. meant: what makes a run bad, in words. left_out: runs that are neither. tried: traits (those of the
    same runs once) that some runs have and others have not. workflows: how many are mixed. least_p: the smallest
    corrected p that so few runs can give at all. ranked: by p, suspects first."""

    meant: str
    bad: int
    good: int
    left_out: int
    tried: int
    workflows: int
    least_p: float
    ranked: tuple[Suspect, ...]

    @property
    def can_tell(self) -> bool:
        """Whether there are enough runs for anything to be more than chance."""
        return self.least_p < ALPHA


def suspects(sides: Sides, traits: Mapping[Trait, frozenset[str]]) -> Suspects:
    """Every trait that some of the runs have and others have not, ranked."""
    bad, good = frozenset(sides.bad), frozenset(sides.good)
    every, groups = bad | good, defaultdict[frozenset[str], list[Trait]](list)
    for trait, runs in traits.items():
        if (here := runs & every) and here != every:
            groups[here].append(trait)
    # What some runs have and exactly the others have instead is one question: that of the bad ones is asked.
    asked = [runs for runs in groups if every - runs not in groups or _leans(runs, bad) > _leans(every - runs, bad)
             or (_leans(runs, bad) == _leans(every - runs, bad) and groups[runs] < groups[every - runs])]  # fmt: skip
    ps = [fisher_exact(*_counts(runs, bad, good)) for runs in asked]
    ranked = [
        _suspect(tuple(groups[runs]), tuple(groups.get(every - runs, ())), (runs, bad, good), p, corrected)
        for runs, p, corrected in zip(asked, ps, holm(ps), strict=True)
    ]
    ranked.sort(key=lambda one: (-_GRADES.index(one.grade), one.p, -one.odds, one.traits))
    least = fisher_exact(len(bad), 0, 0, len(good)) * max(1, len(asked))
    workflows = sum(trait.sort == "workflow" and bool(runs & (bad | good)) for trait, runs in traits.items())
    return Suspects(
        meant=sides.meant,
        bad=len(bad),
        good=len(good),
        left_out=sides.left_out,
        tried=len(asked),
        workflows=workflows,
        least_p=min(1.0, least),
        ranked=tuple(ranked),
    )


_GRADES: tuple[Grade, ...] = ("lead", "absent", "suspect")


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for how many there are, in their order (S. Holm, Scandinavian Journal of Statistics 6, 1979):
    below 0.05 the chance that even one of all is an accident is below 5 %, however they depend on one another."""
    out, worst = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda n: ps[n])):
        worst = max(worst, min(1.0, ps[place] * (len(ps) - rank)))
        out[place] = worst
    return out


def _leans(runs: frozenset[str], bad: frozenset[str]) -> float:
    """Which share of some runs is bad."""
    return len(runs & bad) / len(runs)


def _counts(runs: frozenset[str], bad: frozenset[str], good: frozenset[str]) -> tuple[int, int, int, int]:
    return len(runs & bad), len(runs & good), len(bad - runs), len(good - runs)


def _suspect(
    traits: tuple[Trait, ...],
    instead: tuple[Trait, ...],
    sides: tuple[frozenset[str], frozenset[str], frozenset[str]],
    p: float,
    corrected: float,
) -> Suspect:
    """sides: the runs that have the traits, all bad ones, all good ones."""
    runs, bad, good = sides
    a, b, c, d = _counts(runs, bad, good)
    log = math.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5)))
    half = _Z * math.sqrt(sum(1 / (count + 0.5) for count in (a, b, c, d)))
    absent = log < 0
    grade: Grade = "lead" if corrected >= ALPHA else "absent" if absent else "suspect"
    shown = (bad - runs, good & runs) if absent else (bad & runs, good - runs)
    return Suspect(
        grade, traits, instead, a, b, c, d, math.exp(log), math.exp(log - half), math.exp(log + half), p, corrected,
        *(tuple(sorted(ids)[:_MOST_EXAMPLES]) for ids in shown),
    )  # fmt: skip
