"""Every result of a tool in a run, wherever it stands: on the tool's own span, or only in what the model read next."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from agentdbg.detectors.course import Course
from agentdbg.detectors.later import NEAR, Later
from agentdbg.model import Span, Trace
from agentdbg.steps.keys import opened
from agentdbg.steps.messages import parsed_messages


@dataclass(slots=True)
class Result:
    """What came back from a tool. `span` is the tool's span or, where it has none, that of the model call which read
    it.

    value is the JSON value or text that was recorded; known is False where none was. start and end (`Course.moment`)
    are nanoseconds.
    """

    span: Span
    agent: str | None
    tool: str | None
    value: Any
    known: bool
    start: int
    end: int
    own_span: bool = True


class Good:
    """The results of a run that hold something, by start."""

    def __init__(self, found: Iterable[Result]) -> None:
        self.every = sorted(found, key=lambda result: (result.start, result.span.span_id))
        self._next = Later((("agent", r.agent), r.start, r) for r in self.every)
        self._again = Later(((r.tool, r.agent), r.start, r) for r in self.every)
        self._same = Later(((r.tool, r.span.input_key), r.start, r) for r in self.every if r.own_span)

    def next_of(self, result: Result) -> list[Result]:
        """The next few good results of the same agent."""
        return self._next.after(("agent", result.agent), result.end, NEAR)

    def again(self, result: Result) -> list[Result]:
        """The next few good results of the same tool in the hands of the same agent."""
        return self._again.after((result.tool, result.agent), result.end, NEAR)

    def same_call(self, result: Result) -> list[Result]:
        """The next few good results of the very same call, whoever made it; none where its input is not recorded."""
        key = result.span.input_key
        return self._same.after((result.tool, key), result.end, NEAR) if key is not None and result.own_span else []


def results(course: Course) -> list[Result]:
    """By end, then span id. A result that stands in several places is one."""
    return course.trace.once(_results)


def _results(trace: Trace) -> list[Result]:
    course = trace.once(Course)
    own = [
        Result(
            s,
            course.agent(s),
            s.tool or s.name,
            value(s.output),
            s.output is not None,
            course.start(s),
            course.moment(s),
        )
        for s in course.tools
    ]
    found = own + list(_only_read(course, own))
    return sorted(found, key=lambda result: (result.end, result.span.span_id, result.tool or ""))


def value(text: str | None) -> Any:
    """The JSON value of a payload; the text itself where it is no JSON. JSON inside a JSON string is opened once."""
    once = opened(text) if text is not None else None
    return opened(once) if isinstance(once, str) else once


def _only_read(course: Course, own: list[Result]) -> Iterator[Result]:
    """Results in the messages of model calls that no tool span stands for; fills in what tool spans do not tell."""
    by_call = {result.span.tool_call_id: result for result in own if result.span.tool_call_id}
    by_agent = Later((result.agent, result.start, result) for result in own)
    mine = {result.span.span_id for result in own}
    aside = {s.tool_call_id for s in course.spans if s.kind == "tool" and s.span_id not in mine and s.tool_call_id}
    seen: set[tuple[str | None, str]] = set()
    before: dict[str | None, int] = {}
    for model in course.models:
        agent, since = course.agent(model), before.get(course.agent(model), 0)
        before[agent] = course.start(model)
        for part in _result_parts(model.input):
            key = part.get("id") or json.dumps(part.get("result"), sort_keys=True, default=str)
            if (agent, key) in seen or part.get("id") in aside:
                continue
            seen.add((agent, key))
            at, name, read = course.start(model), part.get("name"), part.get("result")
            read = value(read) if isinstance(read, str) else read
            result = by_call.get(str(part.get("id"))) or _same_by_order(by_agent.after(agent, since), name, at)
            if result is None:
                yield Result(model, agent, name, read, True, at, at, own_span=False)
            elif not result.known:
                result.value, result.known = read, True


def _same_by_order(own: list[Result], name: str | None, until: int) -> Result | None:
    """The tool span that this part of a message comes from, where no id ties them: the agent's calls between two
    turns."""
    near = [r for r in takewhile(lambda r: r.start <= until, own) if name in (None, r.tool)]
    return next((r for r in near if not r.known), near[0] if near else None)


def _result_parts(text: str | None) -> list[dict[str, Any]]:
    if not text or '"tool_result"' not in text:
        return []
    parts = (part for message in parsed_messages(text) or [] for part in message.get("parts") or ())
    return [part for part in parts if part.get("type") == "tool_result"]
