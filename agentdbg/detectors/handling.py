"""What became of a failed or empty call: tried again with success, replaced, admitted in words, or passed over in
silence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

from agentdbg.detectors.course import Course
from agentdbg.detectors.effects import has_effect
from agentdbg.detectors.failure import failed, masked
from agentdbg.detectors.results import Good, Result, value
from agentdbg.detectors.saying import admits, says_nothing_came
from agentdbg.model import Span
from agentdbg.steps.keys import opened
from agentdbg.steps.messages import parsed_messages

Outcome = Literal["recovered", "other model", "other arguments", "fallback", "said", "unsaid", "unknown"]
"""recovered: the same call went well later; other model / other arguments: it did with these changed; fallback:
another tool or agent gave what was wanted; said: the agent says that it is missing; unsaid: it went on without a
word; unknown: no answer of the agent is recorded."""

_READ = 32
"""Answers that are read after an event to see whether one of them mentions it."""
_WHOLE = ("llm", "agent")
"""Kinds that are told apart by what they are given; steps of the program are told apart by their names as well."""


def of_tool(course: Course, result: Result, good: Good) -> Outcome:
    """The outcome of a tool call that failed or gave nothing, among the good results of the run."""
    again, same = good.again(result), good.same_call(result)
    unknown = [o for o in again if o.own_span and result.own_span and None in (result.span.input_key, o.span.input_key)]
    if unknown or any(other.agent == result.agent for other in same):
        return "recovered"
    if any(_one_stretch(course, result.span, other.span) for other in again):
        return "other arguments"
    if same or any(_stands_in(course, result, other) for other in good.next_of(result)):
        return "fallback"
    return spoken(course, result.span, result.agent, result.end, result.tool)


def of_span(course: Course, span: Span) -> Outcome:
    """The outcome of a failed span that is no tool call: a model call, an agent, a step of the program."""
    agent = course.agent(span)
    same = [other for other in course.same_well(span) if _told(other)]
    following = course.next_well(span)
    own = [other for other in same if course.agent(other) == agent and (span.kind in _WHOLE or other.name == span.name)]
    again = own or [other for other in following if _tries_again(course, span, other)]
    if again:
        return "recovered" if _same_model(span.model, again[0].model) else "other model"
    if same and span.kind in _WHOLE:
        return "fallback"
    if span.kind not in _WHOLE and any(_next_step(course, span, other) for other in following):
        return "other arguments"
    return spoken(course, span, agent, course.moment(span), None)


def spoken(course: Course, span: Span, agent: str | None, moment: int, tool: str | None) -> Outcome:
    """Whether the agent, or at last the run, admits in words that something is missing."""
    words = [course.said(model) for model in _answers_after(course, span, agent, moment)]
    texts = [said.text for said in words if said is not None]
    told = value(course.turn(span).output)
    if not texts and isinstance(told, str):
        texts.append(told)
    if any(says_nothing_came(text, tool) for text in texts if text.strip()):
        return "said"
    last = course.said(course.final) if course.final is not None and course.end(course.final) >= moment else None
    if last is not None and admits(last.text):
        return "said"
    return "unsaid" if last is not None or any(text.strip() for text in texts) else "unknown"


def worked_on(course: Course, span: Span) -> bool:
    """Whether the agent went on with its turn after this span: a later model call of the same turn went well."""
    return any(not failed(model) for model in _answers_after(course, span, course.agent(span), course.moment(span)))


def _answers_after(course: Course, span: Span, agent: str | None, moment: int) -> Iterator[Span]:
    """The next model calls of the agent's turn, and its last one; before them those of its next turns, where it opened
    a new one for each attempt."""
    turn = course.turn(span)
    for model in course.models_after(agent, moment, _READ):
        if course.turn(model) is not turn:
            if course.others_between(agent, moment, course.start(model)):
                break
            yield model
    yield from course.turn_models_after(turn, moment, _READ)


def _one_stretch(course: Course, span: Span, other: Span) -> bool:
    """Whether both belong to one stretch of the agent's work: the same turn, or turns with no other agent between."""
    if course.turn(span) is course.turn(other):
        return True
    return not course.others_between(course.agent(span), course.end(span), course.start(other))


def _told(span: Span) -> bool:
    """Whether its input has content: roles without words are no prompt."""
    return span.kind != "llm" or any(_messages(span.input or ""))


def _tries_again(course: Course, span: Span, other: Span) -> bool:
    """Whether `other`, of the same agent and kind, repeats the failed span with that input and more.

    Where inputs are not recorded, the next such span of the same stretch is taken for the repetition.
    """
    if span.kind not in _WHOLE and span.name != other.name:
        return False
    if span.kind == "llm" and span.input is not None and other.input is not None:
        return _extends(span.input, other.input)
    return None in (span.input_key, other.input_key) and _one_stretch(course, span, other)


def _next_step(course: Course, span: Span, other: Span) -> bool:
    """Whether `other` is a further step of the kind that failed, of the same agent: `Step 3` after `Step 2`."""
    return masked(span.name) == masked(other.name) and _one_stretch(course, span, other)


def _extends(earlier: str, later: str) -> bool:
    """Whether the later prompt begins with all messages of the earlier one, the system prompt aside."""
    first, second = _messages(earlier), _messages(later)
    return bool(first) and second[: len(first)] == first


def _same_model(one: str | None, other: str | None) -> bool:
    """Whether two names may mean one model: a failed call knows only the name that was asked for, without its date."""
    return not one or not other or one.startswith(other) or other.startswith(one)


@lru_cache(maxsize=512)
def _messages(text: str) -> list[Any]:
    return [message.get("parts") for message in parsed_messages(text) or [] if message.get("role") != "system"]


def _stands_in(course: Course, result: Result, other: Result) -> bool:
    """Whether another tool of the same stretch of work took the place of the one that failed: it was asked about the
    same things and only looks something up."""
    if other.tool == result.tool or has_effect(other.tool) or not _one_stretch(course, result.span, other.span):
        return False
    asked, asked_next = _scalars(result.span.input), _scalars(other.span.input)
    return asked is None or asked_next is None or not asked or bool(asked & asked_next)


@lru_cache(maxsize=4096)
def _scalars(text: str | None) -> frozenset[str] | None:
    """The words and numbers among a call's arguments, in lower case; None where they are not recorded."""
    if text is None:
        return None
    found: set[str] = set()
    stack: list[Any] = [text]
    while stack:
        at = stack.pop()
        if isinstance(at, str):
            inner = opened(at)
            if inner is at or isinstance(inner, str):
                found.update(word.lower() for word in str(inner).split() if len(word) > 2)
            else:
                stack.append(inner)
        elif isinstance(at, dict):
            stack.extend(at.values())
        elif isinstance(at, list):
            stack.extend(at)
        elif at is not None and not isinstance(at, bool):
            found.add(str(at))
    return frozenset(found)
