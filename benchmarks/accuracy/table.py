"""Figures to text: a table for each data set, one for the confidences, and the promises kept or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.accuracy.attribution import OURS
from benchmarks.accuracy.figures import NEUTRAL, Confidences, Figure, Group, Tally
from benchmarks.accuracy.scores import wilson
from benchmarks.speed.table import markdown

TITLES = {"top3": "in the first 3", "near": "within 3", "any": "any marked error"}


@dataclass(frozen=True, slots=True)
class Target:
    """A promise: this figure is at least (or at most) so much."""

    group: str
    method: str
    measure: str
    limit: float
    at_least: bool = True

    def kept(self, found: float) -> bool:
        return found >= self.limit if self.at_least else found <= self.limit


TARGETS: Sequence[Target] = (
    Target("Who&When algorithm-generated", OURS, "agent", 0.60),
    Target("Who&When algorithm-generated", OURS, "step", 0.45),
    Target("Who&When algorithm-generated", OURS, "top3", 0.78),
    Target("Who&When hand-crafted", OURS, "agent", 0.64),
    Target("Who&When hand-crafted", OURS, "step", 0.22),
    Target("Who&When hand-crafted", OURS, "top3", 0.45),
    Target("TRAIL GAIA", OURS, "pair F1", 0.42),
    Target("TRAIL GAIA", OURS, "pair precision", 0.42),
    Target("TRAIL GAIA", OURS, "span F1", 0.60),
    Target("TRAIL GAIA", OURS, "joint", 0.45),
    Target("TRAIL GAIA", NEUTRAL, "pair F1", 0.34),
    Target("TRAIL SWE Bench", OURS, "pair F1", 0.45),
    Target("tau-bench, passing runs", "passing runs with an alarm", "of a loop", 1 / 78, at_least=False),
)
CONFIDENT = {"certain": 0.99, "likely": 0.90}
_ENOUGH = 20
"""Findings that must have been judged before their confidence is."""


def page(date: str, groups: Sequence[Group], told: Confidences) -> str:
    """All of it as Markdown."""
    parts = [f"Measured {date}. In brackets: the 95 % interval."]
    parts += [f"### {group.name}, {group.cases} runs\n\n{_table(group)}" for group in groups]
    lines = [*_confidences(told.tallies), *_confidences(dict(sorted(told.by_detector.items())))]
    parts.append(f"### What a confidence is worth\n\n{_RIGHT}\n\n{markdown(CONFIDENCE_HEAD, lines)}")
    kept = [
        [one["promise"], f"{'≥' if one['at_least'] else '≤'} {one['limit']:.3g}", f"{one['found']:.3f}",
         "yes" if one["kept"] else "NO"]
        for one in promises(groups, told)
    ]  # fmt: skip
    parts.append(f"### Promises\n\n{markdown(['promise', 'limit', 'found', 'kept'], kept)}")
    return "\n\n".join(parts)


def _table(group: Group) -> str:
    """A line a method; where there is but one, a line a measure."""
    if list(group.methods) == [OURS]:
        return markdown(["measure", OURS], [[name, shown(one)] for name, one in group.methods[OURS].items()])
    measures = list(dict.fromkeys(measure for told in group.methods.values() for measure in told))
    lines = [
        [method, *(shown(told[measure]) if measure in told else "" for measure in measures)]
        for method, told in group.methods.items()
    ]
    return markdown(["method", *(TITLES.get(measure, measure) for measure in measures)], lines)


def shown(figure: Figure) -> str:
    """`.476 (.36-.60)`."""
    if figure.low is None or figure.high is None:
        return _short(figure.value, 3)
    return f"{_short(figure.value, 3)} ({_short(figure.low, 2)}-{_short(figure.high, 2)})"


def _short(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits}f}"


_RIGHT = (
    "Right: a fault was planted or an error marked there. Wrong: an alarm or a hint on a healthy or passing"
    " run, a high one about an error that was mended, a hint that leads to another agent than the labels, and on TRAIL"
    " what people did not mark and the recording does not prove. Unmarked: nobody can tell."
)
CONFIDENCE_HEAD = ["confidence", "right", "wrong", "unmarked", "precision"]


def _confidences(tallies: Mapping[str, Tally]) -> Iterator[list[str]]:
    for name, tally in tallies.items():
        judged = tally.right + tally.wrong
        found = Figure(tally.right / judged, *wilson(tally.right, judged)) if judged else None
        yield [name, str(tally.right), str(tally.wrong), str(tally.unknown), shown(found) if found else ""]


def promises(groups: Sequence[Group], told: Confidences) -> list[dict[str, Any]]:
    """What was promised and what was found, of the data that is there."""
    named = {group.name: group for group in groups}
    out = []
    for target in TARGETS:
        if target.group in named:
            found = named[target.group].methods[target.method][target.measure].value
            title = f"{target.group}: {target.measure}" + (", neutral rules alone" if target.method == NEUTRAL else "")
            out.append({"promise": title, "limit": target.limit, "at_least": target.at_least,
                        "found": round(found, 4), "kept": target.kept(found)})  # fmt: skip
    for name, limit in CONFIDENT.items():
        tally = told.tallies[name]
        if tally.right + tally.wrong >= _ENOUGH:
            found = tally.right / (tally.right + tally.wrong)
            out.append({"promise": f"precision of {name}", "limit": limit, "at_least": True,
                        "found": round(found, 4), "kept": found >= limit})  # fmt: skip
    return out
