"""What was read of an input, ready to be stored: spans as Arrow batches in our fields, with what was read beside them.
Needs no database, so that other processes can make them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from agentdbg.conventions import kept, normalise
from agentdbg.errors import AgentdbgError
from agentdbg.importers.contract import Row
from agentdbg.rows import NoteRow, RawLog, RawSpan, SpanRow
from agentdbg.steps.messages import payload_keys
from agentdbg.store.columns import arrow_schema, batch

BATCH = 2_048
BATCH_SIZE = 8 << 20  # characters of attributes
SPAN_SCHEMA = arrow_schema(SpanRow)
_LINE = SPAN_SCHEMA.get_field_index("source_line")


class LogRow(msgspec.Struct, gc=False):
    """A row of raw.logs. seq: its place among the log records of its file, told when it is stored."""

    trace_id: str
    span_id: str
    seq: int
    name: str
    time_ns: int | None
    attributes: str
    body: str | None


class Pack(msgspec.Struct):
    """Some thousand spans of an input, in its order, and the log records and notes that stood among them."""

    spans: pa.RecordBatch | None
    logs: list[LogRow]
    notes: list[NoteRow]


def packed(items: Iterable[Row]) -> Iterator[Pack]:
    """All rows of an input; also those before an AgentdbgError that ends it. Memory is bounded by the pack."""
    rows: list[SpanRow] = []
    pack = Pack(None, [], [])
    size = 0
    failed: AgentdbgError | None = None
    try:
        for item in items:
            if isinstance(item, RawSpan):
                rows.append(row_of(item))
                size += len(rows[-1].attributes or "")
                if len(rows) >= BATCH or size >= BATCH_SIZE:
                    pack.spans = batch(rows, SPAN_SCHEMA)
                    yield pack
                    rows.clear()
                    pack = Pack(None, [], [])
                    size = 0
            elif isinstance(item, RawLog):
                pack.logs.append(_log_row(item))
            else:
                pack.notes.append(item)
    except AgentdbgError as error:
        failed = error
    pack.spans = batch(rows, SPAN_SCHEMA) if rows else None
    yield pack
    if failed is not None:
        raise failed


def below(packs: Iterable[Pack], lines: int) -> Iterator[Pack]:
    """Packs of what follows on so many lines that were read before."""
    for pack in packs:
        if pack.spans is not None and lines:
            moved = pc.add(pack.spans.column(_LINE), lines)
            pack.spans = pack.spans.set_column(_LINE, SPAN_SCHEMA.field(_LINE), moved)
        for note in pack.notes:
            note.line = None if note.line is None else note.line + lines
        yield pack


def row_of(span: RawSpan) -> SpanRow:
    """One raw span as a row, with its step keys."""
    return keyed(normalise(span))


def keyed(row: SpanRow) -> SpanRow:
    """The row, with the keys of its payloads."""
    row.input_key, row.output_key, row.output_empty = payload_keys(row.kind, row.input, row.output)
    return row


def _log_row(item: RawLog) -> LogRow:
    event = item.event
    body = kept({"body": event.body}) if event.body is not None else None
    return LogRow(item.trace_id, item.span_id, 0, event.name, event.time_ns, kept(event.attributes), body)
