"""Samples to figures to text: medians, ratios of what ran side by side, promises kept or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.speed.cases import LINEAR, READING, STARTING, TARGETS, Target
from benchmarks.speed.measure import Sample

Measured = Mapping[str, Sequence[Sample]]
TITLES = {case.name: case.title for case in (*STARTING, *READING)}


def rows(measured: Measured, spans: int) -> list[list[str]]:
    """Per case: what, seconds, spans a second, peak MB, share stored."""
    out = []
    for name, samples in measured.items():
        seconds = median(sample.seconds for sample in samples)
        whole = name not in ("python", "help", "open", "show", "again")  # reads every span
        stored = samples[0].stored
        out.append([
            TITLES.get(name, name), _seconds(seconds), f"{spans / seconds:,.0f}" if whole else "",
            f"{median(sample.memory_mb for sample in samples):,.0f}", f"{stored:.0%}" if stored else "",
        ])  # fmt: skip
    return out


HEAD = ["what", "seconds", "spans/s", "peak MB", "stored"]


def ratio(measured: Measured, target: Target) -> float | None:
    """The median over the rounds of one case's figure by another's of the same round; None where one was not run."""
    ours, theirs = measured.get(target.ours), measured.get(target.theirs or target.ours)
    if not ours or not theirs:
        return None
    found = [getattr(one, target.what) for one in ours]
    if any(one is None for one in found):
        return None
    if target.theirs is None:
        return median(found)
    return median(one / getattr(other, target.what) for one, other in zip(found, theirs, strict=True))


def promises(by_size: Mapping[int, Measured]) -> list[dict[str, Any]]:
    """What was promised and what was found, for every size it was promised for."""
    out = []
    for target in TARGETS:
        for spans, measured in by_size.items():
            found = ratio(measured, target)
            if found is not None and target.at in (None, spans):
                out.append({"promise": target.title, "spans": spans, "limit": target.limit,
                            "at_least": target.at_least, "found": round(found, 3),
                            "kept": target.kept(found)})  # fmt: skip
    few, many, share = LINEAR
    if "otlp-json" in by_size.get(few, ()) and "otlp-json" in by_size.get(many, ()):
        few_s, many_s = (median(one.seconds for one in by_size[size]["otlp-json"]) for size in (few, many))
        found = (many / many_s) / (few / few_s)
        out.append({"promise": f"spans a second at {many:,}, share of those at {few:,}", "spans": many, "limit": share,
                    "at_least": True, "found": round(found, 3), "kept": found >= share})  # fmt: skip
    return out


def promise_rows(told: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [
        [one["promise"], f"{one['spans']:,}", f"{'≥' if one['at_least'] else '≤'} {one['limit']:g}",
         f"{one['found']:.3g}", "yes" if one["kept"] else "NO"]
        for one in told
    ]  # fmt: skip


PROMISE_HEAD = ["promise", "spans", "limit", "found", "kept"]


def plain(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table for a terminal: the first column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    out = []
    for line in (head, *lines):
        first, *figures = zip(line, widths, strict=True)
        out.append("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in figures)]).rstrip())
    return "\n".join(out)


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """The same table for a page."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in (head, rule, *lines))


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}"
