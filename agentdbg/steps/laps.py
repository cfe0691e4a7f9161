"""Cycles: stretches in which agents do the same steps again, told apart from polling, progress, fan-out and maps.

A stretch is found by what was decided and asked, and judged by what came of it: an outcome that was there before is no
progress. Two steps are the same at one of five levels:

exact     the same inputs and outputs
masked    the same but for ids and times
near      nearly the same words about the same things
demand    other words, but the answer that sets off the next lap asks for the same again, or nobody does any work
blind     payloads are not recorded; agents, tools, finish reasons and token counts are the same
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentdbg.model import Trace
from agentdbg.steps.interruptions import after_person
from agentdbg.steps.keys import near_clusters
from agentdbg.steps.outcomes import Stretch, Text, Verdict, demand_stands, growth, leave_to_others, verdict
from agentdbg.steps.repeats import gapped, runs
from agentdbg.steps.sequence import Step, lanes_of, turns_of

Level = Literal["exact", "masked", "near", "demand", "blind"]
CERTAIN: tuple[Level, ...] = ("exact", "masked")
_Sort = tuple[str, str | None]
LEVELS: tuple[Level, ...] = ("exact", "masked", "near", "demand", "blind")
_TELLING = 8  # tokens of an answer from which it tells something that two answers are equally long
_MOSTLY = 0.7  # share of a stretch with gaps that the steps of its cycle make up
_LONGER = 1.25  # a stretch that is only likely replaces certain ones inside it when it is longer than that times


@dataclass(frozen=True, slots=True)
class Limits:
    """Laps from which a stretch counts: of one step, of several, and where nothing but the structure is recorded."""

    single: int = 4
    several: int = 3
    blind_single: int = 5
    blind_several: int = 4

    def reached(self, laps: int, period: int, blind: bool) -> bool:
        if blind:
            return laps >= (self.blind_single if period == 1 else self.blind_several)
        return laps >= (self.single if period == 1 else self.several)


@dataclass(frozen=True, slots=True)
class Cycle:
    """A cycle of `period` steps that ran `laps` times. `steps` are all its steps in order, with those between.

    verdict: stuck, or polled where the last outcome was new. proven: outcomes were recorded and compared; without, the
    steps themselves are all that is known to be the same. grows: prompts grow by about the same in each lap.
    elsewhere: how often the same agents went round in the same steps about something else, for fewer laps.
    """

    steps: tuple[Step, ...]
    period: int
    laps: int
    level: Level
    verdict: Verdict
    proven: bool
    grows: bool = False
    elsewhere: int = 0

    @property
    def lap(self) -> tuple[Step, ...]:
        """The first lap."""
        return self.steps[: self.period]

    @property
    def last_lap(self) -> tuple[Step, ...]:
        """The last whole lap, step for step beside the first."""
        whole = len(self.steps) // self.period * self.period
        return self.steps[whole - self.period : whole]

    @property
    def span_ids(self) -> list[list[str]]:
        """The spans of each lap, one for each step; the last lap may be a part of one."""
        every = range(0, len(self.steps), self.period)
        return [[step.span_id for step in self.steps[begun : begun + self.period]] for begun in every]

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents of a lap in the order they come on."""
        return tuple(dict.fromkeys(step.agent for step in self.lap if step.agent))

    @property
    def form(self) -> tuple[tuple[str, str, str], ...]:
        """Agents and operations of a lap, wherever it is said to begin."""
        core = tuple(map(_core, self.lap))
        return min(core[i:] + core[:i] for i in range(len(core)))


def cycles_of(trace: Trace, limits: Limits = Limits()) -> list[Cycle]:
    """The cycles of a trace by first step, one for each cause: what overlaps or recurs is one cycle.

    Where model calls and tools record no payloads, the turns of agents are looked at, and failing that the structure.
    """
    lanes = trace.once(lanes_of)
    found: list[Cycle] = []
    for lane in lanes:
        seen = {span_id for cycle in found for step in cycle.steps for span_id in step.span_ids}
        fresh = (cycle for cycle in _cycles(lane, limits) if not any(s.span_id in seen for s in cycle.steps))
        found.extend(fresh)
    if any(cycle.level != "blind" for cycle in found) or any(s.op == "llm" and s.answered for s in lanes[0]):
        return found
    turns = turns_of(trace)
    if _is_told(turns) or not (found or any(step.told_by or step.output_tokens for step in lanes[0])):
        return _cycles(turns, limits)
    return found


def _is_told(steps: Sequence[Step]) -> bool:
    return any(step.told_by for step in steps)


def _cycles(steps: Sequence[Step], limits: Limits) -> list[Cycle]:
    blind = {_sort(step) for step in steps} - {_sort(step) for step in steps if step.told_by}
    found: list[Cycle] = []
    for part in _undisturbed(steps):
        found.extend(_cycles_of_part(part, blind, limits))
    merged: list[Cycle] = []
    for cycle in sorted(found, key=_begin):
        same = next((i for i, known in enumerate(merged) if _is_same_cause(known, cycle)), None)
        if same is None:
            merged.append(cycle)
        else:
            merged[same] = _together(merged[same], cycle)
    return _one_of_each_form(merged)


def _begin(cycle: Cycle) -> tuple[int, str]:
    return (cycle.steps[0].start_ns or 0, cycle.steps[0].span_id)


def _is_same_cause(one: Cycle, other: Cycle) -> bool:
    """The same steps, about the same or with the same demand: a loop that was left for a while and taken up again."""
    if (one.form, one.verdict) != (other.form, other.verdict):
        return False
    told = [{step.told_by.masked for step in cycle.steps if step.told_by} for cycle in (one, other)]
    return {one.level, other.level} <= {"demand", "blind"} or not told[0].isdisjoint(told[1])


def _one_of_each_form(cycles: Sequence[Cycle]) -> list[Cycle]:
    forms: dict[Hashable, list[Cycle]] = {}
    for cycle in cycles:
        forms.setdefault((cycle.form, cycle.verdict), []).append(cycle)
    longest = (max(alike, key=lambda cycle: cycle.laps) for alike in forms.values())
    kept = (replace(cycle, elsewhere=len(forms[cycle.form, cycle.verdict]) - 1) for cycle in longest)
    return sorted(kept, key=_begin)


def _undisturbed(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Stretches in which no person spoke."""
    begun = 0
    for i, spoken in enumerate(after_person(steps)):
        if spoken:
            yield steps[begun:i]
            begun = i
    yield steps[begun:]


def _together(one: Cycle, other: Cycle) -> Cycle:
    looser = max(one.level, other.level, key=LEVELS.index)
    return replace(
        one,
        steps=one.steps + other.steps,
        laps=one.laps + other.laps,
        level=looser,
        proven=one.proven and other.proven,
    )


def _cycles_of_part(steps: Sequence[Step], blind: Collection[_Sort], limits: Limits) -> list[Cycle]:
    coarse = _stretches([_core(step) for step in steps], limits)
    if not coarse:
        return []
    chosen: list[tuple[Stretch, Cycle]] = []
    for level, text in _levels(steps, coarse):
        for stretch in _stretches(_symbols(steps, text, blind), limits):
            if _is_free(stretch, level, chosen) and (cycle := _judged(steps, stretch, level, text, limits)):
                _choose(stretch, cycle, chosen)
    for stretch in coarse:
        laps = demand_stands(steps, stretch) if stretch.period > 1 and _is_free(stretch, "demand", chosen) else 0
        if limits.reached(laps, stretch.period, blind=False):
            inside = tuple(steps[stretch.start : stretch.end])
            _choose(stretch, Cycle(inside, stretch.period, laps, "demand", "stuck", True), chosen)
    return [cycle for _, cycle in chosen]


def _stretches(symbols: Sequence[Hashable], limits: Limits) -> list[Stretch]:
    """Repetitions, exact ones and those with gaps, the longest first."""
    least = min(limits.single, limits.several)
    found = {Stretch(*run, run.laps) for run in runs(symbols) if run.laps >= least}
    whole = {(stretch.start, stretch.end) for stretch in found}
    gaps = (Stretch(gap.start, gap.end, gap.period, gap.laps) for gap in gapped(symbols, least))
    found |= {gap for gap in gaps if (gap.start, gap.end) not in whole and _is_one_cycle(symbols, gap)}
    return sorted(found, key=lambda s: (-s.length, s.period, s.start))


def _is_one_cycle(symbols: Sequence[Hashable], gap: Stretch) -> bool:
    """Whether a stretch with gaps is one cycle with other steps between, not two cycles in a row."""
    usual = Counter(symbols[gap.start : gap.end]).most_common(gap.period)
    return sum(count for _, count in usual) >= _MOSTLY * gap.length


def _levels(steps: Sequence[Step], coarse: Sequence[Stretch]) -> Iterator[tuple[Level, Text]]:
    """The levels at which payloads are compared. The last is dear: only steps of a kind that repeats take part, and
    outcomes only when a stretch is judged."""
    yield "exact", lambda said: said.exact
    yield "masked", lambda said: said.masked
    taken = {i for stretch in coarse for i in range(stretch.start, stretch.end)}
    cluster = near_clusters([told.masked for i in sorted(taken) if (told := steps[i].told_by)])
    yield "near", lambda said: f"{cluster.get(said.masked, said.masked)}"


def _outcome_text(steps: Sequence[Step], level: Level, text: Text) -> Text:
    if level != "near":
        return text
    cluster = near_clusters([step.outcome.masked for step in steps if step.outcome])
    return lambda said: f"{cluster[said.masked]}"


def _symbols(steps: Sequence[Step], text: Text, blind: Collection[_Sort]) -> list[Hashable]:
    return [
        (step.shape, text(step.told_by)) if step.told_by else _blind_symbol(step) if _sort(step) in blind else i
        for i, step in enumerate(steps)
    ]


def _blind_symbol(step: Step) -> Hashable:
    """For kinds of steps that this trace never records; of a kind that it records elsewhere, absence equals nothing."""
    if step.error:
        return object()
    return ("blind", _core(step), step.finish_reason, step.output_tokens)


def _judged(steps: Sequence[Step], stretch: Stretch, level: Level, text: Text, limits: Limits) -> Cycle | None:
    inside = tuple(steps[stretch.start : stretch.end])
    if leave_to_others(steps, stretch):
        return None
    if not _is_told(inside[: stretch.period]):
        if level != "exact" or not _is_structure(steps, stretch):
            return None
        judgement: tuple[Verdict, bool] = ("stuck", False)
        level = "blind"
    else:
        judgement = verdict(steps, stretch, text, _outcome_text(steps[stretch.start : stretch.end + 1], level, text))
    if judgement[0] not in ("stuck", "polled") or not limits.reached(stretch.laps, stretch.period, not judgement[1]):
        return None
    grows = growth(steps, stretch) == "constant"
    return Cycle(inside, stretch.period, stretch.laps, level, *judgement, grows)


def _is_structure(steps: Sequence[Step], stretch: Stretch) -> bool:
    """Whether a stretch without payloads shows enough: equal token counts, or several agents that take turns."""
    inside = steps[stretch.start : stretch.end]
    if any(step.op == "agent" for step in inside):
        return stretch.period > 1 and stretch.length >= 6
    answers = [step.output_tokens for step in inside if step.op == "llm"]
    if None in answers:
        return False
    grown = growth(steps, stretch)
    several = len({step.agent for step in inside}) > 1
    telling = not answers or max(count or 0 for count in answers) >= _TELLING or (several and grown == "constant")
    return telling and grown != "uneven"


def _is_free(stretch: Stretch, level: Level, chosen: Sequence[tuple[Stretch, Cycle]]) -> bool:
    """Whether nothing found at a stricter level lies there, or only so little that this stretch explains it all."""
    over = [known for known in chosen if known[0].start < stretch.end and stretch.start < known[0].end]
    if not over:
        return True
    surer = any(cycle.level in CERTAIN for _, cycle in over) and level not in CERTAIN
    lengths = [other.length for other, _ in over]
    return stretch.length > (_LONGER if surer else 1) * max(lengths) and stretch.length >= sum(lengths)


def _choose(stretch: Stretch, cycle: Cycle, chosen: list[tuple[Stretch, Cycle]]) -> None:
    chosen[:] = [(other, known) for other, known in chosen if other.end <= stretch.start or stretch.end <= other.start]
    chosen.append((stretch, cycle))


def _sort(step: Step) -> _Sort:
    """What an instrumentation records or leaves out as a whole: some leave out answers that only call tools."""
    return (step.op, step.finish_reason)


def _core(step: Step) -> tuple[str, str, str]:
    return step.shape[:3]
