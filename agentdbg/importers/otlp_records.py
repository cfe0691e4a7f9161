"""OTLP/JSON export requests as typed structs, and their rows. The fast path of ingest: written for speed, measured per
span."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agentdbg.importers.json_values import MAX_DEPTH, number
from agentdbg.importers.otlp_spans import REMOTE_PARENT, Reading, kind_name, status_name
from agentdbg.rows import RawEvent, RawLog, RawSpan


class _Struct(msgspec.Struct, gc=False, rename="camel"):
    """Every field may be missing or null: OTLP/JSON leaves out defaults, and writers differ."""


class Value(_Struct):
    string_value: str | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bool_value: bool | None = None
    array_value: Values | None = None
    kvlist_value: Pairs | None = None
    bytes_value: str | None = None


class Values(_Struct):
    values: list[Value | None] | None = None


class Pair(_Struct):
    key: str = ""
    value: Value | None = None


class Pairs(_Struct):
    values: list[Pair] | None = None


class Status(_Struct):
    code: int | str | None = None
    message: str | None = None


class Event(_Struct):
    name: str | None = None
    time_unix_nano: int | str | float | None = None
    attributes: list[Pair] | None = None
    dropped_attributes_count: int | None = None


class Link(_Struct):
    trace_id: str | None = None
    span_id: str | None = None
    attributes: list[Pair] | None = None
    dropped_attributes_count: int | None = None


class Span(_Struct):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    trace_state: str | None = None
    flags: int | None = None
    name: str | None = None
    kind: int | str | None = None
    start_time_unix_nano: int | str | float | None = None
    end_time_unix_nano: int | str | float | None = None
    attributes: list[Pair] | None = None
    dropped_attributes_count: int | None = None
    events: list[Event] | None = None
    dropped_events_count: int | None = None
    links: list[Link] | None = None
    dropped_links_count: int | None = None
    status: Status | None = None


class LogRecord(_Struct):
    time_unix_nano: int | str | float | None = None
    observed_time_unix_nano: int | str | float | None = None
    severity_text: str | None = None
    event_name: str | None = None
    body: Value | None = None
    attributes: list[Pair] | None = None
    trace_id: str | None = None
    span_id: str | None = None


class Scope(_Struct):
    name: str | None = None
    version: str | None = None
    attributes: list[Pair] | None = None


class ScopeSpans(_Struct):
    scope: Scope | None = None
    instrumentation_library: Scope | None = None
    spans: list[Span] | None = None


class ScopeLogs(_Struct):
    scope: Scope | None = None
    instrumentation_library: Scope | None = None
    log_records: list[LogRecord] | None = None
    logs: list[LogRecord] | None = None


class Resource(_Struct):
    attributes: list[Pair] | None = None


class ResourceSpans(_Struct):
    resource: Resource | None = None
    scope_spans: list[ScopeSpans] | None = None
    instrumentation_library_spans: list[ScopeSpans] | None = None


class ResourceLogs(_Struct):
    resource: Resource | None = None
    scope_logs: list[ScopeLogs] | None = None
    instrumentation_library_logs: list[ScopeLogs] | None = None


class Request(_Struct):
    resource_spans: list[ResourceSpans] | None = None
    resource_logs: list[ResourceLogs] | None = None


def spans(request: Request, reading: Reading) -> Iterator[RawSpan]:
    """Spans in the order of the file. Spans of one resource share its dict: it is not to be changed."""
    for group in request.resource_spans or ():
        resource = plain_pairs(group.resource.attributes if group.resource else None)
        for block in (group.scope_spans, group.instrumentation_library_spans):
            for scoped in block or ():
                scope = scoped.scope or scoped.instrumentation_library or Scope()
                shared = with_scope(resource, plain_pairs(scope.attributes))
                name, version = scope.name or None, scope.version or None
                for span in scoped.spans or ():
                    row = _row(span, reading)
                    row.scope, row.scope_version, row.resource = name, version, shared
                    yield row


def logs(request: Request, reading: Reading) -> Iterator[RawLog]:
    """Log records that name a span; the others are counted in a note."""
    for group in request.resource_logs or ():
        for block in (group.scope_logs, group.instrumentation_library_logs):
            for scoped in block or ():
                for records in (scoped.log_records, scoped.logs):
                    for record in records or ():
                        row = log_row(record.trace_id or "", record.span_id or "", _log_event(record, reading), reading)
                        if row is not None:
                            yield row


def log_row(trace_id: str, span_id: str, event: RawEvent, reading: Reading) -> RawLog | None:
    """A log record; None (and a note) where it names no span."""
    parent = reading.parent_id(span_id)
    if parent is None or not trace_id.strip("0"):
        reading.notes.add("info", "log records that name no span are left out", event.name, line=reading.line)
        return None
    return RawLog(reading.trace_id(trace_id), parent, event, reading.line)


def with_scope(resource: dict[str, Any], scope: dict[str, Any]) -> dict[str, Any]:
    """Resource attributes together with the (rare) attributes of the scope."""
    return {**resource, **{f"otel.scope.{key}": value for key, value in scope.items()}} if scope else resource


def _row(span: Span, reading: Reading) -> RawSpan:
    row = RawSpan(
        reading.trace_id(span.trace_id or ""),
        reading.span_id(span.span_id or ""),
        reading.parent_id(span.parent_span_id) if span.parent_span_id else None,
        span.name or "",
        reading.time_ns(span.start_time_unix_nano, "start"),
        reading.time_ns(span.end_time_unix_nano, "end"),
        attributes=plain_pairs(span.attributes),
        line=reading.line,
    )
    if span.status is not None:
        row.status = status_name(span.status.code or 0)
        row.status_message = span.status.message or None
    if span.events:
        row.events = [
            RawEvent(event.name or "", reading.time_ns(event.time_unix_nano, "event"), plain_pairs(event.attributes))
            for event in span.events
        ]
    if span.links:
        row.links = [
            link_row(link.trace_id or "", link.span_id or "", plain_pairs(link.attributes), reading)
            for link in span.links
        ]
    row.dropped = _dropped(span)
    keep_otlp_fields(
        row.attributes, kind_name(span.kind) if span.kind is not None else None, span.trace_state, span.flags or 0
    )
    reading.check(row)
    return row


def link_row(trace_id: str, span_id: str, attributes: dict[str, Any], reading: Reading) -> dict[str, Any]:
    return {"trace_id": reading.trace_id(trace_id), "span_id": reading.parent_id(span_id), "attributes": attributes}


def keep_otlp_fields(attributes: dict[str, Any], kind: str | None, trace_state: str | None, flags: int) -> None:
    """The span fields that have no field of their own in RawSpan, where they say something."""
    if kind is not None:
        attributes.setdefault("otlp.kind", kind)
    if trace_state:
        attributes.setdefault("otlp.trace_state", trace_state)
    if flags & REMOTE_PARENT:
        attributes.setdefault("otlp.remote_parent", True)


def _dropped(span: Span) -> int:
    count = (span.dropped_attributes_count or 0) + (span.dropped_events_count or 0) + (span.dropped_links_count or 0)
    for event in span.events or ():
        count += event.dropped_attributes_count or 0
    for link in span.links or ():
        count += link.dropped_attributes_count or 0
    return count


def _log_event(record: LogRecord, reading: Reading) -> RawEvent:
    attributes = plain_pairs(record.attributes)
    if record.severity_text:
        attributes.setdefault("otlp.severity_text", record.severity_text)
    time = record.time_unix_nano if record.time_unix_nano not in (None, 0, "0", "") else record.observed_time_unix_nano
    body = plain(record.body) if record.body is not None else None
    return RawEvent(event_name(record.event_name, attributes), reading.time_ns(time, "log record"), attributes, body)


def event_name(field: str | None, attributes: dict[str, Any]) -> str:
    """The name of a log record: its field (SDKs since 1.37), else the attribute `event.name`, else ""."""
    return field or str(attributes.get("event.name") or "")


def plain_pairs(pairs: list[Pair] | None) -> dict[str, Any]:
    """Attributes as a dict; of a key that is there twice the last value counts, as in every SDK."""
    if not pairs:
        return {}
    attributes: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        if value is None:
            attributes[pair.key] = None
        else:
            text = value.string_value
            attributes[pair.key] = text if text is not None else plain(value)
    return attributes


def plain(value: Value, depth: int = 0) -> Any:
    """An OTLP value as a plain Python one: bytes stay base64 text, an empty value is None, NaN is the text "NaN"."""
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return _whole(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return _real(value.double_value)
    if value.array_value is not None or value.kvlist_value is not None:
        if depth >= MAX_DEPTH:
            return msgspec.json.encode(value).decode()
        if value.array_value is not None:
            return [None if item is None else plain(item, depth + 1) for item in value.array_value.values or ()]
        pairs = value.kvlist_value.values or () if value.kvlist_value is not None else ()
        return {pair.key: None if pair.value is None else plain(pair.value, depth + 1) for pair in pairs}
    return value.bytes_value


def _whole(value: int | str) -> float | str:
    if type(value) is str:
        try:
            return number(int(value)) if len(value) < 30 else value
        except ValueError:
            return value
    return number(value)  # type: ignore[arg-type]


def _real(value: float | str) -> float | str:
    if type(value) is str:
        try:
            return number(float(value))
        except ValueError:
            return value
    return number(value)  # type: ignore[arg-type]
