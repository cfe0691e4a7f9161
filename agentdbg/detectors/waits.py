"""Who waits for whom, and how long: told by attributes, by queues that are read before they are filled, by words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agentdbg.detectors.course import Course
from agentdbg.detectors.turns import turns_of
from agentdbg.model import Reader, Span
from agentdbg.steps.messages import loaded
from agentdbg.steps.routing import plain

_TOLD = """
    SELECT trace_id, span_id, attributes, coalesce(name, '') || ' ' || coalesce(input, '') FROM spans
    WHERE attributes LIKE '%wait.for%' OR attributes LIKE '%"for"%' AND attributes LIKE '%"wait"%'
        OR regexp_matches(coalesce(name, '') || coalesce(attributes, ''), '\\b(B[LR]POP|[LR]PUSH)\\b')
    ORDER BY trace_id, start_ns, span_id
"""
_SAID = """
    WITH words AS (
        SELECT trace_id, agent, replace(lower(output), '_', ' ') AS said FROM spans
        WHERE agent IS NOT NULL AND kind IN ('llm', 'agent')
            AND regexp_matches(output, '(?i)\\b(wait|until|unless|before|once|block|stuck|depend|need|require|on hold)')
    )
    SELECT w.trace_id FROM words w JOIN (SELECT DISTINCT trace_id, agent FROM agent_turns) a
    ON w.trace_id = a.trace_id AND w.agent <> a.agent AND contains(w.said, replace(lower(a.agent), '_', ' '))
    GROUP BY w.trace_id HAVING count(DISTINCT w.agent) > 1 ORDER BY w.trace_id
"""
_QUEUE = r"\W+(?!B?[LR](?:POP|PUSH)\b)(?:(?:keys?|queue|list)\W+)?([\w:./-]+)"
_POPS, _PUSHES = re.compile(rf"\bB[LR]POP{_QUEUE}"), re.compile(rf"\b[LR]PUSH{_QUEUE}")
_FOREVER = 2**63


@dataclass(frozen=True, slots=True)
class Wait:
    """An agent that waits for another from one moment to another; `explicit` where a span says so, not words."""

    agent: str
    target: str
    start: int
    end: int
    span_id: str
    explicit: bool


def waits_by_trace(reader: Reader) -> Iterator[tuple[Course, list[Wait]]]:
    """Each judged trace in which somebody waits, with the waits by start."""
    told: dict[str, list[tuple[str, Any, str]]] = defaultdict(list)
    for trace_id, span_id, attributes, text in reader.rows(_TOLD):
        told[trace_id].append((span_id, loaded(attributes), text))
    speaking = {row[0] for row in reader.rows(_SAID)}
    for trace in reader.traces(one for one in reader.trace_ids() if one in told or one in speaking):
        course = trace.once(Course)
        found = list(_explicit(course, told.get(trace.trace_id, ())))
        if trace.trace_id in speaking:
            found += _unrecorded(_spoken(course), found)
        if found:
            yield course, sorted(found, key=lambda wait: (wait.start, wait.span_id))


def _unrecorded(spoken: Iterator[Wait], explicit: Sequence[Wait]) -> list[Wait]:
    """The waits that words tell of, without those that a span tells of as well."""
    recorded: dict[tuple[str, str], list[Wait]] = defaultdict(list)
    for wait in explicit:
        recorded[wait.agent, wait.target].append(wait)
    return [
        wait
        for wait in spoken
        if not any(one.start < wait.end and wait.start < one.end for one in recorded[wait.agent, wait.target])
    ]


def _explicit(course: Course, told: Sequence[tuple[str, Any, str]]) -> Iterator[Wait]:
    names = {plain(turn.agent): turn.agent for turn in course.trace.turns}
    fillers: dict[str, set[str]] = defaultdict(set)
    spans = [(course.forest.by_id[span_id].span, attributes, text) for span_id, attributes, text in told]
    texts = [(span, " ".join([text, *map(str, _values(attributes, "db.query.text", "db.statement"))]), attributes)
             for span, attributes, text in spans]  # fmt: skip
    for span, text, _ in texts:
        if (queue := _PUSHES.search(text)) and (agent := course.agent(span)):
            fillers[queue[1]].add(agent)
    for span, text, attributes in texts:
        targets = [names.get(plain(str(value))) for value in _values(attributes, "wait.for")]
        queue = _POPS.search(text)
        if queue and len(fillers[queue[1]]) == 1:
            targets += fillers[queue[1]]
        agent = course.agent(span)
        for target in targets:
            if agent and target and target != agent:
                end = _FOREVER if span.end_ns is None else course.end(span)
                yield Wait(agent, target, course.start(span), end, span.span_id, True)


def _values(attributes: Any, *names: str) -> Iterator[Any]:
    """The values of attributes of these names, at whatever depth and below whatever prefix."""
    stack = [("", attributes)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((f"{path}.{name}", inner) for name, inner in value.items())
        elif any(path.endswith(f".{name}") for name in names):
            yield value


def _spoken(course: Course) -> Iterator[Wait]:
    """Waits that an agent's words tell of. They last until the other one says something that is no waiting; those that
    it ended are left out."""
    agents = sorted({turn.agent for turn in course.trace.turns})
    patterns = {agent: _waiting_for(agent) for agent in agents}
    said: list[tuple[Span, str | None, list[str]]] = []
    settled: dict[str | None, int] = {}  # the last words of each agent that wait for nobody, by their number
    for i, (span, text) in enumerate(_words(course)):
        whose = course.agent(span)
        waiting = [other for other in agents if other != whose and patterns[other].search(text)]
        said.append((span, whose, waiting))
        if not waiting:
            settled[whose] = i
    for i, (span, whose, waiting) in enumerate(said):
        for other in waiting:
            if whose and max(settled.get(whose, -1), settled.get(other, -1)) < i:
                yield Wait(whose, other, course.end(span), _FOREVER, span.span_id, False)


def _words(course: Course) -> list[tuple[Span, str]]:
    """What agents said, by end; of a turn its own output only where none of its model calls tells it."""
    found = [(span, said.text) for span in course.models if (said := course.said(span)) and said.text.strip()]
    spoken = {course.turn(span).span_id for span, _ in found}
    found += [(turn.span, turn.said) for turn in turns_of(course) if turn.said and turn.span.span_id not in spoken]
    return sorted(found, key=lambda one: (course.end(one[0]), one[0].span_id))


def _waiting_for(agent: str) -> re.Pattern[str]:
    """Finds `waiting for the auditor`, `until auditor answers`, `need the figures from the auditor`."""
    name = r"[\W_]+".join(map(re.escape, re.split(r"[\W_]+", agent.strip())))
    if len(agent) > 2:
        name = f"(?i:{name})"
    return re.compile(
        rf"\b(?i:wait(?:s|ing|ed)?|blocked|blocking|stuck|depend(?:s|ing|ent)?|on hold)\b[^.!?;\n]{{0,60}}?\b{name}\b"
        rf"|\b(?i:until|unless|before|once)\s+(?i:the\s+|our\s+)?{name}\b"
        rf"|\b(?i:need|require)s?\b[^.!?;\n]{{0,60}}?\b(?i:from|by)\s+(?i:the\s+)?{name}\b"
    )
