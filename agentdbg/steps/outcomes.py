"""What came of doing the same again: nothing new (stuck), something new in the end (polled), or progress."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from agentdbg.steps.demand import demanded, nothing_new
from agentdbg.steps.emptiness import error_in_body, is_empty
from agentdbg.steps.interruptions import shingles
from agentdbg.steps.keys import content_words, opened
from agentdbg.steps.routing import is_transfer
from agentdbg.steps.sequence import Said, Step

Verdict = Literal["stuck", "polled", "progress", "parallel"]
Text = Callable[[Said], str]

_ALIKE = 0.8  # share of outcomes that must have been there before
_BESIDE = 0.2  # share of steps that may have begun before the step a lap earlier ended
_QUOTED = 0.5  # share of a demand's shingles that the next lap must read
_WAITING = re.compile(
    r"heart_?beat|ping$|^ping|keep_?alive|health|poll|\bwait|sleep|status|progress|is_?(?:ready|done|complete|alive)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Steps [start, end) of a sequence, in which `period` steps come `laps` times."""

    start: int
    end: int
    period: int
    laps: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(slots=True)
class _Tally:
    same: int = 0
    compared: int = 0
    last_new: int = -1  # index of the last tool call whose result had not been there before


def verdict(steps: Sequence[Step], stretch: Stretch, text: Text, outcome: Text) -> tuple[Verdict, bool]:
    """(verdict, whether outcomes were compared) of a stretch whose steps are the same by `text`.

    outcome: the text by which what came of them is compared; it knows the step after the stretch as well.
    """
    if _beside(steps, stretch):
        return "parallel", True
    tally, contexts = _compared(steps, stretch, text, outcome)
    if tally.same < _ALIKE * tally.compared:
        return "progress", True
    if tally.last_new >= stretch.end - stretch.period and _is_success(steps[tally.last_new]):
        return "polled", True
    if _news_after(steps, stretch, outcome, contexts) or _came_at_last(steps, stretch, text, outcome):
        return "polled", True
    return "stuck", tally.compared > 0


def leave_to_others(steps: Sequence[Step], stretch: Stretch) -> bool:
    """Whether tools alone repeat, in a way that is no agent's loop: retries after errors, polling and heartbeats by
    code, calls that are merely acknowledged, one call in each of several turns, and all that code does beside agents
    whose model calls are recorded."""
    inside = steps[stretch.start : stretch.end]
    if any(step.op != "tool" for step in inside):
        return False
    if stretch.period == 1 and sum(step.error is not None for step in inside) >= _ALIKE * (len(inside) - 1):
        return True
    if any(waits(step.name) for step in inside):
        return True
    if stretch.period == 1 and all(one.turn_id != other.turn_id for one, other in pairwise(inside)):
        return True
    if all(step.answered and acknowledges(step.answered) and not _lists(step.answered) for step in inside):
        return True
    agents = {step.agent for step in inside}
    return any(step.op == "llm" and step.agent in agents for step in steps)


def waits(tool: str | None) -> bool:
    """Whether asking again is what a tool is for, by its name: `job_status`, `poll_queue`, `heartbeat`."""
    return bool(_WAITING.search(tool or ""))


def growth(steps: Sequence[Step], stretch: Stretch) -> Literal["none", "constant", "uneven"]:
    """How the prompts of the model calls in a cycle grow from lap to lap. A loop adds the same words again and again,
    work on different things does not. "none" also where prompt sizes are not recorded."""
    kinds = set()
    for offset in range(stretch.period):
        sizes = [step.input_tokens for step in steps[stretch.start + offset : stretch.end : stretch.period]]
        known = [size for size in sizes if size is not None]
        grown = [b - a for a, b in pairwise(known)]
        if len(grown) < 3:
            continue
        usual = median(grown)
        if sum(abs(g - usual) <= max(2, 0.05 * abs(usual)) for g in grown) < 0.75 * len(grown):
            return "uneven"
        kinds.add(usual > 2)
    return "constant" if True in kinds else "none"


def demand_stands(steps: Sequence[Step], stretch: Stretch) -> int:
    """Laps of a cycle of several agents that gets nowhere, in whatever words; 0 where it may get somewhere.

    Either one agent answers every time that it needs the same, and the next lap starts from that answer; or nobody does
    anything but pass the work on.
    """
    inside = steps[stretch.start : stretch.end]
    if len({step.agent for step in inside if step.agent}) < 2 or _beside(steps, stretch):
        return 0
    best = stretch.laps if all(is_transfer(step) for step in inside) else 0
    for offset in range(stretch.period):
        places = range(stretch.start + offset, stretch.end, stretch.period)
        if steps[places[0]].op in ("llm", "agent") and not steps[places[0]].act:
            best = max(best, _laps_of_demand(steps, places))
    return best


def _laps_of_demand(steps: Sequence[Step], places: Sequence[int]) -> int:
    demands = [
        demanded(step.answered.exact, step.asked.exact if step.asked else None) if step.answered else None
        for step in (steps[i] for i in places)
    ]
    made = sum(demand is not None for demand in demands)
    if made < _ALIKE * len(places) or nothing_new(demands) < _ALIKE * (made - 1):
        return 0
    driven, known = _driven(steps, places)
    if known and driven < _ALIKE * known:
        return 0
    return made if known or made >= 5 else 0


def _driven(steps: Sequence[Step], places: Sequence[int]) -> tuple[int, int]:
    """(laps that start from the answer before them or from the same as an earlier lap, laps of which it is known)."""
    driven = known = 0
    earlier: set[str] = set()
    for i in places[:-1]:
        answer = steps[i].answered
        reader = next((step for step in steps[i + 1 :] if step.op in ("llm", "agent")), None)
        if answer is None or reader is None or reader.asked is None:
            continue
        known += 1
        words, read = shingles(answer.exact), set(shingles(reader.asked.exact))
        quoted = sum(shingle in read for shingle in words) >= _QUOTED * len(words)
        driven += quoted or reader.asked.masked in earlier
        earlier.add(reader.asked.masked)
    return driven, known


def _beside(steps: Sequence[Step], stretch: Stretch) -> bool:
    """Whether laps ran beside each other: votes, hedged requests, maps in parallel."""
    overlaps = 0
    for i in range(stretch.start, stretch.end - stretch.period):
        end, start = steps[i].end_ns, steps[i + stretch.period].start_ns
        begun = steps[i].start_ns
        if end is None or start is None or begun is None:
            continue
        overlaps += start < end - _BESIDE * (end - begun)
    return overlaps > _BESIDE * (stretch.length - stretch.period)


def _compared(
    steps: Sequence[Step], stretch: Stretch, text: Text, outcome_text: Text
) -> tuple[_Tally, dict[str | None, set[str]]]:
    """How many outcomes had been there before for the same question; and what each agent's model had before it."""
    tally = _Tally()
    before: dict[Hashable, set[str]] = {}
    asked: dict[Hashable, set[str]] = {}
    contexts: dict[str | None, set[str]] = {}
    for i in range(stretch.start, stretch.end):
        step = steps[i]
        by_model = step.op in ("llm", "agent")
        if step.outcome is None or step.told_by is None:
            continue
        if by_model and i < stretch.start + stretch.period:
            continue  # what set off the first lap came from outside
        question, outcome = (step.shape, text(step.told_by)), outcome_text(step.outcome)
        seen, ways = before.setdefault(question, set()), asked.setdefault(question, set())
        if by_model:
            contexts.setdefault(step.agent, set()).add(outcome)
        if seen:
            tally.compared += 1
            again = outcome in seen and (by_model or step.told_by.masked in ways or not acknowledges(step.outcome))
            tally.same += again
            if not again and not by_model:
                tally.last_new = i
        seen.add(outcome)
        ways.add(step.told_by.masked)
    return tally, contexts


def acknowledges(outcome: Said) -> bool:
    """A few words such as "saved", which any call gets: no sign that two calls in other words are the same."""
    value = opened(outcome.exact)
    return not is_empty(value) and len(content_words(value)) < 3


def _lists(outcome: Said) -> bool:
    """Whether a result has rows, be they as short as `["a"]`: an answer, no acknowledgement. The blocks in which
    protocols wrap any text (`[{"type": "text", "text": "saved"}]`) are no rows."""
    value = opened(outcome.exact)
    return any(
        isinstance(rows, list) and any(not (isinstance(row, dict) and "type" in row) for row in rows)
        for rows in (value, *(value.values() if isinstance(value, dict) else ()))
    )


def _is_success(step: Step) -> bool:
    if step.error or step.answered is None:
        return False
    return not is_empty(step.answered.exact) and error_in_body(step.answered.exact) is None


def _news_after(
    steps: Sequence[Step], stretch: Stretch, outcome_text: Text, contexts: dict[str | None, set[str]]
) -> bool:
    """Whether the model that went on after the stretch read a result that no lap had brought."""
    after = steps[stretch.end] if stretch.end < len(steps) else None
    if after is None or after.op != "llm" or not after.reads or after.asked is None:
        return False
    known = contexts.get(after.agent)
    if not known or outcome_text(after.asked) in known:
        return False
    return not any(is_empty(result) or error_in_body(result) for result in after.reads)


def _came_at_last(steps: Sequence[Step], stretch: Stretch, text: Text, outcome_text: Text) -> bool:
    """Whether a call of the laps, made once more in the part of a lap that follows, brought what no lap had brought."""
    before: dict[Hashable, set[str]] = {}
    for step in steps[stretch.start : stretch.end]:
        if step.op == "tool" and step.told_by and step.outcome:
            before.setdefault((step.shape, text(step.told_by)), set()).add(outcome_text(step.outcome))
    for step in steps[stretch.end : stretch.end + stretch.period]:
        if step.op == "tool" and step.told_by and step.outcome:
            known = before.get((step.shape, text(step.told_by)))
            if known and outcome_text(step.outcome) not in known and _is_success(step):
                return True
    return False
