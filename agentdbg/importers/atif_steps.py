"""One ATIF trajectory as spans: the agent, its steps below it, and the tool calls of each step after it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from itertools import count
from typing import Any, NamedTuple

from agentdbg.importers.derived import Prompts, mark
from agentdbg.importers.json_records import unknown
from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import as_object, tells, text, time_ns
from agentdbg.rows import RawSpan

SCOPE = "atif"
_INNER = frozenset({"steps", "subagent_trajectories"})
_CONTINUED = re.compile(r"-cont-\d+$")


class Place(NamedTuple):
    """Where a trajectory was handed its work: below this span, at this step of the trajectory that handed it over."""

    trace_id: str
    span_id: str
    times: Times
    at: int


class Made(NamedTuple):
    """A span, the keys of the trajectories that were handed work there, and the place they stand at."""

    span: RawSpan
    handed: list[str]
    place: Place


class Times:
    """When each step was: as recorded, else when the step was that handed the work over, else only in what order. Then
    times are numbers that no clock shows, counted in nanoseconds from 1970."""

    def __init__(self, stamps: list[int | None], place: Place | None) -> None:
        known = next((stamp for stamp in stamps if stamp is not None), None)
        if known is None and place is not None and place.times.recorded:
            known = place.times.at(place.at)
        self.recorded: bool = known is not None
        self._ticks: Iterator[int] = place.times._ticks if place is not None else count(1)
        self._stamps: list[int] = []
        for stamp in stamps:
            known = stamp if stamp is not None else known
            self._stamps.append(known or 0)

    def at(self, step: int) -> int:
        """The time of a step, the last one's for any after it."""
        if self.recorded and self._stamps:
            return self._stamps[min(step, len(self._stamps) - 1)]
        return next(self._ticks)


class Trajectory:
    """The spans of one trajectory, without those it handed work to."""

    def __init__(self, item: dict[str, Any], place: Place | None, text_of: bytes, line: int, notes: Notebook) -> None:
        self._item, self._line = item, line
        self._agent = as_object(item.get("agent"))
        self._steps = [step for step in item["steps"] if isinstance(step, dict)]
        for step in item["steps"]:
            if not isinstance(step, dict):
                unknown(step, "a step object", line, notes)
        session_id, extra = text(item.get("session_id")), as_object(self._agent.get("extra"))
        above = text(extra.get("parent_session_id"))
        if above is None and session_id and "continuation_index" in extra:
            above = _CONTINUED.sub("", session_id)
        self.span_id = text(item.get("trajectory_id")) or session_id or blake2b(text_of, digest_size=8).hexdigest()
        self.trace_id = place.trace_id if place else above or session_id or self.span_id
        self._parent_id = place.span_id if place else above if above != self.span_id else None
        stamps = [time_ns(step.get("timestamp"), "timestamp", line, notes) for step in self._steps]
        self.times = Times(stamps, place)
        self._start = self.times.at(0)
        self._name = text(self._agent.get("name")) or "agent"
        self._resource = {"service.name": self._name}
        if version := text(self._agent.get("version")):
            self._resource["service.version"] = version

    def root(self) -> RawSpan:
        """The agent itself. To be asked for last: it ends when everything below it has."""
        attributes = {f"atif.{key}": value for key, value in self._item.items() if key not in _INNER and tells(value)}
        asked = [step["message"] for step in self._steps if step.get("source") == "user" and tells(step.get("message"))]
        said = [step["message"] for step in self._steps if step.get("source") == "agent" and tells(step.get("message"))]
        attributes.update({"atif.task": asked[0]} if asked else {})
        attributes.update({"atif.answer": said[-1]} if said else {})
        span = self._span(self.span_id, self._parent_id, self._name, "trajectory", attributes)
        span.start_ns, span.end_ns = self._start, self.times.at(len(self._steps))
        return span

    def place(self, span_id: str, at: int) -> Place:
        return Place(self.trace_id, span_id, self.times, at)

    def spans(self) -> Iterator[Made]:
        """Steps and tool calls in order. What is handed work at one of them has to be read before the next is asked
        for: where only the order is known, a span ends after all that was made meanwhile."""
        prompts = Prompts()
        for at, step in enumerate(self._steps):
            copied = bool(step.get("is_copied_context"))  # it happened in another trajectory
            results = _dicts(as_object(step.get("observation")).get("results"))
            calls = [] if copied else _dicts(step.get("tool_calls"))
            matched = _matched(calls, results)
            left = [result for result in results if not any(result is one for one in matched)]
            span = self._step(at, step, left)
            if step.get("source") == "agent" and not copied and step.get("llm_call_count") != 0:
                span.attributes["atif.input"], whole = prompts.take()
                mark(span.attributes, *self._derived, *(() if whole else ("input",)))
            prompts.add(_message(step))
            below = span.span_id if step.get("source") == "system" else self.span_id
            yield Made(span, [key for result in left for key in references(result)], self.place(below, at))
            span.end_ns = self.times.at(at)
            for number, (call, result) in enumerate(zip(calls, matched, strict=True)):
                tool = self._tool(f"{span.span_id}/{number + 1:02d}", at, call, result)
                yield Made(tool, references(result), self.place(tool.span_id, at))
                tool.end_ns = self.times.at(at + 1)
                prompts.add(_answer(call, result))
            for result in left:
                if tells(result.get("content")):
                    prompts.add({"role": "user", "content": result["content"]})

    @property
    def _derived(self) -> tuple[str, ...]:
        return ("tree",) if self.times.recorded else ("tree", "times")

    def _step(self, at: int, step: dict[str, Any], left: list[dict[str, Any]]) -> RawSpan:
        own = {key: value for key, value in step.items() if key not in ("tool_calls", "observation") and tells(value)}
        attributes = {f"atif.{key}": value for key, value in own.items()}
        if tells(step.get("tool_calls")):
            attributes["atif.tool_calls"] = step["tool_calls"]
        if left:
            attributes["atif.observation"] = {"results": left}
        if step.get("source") == "agent":
            for key in ("model_name", "tool_definitions"):
                if tells(self._agent.get(key)):
                    attributes[f"atif.agent.{key}"] = self._agent[key]
        name = text(step.get("source")) or "step"
        span = self._span(f"{self.span_id}/{at + 1:05d}", self.span_id, name, "step", attributes)
        span.start_ns = self.times.at(at)
        return span

    def _tool(self, span_id: str, at: int, call: dict[str, Any], result: dict[str, Any]) -> RawSpan:
        attributes = {f"atif.{key}": value for key, value in call.items() if value is not None}
        attributes.update({f"atif.result.{key}": value for key, value in result.items() if tells(value)})
        name = text(call.get("function_name")) or "tool"
        span = self._span(span_id, self.span_id, name, "tool_call", attributes)
        span.start_ns = self.times.at(at)
        return span

    def _span(self, span_id: str, parent_id: str | None, name: str, what: str, attributes: dict[str, Any]) -> RawSpan:
        attributes["atif.object"] = what
        return RawSpan(
            self.trace_id,
            span_id,
            parent_id,
            name,
            None,
            None,
            attributes=mark(attributes, *self._derived),
            scope=SCOPE,
            resource=self._resource,
            line=self._line,
        )


def references(result: dict[str, Any]) -> list[str]:
    """The keys of the trajectories that a result refers to: by trajectory, up to version 1.6 by session."""
    found = []
    for reference in _dicts(result.get("subagent_trajectory_ref")):
        key = text(reference.get("trajectory_id")) or text(reference.get("session_id"))
        if key is not None:
            found.append(key)
    return found


def _dicts(value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _matched(calls: list[dict[str, Any]], results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The result of each call, {} for one without. A single result of a single call needs not to name it."""
    if len(calls) == len(results) == 1 and results[0].get("source_call_id") is None:
        return results
    by_id = {text(result.get("source_call_id")): result for result in reversed(results)}
    return [by_id.get(call_id, {}) if (call_id := text(call.get("tool_call_id"))) else {} for call in calls]


def _message(step: dict[str, Any]) -> dict[str, Any]:
    """A step that is no model call as a message."""
    role = {"agent": "assistant"}.get(str(step.get("source")), str(step.get("source") or "user"))
    said: dict[str, Any] = {"role": role, "content": step.get("message")}
    if tells(step.get("tool_calls")):
        said["tool_calls"] = [
            {"id": call.get("tool_call_id"), "name": call.get("function_name"), "arguments": call.get("arguments")}
            for call in _dicts(step["tool_calls"])
        ]
    return said


def _answer(call: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": "tool",
        "tool_call_id": call.get("tool_call_id"),
        "name": call.get("function_name"),
        "content": result.get("content"),
    }
