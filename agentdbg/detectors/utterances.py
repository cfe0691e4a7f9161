"""What was said in a run, by whom and when: answers of models and, of agents without recorded models, what they gave
away. And what an agent was given to work with."""

from __future__ import annotations

import json
from dataclasses import dataclass

from agentdbg.contracts.payload import said
from agentdbg.detectors.course import Course
from agentdbg.detectors.results import value
from agentdbg.model import Span
from agentdbg.steps.keys import scalars
from agentdbg.steps.messages import parsed_messages, text_of

_READ = 16
"""Model calls of one turn whose prompts are read."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """start and end are nanoseconds. final: no tool was asked for in the same breath, whose result is still to come."""

    span: Span
    agent: str | None
    text: str
    start: int
    end: int
    final: bool


def utterances(course: Course) -> list[Utterance]:
    """By end, then span id. Mere requests for tools are said to the tool and left out."""
    models = {span.span_id for span in course.models if span.output is not None}
    turns = {turn.span_id for turn in course.trace.turns}
    turns -= {course.turn(span).span_id for span in course.models if span.output is not None}
    found = []
    for span in course.spans:
        text, final = None, True
        if span.span_id in models:
            answer = course.said(span)
            if answer is not None and (answer.text.strip() or not answer.asks_for):
                text, final = answer.text, not answer.asks_for
        elif span.span_id in turns and (given := said(span, course.trace)) is not None:
            text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
        if text is not None:
            found.append(Utterance(span, course.agent(span), text, course.start(span), course.end(span), final))
    return sorted(found, key=lambda one: (one.end, one.span.span_id))


def given_to(course: Course, turn: Span) -> list[str]:
    """All texts that a turn was given: the input of its span, and the prompts of its model calls."""
    given = [text for _, text in scalars(value(turn.input))]
    for model in course.turn_models_after(turn, course.start(turn), _READ):
        for message in parsed_messages(model.input) or []:
            given += [text for _, text in scalars(message.get("parts"))]
    return given


def task_of(course: Course, turn: Span) -> str:
    """What a turn was asked first: the first message of a user in its first prompt, else the words of its input, or of
    what encloses it; "" where none is recorded."""
    for model in course.turn_models_after(turn, course.start(turn), 1):
        for message in parsed_messages(model.input) or []:
            if message.get("role") == "user" and (text := text_of([message]).strip()):
                return text
    for span in (turn, *course.above(turn)):
        if span.kind != "tool" and (texts := [text for _, text in scalars(value(span.input))]):
            return "\n".join(texts)
    return ""
