"""OTLP protobuf: export requests for traces and logs, one, concatenated, or each with its length before it (4 bytes or
varint)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_values import MAX_DEPTH, number
from agentdbg.importers.otlp_records import event_name, keep_otlp_fields, link_row, log_row, with_scope
from agentdbg.importers.otlp_spans import Reading, kind_name, status_name
from agentdbg.importers.protobuf_wire import Malformed, Message, fields, framing, messages, signal
from agentdbg.importers.streams import HEAD_BYTES, joined
from agentdbg.rows import RawEvent, RawSpan

_LOST = "a message could not be read"
_UNKNOWN = 1 << 62  # the end of a message that is cut off
_ADVICE = "export or copy the file again; what came before was read"


class OtlpProtobuf:
    name = "otlp-protobuf"
    rank = 30

    def sniff(self, head: bytes, name: str) -> bool:
        return framing(head) is not None

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        reading = Reading()
        head = stream.read(HEAD_BYTES)
        kind = framing(head)
        if kind is None:
            reading.notes.add("data_loss", _LOST, "expected OTLP export requests in protobuf, found other bytes")
            yield from reading.notes.finish()
            return
        for message in messages(joined(head, stream), kind):
            if isinstance(message, Malformed):
                reading.notes.add("data_loss", _LOST, str(message), _ADVICE)
            else:
                yield from _rows(message, reading)
            yield from reading.notes.drain()
        yield from reading.notes.finish()


def _rows(message: Message, reading: Reading) -> Iterator[Row]:
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

    reading.begin(None, message.data)
    what = signal(message.data)
    if what == "metrics":
        reading.notes.add("info", "metrics are left out: only traces and logs are read")
    if what not in ("spans", "logs"):
        return
    shape, rows = (ResourceSpans, _spans) if what == "spans" else (ResourceLogs, _logs)
    for group in _parsed(message, shape, reading):
        yield from rows(group, reading)


def _parsed(message: Message, shape: Any, reading: Reading) -> Iterator[Any]:
    """The group of a message; of a damaged one, its resource with each record that is whole."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if message.whole:
        try:
            yield shape.FromString(message.data)
            return
        except DecodeError:
            pass
    kept = 0
    for group in _salvaged(message.data, shape, DecodeError):
        kept += 1
        yield group
    what = "is damaged" if message.whole else "is cut off"
    reading.notes.add(
        "data_loss", _LOST, f"the message at byte {message.at} {what}; {kept} records of it were read", _ADVICE
    )


def _salvaged(data: bytes, shape: Any, error: type[Exception]) -> Iterator[Any]:
    """Groups of one record each. Records are tried one by one, because one bad text spoils a whole message."""
    resource = b""
    try:
        for part in fields(data, 0, _UNKNOWN):
            if part.wire != 2 or part.number not in (1, 2):
                continue
            if part.number == 1:
                resource = _field(1, data[part.start : part.end])
                continue
            scope = b""
            for inner in fields(data, part.start, part.end):
                if inner.end > len(data):
                    return
                content = data[inner.start : inner.end]
                if inner.number == 1 and inner.wire == 2:
                    scope = _field(1, content)
                elif inner.number == 2 and inner.wire == 2:
                    with suppress(error):
                        yield shape.FromString(resource + _field(2, scope + _field(2, content)))
    except Malformed:
        return


def _field(number_: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number_ << 3 | 2]) + length + bytes([size]) + content


def _spans(group: Any, reading: Reading) -> Iterator[Row]:
    resource = _attributes(group.resource.attributes)
    for scoped in group.scope_spans:
        scope = scoped.scope
        shared = with_scope(resource, _attributes(scope.attributes))
        name, version = scope.name or None, scope.version or None
        for span in scoped.spans:
            row = _span(span, reading)
            row.scope, row.scope_version, row.resource = name, version, shared
            yield row


def _span(span: Any, reading: Reading) -> RawSpan:
    parent = span.parent_span_id
    status = span.status
    row = RawSpan(
        reading.trace_id(span.trace_id.hex()),
        reading.span_id(span.span_id.hex()),
        reading.parent_id(parent.hex()) if parent else None,
        span.name,
        reading.time_ns(span.start_time_unix_nano, "start"),
        reading.time_ns(span.end_time_unix_nano, "end"),
        status=status_name(status.code),
        status_message=status.message or None,
        attributes=_attributes(span.attributes),
    )
    row.dropped = span.dropped_attributes_count + span.dropped_events_count + span.dropped_links_count
    for event in span.events:
        row.dropped += event.dropped_attributes_count
        row.events.append(
            RawEvent(event.name, reading.time_ns(event.time_unix_nano, "event"), _attributes(event.attributes))
        )
    for link in span.links:
        row.dropped += link.dropped_attributes_count
        row.links.append(link_row(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes), reading))
    keep_otlp_fields(row.attributes, kind_name(span.kind), span.trace_state, span.flags)
    reading.check(row)
    return row


def _logs(group: Any, reading: Reading) -> Iterator[Row]:
    for scoped in group.scope_logs:
        for record in scoped.log_records:
            attributes = _attributes(record.attributes)
            if record.severity_text:
                attributes.setdefault("otlp.severity_text", record.severity_text)
            time_ns = reading.time_ns(record.time_unix_nano or record.observed_time_unix_nano, "log record")
            event = RawEvent(event_name(record.event_name, attributes), time_ns, attributes, _plain(record.body))
            row = log_row(record.trace_id.hex(), record.span_id.hex(), event, reading)
            if row is not None:
                yield row


def _attributes(pairs: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        # reading one field is a third of the price of asking which one is set, and most values are texts
        attributes[pair.key] = value.string_value or _plain(value)
    return attributes


def _plain(value: Any, depth: int = 0) -> Any:
    which = value.WhichOneof("value")
    if which is None:
        return None
    found = getattr(value, which)
    if which == "array_value":
        return [_plain(item, depth + 1) for item in found.values] if depth < MAX_DEPTH else str(found)
    if which == "kvlist_value":
        return {pair.key: _plain(pair.value, depth + 1) for pair in found.values} if depth < MAX_DEPTH else str(found)
    return _READ.get(which, _same)(found)


def _same(found: Any) -> Any:
    return found


_READ: dict[str, Callable[[Any], Any]] = {
    "bytes_value": lambda found: base64.b64encode(found).decode("ascii"),
    "double_value": number,
}
