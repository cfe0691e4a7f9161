"""OTLP/JSON: export requests for traces and logs, one a line, one a file, or an array of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from agentdbg.importers import otlp_odd
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_pieces import Piece, mend, pieces
from agentdbg.importers.json_records import unreadable
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.json_values import NotJson, loads
from agentdbg.importers.otlp_records import Request, logs, spans
from agentdbg.importers.otlp_spans import Reading

_ROOTS = frozenset(
    {
        "resourceSpans",
        "resourceLogs",
        "resourceMetrics",
        "resource_spans",
        "resource_logs",
        "trace.resourceSpans",
        "batches.scopeSpans",
        "batches.instrumentationLibrarySpans",
    }
)
_SPANS_DEPTH = 6  # {"resourceSpans": [{"scopeSpans": [{"spans": [ are six open brackets


class OtlpJson:
    name = "otlp-json"
    rank = 20

    def sniff(self, head: bytes, name: str) -> bool:
        return any(_ROOTS & shape for shape in shapes(head))

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        reading = Reading()
        decode = msgspec.json.Decoder(Request).decode
        for piece in pieces(stream):
            reading.begin(piece.line, piece.text)
            try:
                request = decode(piece.text)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                yield from _odd(piece, reading)
            else:
                yield from _rows(request, piece, reading)
            yield from reading.notes.drain()
        yield from reading.notes.finish()


def _rows(request: Request, piece: Piece, reading: Reading) -> Iterator[Row]:
    if request.resource_spans is None and request.resource_logs is None:
        # neither a trace nor a log request as the fast path knows them: other wrappings, metrics, or something else
        # altogether
        yield from _odd(piece, reading)
        return
    yield from spans(request, reading)
    yield from logs(request, reading)


def _odd(piece: Piece, reading: Reading) -> Iterator[Row]:
    """A record that the typed structs reject: everything in it that can be read is read, the rest becomes notes."""
    value = _value(piece, reading)
    if value is None:
        return
    for request in otlp_odd.requests(value, reading):
        yield from spans(request, reading)
        yield from logs(request, reading)


def _value(piece: Piece, reading: Reading) -> Any:
    """The JSON of a record; of a truncated one, what came before the cut."""
    notes = reading.notes
    try:
        value, remarks = loads(piece.text)
    except NotJson as error:
        whole = None if piece.fault == "long" else mend(piece.text, _SPANS_DEPTH)
        unreadable(
            piece, "an OTLP request", str(error), "; the spans before that place were read" if whole else "", notes
        )
        if whole is None:
            return None
        try:
            value, remarks = loads(whole)
        except NotJson:
            return None
    for remark in remarks:
        notes.add("info", remark, line=piece.line)
    return value
