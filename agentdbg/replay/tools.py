"""What came of the tools that the models of a trace asked for: which span ran them, and what the model was told.

The result that the model saw stands in its next input, and is what a replay must give back. The tool's own span may
record something else (a message object, the text before it was cut), so both are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from agentdbg.model import Span, Trace
from agentdbg.replay.call import Call, Part, error_of, payload
from agentdbg.replay.consistency import Step
from agentdbg.replay.difference import Difference, first_difference
from agentdbg.replay.inspection import ToolUse
from agentdbg.replay.items import Item, items, scalars, value_of
from agentdbg.steps.keys import canonical

KINDS = ("tool", "retriever")
WRAPPERS = ("content", "result", "output", "text", "value")
"""What instrumentations call the one member of an object that they put a tool's result into."""
_SIGNS = re.compile(r"[\W_]+")


class Tools:
    """The tool uses of a trace, each span given to at most one request."""

    def __init__(self, trace: Trace, calls: Sequence[Call], steps: dict[str, Step]) -> None:
        self._spans = [span for span in trace.spans if span.kind in KINDS or _is_turn(span)]
        self._turns = {span.span_id: span.turn_id for span in trace.spans}
        self._used: dict[str, ToolUse] = {}
        self._by_call: dict[str, tuple[ToolUse, ...]] = {}
        self._results: dict[tuple[str, str | None], list[tuple[int, Item]]] = {}
        for n, call in enumerate(calls):
            for item in items(call.messages or ()):
                if item.kind == "tool_result":
                    wanted = (item.call_id, item.tool) if item.call_id else (item.asked, None)
                    self._results.setdefault(wanted, []).append((n, item))
        followers: dict[str | None, int] = {}
        until: dict[str, int | None] = {}
        starts: dict[str | None, int | None] = {}
        for n, call in reversed(list(enumerate(calls))):
            followers[steps[call.span_id].of] = n
            until[call.span_id] = starts.get(call.agent)
            starts[call.agent] = call.start_ns
        for n, call in enumerate(calls):
            self._by_call[call.span_id] = tuple(
                self._use(call, asked, self._seen(asked, n, followers.get(call.span_id)), until[call.span_id])
                for asked in call.tool_calls
            )

    def of_call(self, call: Call) -> tuple[ToolUse, ...]:
        """What the answer of a call asked for, in that order."""
        return self._by_call[call.span_id]

    def of_span(self, span: Span) -> ToolUse:
        """The use that a tool's span ran."""
        return self._used.get(span.span_id) or _unasked(span)

    def unasked(self, members: Iterable[Span]) -> list[ToolUse]:
        """Of these spans, the tools and retrievers that no recorded answer asked for."""
        return [_unasked(span) for span in members if span.kind in KINDS and span.span_id not in self._used]

    def _use(self, call: Call, asked: Part, seen: Item | None, until: int | None) -> ToolUse:
        span = self._span(call, asked, until)
        recorded = span is not None and span.output is not None
        if seen and seen.value is None and recorded:
            seen = None  # an instrumentation that keeps messages without their content
        result = seen.value if seen else value_of(payload(span.output)) if span and recorded else None
        use = ToolUse(
            tool=asked["name"],
            call_id=asked.get("id"),
            arguments=value_of(asked["arguments"]),
            asked_by=call.span_id,
            span_id=span.span_id if span else None,
            result=result,
            result_from="next input" if seen else "tool span" if recorded else None,
            status=span.status if span else "unset",
            error=error_of(span) if span else None,
            start_ns=span.start_ns if span else None,
            difference=_difference(seen, span) if seen and span else None,
        )
        if span:
            self._used[span.span_id] = use
        return use

    def _span(self, call: Call, asked: Part, until: int | None) -> Span | None:
        """The span that ran what was asked for: the one with its id, else one of that name between this call and the
        next, with these arguments (frameworks give ids of their own) or without an id that says it is another."""
        free = [span for span in self._spans if span.span_id not in self._used]
        if asked.get("id"):
            found = next((span for span in free if span.tool_call_id == asked["id"]), None)
            if found:
                return found
        fit = [span for span in free if _is_named(span, asked["name"]) and self._is_between(span, call, until)]
        arguments = canonical(value_of(asked["arguments"]) or {})
        same = [span for span in fit if canonical(payload(span.input) or {}) == arguments]
        unnamed = [span for span in fit if not (span.tool_call_id and asked.get("id"))]
        return next(iter(same or unnamed), None)

    def _seen(self, asked: Part, call: int, follower: int | None) -> Item | None:
        """The result that a later input tells, best the one that goes on from this call. Without ids only that one."""
        same = canonical([asked["name"], value_of(asked["arguments"]) or {}])
        told = self._results.get((asked["id"], asked["name"]) if asked.get("id") else (same, None), [])
        nearest = [item for n, item in told if n == follower]
        if nearest or not asked.get("id"):
            return nearest[-1] if nearest else None
        return next((item for n, item in told if n > call), None)

    def _is_between(self, span: Span, call: Call, until: int | None) -> bool:
        same_turn = self._turns[span.span_id] == self._turns[call.span_id]
        if span.agent != call.agent and not same_turn and not _is_turn(span):
            return False
        if span.start_ns is None or call.start_ns is None:
            return True
        return call.start_ns <= span.start_ns and (until is None or span.start_ns < until)


def _unasked(span: Span) -> ToolUse:
    return ToolUse(
        tool=span.tool or span.name,
        call_id=span.tool_call_id,
        arguments=value_of(payload(span.input)),
        asked_by=None,
        span_id=span.span_id,
        result=value_of(payload(span.output)),
        result_from=None if span.output is None else "tool span",
        status=span.status,
        error=error_of(span),
        start_ns=span.start_ns,
    )


def _is_named(span: Span, tool: str) -> bool:
    """A handoff's span is called by its receiver, and an agent that is used as a tool has its own turn."""
    wanted = _plain(tool)
    if _is_turn(span):
        return _plain(span.agent or "") == wanted
    if wanted in (_plain(span.tool or ""), _plain(span.name)):
        return True
    return bool(span.handoff_to) and _plain(span.handoff_to or "") in wanted


def _is_turn(span: Span) -> bool:
    return span.span_id == span.turn_id and span.kind not in KINDS


def _difference(seen: Item, span: Span) -> Difference | None:
    """Where the model was told something else than the tool's span recorded. A frame around the same content is no
    difference, nor is the error that takes the place of a result."""
    if span.output is None or span.status == "error" or span.handoff_to:
        return None
    recorded, told = value_of(payload(span.output)), canonical(seen.value)
    if _holds(recorded, told) or _holds(seen.value, canonical(recorded)):
        return None
    if scalars(recorded) and all(_plain(piece) in _plain(told) for piece in scalars(recorded)):
        return None
    return first_difference(recorded, seen.value, "$.result")


def _holds(value: Any, wanted: str) -> bool:
    """Whether a value is what is wanted (canonical), or an object around it: a message, a wrapper, a list of text
    blocks."""
    ahead = [(value, True)]
    while ahead:
        value, is_content = ahead.pop()
        value = value_of(value)
        if is_content and canonical(value) == wanted:
            return True
        if isinstance(value, dict):
            ahead += [(inner, name in WRAPPERS) for name, inner in value.items()]
        elif isinstance(value, list):
            ahead += [(inner, False) for inner in value if isinstance(inner, dict)]
            if value and all(isinstance(block, dict) and isinstance(block.get("text"), str) for block in value):
                ahead.append(("".join(block["text"] for block in value), is_content))
    return False


def _plain(text: str) -> str:
    """Letters and digits alone, small: the same however quoted, escaped or set."""
    return _SIGNS.sub("", text).casefold()
