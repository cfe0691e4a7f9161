"""MLflow traces: {"info": …, "data": {"spans": […]}} in every version of the format, alone, in an array or in lines;
the spans alone, as an artifact holds them; and rows of search_traces().

MLflow keeps attribute values as JSON text: they become values again, under their own names."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from typing import Any, BinaryIO

from agentdbg.importers import plain_names
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_documents import rows_of
from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.json_records import unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import check_order, from_json, tells, text, time_ns
from agentdbg.importers.times import to_ns
from agentdbg.rows import RawEvent, RawSpan

SCOPE = "mlflow"
_TRACE = "an MLflow trace: info and data.spans"
_AROUND = ("traces", "data", "spans")
_REQUEST = "mlflow.traceRequestId"
_ROW = frozenset({"trace_metadata", "execution_duration", "assessments"})  # of search_traces()
_OWN = frozenset(
    {
        "trace_id", "otel_trace_id", "span_id", "parent_span_id", "parent_id", "context", "name", "start_time",
        "end_time", "start_time_unix_nano", "end_time_unix_nano", "start_time_ns", "end_time_ns", "status",
        "status_code", "status_message", "attributes", "events",
    }
)  # fmt: skip


class MLflow:
    name = "mlflow"
    rank = 36

    def sniff(self, head: bytes, name: str) -> bool:
        return any(
            ("data.spans" in shape and ("info.trace_id" in shape or "info.request_id" in shape))
            or {"traces.info", "traces.data"} <= shape
            or ({"spans", "trace_id"} <= shape and bool(_ROW & shape))
            or ({"spans.attributes", "spans.name"} <= shape and b"mlflow.span" in head)
            for shape in shapes(head)
        )

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        notes = Notebook()
        yield from rows_of(stream, _TRACE, notes, _AROUND, partial(_traces, notes=notes))


def _traces(value: Any, piece: Piece, notes: Notebook) -> Iterator[RawSpan]:
    """The spans of a JSON value that is a trace, a page of traces, or a row whose trace is JSON text."""
    if isinstance(value, dict) and isinstance(value.get("traces"), list):
        for trace in value["traces"]:
            yield from _traces(trace, piece, notes)
        return
    told = from_json(value.get("trace")) if isinstance(value, dict) else None
    value = told if isinstance(told, dict) and "data" in told else value
    data = from_json(value.get("data", value)) if isinstance(value, dict) else None
    found = from_json(data.get("spans")) if isinstance(data, dict) else None
    if not isinstance(found, list):
        unknown(value, _TRACE, piece.line, notes)
        return
    info = value.get("info") if isinstance(value.get("info"), dict) else _without(value, "spans", "data")
    resource = {f"mlflow.{key}": item for key, item in info.items() if tells(item)}
    named = text(info.get("trace_id")) or text(info.get("request_id"))
    for span in found:
        span = from_json(span)
        if isinstance(span, dict):
            yield _span(span, named, resource, piece, notes)
        else:
            unknown(span, "a span object", piece.line, notes)


def _span(
    span: dict[str, Any], trace_id: str | None, resource: dict[str, Any], piece: Piece, notes: Notebook
) -> RawSpan:
    context = span.get("context")
    context = context if isinstance(context, dict) else {}
    recorded = from_json(span.get("attributes"))
    attributes = {key: from_json(v) for key, v in recorded.items()} if isinstance(recorded, dict) else {}
    attributes.update({f"mlflow.{key}": v for key, v in span.items() if key not in _OWN and tells(v)})
    span_id = _id(context.get("span_id", span.get("span_id")))
    if span_id is None:
        span_id = blake2b(repr(span).encode("utf-8", "replace"), digest_size=8).hexdigest()
        notes.add("info", "spans without a span id were given one", line=piece.line)
    trace_id = trace_id or text(attributes.get(_REQUEST)) or _id(context.get("trace_id", span.get("trace_id")))
    if trace_id is None:
        trace_id = span_id
        notes.add("info", "spans without a trace id are traces of their own", f"span {span_id}", line=piece.line)
    start_ns, end_ns = _time(span, "start_time", piece, notes), _time(span, "end_time", piece, notes)
    check_order(start_ns, end_ns, f"span {span_id}", piece.line, notes)
    status, message = _outcome(span)
    return RawSpan(
        trace_id,
        span_id,
        _id(span.get("parent_span_id") or span.get("parent_id")),
        text(span.get("name")) or "",
        start_ns,
        end_ns,
        status=status,
        status_message=message,
        attributes=attributes,
        events=_events(span.get("events")),
        scope=SCOPE,
        resource=resource,
        line=piece.line,
    )


def _outcome(span: dict[str, Any]) -> tuple[str, str | None]:
    told = span.get("status", span.get("status_code"))
    message = told.get("message", told.get("description")) if isinstance(told, dict) else span.get("status_message")
    status = plain_names.status(told) if told is not None else "unset"
    return status, text(message) if status == "error" else None


def _events(value: Any) -> list[RawEvent]:
    value = from_json(value)
    return [
        RawEvent(
            str(event["name"]),
            to_ns(event.get("time_unix_nano", event.get("timestamp"))),
            event["attributes"] if isinstance(event.get("attributes"), dict) else {},
        )
        for event in (value if isinstance(value, list) else [])
        if isinstance(event, dict) and event.get("name")
    ]


def _time(span: dict[str, Any], field: str, piece: Piece, notes: Notebook) -> int | None:
    value = next((span[name] for name in (f"{field}_unix_nano", f"{field}_ns", field) if span.get(name)), None)
    return time_ns(value, field, piece.line, notes)


def _id(value: Any) -> str | None:
    """An id as hex digits: as they are, after 0x (up to version 2), or out of base64 (version 3)."""
    told = text(value)
    if told is None or not told.isascii():
        return told
    if told.startswith("0x"):
        return told[2:].lower()
    if told.endswith("=") and len(told) in (12, 24):
        try:
            return base64.b64decode(told, validate=True).hex()
        except (binascii.Error, ValueError):
            return told
    return told


def _without(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in keys}
