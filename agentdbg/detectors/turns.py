"""The turns of a run's agents: what each was given, what it said, and whether it did anything but pass the work on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from agentdbg.detectors.course import Course
from agentdbg.model import Span
from agentdbg.steps.keys import canonical, masked
from agentdbg.steps.messages import delta, focus, loaded, parsed_messages, text_of
from agentdbg.steps.routing import passes_on
from agentdbg.steps.sequence import Said, Step


@dataclass(slots=True)
class Turn:
    """An unbroken stretch of one agent's work. asked, said: the task it was given and its last word, as text; None
    where not recorded. parent: the turn that encloses it. models, tools: its own calls, by start. routes: it only
    decided who is next."""

    span: Span
    agent: str
    parent: str | None
    start: int
    end: int
    asked: str | None = None
    said: str | None = None
    models: list[Span] = field(default_factory=list)
    tools: list[Span] = field(default_factory=list)
    routes: bool = False


def turns_of(course: Course) -> list[Turn]:
    """All turns of a run by start."""
    spans = course.forest.by_id
    models, tools = _by_turn(course, course.models), _by_turn(course, course.tools)
    agents = {turn.agent for turn in course.trace.turns}
    found = []
    for one in course.trace.turns:
        if one.span_id not in spans:
            continue
        span = spans[one.span_id].span
        turn = Turn(span, one.agent, one.parent_turn_id, course.start(span), course.end(span))
        turn.models, turn.tools = models.get(one.span_id, []), tools.get(one.span_id, [])
        turn.asked, turn.said = _asked(turn), _said(course, turn)
        turn.routes = not turn.tools and _routes(course, turn, agents)
        found.append(turn)
    return sorted(found, key=lambda turn: (turn.start, turn.span.span_id))


def _by_turn(course: Course, spans: list[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        found[course.turn(span).span_id].append(span)
    return found


def _asked(turn: Turn) -> str | None:
    if turn.span.kind != "llm" and turn.span.input is not None:
        return canonical(focus(turn.span.kind, loaded(turn.span.input)))
    prompt = parsed_messages(turn.models[0].input) if turn.models else None
    return text_of(delta(prompt)) or None if prompt else None


def _said(course: Course, turn: Turn) -> str | None:
    if turn.span.kind != "llm" and turn.span.output is not None:
        return canonical(focus(turn.span.kind, loaded(turn.span.output)))
    words = [said.text for model in reversed(turn.models) if (said := course.said(model)) and said.text.strip()]
    return words[0] if words else None


def _routes(course: Course, turn: Turn, agents: set[str]) -> bool:
    last = course.said(turn.models[-1]) if turn.models else None
    answer = None if turn.said is None else Said(turn.said, masked(turn.said))
    calls = last.asks_for if last else ()
    return passes_on(
        Step((turn.span.span_id,), turn.agent, "agent", None, None, answer, None, None, None, calls=calls), agents
    )
