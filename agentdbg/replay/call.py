"""A recorded model call in one neutral form, whatever API, framework and trace format it came from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agentdbg.model import Grade, LLMCall, Span, Status, Trace
from agentdbg.replay.repair import repaired

ACCEPTED = "answered an earlier question; the new one is accepted: "
"""How the reason of a call begins whose question was changed in its case."""
Message = dict[str, Any]
Part = dict[str, Any]


class Traces(Protocol):
    """Where recordings are: a store, a case."""

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        """Rows of a statement over the public views; none where there are no tables."""
        ...

    def trace(self, trace_id: str) -> Trace:
        """One whole trace with payloads."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One model call. Messages and parts are those of model.py; None is "not recorded", which is neither empty nor
    equal.

    `messages` holds everything that was sent, system messages included and in their places. `answer` is the parts of
    the (first) choice; a call that failed has its `error` instead.
    """

    trace_id: str
    span_id: str
    agent: str | None
    model: str | None
    provider: str | None
    messages: tuple[Message, ...] | None
    tools: tuple[dict[str, Any], ...] | None
    parameters: dict[str, Any] | None
    answer: tuple[Part, ...] | None
    finish: str | None
    error: str | None
    status: Status
    start_ns: int | None
    end_ns: int | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    grade: Grade
    reason: str

    @property
    def system(self) -> tuple[str, ...]:
        """The texts of the system messages, in order."""
        return tuple(
            part["text"]
            for message in self.messages or ()
            if message["role"] == "system"
            for part in message["parts"]
            if part["type"] == "text"
        )

    @property
    def tool_calls(self) -> tuple[Part, ...]:
        """The tools that the answer asks for."""
        return tuple(part for part in self.answer or () if part["type"] == "tool_call")


def calls_of(trace: Trace) -> list[Call]:
    """Every real model call of a trace, in order of start, then span id; without what SDKs cut off, where an earlier
    call has it."""
    spans = trace.by_id()
    calls = [call_of(spans[told.span_id], told) for told in trace.calls if told.span_id in spans]
    calls.sort(key=lambda call: (call.start_ns or 0, call.span_id))
    return repaired(calls, {call.span_id for call in calls if spans[call.span_id].dropped})


def call_of(span: Span, told: LLMCall) -> Call:
    """The call that a span of kind `llm` records, with what all spans of that call together tell in `told`."""
    messages, answers = _list(span.input), _list(span.output)
    parameters, tools = payload(span.parameters), _list(span.tools)
    return Call(
        trace_id=span.trace_id,
        span_id=span.span_id,
        agent=told.agent,
        model=told.model,
        provider=told.provider,
        messages=messages,
        tools=tools,
        parameters=parameters if isinstance(parameters, dict) else None,
        answer=None if answers is None else first_choice(answers),
        finish=told.finish_reason,
        error=error_of(span),
        status=told.status,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        input_tokens=told.input_tokens,
        output_tokens=told.output_tokens,
        cached_tokens=told.cached_tokens,
        reasoning_tokens=told.reasoning_tokens,
        cost_usd=told.cost_usd,
        grade=told.replayable,
        reason=told.replay_reason,
    )


def error_of(span: Span) -> str | None:
    """`Type: message` of a failed span, as much of it as is recorded; None where it did not fail."""
    if span.status != "error":
        return None
    return ": ".join(told for told in (span.error_type, span.error_message) if told) or "an error without a message"


def payload(text: str | None) -> Any:
    """The value of a payload. What is no JSON, or too deep to read, is told as the text that it is; None where there
    is none."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _list(text: str | None) -> tuple[dict[str, Any], ...] | None:
    value = payload(text)
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else None


def first_choice(answers: Sequence[Message]) -> tuple[Part, ...]:
    """The parts of one answer. Several messages are one that was split, unless each has a finish of its own: then they
    are choices (`n`)."""
    if sum("finish_reason" in message for message in answers) > 1:
        answers = answers[:1]
    return tuple(part for message in answers for part in message["parts"])
