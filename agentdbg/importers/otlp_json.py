"""OTLP/JSON: export requests for traces and logs, one a line, one a file, or an array of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from agentdbg.importers import otlp_odd
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_pieces import Piece, pieces
from agentdbg.importers.json_records import salvaged
from agentdbg.importers.json_shape import shapes
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
        for piece in pieces(stream, by_line=source.by_line):
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
    value, _ = salvaged(piece, "an OTLP request", reading.notes, _SPANS_DEPTH)
    if value is None:
        return
    for request in otlp_odd.requests(value, reading):
        yield from spans(request, reading)
        yield from logs(request, reading)
