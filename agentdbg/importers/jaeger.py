"""Jaeger's JSON: what its user interface downloads and its query service answers, {"data": [trace, …]}, or one trace.

Tags become attributes under their own names, so that conventions read them; Jaeger's own fields are `jaeger.<field>`,
and the process a span ran in is its resource."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_documents import rows_of
from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.json_records import unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.times import MAX_NS
from agentdbg.rows import RawEvent, RawSpan

SCOPE = "jaeger"
_AROUND = ("data", "spans")
_TRACE = "a Jaeger trace: spans with traceID and spanID"
_OWN = frozenset(
    {
        "traceID", "spanID", "parentSpanID", "operationName", "startTime", "duration", "references", "tags", "logs",
        "processID", "process", "startTimeMillis",
    }
)  # fmt: skip
_SCOPE_NAMES = ("otel.scope.name", "otel.library.name")
_SCOPE_VERSIONS = ("otel.scope.version", "otel.library.version")


class Jaeger:
    name = "jaeger"
    rank = 34

    def sniff(self, head: bytes, name: str) -> bool:
        return any(
            {"spans.traceID", "spans.spanID"} <= shape
            or {"data.traceID", "data.spans"} <= shape
            or {"traceID", "spanID", "operationName"} <= shape
            for shape in shapes(head)
        )

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        notes = Notebook()
        yield from rows_of(stream, _TRACE, notes, _AROUND, partial(_traces, notes=notes))


def _is_span(value: dict[str, Any]) -> bool:
    return "spanID" in value


def _traces(value: Any, piece: Piece, notes: Notebook) -> Iterator[RawSpan]:
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        for trace in value["data"]:
            yield from _traces(trace, piece, notes)
    elif isinstance(value, dict) and isinstance(value.get("spans"), list):
        processes = value.get("processes")
        processes = processes if isinstance(processes, dict) else {}
        resources = {key: _resource(process) for key, process in processes.items()}
        for span in value["spans"]:
            yield from _span(span, resources, value.get("traceID"), piece, notes)
    elif isinstance(value, dict) and _is_span(value):
        yield from _span(value, {}, None, piece, notes)
    else:
        unknown(value, _TRACE, piece.line, notes)


def _span(
    span: Any, resources: dict[str, dict[str, Any]], trace_id: Any, piece: Piece, notes: Notebook
) -> Iterator[RawSpan]:
    if not isinstance(span, dict) or not span.get("spanID"):
        unknown(span, "an object with a spanID", piece.line, notes)
        return
    span_id = str(span["spanID"])
    trace_id = span.get("traceID") or trace_id
    if not trace_id:
        notes.add("info", "spans without a trace id are traces of their own", f"span {span_id}", line=piece.line)
    attributes = _tags(span.get("tags"), "jaeger.tags")
    attributes.update({f"jaeger.{key}": v for key, v in span.items() if key not in _OWN and v not in (None, [], {})})
    start_ns, duration = _microseconds(span.get("startTime")), _microseconds(span.get("duration"))
    if start_ns is None and span.get("startTime") is not None:
        shown = repr(span["startTime"])[:80]
        notes.add("info", "values of startTime that are no time were left out", shown, line=piece.line)
    parent_id, links = _references(span, str(trace_id or span_id))
    status, message = _outcome(attributes)
    yield RawSpan(
        str(trace_id or span_id),
        span_id,
        parent_id,
        str(span.get("operationName") or ""),
        start_ns,
        min(start_ns + duration, MAX_NS) if start_ns is not None and duration is not None else None,
        status=status,
        status_message=message,
        attributes=attributes,
        events=_events(span.get("logs")),
        links=links,
        scope=_first(attributes, _SCOPE_NAMES) or SCOPE,
        scope_version=_first(attributes, _SCOPE_VERSIONS),
        resource=resources.get(str(span.get("processID"))) or _resource(span.get("process")),
        line=piece.line,
    )


def _references(span: dict[str, Any], trace_id: str) -> tuple[str | None, list[dict[str, Any]]]:
    """Parent and links. The first reference to a span of the same trace is the parent, CHILD_OF before FOLLOWS_FROM, as
    Jaeger itself draws it."""
    listed = span.get("references")
    found = (
        [item for item in listed if isinstance(item, dict) and item.get("spanID")] if isinstance(listed, list) else []
    )
    own = [item for item in found if str(item.get("traceID") or trace_id) == trace_id]
    parent = next((item for item in own if item.get("refType") != "FOLLOWS_FROM"), own[0] if own else None)
    links = [
        {
            "trace_id": str(item.get("traceID") or trace_id),
            "span_id": str(item["spanID"]),
            "attributes": {"jaeger.refType": item.get("refType")},
        }
        for item in found
        if item is not parent
    ]
    if parent is not None:
        return str(parent["spanID"]), links
    return (str(span["parentSpanID"]) if span.get("parentSpanID") else None), links


def _outcome(attributes: dict[str, Any]) -> tuple[str, str | None]:
    """Status and message out of the tags that the OpenTelemetry exporters put them in."""
    told = str(attributes.get("otel.status_code") or "").upper()
    failed = attributes.get("error") is True or str(attributes.get("error")).lower() == "true"
    message = attributes.get("otel.status_description")
    if told == "ERROR" or (failed and told != "OK"):
        return "error", str(message) if message else None
    return ("ok" if told == "OK" else "unset"), None


def _tags(value: Any, odd: str) -> dict[str, Any]:
    """Tags as attributes; a key that is there several times holds a list, what is no tag stays under `odd`."""
    found: dict[str, Any] = {}
    rest: list[Any] = []
    repeated: set[str] = set()
    for tag in value if isinstance(value, list) else [value] if value is not None else []:
        key = str(tag["key"]) if isinstance(tag, dict) and "key" in tag else ""
        if not key:
            rest.append(tag)
        elif key not in found:
            found[key] = tag.get("value")
        else:
            found[key] = [*found[key], tag.get("value")] if key in repeated else [found[key], tag.get("value")]
            repeated.add(key)
    if rest:
        found[odd] = rest
    return found


def _resource(process: Any) -> dict[str, Any]:
    if not isinstance(process, dict):
        return {}
    found = _tags(process.get("tags"), "jaeger.process.tags")
    if process.get("serviceName"):
        found.setdefault("service.name", str(process["serviceName"]))
    return found


def _events(logs: Any) -> list[RawEvent]:
    events = []
    for log in logs if isinstance(logs, list) else []:
        if isinstance(log, dict):
            fields = _tags(log.get("fields"), "jaeger.fields")
            name = fields.pop("event", None) or fields.pop("name", None) or "log"
            events.append(RawEvent(str(name), _microseconds(log.get("timestamp")), fields))
    return events


def _microseconds(value: Any) -> int | None:
    """Nanoseconds of a whole number of microseconds, which Jaeger always means, also as text."""
    try:
        found = int(value) * 1_000 if not isinstance(value, bool) else -1
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0 <= found <= MAX_NS else None


def _first(attributes: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(attributes[name]) for name in names if attributes.get(name)), None)
