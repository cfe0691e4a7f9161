"""What came of asking a model for real, again and again: inert data, and what may be concluded from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from agentdbg.replay.call import Part
from agentdbg.replay.decisions import Decision, decision
from agentdbg.replay.predicate import Predicate
from agentdbg.replay.supposed import Change
from agentdbg.statistics import wilson
from agentdbg.steps.keys import near_clusters

FEWEST = 5
"""Answers below which nothing is said about chance."""
_RARE = 0.2
Judgement = Literal["prompt", "sampling", "not_seen", "not_judged"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Answers that decide the same. counted: they are what was looked for; recorded: the recorded answer is one of
    them."""

    words: str
    count: int
    counted: bool
    recorded: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """counted of answered, with the bounds of the 95 % interval of Wilson. failed: reasons with how often. waited: how
    often a question was sent again since the endpoint had said to wait or had failed for a moment.

    prompt: most answers are what was looked for, so that it is no chance. sampling: some are. not_seen: none is."""

    verdict: Literal["prompt", "sampling", "not_seen", "not_judged"]
    reason: str
    trace_id: str
    trace_name: str
    span_id: str
    agent: str | None
    api: str
    url: str
    model: str | None
    recorded_model: str | None
    models: tuple[str, ...]
    looked_for: str
    recorded: str
    wanted: int
    answered: int
    counted: int
    low: float
    high: float
    clusters: tuple[Cluster, ...]
    failed: tuple[tuple[str, int], ...]
    waited: int
    interrupted: bool
    input_tokens: int
    output_tokens: int
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def to_json(measured: Measured) -> dict[str, Any]:
    """As plain JSON values; fields may be added, never renamed."""
    return {"schema_version": 1, **asdict(measured)}


def clusters(
    answers: Sequence[Sequence[Part]], recorded: Sequence[Part] | None, wanted: Predicate | None
) -> tuple[Cluster, ...]:
    """The answers by what they decide, most first; prose by what says nearly the same."""
    told = [decision(answer) for answer in answers]
    was = decision(recorded) if recorded is not None else None
    texts = [one.key for one in (*told, *([was] if was else ())) if one.kind == "text"]
    near = near_clusters(texts)

    def group_of(one: Decision) -> tuple[str, Any]:
        return one.kind, near[one.key] if one.kind == "text" else one.key

    groups: dict[tuple[tuple[str, Any], bool], list[int]] = {}
    for n, one in enumerate(told):
        same = was is not None and group_of(one) == group_of(was)
        groups.setdefault((group_of(one), same if wanted is None else wanted.holds(answers[n])), []).append(n)
    out = [
        Cluster(told[numbers[0]].words, len(numbers), counted, was is not None and group == group_of(was))
        for (group, counted), numbers in groups.items()
    ]
    return tuple(sorted(out, key=lambda one: (-one.count, one.words)))


def verdict(counted: int, answered: int, changed: bool) -> tuple[Judgement, str, float, float]:
    """(verdict, reason, the interval)."""
    low, high = wilson(counted, answered)
    start = "with the change, " if changed else ""
    if not answered:
        return "not_judged", "no answer came", low, high
    if answered < FEWEST:
        return "not_judged", f"{answered} answers are too few to tell chance from cause", low, high
    if low > 0.5:
        words = "no chance: it is what the model is told, or the model itself; --set and --model tell which"
        return "prompt", start + words, low, high
    if counted == 0:
        return "not_seen", f"{start}it was not seen: it comes in at most {high:.0%} of answers", low, high
    kind = "rarely" if high < _RARE else "at times"
    words = f"sampling: the same question leads here {kind}, and elsewhere otherwise; the prompt leaves it open"
    return "sampling", start + words, low, high
