"""Cases as files: JSON that git can tell changes of. What one call repeats of an earlier one is not written again,
texts of several lines are written line by line, and everything stands in one order."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from agentdbg.errors import AgentdbgError
from agentdbg.model import Grade, Kind, LLMCall, Span, Status, Trace
from agentdbg.replay.call import payload
from agentdbg.replay.case import Case

SCHEMA_VERSION = 1
DOCUMENT = "agentdbg case"
SUFFIX = ".case.json"
WIDTH = 110
"""Characters of a line up to which an object or a list stands on one."""
LINES = "\n"
"""The one member of an object that stands for a text: its lines."""
_ANEW = "make it anew: agentdbg case SPAN_ID -o FILE"


class Tool(Struct):
    """What wrote the file."""

    name: str = "agentdbg"
    version: str = ""


class Earlier(Struct):
    """The first messages of an earlier call, which this one repeats."""

    span_id: str
    first: int


class SpanRecord(Struct, omit_defaults=True):
    """A span as a case keeps it. What is not recorded is absent. Payloads are JSON values; those of a model call are
    `messages`, which go on from those of an `after`, `tools`, those of the call `tools_of` where they are its, and
    `answer`."""

    span_id: str
    kind: Kind
    name: str
    status: Status
    parent_id: str | None = None
    turn_id: str | None = None
    agent: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    handoff_to: str | None = None
    convention: str | None = None
    scope: str | None = None
    model: str | None = None
    provider: str | None = None
    grade: Grade | None = None
    reason: str | None = None
    tokens: dict[str, int] = {}
    cost_usd: float | None = None
    finish_reason: str | None = None
    parameters: Any | UnsetType = UNSET
    tools_of: str | None = None
    tools: Any | UnsetType = UNSET
    after: Earlier | None = None
    messages: list[Any] | UnsetType = UNSET
    answer: Any | UnsetType = UNSET
    input: Any | UnsetType = UNSET
    output: Any | UnsetType = UNSET


class CaseRecord(Struct, kw_only=True):
    """A whole file."""

    schema_version: int = SCHEMA_VERSION
    document: str = DOCUMENT
    tool: Tool
    trace_id: str
    trace_name: str
    trace_status: Literal["ok", "error", "incomplete"]
    span_id: str
    grade: Grade | None
    reason: str
    redacted: dict[str, int] | None = None
    accepted: list[str] = []
    spans: list[SpanRecord]


class _Text(Struct, tag_field="type", tag="text"):
    text: str


class _Reasoning(Struct, tag_field="type", tag="reasoning"):
    text: str


class _ToolCall(Struct, tag_field="type", tag="tool_call"):
    name: str
    arguments: Any
    id: str | None = None


class _ToolResult(Struct, tag_field="type", tag="tool_result"):
    result: Any
    id: str | None = None
    name: str | None = None


class _Media(Struct, tag_field="type", tag="media"):
    pass


class _Message(Struct):
    """What a message must have; whatever else it has stays."""

    role: Literal["system", "user", "assistant", "tool"]
    parts: list[_Text | _Reasoning | _ToolCall | _ToolResult | _Media]
    name: str | None = None


class _Offered(Struct):
    name: str


_SHAPES: Mapping[str, Any] = {
    "messages": list[_Message],
    "answer": list[_Message],
    "tools": list[_Offered] | None,
    "parameters": dict[str, Any] | None,
}


class _Head(Struct):
    document: str = ""
    schema_version: int = 0


_COPIED = (
    "span_id", "kind", "name", "status", "parent_id", "turn_id", "agent", "start_ns", "end_ns", "error_type",
    "error_message", "tool", "tool_call_id", "handoff_to", "finish_reason",
)  # fmt: skip
_TOKENS = ("input", "output", "cached", "reasoning")


def is_case(path: str) -> bool:
    """Whether a file is meant as a case: by its first words, or by its name where it cannot be read. What is no file is
    not looked into: a pipe could be read only once."""
    if not os.path.isfile(path):
        return path.endswith(SUFFIX)
    try:
        with open(path, "rb") as stream:
            return f'"{DOCUMENT}"'.encode() in stream.read(200) or path.endswith(SUFFIX)
    except OSError:
        return path.endswith(SUFFIX)


def read(path: str) -> Case:
    """The case in a file. AgentdbgError for what is none, is cut, or was written by a later version."""
    try:
        content = Path(path).read_bytes()
    except OSError as problem:
        raise AgentdbgError(f"{path} cannot be read: {problem.strerror}", _ANEW) from problem
    try:
        told = json.loads(content)
        head = msgspec.convert(told, _Head)
        if head.document != DOCUMENT:
            raise AgentdbgError(f"{path} is no case", _ANEW)
        if head.schema_version > SCHEMA_VERSION:
            raise AgentdbgError(
                f"{path} is a case of version {head.schema_version}, and this agentdbg knows up to {SCHEMA_VERSION}",
                "pip install --upgrade agentdbg-traces",
            )
        return _case(msgspec.convert(told, CaseRecord))
    except (ValueError, RecursionError) as problem:  # msgspec's errors are ValueErrors, as those of JSON and UTF-8
        raise AgentdbgError(f"{path} is no whole case: {problem}", f"git may hold it whole; or {_ANEW}") from problem


def text(case: Case) -> str:
    """The file of a case. The same bytes for the same case."""
    return _drawn(msgspec.to_builtins(_record(case)), 0) + "\n"


def _record(case: Case) -> CaseRecord:
    calls = {call.span_id: call for call in case.trace.calls}
    kept = _Kept()
    return CaseRecord(
        tool=Tool(version=case.made_with),
        trace_id=case.trace.trace_id,
        trace_name=case.trace.name,
        trace_status=case.trace.status,
        span_id=case.span_id,
        grade=case.grade,
        reason=case.reason,
        redacted=None if case.redacted is None else dict(sorted(case.redacted.items())),
        accepted=list(case.accepted),
        spans=[_span_record(span, calls.get(span.span_id), kept) for span in case.trace.spans],
    )


class _Kept:
    """What calls have said so far, so that nothing is written twice."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, ...], Earlier] = {}
        self._tools: dict[str, str] = {}

    def messages(self, span_id: str, messages: Sequence[Any]) -> tuple[Earlier | None, list[Any]]:
        """(what an earlier call has said of them, the rest)."""
        written = tuple(json.dumps(message) for message in messages)
        ends = range(len(written), 0, -1)
        earlier = next((self._said[written[:n]] for n in ends if written[:n] in self._said), None)
        for n in ends:
            self._said.setdefault(written[:n], Earlier(span_id, n))
        return earlier, [_lined(message) for message in messages[earlier.first if earlier else 0 :]]

    def tools(self, span_id: str, tools: str) -> str | None:
        """The call that was given the same tools."""
        of = self._tools.setdefault(tools, span_id)
        return None if of == span_id else of


def _span_record(span: Span, call: LLMCall | None, kept: _Kept) -> SpanRecord:
    record = SpanRecord(**{name: getattr(span, name) for name in _COPIED})
    if call is None:
        record.input, record.output = _payload(span.input), _payload(span.output)
        return record
    record.model, record.provider = call.model, call.provider
    record.grade, record.reason, record.cost_usd = call.replayable, call.replay_reason, call.cost_usd
    if call.replayable != "exact":  # what would have made it whole depends on who recorded it
        record.convention, record.scope = span.convention, span.scope
    counts = {name: getattr(call, f"{name}_tokens") for name in _TOKENS}
    record.tokens = {name: count for name, count in counts.items() if count is not None}
    record.parameters, record.answer = _payload(span.parameters), _payload(span.output)
    if span.tools is not None:
        record.tools_of = kept.tools(span.span_id, span.tools)
        record.tools = UNSET if record.tools_of else _payload(span.tools)
    if span.input is not None:
        record.after, record.messages = kept.messages(span.span_id, json.loads(span.input))
    return record


def _case(record: CaseRecord) -> Case:
    said: dict[str, SpanRecord] = {}
    spans, calls = [], []
    for one in record.spans:
        span = Span(trace_id=record.trace_id, **{name: getattr(one, name) for name in _COPIED})
        span.convention, span.scope = one.convention or "plain", one.scope
        span.input, span.output = _json(one.input), _json(one.output)
        if one.grade is not None:
            _fill(span, one, said)
            calls.append(_call(span, one))
        said[one.span_id] = one
        spans.append(span)
    trace = Trace(record.trace_id, record.trace_name, record.trace_status, None, None, spans, calls)
    accepted = tuple(record.accepted)
    return Case(trace, record.span_id, record.grade, record.reason, record.tool.version, record.redacted, accepted)


def _fill(span: Span, one: SpanRecord, said: Mapping[str, SpanRecord]) -> None:
    """A call's payloads, with what is written at earlier ones; these are made whole in `said` as they come."""
    for of in (one.tools_of, one.after.span_id if one.after else None):
        if of is not None and of not in said:
            raise msgspec.ValidationError(f"span {one.span_id} refers to span {of}, which does not stand before it")
    if one.tools_of is not None:
        one.tools = said[one.tools_of].tools
    if one.after is not None and one.messages is not UNSET:
        earlier = said[one.after.span_id].messages
        held = 0 if earlier is UNSET else len(earlier)
        if not 0 <= one.after.first <= held:
            raise msgspec.ValidationError(
                f"span {one.span_id} repeats {one.after.first} messages of span {one.after.span_id}, which holds {held}"
            )
        one.messages = [*(earlier or ())[: one.after.first], *one.messages]
    span.is_call, span.model, span.provider = True, one.model, one.provider
    span.input_tokens, span.output_tokens = one.tokens.get("input"), one.tokens.get("output")
    span.parameters, span.tools = _shaped(one, "parameters"), _shaped(one, "tools")
    span.input, span.output = _shaped(one, "messages"), _shaped(one, "answer")


def _shaped(one: SpanRecord, field: str) -> str | None:
    """What a call was given or said, as JSON text; ValidationError where it has not the shape of it."""
    told = getattr(one, field)
    if told is UNSET:
        return None
    said = _joined(told)
    try:
        msgspec.convert(said, _SHAPES[field])
    except msgspec.ValidationError as problem:
        raise msgspec.ValidationError(f"{field} of span {one.span_id}: {problem}") from problem
    return json.dumps(said)


def _call(span: Span, one: SpanRecord) -> LLMCall:
    input_tokens, output_tokens, cached, reasoning = (one.tokens.get(name) for name in _TOKENS)
    return LLMCall(
        trace_id=span.trace_id,
        span_id=span.span_id,
        agent=span.agent,
        model=one.model,
        provider=one.provider,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        cost_usd=one.cost_usd,
        cost_basis="unknown" if one.cost_usd is None else "reported",
        finish_reason=span.finish_reason,
        start_ns=span.start_ns,
        duration_ns=span.duration_ns,
        status=span.status,
        replayable=one.grade or "no",
        replay_reason=one.reason or "",
    )


def _payload(told: str | None) -> Any:
    return UNSET if told is None else _lined(payload(told))


def _json(value: Any) -> str | None:
    return None if value is UNSET else json.dumps(_joined(value))


def _lined(value: Any) -> Any:
    """The value with texts of several lines as {"\\n": lines}; an object that looks so by itself stands in a list of
    one."""
    if isinstance(value, str):
        return {LINES: value.split("\n")} if "\n" in value else value
    if isinstance(value, list):
        return [_lined(item) for item in value]
    if isinstance(value, dict):
        inner = {name: _lined(item) for name, item in value.items()}
        return {LINES: [inner]} if list(value) == [LINES] else inner
    return value


def _joined(value: Any) -> Any:
    if isinstance(value, list):
        return [_joined(item) for item in value]
    if isinstance(value, dict):
        lines = value.get(LINES) if len(value) == 1 else None
        if isinstance(lines, list) and len(lines) == 1 and isinstance(lines[0], dict):
            return {name: _joined(item) for name, item in lines[0].items()}
        if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
            return "\n".join(lines)
        return {name: _joined(item) for name, item in value.items()}
    return value


def _drawn(value: Any, indent: int) -> str:
    """JSON with what is short on one line, and one member or item a line of what is not."""
    whole = json.dumps(value, ensure_ascii=False)
    if len(whole) + indent <= WIDTH or not value or not isinstance(value, dict | list):
        return whole
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, dict):
        inner = [f"{json.dumps(name, ensure_ascii=False)}: {_drawn(item, indent + 1)}" for name, item in value.items()]
    else:
        inner = [_drawn(item, indent + 1) for item in value]
    line = "\n" + " " * (indent + 1)
    return f"{opening}{line}{f',{line}'.join(inner)}\n{' ' * indent}{closing}"
