"""OTLP protobuf in every framing gives the rows of its JSON form."""

import base64
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.importers.contract import Source
from agentdbg.importers.otlp_json import OtlpJson
from agentdbg.importers.otlp_protobuf import OtlpProtobuf
from agentdbg.importers.protobuf_wire import framing
from agentdbg.rows import NoteRow, RawLog, RawSpan

pytest.importorskip("opentelemetry.proto")
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

TRACE, SPAN = bytes(range(16)), bytes(range(1, 9))


def request(*names: str, attributes: list[KeyValue] | None = None) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    group.resource.attributes.add(key="service.name", value=AnyValue(string_value="shop"))
    scoped = group.scope_spans.add()
    scoped.scope.name = "lib"
    for place, name in enumerate(names):
        span = scoped.spans.add(
            name=name,
            trace_id=TRACE,
            span_id=bytes([0, 0, 0, 0, 0, 0, 1, place]),
            start_time_unix_nano=5,
            end_time_unix_nano=9,
        )
        span.attributes.extend(attributes or [])
    return message


def read(data: bytes) -> list[Any]:
    return list(OtlpProtobuf().read(io.BytesIO(data), Source("t")))


def names(data: bytes) -> list[str]:
    return [row.name for row in read(data) if isinstance(row, RawSpan)]


def notes(data: bytes) -> list[NoteRow]:
    return [row for row in read(data) if isinstance(row, NoteRow)]


def fixed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def varint(*messages: bytes) -> bytes:
    out = b""
    for message in messages:
        size = len(message)
        while size > 0x7F:
            out += bytes([size & 0x7F | 0x80])
            size >>= 7
        out += bytes([size]) + message
    return out


FRAMINGS = {
    "one request": ("plain", lambda a, b: a),
    "concatenated": ("plain", lambda a, b: a + b),
    "4-byte lengths": ("fixed", lambda a, b: fixed(a, b)),
    "4-byte length of one": ("fixed", lambda a, b: fixed(a)),
    "varint lengths": ("varint", lambda a, b: varint(a, b)),
    "varint length of one": ("varint", lambda a, b: varint(a)),
}


@pytest.mark.parametrize("how", FRAMINGS)
@pytest.mark.parametrize("size", [0, 1, 10, 300, 100_000])
def test_the_framing_is_told_by_content(how, size):
    kind, framed = FRAMINGS[how]
    first, second = request("a" * size).SerializeToString(), request("b").SerializeToString()
    data = framed(first, second)
    assert OtlpProtobuf().sniff(data[:65536], "x.bin")
    assert framing(data[:65536]) == kind
    assert (
        names(data) == ["a" * size, "b"]
        if framed(b"1", b"2") not in (framed(b"1", b""), framed(b"1", b"3"))
        else ["a" * size]
    )
    assert notes(data) == []


VALUES = st.recursive(
    st.text(max_size=5).map(lambda text: AnyValue(string_value=text))
    | st.integers(-(2**63), 2**63 - 1).map(lambda number: AnyValue(int_value=number))
    | st.floats().map(lambda number: AnyValue(double_value=number))
    | st.booleans().map(lambda truth: AnyValue(bool_value=truth))
    | st.binary(max_size=5).map(lambda data: AnyValue(bytes_value=data))
    | st.just(AnyValue()),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: AnyValue(array_value=ArrayValue(values=items)))
        | st.lists(inner, max_size=3).map(
            lambda items: AnyValue(
                kvlist_value=KeyValueList(values=[KeyValue(key=f"k{i}", value=v) for i, v in enumerate(items)])
            )
        )
    ),
    max_leaves=5,
)


@given(values=st.lists(VALUES, max_size=3))
@settings(max_examples=50, deadline=None)
def test_json_and_protobuf_say_the_same(values):
    message = request("a", attributes=[KeyValue(key=f"a{place}", value=value) for place, value in enumerate(values)])
    text = json_format.MessageToJson(message, indent=None)  # ids in base64 here
    from_json = list(OtlpJson().read(io.BytesIO(text.encode()), Source("t")))
    for row in from_json:
        row.line = None
    assert from_json == read(message.SerializeToString())


def log_request(**fields: Any) -> ExportLogsServiceRequest:
    message = ExportLogsServiceRequest()
    message.resource_logs.add().scope_logs.add().log_records.add(
        trace_id=TRACE, span_id=SPAN, body=AnyValue(string_value="hi"), **fields
    )
    return message


@pytest.mark.parametrize(
    "fields", [{"time_unix_nano": 7}, {"observed_time_unix_nano": 7}, {"severity_number": 9}, {"event_name": "e"}, {}]
)
def test_logs_are_told_from_spans(fields):
    [row] = read(log_request(**fields).SerializeToString())
    assert isinstance(row, RawLog)
    assert (row.trace_id, row.span_id, row.event.body) == (TRACE.hex(), SPAN.hex(), "hi")


def test_metrics_are_left_out_with_a_note():
    message = ExportMetricsServiceRequest()
    metric = (
        message.resource_metrics.add().scope_metrics.add().metrics.add(name="gen_ai.client.token.usage", unit="{token}")
    )
    metric.histogram.data_points.add(time_unix_nano=5)
    [note] = notes(message.SerializeToString())
    assert "metrics are left out" in note.message


def test_a_truncated_request_keeps_its_whole_spans():
    data = request("first", "second", "third").SerializeToString()
    cut = data[: data.index(b"third") + 3]
    assert names(cut) == ["first", "second"]
    [note] = notes(cut)
    assert note.severity == "data_loss"
    assert "is cut off; 2 records of it were read" in note.message


def test_log_records_of_a_truncated_request_are_no_spans():
    message = log_request(time_unix_nano=7)
    records = message.resource_logs[0].scope_logs[0].log_records
    records.add(trace_id=TRACE, span_id=SPAN, time_unix_nano=8, body=AnyValue(string_value="the last word"))
    data = message.SerializeToString()
    found = read(data[: data.index(b"last")])
    assert [type(row) for row in found] == [RawLog, NoteRow]
    assert notes(data[:3])[0].severity == "data_loss"


def test_one_bad_text_does_not_lose_the_spans_beside_it():
    data = request("good", "caf?", "fine").SerializeToString().replace(b"caf?", b"caf\xe9")
    assert names(data) == ["good", "fine"]
    assert "is damaged; 2 records" in notes(data)[0].message


def test_garbage_after_good_requests_is_a_note():
    data = request("good").SerializeToString() + b"\xff\xfe garbage"
    assert names(data) == ["good"]
    assert "expected another resource at byte" in notes(data)[0].message


def test_a_length_that_lies_is_a_note():
    data = fixed(request("good").SerializeToString()) + b"\xff\xff\xff\xff\x0a"
    assert names(data) == ["good"]
    assert "the length is damaged" in notes(data)[0].message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\nhello world",
        b"\n" * 100,
        b"PK\x03\x04" + bytes(100),
        bytes(100),
        b"hello",
        bytes(range(256)),
        b"\x0a",
    ],
)
def test_other_bytes_are_not_claimed(data):
    assert not OtlpProtobuf().sniff(data, "traces.binpb")


def test_bytes_values_are_base64_text():
    [row] = read(
        request("a", attributes=[KeyValue(key="k", value=AnyValue(bytes_value=b"\x00\xff"))]).SerializeToString()
    )
    assert row.attributes["k"] == base64.b64encode(b"\x00\xff").decode()
    assert json.dumps(row.attributes)
