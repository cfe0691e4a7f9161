"""Which spans of a run give cause for suspicion by themselves: errors, errors inside good answers, empty and cut
results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agentdbg.detectors import failure, handling
from agentdbg.detectors.course import Course
from agentdbg.detectors.effects import has_effect, looks_for_trouble, looks_up
from agentdbg.detectors.failure import failed
from agentdbg.detectors.handling import Outcome
from agentdbg.detectors.results import Good, Result, results
from agentdbg.detectors.usual import ENOUGH, Usual
from agentdbg.detectors.wording import clipped
from agentdbg.model import Span, Trace
from agentdbg.steps.emptiness import cut_off, error_in_body, is_empty

Trouble = Literal["error", "error in body", "empty", "cut off"]
STRENGTH: dict[Trouble, float] = {"error": 1.0, "error in body": 0.9, "empty": 0.8, "cut off": 0.7}
WORKED_AROUND = 0.4
USUALLY_EMPTY = 0.3
"""Share of empty results in other runs from which an empty one says little."""
_LONG = 1000
_LIMIT_REACHED = frozenset(("length", "max_tokens", "max_output_tokens", "model_length"))


@dataclass(slots=True)
class Suspicion:
    """A span that may be where something went wrong, and what became of it. strength: 0 to 1. beside_others: the agent
    had other results in that turn, which hold something."""

    span: Span
    agent: str | None
    trouble: Trouble
    strength: float
    outcome: Outcome
    end: int
    tool: str | None = None
    result: Result | None = None
    beside_others: bool = False


@dataclass(slots=True)
class Findings:
    """What the tools of one run gave: every result, and those that hold something. known, empty: results that are
    recorded, and those that are empty, by tool."""

    every: list[Result]
    troubled: list[tuple[Result, Trouble]]
    good: Good
    known: Counter[str | None]
    empty: Counter[str | None]


def tool_results(course: Course, usual: Usual) -> Findings:
    """The run's tool results, sorted into troubled and good ones. Not to be changed by who asks."""
    return course.trace.once(_ToolResults(usual))


@dataclass(frozen=True, slots=True)
class _ToolResults:
    usual: Usual

    def __call__(self, trace: Trace) -> Findings:
        every = results(trace.once(Course))
        judged = [(result, trouble(result, self.usual)) for result in every]
        return Findings(
            every=every,
            troubled=[(result, found) for result, found in judged if found],
            good=Good(result for result, found in judged if not found),
            known=Counter(result.tool for result in every if result.known),
            empty=Counter(result.tool for result, found in judged if found == "empty"),
        )


def trouble(result: Result, usual: Usual) -> Trouble | None:
    """What is wrong with a tool's result by itself; None for a good one, and where none is recorded."""
    if result.own_span and failed(result.span):
        return "error"
    if not result.known:
        return None
    if error_in_body(result.value):
        return "error in body"
    if isinstance(result.value, str) and _ends_early(result.value):
        return "cut off"
    return "empty" if is_empty(result.value) and _means_nothing_found(result, usual) else None


def _ends_early(text: str) -> bool:
    """Whether a text is JSON that was cut off where it was made. Long ones, and those that end at a power of two, may
    have been cut by the instrumentation when it wrote them down."""
    length = len(text)
    recorder = length >= _LONG or any(abs(length - limit) <= 3 for limit in (128, 256, 512))
    return not recorder and cut_off(text)


def _means_nothing_found(result: Result, usual: Usual) -> bool:
    """Whether an empty result is trouble. A tool that changes something has nothing to say, one that looks for faults
    is glad of none, and a null may stand for a result that was never recorded."""
    if has_effect(result.tool) or looks_for_trouble(result.tool):
        return False
    if not _blank(result.value):
        return True
    return (looks_up(result.tool) or result.span.kind == "retriever") and usual.shows_results(result.span)


def _blank(value: object) -> bool:
    """Null, empty text, or objects of nothing but such: what stands where nothing was said. `[]` says: no rows."""
    if isinstance(value, dict):
        return all(_blank(inner) for inner in value.values())
    return value is None or (isinstance(value, str) and not value.strip())


def usually_empty(result: Result, found: Findings, usual: Usual) -> tuple[int, int] | None:
    """(empty, all) results of this tool in the other runs, where they say that an empty one is nothing unusual."""
    empty, count = usual.elsewhere(result.tool, found.known[result.tool], found.empty[result.tool])
    return (empty, count) if count >= ENOUGH and empty >= USUALLY_EMPTY * count else None


def suspicions(course: Course, usual: Usual) -> list[Suspicion]:
    """The suspicious spans of a run by the moment they ended, then span id. What went well when tried again is none."""
    found = tool_results(course, usual)
    every = [*_of_tools(course, found, usual), *_of_errors(course), *_of_answers(course)]
    every.sort(key=lambda s: (s.end, s.span.span_id))
    return [one for one in every if one.outcome not in ("recovered", "other model")]


def _of_tools(course: Course, found: Findings, usual: Usual) -> Iterator[Suspicion]:
    turns = {(result.agent, course.turn(result.span).span_id) for result in _looked_up(found.good)}
    for result, kind in found.troubled:
        outcome = handling.of_tool(course, result, found.good)
        strength = STRENGTH[kind]
        if kind == "empty" and usually_empty(result, found, usual):
            strength = 0.3
        elif outcome in ("other arguments", "fallback"):
            strength = WORKED_AROUND
        beside = (result.agent, course.turn(result.span).span_id) in turns
        yield Suspicion(result.span, result.agent, kind, strength, outcome, result.end, result.tool, result, beside)


def others_at_hand(course: Course, result: Result, good: Good) -> list[Result]:
    """The good results that the agent looked up in the same turn."""
    turn = course.turn(result.span)
    return [r for r in _looked_up(good) if r.agent == result.agent and course.turn(r.span) is turn]


def _looked_up(good: Good) -> list[Result]:
    """The good results of tools that change nothing."""
    return [result for result in good.every if not has_effect(result.tool)]


def _of_errors(course: Course) -> Iterator[Suspicion]:
    tools = {span.span_id for span in course.tools}
    seen: set[str] = set()
    for origin in course.origins:
        span = call_around(course, origin)
        if span is None or span.span_id in tools or span.span_id in seen or _is_the_run(course, span):
            continue
        seen.add(span.span_id)
        if failure.classify(span.error_type, span.error_message).name == "cancelled":
            continue
        outcome = handling.of_span(course, span)
        strength = WORKED_AROUND if outcome in ("other arguments", "fallback") else STRENGTH["error"]
        yield Suspicion(span, course.agent(span), "error", strength, outcome, course.moment(span))


def _is_the_run(course: Course, span: Span) -> bool:
    """Whether it is a root with the work below it: its error is how the run ended, not what went on from there."""
    return span.parent_id is None and span.kind not in failure.CALLS and bool(course.node(span).children)


def call_around(course: Course, origin: Span) -> Span | None:
    """The model or tool call that an error belongs to: what failed inside one, such as a request, is its own affair.

    Itself where it is such a call, lies inside none, or left the call around it; None where that call went well all the
    same.
    """
    if origin.kind in failure.CALLS:
        return origin
    around = next((a for a in course.above(origin) if a.kind in failure.CALLS or a.kind == "agent"), None)
    if around is None or around.kind == "agent":
        return origin
    if failed(around):
        return around
    return origin if course.encloses(failure.top(course.forest, origin), around) else None


def _of_answers(course: Course) -> Iterator[Suspicion]:
    for model in course.models:
        said = course.said(model)
        if failed(model) or said is None or said.asks_for:
            continue
        at_limit = (model.finish_reason or "").lower() in _LIMIT_REACHED
        json_cut = cut_off(said.text) if at_limit else _ends_early(said.text)
        if json_cut or at_limit:
            strength = STRENGTH["cut off"] if json_cut else 0.6
            outcome = handling.of_span(course, model)
            yield Suspicion(model, course.agent(model), "cut off", strength, outcome, course.moment(model))


def described(suspicion: Suspicion) -> str:
    """What happened at the span, as the middle of a sentence: `fetch_sales failed with TimeoutError: no answer in 30
    s`."""
    tool = suspicion.tool or ""
    if suspicion.trouble == "error":
        step = f"the step {suspicion.span.name}"
        who = tool or {"llm": "a model call", "agent": "the agent"}.get(suspicion.span.kind, step)
        return f"{who} failed with {clipped(failure.named(suspicion.span))}"
    if suspicion.trouble == "error in body":
        return f"{tool or 'a tool'} answered with an error under the status of success: {shown(suspicion.result)}"
    if suspicion.trouble == "empty":
        return f"{tool or 'a tool'} answered with nothing: {shown(suspicion.result)}"
    if suspicion.result is not None:
        return f"the answer of {tool or 'a tool'} was cut off: {shown(suspicion.result)}"
    return f"a model's {'JSON ' if suspicion.strength > 0.6 else ''}answer was cut off"


def shown(result: Result | None) -> str:
    """A result as short text."""
    value = result.value if result else None
    return clipped(value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str))
