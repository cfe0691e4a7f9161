"""Phoenix's spans: the REST interface and its clients, the command line tool, and a span dataframe written as JSON.

Attributes come nested or flat and end up under the names they were recorded with, so that OpenInference and the other
conventions read them; what is Phoenix's own is `phoenix.<field>`."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, BinaryIO

from agentdbg.importers import otlp_odd
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.flat_attributes import WHOLE, flatten
from agentdbg.importers.json_documents import rows_of
from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.json_records import unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.otlp_records import spans
from agentdbg.importers.otlp_spans import Reading
from agentdbg.importers.record_fields import check_order, text, time_ns
from agentdbg.importers.times import to_ns
from agentdbg.rows import RawEvent, RawSpan

SCOPE = "phoenix"
_PAGES = ("data", "spans")
_OWN = frozenset(
    {
        "name", "context", "context.trace_id", "context.span_id", "parent_id", "start_time", "end_time", "status_code",
        "status_message", "attributes", "events",
    }
)  # fmt: skip
_SPAN = "a Phoenix span: span_kind with context.trace_id and context.span_id"
_KIND = "openinference.span.kind"


class Phoenix:
    name = "phoenix"
    rank = 32

    def sniff(self, head: bytes, name: str) -> bool:
        return any(_is_export(shape) for shape in shapes(head))

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        reader = _Reader()
        yield from rows_of(stream, _SPAN, reader.notes, _PAGES, reader.record)


def _is_export(shape: frozenset[str]) -> bool:
    if {"span_kind", "context.trace_id"} <= shape:
        return True
    if any({f"{page}.span_kind", f"{page}.context"} <= shape for page in _PAGES):
        return True
    return {"data.trace_id", "data.start_time_unix_nano"} <= shape


def _is_span(value: dict[str, Any]) -> bool:
    return "context" in value or "context.trace_id" in value


class _Reader:
    def __init__(self) -> None:
        self.notes = Notebook()

    def record(self, value: Any, piece: Piece) -> Iterator[Row]:
        """The spans of a JSON value: one, a page of them, a trace of the command line tool, or a dataframe written
        column by column."""
        if not isinstance(value, dict):
            unknown(value, _SPAN, piece.line, self.notes)
        elif isinstance(value.get("context.trace_id"), dict):
            for row in _rows(value):
                yield self._span(row, piece)
        elif _is_span(value):
            yield self._span(value, piece)
        else:
            pages = [value[page] for page in _PAGES if isinstance(value.get(page), list)]
            if not pages:
                unknown(value, _SPAN, piece.line, self.notes)
            elif any(isinstance(item, dict) and "start_time_unix_nano" in item for item in pages[0]):
                yield from self._otlp(pages[0], piece)
            else:
                for item in pages[0]:
                    yield from self.record(item, piece)

    def _otlp(self, page: list[Any], piece: Piece) -> Iterator[Row]:
        """A page of the endpoint that gives spans in OTLP's words."""
        reading = Reading()
        reading.begin(piece.line, piece.text)
        for request in otlp_odd.requests({"resourceSpans": [{"scopeSpans": [{"spans": page}]}]}, reading):
            yield from spans(request, reading)
        yield from reading.notes.finish()

    def _span(self, row: dict[str, Any], piece: Piece) -> RawSpan:
        context = row.get("context")
        context = context if isinstance(context, dict) else {}
        span_id = text(context.get("span_id", row.get("context.span_id")))
        trace_id = text(context.get("trace_id", row.get("context.trace_id")))
        if span_id is None:
            span_id = blake2b(repr(row).encode("utf-8", "replace"), digest_size=8).hexdigest()
            self.notes.add("info", "spans without a span id were given one", line=piece.line)
        if trace_id is None:
            trace_id = span_id
            self.notes.add("info", "spans without a trace id are traces of their own", span_id, line=piece.line)
        start_ns, end_ns = (time_ns(row.get(name), name, piece.line, self.notes) for name in ("start_time", "end_time"))
        check_order(start_ns, end_ns, f"span {span_id}", piece.line, self.notes)
        status = str(row.get("status_code") or "").upper().rpartition(".")[2]
        message = text(row.get("status_message"))
        attributes = _attributes(row)
        if message and status != "ERROR":
            attributes["phoenix.status_message"] = message
        return RawSpan(
            trace_id,
            span_id,
            text(row.get("parent_id")),
            text(row.get("name")) or "",
            start_ns,
            end_ns,
            status={"OK": "ok", "ERROR": "error"}.get(status, "unset"),
            status_message=message if status == "ERROR" else None,
            attributes=attributes,
            events=_events(row.get("events"), attributes),
            scope=SCOPE,
            line=piece.line,
        )


def _rows(columns: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a dataframe written as {column: {row: value}}."""
    for index in columns["context.trace_id"]:
        yield {
            "context.span_id": index,
            **{name: column[index] for name, column in columns.items() if isinstance(column, dict) and index in column},
        }


def _attributes(row: dict[str, Any]) -> dict[str, Any]:
    """What was recorded under its own names, and Phoenix's own fields."""
    found: dict[str, Any] = {}
    recorded = row.get("attributes")
    if isinstance(recorded, dict):
        flatten(recorded, found, whole=WHOLE)
    for key, value in row.items():
        if key.startswith("attributes."):
            flatten({key.removeprefix("attributes."): value}, found, whole=WHOLE)
        elif key not in _OWN and value is not None and value != "":
            found[f"phoenix.{key}"] = value
    if recorded is not None and not isinstance(recorded, dict):
        found["phoenix.attributes"] = recorded
    if row.get("span_kind"):
        found.setdefault(_KIND, row["span_kind"])
    return found


def _events(value: Any, attributes: dict[str, Any]) -> list[RawEvent]:
    """Span events; what is none stays an attribute."""
    if not isinstance(value, list):
        if value:
            attributes["phoenix.events"] = value
        return []
    events = []
    for item in value:
        if isinstance(item, dict) and item.get("name"):
            told = item.get("attributes")
            events.append(
                RawEvent(str(item["name"]), to_ns(item.get("timestamp")), told if isinstance(told, dict) else {})
            )
        else:
            attributes.setdefault("phoenix.events", []).append(item)
    return events
