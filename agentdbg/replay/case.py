"""A case: one agent's turn, or a whole run, cut down to what a replay needs, so that it can be kept beside the code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentdbg.errors import AgentdbgError
from agentdbg.model import Grade, Span, Trace
from agentdbg.replay.call import calls_of
from agentdbg.replay.consistency import follow
from agentdbg.replay.fixes import fixes
from agentdbg.replay.inspect import WHOLE_RUN, inspect, members
from agentdbg.replay.inspection import ToolUse
from agentdbg.replay.tools import KINDS, Tools


@dataclass(frozen=True, slots=True)
class Case:
    """`trace` holds the spans that a replay needs and no others. `span_id` is what is replayed of it: an agent's turn,
    or WHOLE_RUN. Grade and reason are those of the recording it was made of.

    made_with: the version of agentdbg. redacted: how many values of each kind are hidden, None where none was to be.
    accepted: why changed questions were taken into it, in order."""

    trace: Trace
    span_id: str
    grade: Grade | None
    reason: str
    made_with: str
    redacted: Mapping[str, int] | None = None
    accepted: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it is of a whole run."""
        return self.span_id == WHOLE_RUN

    @property
    def reader(self) -> OneTrace:
        """The case, to be read as a store is."""
        return OneTrace(self.trace)


class OneTrace:
    """A single trace where a store is expected."""

    def __init__(self, only: Trace) -> None:
        self._only = only

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        return []

    def trace(self, trace_id: str) -> Trace:
        return self._only


def case_of(trace: Trace, span_id: str, made_with: str) -> Case:
    """The case of the agent's turn that a span belongs to; of the whole run for WHOLE_RUN, the one root, and a call
    that is in no turn. AgentdbgError where no model call is recorded there, or none that can be played back."""
    top = _top(trace, span_id)
    cut = _cut(trace, trace.spans if top is None else _within(trace, top))
    calls = calls_of(cut)
    if not any(call.messages is not None and (call.answer is not None or call.error) for call in calls):
        where = "this run" if top is None else f"{top.name}, span {top.span_id}"
        why = f"no model call in {where} can be played back: {calls[0].reason}" if calls else None
        lines = fixes(cut.by_id()[calls[0].span_id], calls[0].grade) if calls else ()
        other = f"agentdbg show {trace.trace_id} lists its spans; a case is made of an agent's turn, or of a whole run"
        raise AgentdbgError(why or f"no model call is recorded in {where}", "\n".join([*lines, other]))
    # a turn that no span stands for begins with a call, whose id names that call alone
    named = WHOLE_RUN if top is None or top.span_id in {call.span_id for call in cut.calls} else top.span_id
    seen = inspect(OneTrace(cut), cut.trace_id, named)
    return Case(cut, named, seen.grade, seen.reason, made_with)


def _top(trace: Trace, span_id: str) -> Span | None:
    """The span that stands for the case, None for the whole run."""
    spans = trace.by_id()
    span = spans.get(span_id)
    if span is None or [one for one in trace.spans if one.parent_id not in spans] == [span]:
        return None
    if span.turn_id in spans:
        return spans[span.turn_id or ""]
    return None if span.kind in ("llm", *KINDS) else span  # what is no agent's: with everything below it


def _within(trace: Trace, top: Span) -> list[Span]:
    """The turn, and what ran below it in other agents' turns."""
    wanted = {span.span_id for span in (*members(trace, "span", top), *members(trace, "turn", top))}
    return [span for span in trace.spans if span.span_id in wanted]


def _cut(trace: Trace, taken: Sequence[Span]) -> Trace:
    """Of these spans the calls, the tools and the tops of turns; what stood between is left out, and so is what other
    turns than the first were given, which their calls tell."""
    ids = {span.span_id for span in taken}
    calls = [replace(call, other_span_ids=()) for call in trace.calls if call.span_id in ids]
    called = {call.span_id for call in calls}
    root = next((span.span_id for span in taken if span.parent_id not in ids), None)
    kept = {
        span.span_id: span
        for span in taken
        if span.span_id in called or span.kind in KINDS or span.span_id in (span.turn_id, root)
    }
    above = _nearest_above(trace.by_id(), kept)
    bare = {span.span_id for span in kept.values() if span.span_id == span.turn_id} - called - {root}
    spans = [replace(span, parent_id=above(span)) for span in kept.values()]
    spans = [replace(span, input=None, output=None) if span.span_id in bare else span for span in spans]
    cut = Trace(trace.trace_id, trace.name, trace.status, trace.start_ns, trace.duration_ns, spans, calls)
    cut.spans = sorted(_with_results(trace, cut), key=lambda span: (span.start_ns or 0, span.span_id))
    return cut


def _nearest_above(spans: Mapping[str, Span], kept: Mapping[str, Span]) -> Callable[[Span], str | None]:
    def above(span: Span) -> str | None:
        seen = {span.span_id}
        parent = span.parent_id
        while parent is not None and parent not in kept and parent not in seen:
            seen.add(parent)
            parent = spans[parent].parent_id if parent in spans else None
        return parent if parent in kept else None

    return above


def _with_results(trace: Trace, cut: Trace) -> Iterator[Span]:
    """The spans, those of tools with what the model was told of them where only a call that is left out tells it."""
    found = {(use.asked_by, n): use for n, use in _uses(trace)}
    told: dict[str, Span] = {}
    for n, use in _uses(cut):
        known = found[use.asked_by, n]
        if known.result_from == use.result_from and known.result == use.result:
            continue
        ran = cut.by_id().get(use.span_id or "") or _ran(cut.by_id()[use.asked_by or ""], known, n)
        told[ran.span_id] = replace(ran, output=json.dumps(known.result))
    yield from (told.pop(span.span_id, span) for span in cut.spans)
    yield from told.values()


def _uses(trace: Trace) -> Iterator[tuple[int, ToolUse]]:
    calls = calls_of(trace)
    tools = Tools(trace, calls, follow(calls))
    for call in calls:
        yield from enumerate(tools.of_call(call))


def _ran(call: Span, use: ToolUse, n: int) -> Span:
    """A span for a tool that has none."""
    return Span(
        trace_id=call.trace_id,
        span_id=f"{call.span_id}-tool-{n + 1}",
        parent_id=call.parent_id,
        name=use.tool,
        kind="tool",
        start_ns=call.end_ns,
        end_ns=call.end_ns,
        status="unset",
        agent=call.agent,
        turn_id=call.turn_id,
        tool=use.tool,
        tool_call_id=use.call_id,
        input=json.dumps(use.arguments),
    )
