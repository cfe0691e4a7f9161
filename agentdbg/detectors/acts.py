"""What agents did in a run, one act a model call: what was said, what code or call came with it, and what came back."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from agentdbg.detectors import failure
from agentdbg.detectors.course import Course
from agentdbg.detectors.effects import gives_answer
from agentdbg.detectors.results import Result, results
from agentdbg.model import Span
from agentdbg.steps.emptiness import error_in_body

_FENCE = re.compile(r"```[ \t]*(\w*)[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_RUNS = frozenset(("", "py", "python", "python3", "sh", "bash", "shell", "js", "javascript", "sql", "r"))
_FAILED = re.compile(
    r"exit ?code\W{1,3}(?!0\b)-?\d+|exited with \D{0,20}(?!0\b)\d+|\bexecution failed\b"
    r"|^(?:[Tt]itle:|#+)\s*(?:HTTP )?[Ee]rror:? [45]\d\d\b|^Traceback \(most recent call last\)"
    r"|^(?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): \S|^Error\b[^\n]{0,60}: \S",
    re.MULTILINE,
)
_READ = 4_000
"""Characters of a result in which a failure is looked for."""


@dataclass(slots=True)
class Act:
    """A model call of an agent, with what came of it until the next one.

    lane: id of the agent span in which it was made, else of the root. code: what it wrote to be run; calls: the tools
    it asked for. delegated: another agent was put to work. fault: what went wrong with its code or calls.
    informed: results of tools stood in its prompt from the start. step: the highest span around it within its lane.
    """

    span: Span
    agent: str | None
    lane: str
    text: str
    code: str
    calls: tuple[str, ...]
    step: Span | None
    results: list[Result] = field(default_factory=list)
    delegated: bool = False
    informed: bool = False
    fault: str | None = None

    def asked(self, offered: Set[str]) -> bool:
        """Whether another agent or one of these tools worked for it; what runs its code is no source."""
        return (
            self.delegated
            or self.informed
            or any(r.tool in offered or (r.own_span and not self.code) for r in self.results)
        )


def acts(course: Course) -> list[list[Act]]:
    """The acts of a run, those of each lane in order. Calls that a tool makes of a model are the tool's affair."""
    lanes: dict[str, list[Act]] = {}
    for model in course.models:
        home = _home(course, model)
        if home is not None:
            lanes.setdefault(home.span_id, []).append(_act(course, model, home))
    starts = {lane: [course.start(act.span) for act in found] for lane, found in lanes.items()}
    _give_results(course, lanes, starts)
    _give_delegations(course, lanes, starts)
    for lane in lanes.values():
        _find_faults(lane)
    return list(lanes.values())


def code(text: str) -> str:
    """The blocks of code in a text that can be run."""
    return "\n".join(body for language, body in _FENCE.findall(text) if language.lower() in _RUNS)


def _home(course: Course, span: Span) -> Span | None:
    """The agent span that a span belongs to, else its root; None inside a tool."""
    above = span
    for above in course.above(span):
        if above.kind == "agent":
            return above
        if above.kind in ("tool", "retriever"):
            return None
    return above


def _act(course: Course, model: Span, home: Span) -> Act:
    said = course.said(model)
    text = said.text if said else ""
    step = None
    for above in course.above(model):
        if above is home:
            break
        step = above
    return Act(model, course.agent(model), home.span_id, text, code(text), said.asks_for if said else (), step)


def _give_results(course: Course, lanes: dict[str, list[Act]], starts: dict[str, list[int]]) -> None:
    """To each act what came back after it; what a prompt alone tells of came back after the act before."""
    for result in results(course):
        home = _home(course, result.span)
        lane = lanes.get(home.span_id) if home is not None else None
        if not lane or gives_answer(result.tool):
            continue
        at = bisect_right(starts[lane[0].lane], result.start) - (1 if result.own_span else 2)
        if at >= 0:
            lane[at].results.append(result)
        else:
            lane[0].informed = True


def _give_delegations(course: Course, lanes: dict[str, list[Act]], starts: dict[str, list[int]]) -> None:
    for span in course.spans:
        upper = next((a for a in course.above(span) if a.span_id in lanes), None) if span.kind == "agent" else None
        if upper is not None:
            at = bisect_right(starts[upper.span_id], course.start(span)) - 1
            if at >= 0:
                lanes[upper.span_id][at].delegated = True


def _find_faults(lane: Sequence[Act]) -> None:
    """A failed step tells of the last act in it."""
    last = {id(act.step): act for act in lane if act.step is not None}
    for act in lane:
        if failure.failed(act.span):
            act.fault = failure.named(act.span)
        elif act.step is not None and failure.failed(act.step) and last[id(act.step)] is act:
            act.fault = failure.named(act.step)
        else:
            act.fault = next((told for result in act.results if (told := fault_of(result))), None)


def fault_of(result: Result) -> str | None:
    """The error that a result is or tells of, as programs do that were run (an exit code, a traceback), and browsers
    (a page called `Error 403`)."""
    if result.own_span and failure.failed(result.span):
        return failure.named(result.span)
    if not result.known:
        return None
    if told := error_in_body(result.value):
        return told
    if not isinstance(result.value, str) or not (found := _FAILED.search(result.value[:_READ])):
        return None
    return result.value[found.start() : found.start() + 300]
