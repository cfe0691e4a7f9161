"""Raw attributes in, our fields out. One file a vocabulary; a span may speak several at once.

A convention is a class with `name`, `rank` (the lower speaks first; a later one only fills what is still absent),
`claims(span)` and `read(span, row)`. Those that keep content in events also have `events(events, row)`, which serves
span events and log records alike. Nothing is registered: the shelf is found by looking."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Protocol, runtime_checkable

from agentdbg.rows import RawEvent, RawSpan, SpanRow
from agentdbg.vocabulary import failures
from agentdbg.vocabulary.genai_events import OF_CALLS
from agentdbg.vocabulary.jsontext import dump
from agentdbg.vocabulary.transfers import destination

OPERATION = "gen_ai.operation.name"


class Convention(Protocol):
    """How one vocabulary names our fields."""

    name: str
    rank: int

    def claims(self, span: RawSpan) -> bool:
        """Whether the span speaks this vocabulary. Its scope, its name, its `tool.name` and the names of its attributes
        and events decide: nothing else of it is there, since spans of one shape are asked about once."""
        ...

    def read(self, span: RawSpan, row: SpanRow) -> None:
        """Fill the fields of `row` that are still absent."""
        ...


@runtime_checkable
class EventConvention(Protocol):
    """A vocabulary that keeps content in span events or log records."""

    def events(self, events: Sequence[RawEvent], row: SpanRow) -> None:
        """Fill the fields of `row` that are still absent from the events of one span, in order."""
        ...


@cache
def shelf() -> tuple[Convention, ...]:
    """Every convention, in the order in which they speak."""
    found: list[Convention] = []
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        found += [
            thing()
            for thing in vars(loaded).values()
            if isinstance(thing, type) and thing.__module__ == loaded.__name__ and hasattr(thing, "claims")
        ]
    return tuple(sorted(found, key=lambda convention: (convention.rank, convention.name)))


def normalise(span: RawSpan) -> SpanRow:
    """One raw span in our fields. Everything recorded stays in `attributes`, understood or not."""
    row = SpanRow(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        name=span.name,
        scope=span.scope,
        scope_version=span.scope_version,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        dropped=span.dropped,
        source_line=span.line,
    )
    _judge_status(span, row)
    tool, events = span.attributes.get("tool.name"), tuple([event.name for event in span.events])
    spoken = _spoken(span.scope, span.name, str(tool) if tool else None, tuple(span.attributes), events)
    for convention in spoken:
        try:
            convention.read(span, row)
            if span.events and isinstance(convention, EventConvention):
                convention.events(span.events, row)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            row.payload_cut = True  # nested beyond what can be walked, or of a shape nobody writes: the rest stays
    if row.kind == "tool" and row.handoff_to is None and (to := destination(row.tool, row.input)):
        row.handoff_to, row.handoff_rule = to, row.tool
    if not row.input_tokens and not row.output_tokens:  # no call is made of no tokens: 0 and 0 were not counted
        row.input_tokens = row.output_tokens = None
    if row.kind == "llm":  # what nobody denies is recorded where it was sent
        row.records_tools = row.records_tools is not False
        row.records_parameters = row.records_parameters is not False
        row.model = row.model or row.request_model  # a failed call has no answer that names one
    if row.session_id is None and (session := span.attributes.get("session.id")):
        row.session_id = str(session)  # OpenTelemetry's own name: a user's spans around a framework's carry it too
    if spoken:
        row.convention = "+".join(convention.name for convention in spoken)
    row.attributes = kept(span.attributes) if span.attributes else None
    row.events = dump([_written(_event(event)) for event in span.events]) if span.events else None
    row.links = dump(_written(span.links)) if span.links else None
    row.resource = kept(span.resource) if span.resource else None
    return row


@lru_cache(maxsize=1024)
def _spoken(
    scope: str | None, name: str, tool: str | None, attributes: tuple[str, ...], events: tuple[str, ...]
) -> tuple[Convention, ...]:
    """The conventions that spans of this shape speak."""
    shown = RawSpan("", "", None, name, None, None, scope=scope, events=[RawEvent(event) for event in events])
    shown.attributes = {key: tool if key == "tool.name" else None for key in attributes}
    return tuple(convention for convention in shelf() if convention.claims(shown))


def from_logs(trace_id: str, span_id: str, events: Sequence[RawEvent]) -> SpanRow:
    """What the log records of one span tell of it: a row in which all else is absent."""
    row = SpanRow(trace_id=trace_id, span_id=span_id, parent_id=None, name="")
    for convention in shelf():
        if isinstance(convention, EventConvention):
            convention.events(events, row)
    return row


def stand_in(trace_id: str, span_id: str, events: Sequence[RawEvent]) -> SpanRow | None:
    """A span made of its log records alone, for as long as it is not here itself: what it did, said and used, at the
    time of the records. None where they tell of no work, as the records that a program writes for its operators."""
    told = [event for event in events if event.name in OF_CALLS]
    if not told:
        return None
    attributes = {key: value for event in reversed(told) for key, value in event.attributes.items()}
    asked = {OPERATION: "chat", **attributes}  # what these events are about, where they do not say
    named = (str(asked[key]) for key in (OPERATION, "gen_ai.request.model") if asked.get(key))
    times = [event.time_ns for event in events if event.time_ns is not None]
    first, last = min(times, default=None), max(times, default=None)
    raw = RawSpan(trace_id, span_id, None, " ".join(named), first, last, attributes=asked, events=list(events))
    row = normalise(raw)
    row.attributes = kept(attributes) if attributes else None
    return row if row.kind != "other" else None


def _judge_status(span: RawSpan, row: SpanRow) -> None:
    """OTel's status, corrected: control-flow exceptions are no failures, and `error.type` without a status is one."""
    error_type = span.attributes.get("error.type")
    if span.status != "error" and not (error_type or span.events or span.status_message):
        row.status = span.status
        return
    error_type = str(error_type) if error_type else None
    message = span.status_message
    raised = next((event.attributes for event in reversed(span.events) if event.name == "exception"), {})
    error_type = str(raised.get("exception.type") or "") or error_type
    message = message or str(raised.get("exception.message") or "") or None
    if steering := failures.control_flow(error_type) or failures.control_flow(
        failures.split(message)[0] if message else None
    ):
        row.control_flow = steering
        row.status = "ok" if span.status == "error" else span.status
        return
    row.status = span.status
    if span.status == "unset" and span.attributes.get("error.type"):
        row.status = "error"
    if row.status == "error":
        told, row.error_message = failures.split(message) if message else (None, None)
        row.error_type = told or (failures.class_name(error_type) if error_type else None)


def kept(attributes: dict[str, Any]) -> str:
    """All attributes as JSON text; one that is nested beyond what can be written gives way to a word about it."""
    try:
        return dump(attributes)
    except ValueError:
        return dump({key: _written(value) for key, value in attributes.items()})


def _written(value: Any) -> Any:
    try:
        dump(value)
    except ValueError:
        return "(nested too deeply to keep)"
    return value


def _event(event: RawEvent) -> dict[str, object]:
    out: dict[str, object] = {"name": event.name, "time_ns": event.time_ns, "attributes": event.attributes}
    return out if event.body is None else {**out, "body": event.body}
