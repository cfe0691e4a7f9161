"""The openai-agents SDK's own trace items, as its exporters write them: `trace` and `trace.span` objects, one a line,
in an array, or as the ingest body {"data": […]}."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_pieces import Piece, pieces
from agentdbg.importers.json_records import records, unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.times import to_ns
from agentdbg.rows import RawSpan

SCOPE = "openai-agents native"
_TRACE, _SPAN = "trace", "trace.span"
_HELD_SPANS = 10_000  # spans that are kept back until their trace item comes


class OpenaiAgents:
    """A span's `span_data` becomes attributes `openai_agents.<field>`, the trace item the resource of its
    spans."""

    name = "openai-agents"
    rank = 40

    def sniff(self, head: bytes, name: str) -> bool:
        lines = ({"object", "span_data"}, {"object", "workflow_name"}, {"data.object", "data.span_data"})
        return any(keys <= shape for shape in shapes(head) for keys in lines)

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        runs = _Runs()
        for piece in pieces(stream):
            for item in _items(piece, runs.notes):
                if item.get("object") == _TRACE:
                    yield from runs.begin(str(item.get("id")), _prefixed(item, ("object", "id")))
                else:
                    yield from runs.add(_span(item, piece, runs.notes))
            yield from runs.notes.drain()
        yield from runs.rest()
        yield from runs.notes.finish()


class _Runs:
    """Spans wait for the trace item that tells of their run, as far as memory is bounded."""

    def __init__(self) -> None:
        self.notes = Notebook()
        self._traces: dict[str, dict[str, Any]] = {}
        self._waiting: dict[str, list[RawSpan]] = {}
        self._held = 0

    def begin(self, trace_id: str, told: dict[str, Any]) -> Iterator[RawSpan]:
        self._traces[trace_id] = told
        for span in self._waiting.pop(trace_id, ()):
            self._held -= 1
            yield from self.add(span)

    def add(self, span: RawSpan) -> Iterator[RawSpan]:
        if (told := self._traces.get(span.trace_id)) is not None:
            span.resource = told
            yield span
            return
        self._waiting.setdefault(span.trace_id, []).append(span)
        self._held += 1
        if self._held > _HELD_SPANS:
            yield from self.rest()

    def rest(self) -> Iterator[RawSpan]:
        """Those whose trace item did not come."""
        for spans in self._waiting.values():
            yield from spans
        self._waiting, self._held = {}, 0


def _items(piece: Piece, notes: Notebook) -> Iterator[dict[str, Any]]:
    for value in records(piece, "a trace item", notes):
        body = value.get("data") if isinstance(value, dict) else None
        for item in body if isinstance(body, list) else [value]:
            if isinstance(item, dict) and item.get("object") in (_TRACE, _SPAN) and item.get("id"):
                yield item
            else:
                unknown(item, "a trace or trace.span object with an id", piece.line, notes)


def _span(item: dict[str, Any], piece: Piece, notes: Notebook) -> RawSpan:
    data = item.get("span_data")
    data = data if isinstance(data, dict) else {}
    error = item.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    attributes = _prefixed(data, ())
    attributes.update(_prefixed(item, ("object", "id", "trace_id", "parent_id", "started_at", "ended_at", "span_data")))
    span_id = str(item["id"])
    trace_id = item.get("trace_id")
    if not trace_id:
        notes.add("info", "spans without a trace id are traces of their own", f"span {span_id}", line=piece.line)
    start_ns, end_ns = to_ns(item.get("started_at")), to_ns(item.get("ended_at"))
    if start_ns is not None and end_ns is not None and end_ns < start_ns:
        notes.add("info", "spans that end before they start are kept", f"span {span_id}", line=piece.line)
    return RawSpan(
        str(trace_id or span_id),
        span_id,
        str(item["parent_id"]) if item.get("parent_id") else None,
        str(data.get("name") or data.get("type") or "span"),
        start_ns,
        end_ns,
        status="error" if error else "unset",
        status_message=str(message) if error and message else None,
        attributes=attributes,
        scope=SCOPE,
        line=piece.line,
    )


def _prefixed(fields: dict[str, Any], without: tuple[str, ...]) -> dict[str, Any]:
    return {f"openai_agents.{key}": value for key, value in fields.items() if value is not None and key not in without}
