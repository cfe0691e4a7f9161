"""decision.conflict: two agents that decide at the same time, and differently, what is next."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from agentdbg.detectors.course import Course
from agentdbg.detectors.turns import Turn, turns_of
from agentdbg.detectors.wording import clipped
from agentdbg.model import Evidence, Finding, Reader, Skipped, Span
from agentdbg.steps.keys import masked_arguments, opened
from agentdbg.steps.messages import loaded
from agentdbg.steps.routing import plain

_CANDIDATES = r"""
    SELECT trace_id FROM spans WHERE agent IS NOT NULL AND kind IN ('llm', 'agent', 'tool') AND (handoff_to IS NOT NULL
        OR regexp_matches(coalesce(tool, ''), '(?i)^(transfer|hand_?off|delegate|route|escalate)')
        OR regexp_matches(output, '(?i)(next|route|goto|go_to|hand_?off|transfer|assign|delegate)\w*\W'))
    GROUP BY trace_id HAVING count(DISTINCT agent) > 1 ORDER BY trace_id
"""
_NEXT = re.compile(
    r"next|next_?(?:step|agent|action|node|worker|speaker|state)|goto|go_to|route|route_?to|routing|hand_?off(?:_?to)?"
    r"|transfer_?to|assign(?:ed)?_?to|delegate_?to|send_?to",
    re.I,
)
_TASK = re.compile(
    r"task(?:_?(?:id|key|name))?|(?:ticket|case|order|request|job|item|claim|issue)(?:_?(?:id|key|no))?", re.I
)
_VOTERS = 2  # more agents than these that decide about one task hold a vote
_TRANSFER = re.compile(r"(?:transfer|hand_?off|delegate|route|escalate)(?:_task|_work)?_to_(.+)", re.I)


@dataclass(frozen=True, slots=True)
class _Decision:
    turn: Turn
    span: Span
    target: str
    task: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two agents that decide about the same task at the same time, and name different next steps.

    **What it finds**: structured decisions (a field such as `next`, `route_to` or `goto` in a JSON answer, or a tool
    that hands over) of two agents whose turns overlap, about the same task (a field such as `task` or `ticket_id`, else
    the same words they were given), with different targets, where nobody who had seen both decided between them. Prose
    is not interpreted, and three agents or more that decide about one task hold a vote.

    **Why it matters**: one of the two is carried out, by chance the faster one, and the other agent goes on as if its
    own had been. Tasks are done twice, or the wrong way.

    **Bad**:

        workflow desk
          agent triage
            llm gpt-4o -> "{\\"task\\": \\"claim 12\\", \\"next\\": \\"payout\\"}" dur=2s
          agent risk parallel
            llm gpt-4o -> "{\\"task\\": \\"claim 12\\", \\"next\\": \\"investigate\\"}" dur=2s
          agent payout
            llm gpt-4o -> "Paid."

    **Good**:

        workflow desk
          agent triage
            llm gpt-4o -> "{\\"task\\": \\"claim 12\\", \\"next\\": \\"payout\\"}" dur=2s
          agent risk parallel
            llm gpt-4o -> "{\\"task\\": \\"claim 12\\", \\"next\\": \\"payout\\"}" dur=2s
          agent payout
            llm gpt-4o -> "Paid."

    **What to do**: one coordinator decides what is next, or a written rule says whose word counts when two disagree.
    """

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each task and pair of agents, by trace and start."""
        known = {row[0] for row in reader.rows(_CANDIDATES)}
        for trace in reader.traces(one for one in reader.trace_ids() if one in known):
            course = trace.once(Course)
            turns = turns_of(course)
            by_task: dict[str, list[_Decision]] = defaultdict(list)
            for turn in turns:
                for decision in _decisions(course, turn):
                    by_task[decision.task].append(decision)
            for decisions in by_task.values():
                if len({decision.turn.agent for decision in decisions}) > _VOTERS:
                    continue
                yield from _conflicts(course, turns, decisions)


def _conflicts(course: Course, turns: Sequence[Turn], decisions: Sequence[_Decision]) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for one, other in combinations(decisions[:64], 2):
        pair = (one.turn.agent, other.turn.agent)
        if pair in told or plain(one.target) == plain(other.target) or not _side_by_side(course, one.turn, other.turn):
            continue
        if not any(_settles(course, turn, one, other) for turn in turns):
            told.add(pair)
            yield _finding(course, turns, one, other)


def _decisions(course: Course, turn: Turn) -> Iterator[_Decision]:
    """What a turn decides: its own answer, else that of each of its model calls, and its tools that hand over."""
    texts = [(model, said.text) for model in turn.models if (said := course.said(model)) and said.text]
    if not texts and turn.said:
        texts = [(turn.span, turn.said)]
    for span, text in texts:
        value = opened(_bare(text))
        target = _field(value, _NEXT)
        if target is not None:
            yield _Decision(turn, span, target, _field(value, _TASK) or _given(turn))
    for span in (span for span in course.below(turn.span) if span.kind == "tool" and course.turn(span) is turn.span):
        named = _TRANSFER.fullmatch(span.tool or span.name)
        if to := span.handoff_to or (named[1] if named else None):
            yield _Decision(turn, span, to, _field(loaded(span.input), _TASK) or _given(turn))


def _bare(text: str) -> str:
    """A text without the code fence around it."""
    return re.sub(r"\A\s*```\w*\s*|\s*```\s*\Z", "", text)


def _field(value: Any, names: re.Pattern[str]) -> str | None:
    """The first single value of an object under one of these names."""
    fields = value.items() if isinstance(value, dict) else ()
    return next((str(v) for k, v in fields if names.fullmatch(str(k)) and isinstance(v, str | int) and str(v)), None)


def _given(turn: Turn) -> str:
    """The words that a turn was given; of one that records none, something that no other turn has."""
    return masked_arguments(turn.asked) if turn.asked else turn.span.span_id


def _side_by_side(course: Course, one: Turn, other: Turn) -> bool:
    if one.agent == other.agent or course.encloses(one.span, other.span) or course.encloses(other.span, one.span):
        return False
    same_step = one.span.graph_step is not None and one.span.graph_step == other.span.graph_step
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared > 0 or (same_step and one.parent == other.parent)


def _settles(course: Course, turn: Turn, one: _Decision, other: _Decision) -> bool:
    """Whether an agent that was given both decisions came after them and answered."""
    if turn.start < max(course.end(one.span), course.end(other.span)) or not turn.models:
        return False
    read = " ".join(filter(None, [turn.asked, *(model.input for model in turn.models[:1])])).lower()
    return one.target.lower() in read and other.target.lower() in read


def _finding(course: Course, turns: Sequence[Turn], one: _Decision, other: _Decision) -> Finding:
    after = min(course.end(one.span), course.end(other.span))
    names = {plain(one.target): one, plain(other.target): other}
    taken = ((turn, names[plain(turn.agent)]) for turn in turns if turn.start >= after and plain(turn.agent) in names)
    calls = ((tool, names[name]) for tool in course.tools if course.start(tool) >= after
             for name in names if name and name in plain(tool.tool or tool.name))  # fmt: skip
    won = next(taken, None) or next(calls, None)
    task = clipped(one.task, 60) if one.task != one.turn.span.span_id else "the same task"
    if won is None:
        ending = "neither of which is seen to be carried out"
    else:
        ending = f"and what {won[1].turn.agent} had said was carried out without anybody deciding between them"
    said = f'{one.turn.agent} said "{clipped(one.target, 30)}", {other.turn.agent} "{clipped(other.target, 30)}"'
    return Finding(
        detector="decision.conflict",
        severity="medium",
        confidence="likely",
        title=clipped(f"{said} about {task}", 100),
        message=f"About {task}, {said} at the same time, {ending}.",
        trace_id=course.trace.trace_id,
        agent=other.turn.agent if won is None or won[1] is one else one.turn.agent,
        evidence=(
            Evidence(one.span.span_id, "primary", f'{one.turn.agent} decides "{clipped(one.target, 60)}"'),
            Evidence(other.span.span_id, "related", f'{other.turn.agent} decides "{clipped(other.target, 60)}"'),
        ),
        advice="Let one coordinator decide what is next, or write down whose word counts when two disagree.",
        next=f"agentdbg show {course.trace.trace_id}",
        key=" | ".join(sorted((one.turn.agent, other.turn.agent))),
    )
