"""loop.turns: an agent that keeps calling its model, with nothing that stops it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from agentdbg.detectors import spending
from agentdbg.detectors.course import Course
from agentdbg.detectors.effects import has_effect, looks_up, may_change
from agentdbg.detectors.failure import classify, named
from agentdbg.detectors.wording import clipped, counted, duration, usage
from agentdbg.model import Evidence, Finding, Reader, Severity, Skipped, Span
from agentdbg.steps.emptiness import error_in_body, is_empty
from agentdbg.steps.interruptions import after_person
from agentdbg.steps.messages import parsed_messages, text_of
from agentdbg.steps.novelty import Novelty
from agentdbg.steps.outcomes import acknowledges, waits
from agentdbg.steps.sequence import Step, lanes_of

_CANDIDATES = """
    SELECT DISTINCT trace_id FROM spans WHERE status = 'error' AND regexp_matches(
        coalesce(error_type, '') || ' ' || coalesce(error_message, ''), '(?i)limit|max|exceed')
    UNION SELECT trace_id FROM llm_calls GROUP BY trace_id, agent HAVING count(*) > $few
    UNION SELECT trace_id FROM spans WHERE is_call AND regexp_matches(output, $gave_up) ORDER BY 1
"""
_GAVE_UP = r"(?i)need more steps to process this request|agent stopped due to (iteration|max iterations|time) limit"
_USUAL = 5
"""Turns that are enough for most tasks of one agent."""


@dataclass(frozen=True, slots=True)
class _News:
    """Of the model calls for one task: idle = with nothing new before them that said nothing new; last = the number of
    the last that had something new before it, or said it."""

    idle: int
    last: int


@dataclass(frozen=True, slots=True)
class Turns:
    """An agent that keeps calling its model for one task, until a limit ends it or none does.

    **What it finds**: runs that a limit of turns or steps ended, by its error or by the framework's words for it; and
    agents that call their model more than 5 times for one task without a person in between although most of the calls
    had nothing new before them: empty or failed results, results that had been there before, the same words again.
    Work that moves on may take many more calls: it is told from 30 on, as low, and is medium above 100.

    **Why it matters**: an agent does not notice that it gets nowhere, and each call is a little different, so that no
    cycle repeats. 8,000 calls in 12 minutes were one such agent.

    **Bad**:

        agent researcher
          llm gpt-4o -> "I start with the first registry."
          tool search {"q": "acme revenue registry"} -> []
          llm gpt-4o -> "Perhaps the archive of the press has it."
          tool search {"q": "acme revenue press archive"} -> []
          llm gpt-4o -> "A database of suppliers may know more."
          tool search {"q": "acme revenue suppliers"} -> []
          llm gpt-4o -> "Let me see what the unions wrote."
          tool search {"q": "acme revenue unions"} -> []
          llm gpt-4o -> "The chamber of commerce is worth a try."
          tool search {"q": "acme revenue chamber"} -> []
          llm gpt-4o -> "Now the land register of the county."
          tool search {"q": "acme revenue land register"} -> []
          llm gpt-4o -> "I have not tried old phone books."

    or, with a limit that ended it,

        agent planner error="GraphRecursionError: Recursion limit of 25 reached without hitting a stop condition"
          llm gpt-4o -> "I keep on planning."

    **Good**:

        agent researcher
          llm gpt-4o -> "I start with the registry."
          tool search {"q": "acme"} -> ["Acme Corp, founded 1947 in Ohio, maker of anvils"]
          llm gpt-4o -> "Who owns it?"
          tool search {"q": "acme owner"} -> ["Held by the Coyote family trust since the merger of 1988"]
          llm gpt-4o -> "And the figures?"
          tool search {"q": "acme accounts"} -> ["Turnover rose by a third to 12 million, says the annual report"]
          llm gpt-4o -> "Acme is owned by a family trust and turns over 12 million."

    **What to do**: give each agent a limit of turns (max_turns 5 to 8), let it answer with what it has when the limit
    is near, and put a budget of time and money on the whole run.

    Options: idle = calls above which it is medium where most bring nothing new; idle_hard = the same for high; moving,
    moving_many, moving_hard = calls above which work that moves on, or does not tell, is low, medium and high.
    """

    idle: int = 5
    idle_hard: int = 8
    moving: int = 30
    moving_many: int = 100
    moving_hard: int = 500

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each agent and task, and one for each limit that was hit, by trace."""
        rows = reader.rows(_CANDIDATES, few=min(self.idle, self.idle_hard), gave_up=_GAVE_UP)
        known = {row[0] for row in rows}
        for trace in reader.traces(one for one in reader.trace_ids() if one in known):
            course = trace.once(Course)
            stopped = list(_stopped(course))
            yield from stopped
            told = {finding.agent for finding in stopped}
            for steps in _tasks(course):
                if steps[0].agent not in told and (grade := self._grade(steps)):
                    yield _finding(course, steps, *grade)

    def _grade(self, steps: Sequence[Step]) -> tuple[Severity, _News | None] | None:
        """(severity, what the calls brought; None where it is not told)."""
        count, news = sum(step.op == "llm" for step in steps), _news(steps)
        if news is not None and 2 * news.idle > count and count > self.idle:
            return ("high" if count > self.idle_hard else "medium"), news
        if count <= self.moving:
            return None
        severity: Severity = "high" if count > self.moving_hard else "medium" if count > self.moving_many else "low"
        return severity, news


def _tasks(course: Course) -> Iterator[list[Step]]:
    """The steps of each agent for each task between two messages of a person, where it calls its model.

    A turn of an agent is a task; turns of one call each are one task where the agent was first told the same.
    """
    task = _tasks_by_turn(course)
    for lane in course.trace.once(lanes_of):
        tasks: dict[object, list[Step]] = defaultdict(list)
        part = 0
        for step, spoken in zip(lane, after_person(lane), strict=True):
            part += spoken
            if step.op in ("llm", "tool") and step.agent:
                turn_id = course.turn(course.forest.by_id[step.span_id].span).span_id
                tasks[step.agent, part, task.get(turn_id, turn_id)].append(step)
        yield from (steps for steps in tasks.values() if any(step.op == "llm" for step in steps))


def _tasks_by_turn(course: Course) -> dict[str, str]:
    """What an agent was first told, by turn, for turns of a single model call."""
    models: dict[str, list[Span]] = defaultdict(list)
    for model in course.models:
        models[course.turn(model).span_id].append(model)
    alone = ((turn_id, parsed_messages(made[0].input) or ()) for turn_id, made in models.items() if len(made) == 1)
    told = ((turn_id, [message for message in prompt if message.get("role") == "user"]) for turn_id, prompt in alone)
    return {turn_id: text_of(said[:1]) for turn_id, said in told if said}


def _news(steps: Sequence[Step]) -> _News | None:
    """What the model calls of a task brought; None where most do not tell."""
    results, tasks, words = Novelty(), Novelty(), Novelty()
    polled = _polled(steps)
    done: set[Hashable] = set()
    idle = told = last = count = 0
    fresh: list[bool] = []
    for step in steps:
        if step.op == "tool":
            if waits(step.name) or _call(step) in polled or (_acts(step) and _call(step) not in done):
                fresh.append(True)
            elif step.answered is not None or step.error:
                fresh.append(_brings(step, results))
            done.add(_call(step))
            continue
        if not fresh and not (step.calls or step.answered is None):
            task = step.asked is None or tasks.tells(step.asked.exact)  # code that maps over items asks for another
            fresh.append(words.is_new(step.answered.exact) or (task and words.tells(step.answered.exact)))
        fresh += [not is_empty(text) and results.tells(text) for text in step.reads] if not fresh else []
        count += 1
        told, idle = told + bool(fresh), idle + (bool(fresh) and not any(fresh))
        last = count if any(fresh) else last
        fresh = []
    return _News(idle, last) if 2 * told > count else None


def _polled(steps: Sequence[Step]) -> set[Hashable]:
    """Calls that gave the same again and again, and then something else: what was waited for came."""
    answers: dict[Hashable, list[str]] = defaultdict(list)
    for step in steps:
        if step.op == "tool" and step.answered is not None:
            answers[_call(step)].append(step.answered.masked)
    return {call for call, came in answers.items() if came[-1] not in came[:-1] and len(came) > 1}


def _call(step: Step) -> Hashable:
    return step.name, step.asked.masked if step.asked else None


def _acts(step: Step) -> bool:
    """Whether a tool changes something, or may: of such a call little is told by what came back."""
    if step.error or step.asked is None or looks_up(step.name):
        return False
    silent = step.answered is None or is_empty(step.answered.exact) or acknowledges(step.answered)
    return silent or has_effect(step.name) or may_change(step.name)


def _brings(step: Step, results: Novelty) -> bool:
    text = step.answered.exact if step.answered and not step.error else ""
    return (
        not is_empty(text)
        and error_in_body(text) is None
        and results.tells(text, step.asked.exact if step.asked else "")
    )


def _stopped(course: Course) -> Iterator[Finding]:
    """Limits that were hit: an error that says so, or the framework's words in place of an answer."""
    for span in course.origins:
        if classify(span.error_type, span.error_message).name == "recursion limit":
            yield _limit(course, span, named(span))
    for model in course.models:
        said = course.said(model)
        if said and (words := re.search(_GAVE_UP, said.text)):
            yield _limit(course, model, words[0])


def _limit(course: Course, span: Span, words: str) -> Finding:
    agent = course.agent(span)
    own = [model for model in course.models if agent is None or course.agent(model) == agent]
    who = agent or "the run"
    calls = f"after {counted(len(own), 'model call')}" if own else "its model calls are not recorded"
    related = [Evidence(own[-1].span_id, "related", "the last model call before it")] if own else []
    return Finding(
        detector="loop.turns",
        severity="high",
        confidence="certain",
        title=clipped(f"{who} was ended by a limit of turns: {words}", 100),
        message=f"{who} was ended by a limit of turns, {calls}: {clipped(words, 200)}",
        trace_id=course.trace.trace_id,
        agent=agent,
        evidence=(
            Evidence(span.span_id, "primary", clipped(words)),
            *(one for one in related if one.span_id != span.span_id),
        ),
        advice="Find what never ends before raising the limit, and give the agent a condition that stops it.",
        next=f"agentdbg show {course.trace.trace_id}",
        key="limit of turns",
    )


def _advice(who: str | None, calls: int, news: _News | None) -> str:
    most = max(_USUAL, news.last + 1) if news else _USUAL
    limit = f"Give {who} a limit of turns (max_turns {most})" if most < calls else f"Give {who} a limit of turns"
    return f"{limit}, let it answer with what it has when that is near, and put a budget on the whole run."


def _finding(course: Course, steps: Sequence[Step], severity: Severity, news: _News | None) -> Finding:
    calls = [step for step in steps if step.op == "llm"]
    who, fifth = steps[0].agent, calls[min(5, len(calls)) - 1]
    after = [span_id for step in calls[5:] for span_id in step.span_ids]
    tokens, usd = spending.spent(course.trace, after)
    took = duration(max(0, (steps[-1].end_ns or 0) - (fifth.end_ns or 0)) / 1e9)
    told = "what they brought is not recorded" if news is None else f"{news.idle} of them brought nothing new"
    last = f"; call {news.last} was the last that did" if news and 0 < news.last < len(calls) else ""
    places = {fifth.span_id: "a limit of 5 turns would stop here", calls[-1].span_id: "the last call"}
    return Finding(
        detector="loop.turns",
        severity=severity,
        confidence="likely",
        title=clipped(f"{who} called its model {len(calls):,} times for one task; {told}", 100),
        message=(
            f"{who} called its model {len(calls):,} times for one task, and {told}{last}. The calls after the fifth"
            f" took {' and '.join(filter(None, (usage(tokens, usd), took)))}."
        ),
        trace_id=course.trace.trace_id,
        agent=who,
        evidence=(
            Evidence(calls[0].span_id, "primary", f"call 1 of {len(calls)}"),
            *(Evidence(span_id, "related", note) for span_id, note in places.items()),
        ),
        advice=_advice(who, len(calls), news),
        next=f"agentdbg show {course.trace.trace_id}",
        key="turns without end",
        wasted_tokens=tokens,
        wasted_usd=usd,
    )
