"""OTLP/JSON in, spans and logs out."""

import io
import json
from typing import Any

import pytest

from agentdbg.importers.contract import Source
from agentdbg.importers.otlp_json import OtlpJson
from agentdbg.rows import NoteRow, RawEvent, RawLog, RawSpan

TRACE, SPAN, PARENT = "5b8aa5a2d2c872e8321cf37308d69df2", "051581bf3cb55c13", "5fb397be34d26b51"


def read(text: str | bytes) -> list[Any]:
    return list(OtlpJson().read(io.BytesIO(text.encode() if isinstance(text, str) else text), Source("t")))


def spans(text: str | bytes) -> list[RawSpan]:
    return [row for row in read(text) if isinstance(row, RawSpan)]


def notes(text: str | bytes) -> list[NoteRow]:
    return [row for row in read(text) if isinstance(row, NoteRow)]


def request(*found: dict[str, Any], **scope: Any) -> str:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{**scope, "spans": list(found)}]}]})


def span(**fields: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "chat",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        **fields,
    }


def value_of(recorded: Any) -> Any:
    [found] = spans(request(span(attributes=[{"key": "k", "value": recorded}])))
    return found.attributes["k"]


def test_a_span_with_everything():
    text = json.dumps(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                    "scopeSpans": [
                        {
                            "scope": {"name": "lib", "version": "1.2"},
                            "spans": [
                                span(
                                    parentSpanId=PARENT,
                                    kind=3,
                                    attributes=[{"key": "a", "value": {"intValue": "7"}}],
                                    droppedAttributesCount=2,
                                    events=[
                                        {"timeUnixNano": "5", "name": "e", "attributes": [{"key": "b", "value": {}}]}
                                    ],
                                    links=[{"traceId": TRACE, "spanId": PARENT}],
                                    droppedLinksCount=1,
                                    status={"code": 2, "message": "boom"},
                                )
                            ],
                        }
                    ],
                }
            ]
        }
    )
    assert read(text) == [
        RawSpan(
            TRACE,
            SPAN,
            PARENT,
            "chat",
            1,
            2,
            status="error",
            status_message="boom",
            attributes={"a": 7, "otlp.kind": "client"},
            events=[RawEvent("e", 5, {"b": None})],
            links=[{"trace_id": TRACE, "span_id": PARENT, "attributes": {}}],
            scope="lib",
            scope_version="1.2",
            resource={"service.name": "shop"},
            dropped=3,
            line=1,
        )
    ]


@pytest.mark.parametrize(
    ("recorded", "plain"),
    [
        ({"stringValue": ""}, ""),
        ({"stringValue": "x"}, "x"),
        ({"intValue": "-3"}, -3),
        ({"intValue": 3}, 3),
        ({"intValue": "9223372036854775807"}, 2**63 - 1),
        ({"intValue": "99999999999999999999"}, "99999999999999999999"),
        ({"intValue": 10**400}, str(10**400)),
        ({"boolValue": False}, False),
        ({"doubleValue": 0.5}, 0.5),
        ({"doubleValue": 1}, 1.0),
        ({"doubleValue": "NaN"}, "NaN"),
        ({"doubleValue": "-Infinity"}, "-Infinity"),
        ({"bytesValue": "aGk="}, "aGk="),
        ({"arrayValue": {}}, []),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {}, {"intValue": "1"}]}}, ["a", None, 1]),
        ({"kvlistValue": {}}, {}),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": []}}}]}}, {"a": []}),
        ({}, None),
        (None, None),
    ],
)
def test_values_become_plain(recorded, plain):
    assert value_of(recorded) == plain
    assert type(value_of(recorded)) is type(plain)


@pytest.mark.parametrize(
    ("recorded", "plain"),
    [
        ({"stringValue": 5}, 5),
        ({"intValue": 5.0}, 5.0),
        ({"intValue": "many"}, "many"),
        ({"boolValue": "yes"}, "yes"),
        ("bare text", "bare text"),
        ([1, {"a": None}], [1, {"a": None}]),
        ({"arrayValue": {"values": ["a", {"stringValue": "b"}]}}, ["a", "b"]),
    ],
)
def test_odd_values_are_kept_for_what_they_are(recorded, plain):
    assert value_of(recorded) == plain


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        (TRACE, SPAN),
        (TRACE.upper(), SPAN.upper()),
        ("W4qlotLIcugyHPNzCNad8g==", "BRWBvzy1XBM="),
        ("W4qlotLIcugyHPNzCNad8g", "BRWBvzy1XBM"),
    ],
)
def test_ids_in_hex_and_base64_are_the_same(trace_id, span_id):
    [found] = spans(request(span(traceId=trace_id, spanId=span_id)))
    assert (found.trace_id, found.span_id) == (TRACE, SPAN)


@pytest.mark.parametrize("parent", ["", None, "0000000000000000", "AAAAAAAAAAA="])
def test_a_root_has_no_parent(parent):
    [found] = spans(request(span(parentSpanId=parent)))
    assert found.parent_id is None


def test_ids_of_wrong_length_are_kept_with_a_note():
    text = request(span(traceId="abc", spanId="span-7"))
    assert [(found.trace_id, found.span_id) for found in spans(text)] == [("abc", "span-7")]
    assert [(note.severity, note.line) for note in notes(text)] == [("info", 1), ("info", 1)]
    assert "unusual length" in notes(text)[0].message


def test_spans_without_a_trace_id_are_grouped_by_their_request():
    text = request(span(traceId=""), span(traceId="", spanId=PARENT)) + "\n" + request(span(traceId="", name="other"))
    first, second, third = spans(text)
    assert first.trace_id == second.trace_id != third.trace_id
    assert spans(text)[0].trace_id == first.trace_id
    assert "without a trace id" in notes(text)[0].message


def test_spans_without_a_span_id_get_different_ones():
    first, second = spans(request(span(spanId=""), span(spanId="")))
    assert first.span_id != second.span_id
    assert len(first.span_id) == 16


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, "unset"), (None, "unset"), ({"code": 0}, "unset"), ({"code": 1}, "ok"), ({"code": 2}, "error"),
        ({"code": "STATUS_CODE_ERROR"}, "error"), ({"code": "STATUS_CODE_OK"}, "ok"), ({"code": "ERROR"}, "error"),
        ("STATUS_CODE_ERROR", "error"), ({"code": 2, "message": 5}, "error"),
    ],
)  # fmt: skip
def test_status_by_number_and_by_name(status, expected):
    [found] = spans(request(span(status=status)))
    assert found.status == expected


def test_kind_by_number_and_by_name():
    kinds = [
        found.attributes.get("otlp.kind")
        for found in spans(request(span(kind=3), span(kind="SPAN_KIND_CLIENT"), span(kind=1), span()))
    ]
    assert kinds == ["client", "client", None, None]


@pytest.mark.parametrize("end", ["0", 0, None, ""])
def test_no_end_is_an_open_span(end):
    [found] = spans(request(span(endTimeUnixNano=end)))
    assert found.end_ns is None


def test_times_as_numbers_and_texts():
    [found] = spans(request(span(startTimeUnixNano=1795159253468818667, endTimeUnixNano="1795159253468818668")))
    assert (found.start_ns, found.end_ns) == (1795159253468818667, 1795159253468818668)


def test_a_time_beyond_63_bits_is_left_out_with_a_note():
    text = request(span(endTimeUnixNano="99999999999999999999999"))
    assert spans(text)[0].end_ns is None
    assert "no nanoseconds" in notes(text)[0].message


def test_a_span_that_ends_before_it_starts_is_kept_with_a_note():
    text = request(span(startTimeUnixNano="9", endTimeUnixNano="3"))
    assert [(found.start_ns, found.end_ns) for found in spans(text)] == [(9, 3)]
    assert "end before they start" in notes(text)[0].message


@pytest.mark.parametrize("dress", ["{0}\n{0}\n", "[{0},{0}]", "[\n{0}\n,\n{0}\n]"])
def test_requests_come_in_lines_and_arrays(dress):
    assert len(spans(dress.replace("{0}", request(span())))) == 2


def test_an_indented_request_and_its_line():
    assert len(spans(json.dumps(json.loads(request(span())), indent=2))) == 1


OLD = {
    "resourceSpans": [{"instrumentationLibrarySpans": [{"instrumentationLibrary": {"name": "old"}, "spans": [span()]}]}]
}
SNAKE = {"resource_spans": [{"scope_spans": [{"scope": {"name": "snake"}, "spans": [
    {"trace_id": TRACE, "span_id": SPAN, "start_time_unix_nano": 1, "attributes": [{"key": "snake_key", "value": {"int_value": 1}}]}]}]}]}  # fmt: skip
TEMPO = {"batches": [{"resource": {}, "scopeSpans": [{"scope": {"name": "tempo"}, "spans": [span()]}]}]}
WRAPPED = {"trace": {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "wrapped"}, "spans": [span()]}]}]}}


@pytest.mark.parametrize(
    ("wrapping", "scope"), [(OLD, "old"), (SNAKE, "snake"), (TEMPO, "tempo"), (WRAPPED, "wrapped")]
)
def test_other_wrappings(wrapping, scope):
    text = json.dumps(wrapping)
    assert OtlpJson().sniff(text.encode(), "x")
    assert [(found.scope, found.span_id) for found in spans(text)] == [(scope, SPAN)]
    assert notes(text) == []


def test_snake_case_attribute_names_stay():
    assert spans(json.dumps(SNAKE))[0].attributes == {"snake_key": 1}


def test_attributes_as_an_object():
    [found] = spans(request(span(attributes={"my_key": {"deep_er": 1}})))
    assert found.attributes == {"my_key": {"deep_er": 1}}


def test_one_odd_span_does_not_lose_the_good_ones_beside_it():
    text = request(
        span(name="good"),
        "not a span",
        span(name="odd", events="nonsense", flags="x", traceState=7),
        span(name="also good"),
    )
    assert [found.name for found in spans(text)] == ["good", "odd", "also good"]
    odd = spans(text)[1]
    assert odd.attributes == {"otlp.flags": "x", "otlp.traceState": 7}
    assert sorted({note.severity for note in notes(text)}) == ["data_loss", "info"]


def test_one_bad_line_among_good_ones_is_a_note():
    text = f"{request(span(name='a'))}\n{{broken\n{request(span(name='b'))}\n"
    assert [found.name for found in spans(text)] == ["a", "b"]
    [note] = notes(text)
    assert (note.severity, note.line) == ("data_loss", 2)
    assert "expected an OTLP request in JSON" in note.message
    assert note.advice


def test_many_bad_lines_are_counted():
    found = notes(request(span()) + "\n" + "{broken\n" * 1000)
    assert len(found) == 51
    assert "950 times more" in found[-1].message


def test_a_truncated_last_line_keeps_the_spans_before_the_cut():
    whole = request(span(name="a"), span(name="b"), span(name="c"))
    text = request(span(name="first")) + "\n" + whole[: whole.index('"c"')]
    assert [found.name for found in spans(text)] == ["first", "a", "b"]
    [note] = notes(text)
    assert (note.severity, note.line) == ("data_loss", 2)
    assert "cut off" in note.message


def test_another_json_line_is_a_note():
    [note] = notes('{"hello": 1, "world": 2}\n')
    assert (
        note.message
        == "a record was left out: expected resourceSpans or resourceLogs, found an object with hello, world"
    )


def test_metrics_are_left_out_with_a_note():
    text = json.dumps({"resourceMetrics": [{"scopeMetrics": []}]}) + "\n" + request(span())
    assert len(spans(text)) == 1
    assert [note.severity for note in notes(text)] == ["info"]


def test_nan_and_infinity_where_json_has_none():
    text = request(
        span(
            attributes=[
                {"key": "k", "value": {"doubleValue": float("nan")}},
                {"key": "i", "value": {"doubleValue": float("inf")}},
            ]
        )
    )
    assert "NaN" in text
    assert spans(text)[0].attributes == {"k": "NaN", "i": "Infinity"}


def test_bytes_that_are_no_utf8_are_replaced_with_a_note():
    text = request(span(name="caf\xe9")).encode().replace(b"caf\\u00e9", b"caf\xe9")
    assert spans(text)[0].name == "caf\ufffd"
    assert "no UTF-8" in notes(text)[0].message


def test_lone_surrogates_do_not_survive():
    assert spans(request(span()).replace('"chat"', '"a\\ud800b"'))[0].name == "a?b"


@pytest.mark.parametrize("depth", [150, 5_000, 200_000])
def test_bottomless_nesting_is_cut_or_noted(depth):
    bomb = '{"arrayValue":{"values":[' * depth + '{"intValue":"1"}' + "]}}" * depth
    good = request(span(name="good"))
    text = (
        request(span(attributes=[{"key": "bomb", "value": 0}])).replace('"value": 0', f'"value": {bomb}') + "\n" + good
    )
    assert [found.name for found in spans(text)][-1] == "good"
    assert notes(text) or json.dumps(spans(text)[0].attributes)


LOG = {
    "timeUnixNano": "7",
    "traceId": TRACE,
    "spanId": SPAN,
    "body": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}},
}


def logs(*records: dict[str, Any]) -> str:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]})


def test_a_log_record_becomes_an_event_of_its_span():
    assert read(logs({**LOG, "eventName": "gen_ai.choice", "severityText": "INFO"})) == [
        RawLog(TRACE, SPAN, RawEvent("gen_ai.choice", 7, {"otlp.severity_text": "INFO"}, {"a": 1}), 1)
    ]


def test_the_name_of_a_log_record_may_be_an_attribute():
    [row] = read(logs({**LOG, "attributes": [{"key": "event.name", "value": {"stringValue": "old.name"}}]}))
    assert row.event.name == "old.name"


def test_the_observed_time_serves_where_the_time_is_absent():
    [row] = read(logs({**LOG, "timeUnixNano": "0", "observedTimeUnixNano": "9"}))
    assert row.event.time_ns == 9


def test_log_records_keep_their_order_across_requests():
    one, two, three = ({**LOG, "eventName": name} for name in ("one", "two", "three"))
    rows = read(logs(two, one) + "\n" + logs(three))
    assert [row.event.name for row in rows] == ["two", "one", "three"]


def test_log_records_that_name_no_span_are_counted():
    rows = read(logs({**LOG, "spanId": ""}, {**LOG, "traceId": ""}, LOG))
    assert [type(row) for row in rows] == [RawLog, NoteRow, NoteRow]
    assert "log records that name no span" in rows[1].message


@pytest.mark.parametrize(
    "text",
    ['{"resourceSpans":[]}', '{\n "resourceSpans": [', '[{"resourceLogs": []}]', 'noise\n{"resourceSpans":[]}\n'],
)
def test_sniffing_says_yes(text):
    assert OtlpJson().sniff(text.encode(), "anything.txt")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        '{"run_type": "llm", "id": 1}',
        '{"text": "\\"resourceSpans\\": []"}',
        '{"a": {"b": {"resourceSpans": []}}}',
    ],
)
def test_sniffing_says_no(text):
    assert not OtlpJson().sniff(text.encode(), "traces.otlp.jsonl")
