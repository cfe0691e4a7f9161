"""What was said in a run, by whom and when: answers of models and, of agents without recorded models, what they gave
away."""

from __future__ import annotations

import json
from dataclasses import dataclass

from agentdbg.contracts.payload import said
from agentdbg.detectors.course import Course
from agentdbg.model import Span


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
