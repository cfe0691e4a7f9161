"""What a loop stands still at, in its own words, and what would have ended it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from agentdbg.detectors.effects import gives_answer
from agentdbg.detectors.failure import LASTING, classify
from agentdbg.detectors.wording import clipped, counted
from agentdbg.model import Trace
from agentdbg.steps.demand import demanded
from agentdbg.steps.emptiness import error_in_body, is_empty
from agentdbg.steps.keys import opened
from agentdbg.steps.laps import Cycle
from agentdbg.steps.routing import is_transfer
from agentdbg.steps.sequence import Step

_MOSTLY = 0.8  # share of the laps in which it must come out the same


@dataclass(frozen=True, slots=True)
class Standstill:
    """Where a loop stands still. step: the first that shows it; times: how often it came out so."""

    kind: Literal["failed", "empty", "same", "transfers", "demand", "said", "unknown"]
    step: Step | None = None
    times: int = 0


def standstill(cycle: Cycle, agent: str | None) -> Standstill:
    """What the laps of a cycle have in common that keeps them going. agent: the one at fault."""
    if all(is_transfer(step) for step in cycle.steps):
        return Standstill("transfers", cycle.steps[0], cycle.laps)
    said = [step for step in cycle.steps if step.agent == agent and step.op != "tool" and step.answered]
    words = [step for step in said if not step.calls]
    if words and (cycle.level == "demand" or demanded(words[0].answered.exact, None) is not None):  # type: ignore[union-attr]  # they have one
        return Standstill("demand", words[0], len(words))
    found = [one for alike in _calls(cycle.steps) if (one := _of_calls(alike, cycle.laps))]
    if found:
        return min(found, key=lambda one: (("failed", "empty", "same").index(one.kind), one.step.start_ns or 0))  # type: ignore[union-attr]  # each has a step
    return Standstill("said", words[0], len(words)) if words else Standstill("unknown")


def told(still: Standstill) -> str:
    """What came of the call that repeats, in a sentence; nothing where the loop's own words say it."""
    if still.step is None or still.kind not in ("failed", "empty", "same"):
        return ""
    call = f"{still.step.name}({_asked(still.step)})"
    if still.kind != "failed":
        return f"{call} came back {counted(still.times, 'time')} with {_came_back(still.step)}."
    error = failure(still.step) or ""
    kind = _kind(error)
    hope = f"; an error of this kind ({kind}) does not go away by itself" if kind in LASTING else ""
    return f"{call} failed {counted(still.times, 'time')}: {clipped(error, 120)}{hope}."


def advice(trace: Trace, cycle: Cycle, agent: str | None, ceiling: int) -> str:
    """What would have ended this loop: at what it stands still, and after how many turns."""
    return " ".join(
        filter(None, (_cure(standstill(cycle, agent), agent or "the agent"), _bound(trace, cycle, agent, ceiling)))
    )


def failure(step: Step) -> str | None:
    """The error of a step: its own, or one that a tool returned as its result."""
    if step.error:
        return step.error
    return error_in_body(step.answered.exact) if step.op == "tool" and step.answered else None


def cure_of_failure(call: str, kind: str) -> str:
    """What to do about a call that is tried again and again with an error of this class."""
    if kind in LASTING:
        return f"Let the first {kind} error of {call} end the work or go to a person: asking again cannot help."
    return (
        f"Retry {call} in code, with pauses that double, three times at most, and only what can go away (timeouts, 429,"
        " 5xx); then hand the task to an error handler or a dead letter queue."
    )


def _cure(still: Standstill, agent: str) -> str:
    step = still.step
    if step is None:
        return "No condition ends this that does not depend on the agents themselves: define what a finished result is."
    if still.kind == "failed":
        return cure_of_failure(step.name or "the call", _kind(failure(step) or ""))
    if still.kind == "empty":
        return (
            f"Let {step.name} say that there is nothing for {_asked(step)}, and what to try instead, and refuse the"
            " same call a third time."
        )
    if still.kind == "same":
        return (
            f"Let {step.name} say that it has answered {_asked(step)} already, and refuse the same call a third time."
        )
    if still.kind == "transfers":
        return "Name one agent that must do this work or refuse it, and refuse a transfer back."
    words = clipped(step.answered.exact.strip('"'), 80) if step.answered else ""
    if still.kind == "demand":
        return (
            f'Nobody meets what {agent} asks for ("{words}"): say who answers such a demand, and end the work where'
            " nobody can."
        )
    return (
        f'{agent} says the same again ("{words}"): define a status that ends the work, and let code, not an agent, look'
        " at it."
    )


def _bound(trace: Trace, cycle: Cycle, agent: str | None, ceiling: int) -> str:
    """After how many rounds, or model calls of the one agent, it should have been stopped."""
    if len(cycle.agents) > 1:
        most = min(3, cycle.laps - 1)
        return (
            f"Stop {' and '.join(cycle.agents)} after {counted(most, 'round')} without news: of {cycle.laps}, the first"
            " was the last that brought any."
        )
    begun = cycle.steps[0].start_ns
    used, each = (sum(step.op == "llm" for step in part) for part in (cycle.steps, cycle.lap))
    if agent is None or not each or begun is None:
        return "Set max_turns to 5 to 8, and add a breaker on a repeated pattern over the last 3 steps."
    before = sum(call.agent == agent and (call.start_ns or 0) < begun for call in trace.calls)
    useful, every = before + each, before + used
    return (
        f"Set max_turns of {agent} to {max(useful + each, min(ceiling, every - 1))}: of its {every} model calls up to"
        f" the end of the loop, number {useful} was the last that brought anything new."
    )


def _calls(steps: Sequence[Step]) -> list[list[Step]]:
    """The calls of tools that do work, those with the same arguments together."""
    alike: dict[Hashable, list[Step]] = defaultdict(list)
    for step in steps:
        works = step.op == "tool" and not is_transfer(step) and not gives_answer(step.name)
        if works and step.asked is not None:
            alike[step.shape, step.asked.masked].append(step)
    return list(alike.values())


def _of_calls(calls: Sequence[Step], laps: int) -> Standstill | None:
    if len(calls) < _MOSTLY * laps:
        return None
    if (errors := sum(failure(call) is not None for call in calls)) >= _MOSTLY * len(calls):
        return Standstill("failed", next(call for call in calls if failure(call)), errors)
    results = [call.answered.masked for call in calls if call.answered]
    if not results or len(set(results)) > 1:
        return None
    first = next(call for call in calls if call.answered)
    return Standstill("empty" if is_empty(_result(first)) else "same", first, len(results))


def _result(step: Step) -> object:
    return opened(step.answered.exact) if step.answered else None


def _asked(step: Step) -> str:
    return clipped(step.asked.exact, 60) if step.asked else ""


def _came_back(step: Step) -> str:
    result = clipped(step.answered.exact, 60) if step.answered else "nothing"
    return result if result.startswith(("{", "[", '"')) else f'"{result}"'


def _kind(error: str) -> str:
    name, _, words = error.partition(": ")
    return (classify(name, words) if words else classify(None, error)).name
