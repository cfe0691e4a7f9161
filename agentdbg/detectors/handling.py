"""What became of a failed or empty call: tried again with success, replaced, admitted in words, or passed over in
silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from agentdbg.detectors.course import Course
from agentdbg.detectors.effects import has_effect
from agentdbg.detectors.failure import failed, masked
from agentdbg.detectors.results import Result, value
from agentdbg.detectors.saying import admits, says_nothing_came
from agentdbg.model import Span
from agentdbg.steps.keys import opened
from agentdbg.steps.messages import parsed_messages

Outcome = Literal["recovered", "other model", "other arguments", "fallback", "said", "unsaid", "unknown"]
"""recovered: the same call went well later; other model / other arguments: it did with these changed; fallback:
another tool or agent gave what was wanted; said: the agent says that it is missing; unsaid: it went on without a
word; unknown: no answer of the agent is recorded."""


def of_tool(course: Course, result: Result, good: list[Result]) -> Outcome:
    """The outcome of a tool call that failed or gave nothing. `good` are the results of the run that hold something."""
    later = [other for other in good if other.start >= result.end and other.span is not result.span]
    again = [other for other in later if other.tool == result.tool and other.agent == result.agent]
    if any(_same_input(result.span, other.span) and result.own_span and other.own_span for other in again):
        return "recovered"
    if any(_one_stretch(course, result.span, other.span) for other in again):
        return "other arguments"
    if any(_stands_in(course, result, other) for other in later):
        return "fallback"
    return spoken(course, result.span, result.agent, result.end, result.tool)


def of_span(course: Course, span: Span) -> Outcome:
    """The outcome of a failed span that is no tool call: a model call, an agent, a step of the program."""
    moment, agent = course.moment(span), course.agent(span)
    later = [o for o in course.spans if o.kind == span.kind and course.start(o) >= moment and not failed(o)]
    for other in later:
        if course.agent(other) == agent and _tries_again(course, span, other):
            return "recovered" if _same_model(span.model, other.model) else "other model"
        if _known_equal(span, other) and span.kind in ("llm", "agent"):
            return "fallback"
    if span.kind not in ("llm", "agent") and any(_next_step(course, span, other) for other in later):
        return "other arguments"
    return spoken(course, span, agent, moment, None)


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
    """The later model calls of the agent's turn; of its next turn where it had opened a new one for each attempt."""
    turn = course.turn(span)
    for model in course.models:
        if course.start(model) < moment or course.agent(model) != agent:
            continue
        if course.turn(model) is turn or not _others_between(course, agent, moment, course.start(model)):
            yield model


def _others_between(course: Course, agent: str | None, start: int, end: int) -> bool:
    """Whether another agent called a model or a tool between two moments."""
    return any(
        span.kind in ("llm", "tool", "retriever") and start <= course.start(span) < end and course.agent(span) != agent
        for span in course.spans
    )


def _one_stretch(course: Course, span: Span, other: Span) -> bool:
    """Whether both belong to one stretch of the agent's work: the same turn, or turns with no other agent between."""
    if course.turn(span) is course.turn(other):
        return True
    return not _others_between(course, course.agent(span), course.end(span), course.start(other))


def _same_input(span: Span, other: Span) -> bool:
    return span.input_key == other.input_key or None in (span.input_key, other.input_key)


def _known_equal(span: Span, other: Span) -> bool:
    if span.input_key is None or span.input_key != other.input_key:
        return False
    return span.kind != "llm" or any(_messages(span.input or ""))  # roles without words are no prompt


def _tries_again(course: Course, span: Span, other: Span) -> bool:
    """Whether `other`, of the same agent and kind, repeats the failed span: the same input, or that input and more.

    Where inputs are not recorded, the next such span of the same stretch is taken for the repetition.
    """
    if span.kind not in ("llm", "agent") and span.name != other.name:
        return False
    if _known_equal(span, other):
        return True
    if span.kind == "llm" and span.input is not None and other.input is not None:
        return _extends(span.input, other.input)
    return None in (span.input_key, other.input_key) and _one_stretch(course, span, other)


def _next_step(course: Course, span: Span, other: Span) -> bool:
    """Whether `other` is a further step of the kind that failed, of the same agent: `Step 3` after `Step 2`."""
    same_name = masked(span.name) == masked(other.name)
    return same_name and course.agent(other) == course.agent(span) and _one_stretch(course, span, other)


def _extends(earlier: str, later: str) -> bool:
    """Whether the later prompt begins with all messages of the earlier one, the system prompt aside."""
    first, second = _messages(earlier), _messages(later)
    return bool(first) and second[: len(first)] == first


def _same_model(one: str | None, other: str | None) -> bool:
    """Whether two names may mean one model: a failed call knows only the name that was asked for, without its date."""
    return not one or not other or one.startswith(other) or other.startswith(one)


def _messages(text: str) -> list[Any]:
    return [message.get("parts") for message in parsed_messages(text) or [] if message.get("role") != "system"]


def _stands_in(course: Course, result: Result, other: Result) -> bool:
    """Whether another tool of the same stretch of work took the place of the one that failed: it was asked about the
    same things and only looks something up. The same call made by another agent stands in as well."""
    if other.agent != result.agent:
        return other.tool == result.tool and _known_equal(result.span, other.span)
    if other.tool == result.tool or has_effect(other.tool) or not _one_stretch(course, result.span, other.span):
        return False
    asked, asked_next = _scalars(result.span.input), _scalars(other.span.input)
    return asked is None or asked_next is None or not asked or bool(asked & asked_next)


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
