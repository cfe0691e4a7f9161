"""Jaeger's JSON: traces of tagged spans in, spans with attributes out."""

import json
from typing import Any

import pytest

from agentdbg.rows import RawEvent, RawSpan
from tests.importers.exports import check_cuts, check_odd_values, chosen, lines, notes, recognised, sketch, spans, trace

TRACE, START = "5b8aa5a2d2c872e8321cf37308d69df2", 1_772_359_200_000_000


def tags(**values: Any) -> list[dict[str, Any]]:
    kinds = {bool: "bool", int: "int64", float: "float64", str: "string"}
    return [
        {"key": key.replace("__", "."), "type": kinds[type(value)], "value": value} for key, value in values.items()
    ]


def span(
    name: str, number: int, parent: int | None, second: int, *tagged: dict[str, Any], **more: Any
) -> dict[str, Any]:
    above = [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": f"{parent:016x}"}] if parent else []
    return {
        "traceID": TRACE, "spanID": f"{number:016x}", "flags": 1, "operationName": name, "references": above, "startTime": START + second * 1_000_000,
        "duration": 1_000_000, "tags": list(tagged), "logs": [], "processID": "p1", "warnings": None, **more,
    }  # fmt: skip


CHAT = {
    "gen_ai__operation__name": "chat", "gen_ai__request__model": "gpt-4o", "gen_ai__provider__name": "openai",
    "gen_ai__usage__input_tokens": 100, "gen_ai__usage__output_tokens": 20, "gen_ai__request__temperature": 0.2,
    "gen_ai__input__messages": '[{"role": "user", "parts": [{"type": "text", "content": "price the order"}]}]',
    "gen_ai__output__messages": '[{"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "order"}}]}]',
}  # fmt: skip
SPANS = [
    span("invoke_agent planner", 1, None, 0, *tags(gen_ai__operation__name="invoke_agent", gen_ai__agent__name="planner")),
    span("chat gpt-4o", 2, 1, 1, *tags(**CHAT, otel__scope__name="my.instrumentation", otel__scope__version="1.0")),
    span("execute_tool search", 3, 1, 2, *tags(gen_ai__operation__name="execute_tool", gen_ai__tool__name="search", gen_ai__tool__call__id="call_1",
         gen_ai__tool__call__arguments='{"q": "order"}', error=True, otel__status_code="ERROR", otel__status_description="TimeoutError: 1s")),
]  # fmt: skip
PROCESSES = {"p1": {"serviceName": "shop", "tags": tags(host__name="h1")}}
WHOLE = {"traceID": TRACE, "spans": SPANS, "processes": PROCESSES, "warnings": None}
PAGE = {"data": [WHOLE], "total": 0, "limit": 0, "offset": 0, "errors": None}
EXPECTED = """\
agent planner name="invoke_agent planner" status=unset
  llm gpt-4o name="chat gpt-4o" in=100 out=20 "price the order" -> [{"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "order"}}]}] provider=openai parameters={"temperature":0.2} status=unset
  tool search name="execute_tool search" {"q": "order"} tool_call_id=call_1 error="TimeoutError: 1s"
"""


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(PAGE),
        json.dumps(PAGE, indent=1),
        json.dumps(WHOLE),
        json.dumps([WHOLE]),
        lines([WHOLE]),
        lines(SPANS),
    ],
)
def test_an_export(tmp_path, text):
    assert chosen(text) == "jaeger"
    assert sketch(tmp_path, text) == EXPECTED
    assert notes("jaeger", text) == []


def test_a_span_with_everything():
    told = span("GET /", 2, 1, 0, *tags(http__status_code=200, a="x"), {"key": "a", "type": "string", "value": "y"}, "odd", warnings=["clock skew"],
                logs=[{"timestamp": START, "fields": tags(event="retry", attempt=2)}, {"timestamp": START, "fields": tags(message="hm")}])  # fmt: skip
    told["references"] += [{"refType": "FOLLOWS_FROM", "traceID": "other", "spanID": "77"}]
    assert spans("jaeger", json.dumps({**WHOLE, "spans": [told]})) == [
        RawSpan(
            TRACE, f"{2:016x}", f"{1:016x}", "GET /", START * 1000, START * 1000 + 10**9,
            attributes={"http.status_code": 200, "a": ["x", "y"], "jaeger.tags": ["odd"], "jaeger.flags": 1, "jaeger.warnings": ["clock skew"]},
            events=[RawEvent("retry", START * 1000, {"attempt": 2}), RawEvent("log", START * 1000, {"message": "hm"})],
            links=[{"trace_id": "other", "span_id": "77", "attributes": {"jaeger.refType": "FOLLOWS_FROM"}}],
            scope="jaeger", resource={"service.name": "shop", "host.name": "h1"}, line=1,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("references", "parent"),
    [
        ([], None),
        ([{"refType": "FOLLOWS_FROM", "traceID": TRACE, "spanID": "a"}], "a"),
        (
            [
                {"refType": "FOLLOWS_FROM", "traceID": TRACE, "spanID": "a"},
                {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "b"},
            ],
            "b",
        ),
        ([{"refType": "CHILD_OF", "traceID": "other", "spanID": "a"}], None),
    ],
)
def test_the_parent_is_what_jaeger_draws_above(references, parent):
    assert spans("jaeger", json.dumps({**SPANS[0], "references": references}))[0].parent_id == parent


@pytest.mark.parametrize(
    ("tagged", "status"),
    [({}, "unset"), ({"error": True}, "error"), ({"error": "true"}, "error"), ({"error": False}, "unset"), ({"otel__status_code": "OK"}, "ok"),
     ({"otel__status_code": "OK", "error": True}, "ok"), ({"otel__status_code": "ERROR"}, "error")],
)  # fmt: skip
def test_status(tagged, status):
    assert spans("jaeger", json.dumps({**SPANS[0], "tags": tags(**tagged)}))[0].status == status


def test_a_trace_of_two_services(tmp_path):
    two = {
        **WHOLE,
        "spans": [SPANS[0], {**SPANS[1], "processID": "p2"}],
        "processes": {**PROCESSES, "p2": {"serviceName": "models", "tags": []}},
    }
    assert [one.resource["service.name"] for one in spans("jaeger", json.dumps(two))] == ["shop", "models"]
    assert len(trace(tmp_path, json.dumps(two)).spans) == 2


@pytest.mark.parametrize("bad", [42, "x", None, {"operationName": "no id"}])
def test_bad_spans_are_noted(bad):
    text = json.dumps({"data": [{**WHOLE, "spans": [SPANS[0], bad]}]})
    assert len(spans("jaeger", text)) == 1
    assert [note.severity for note in notes("jaeger", text)] == ["data_loss"]


def test_odd_values_are_noted():
    text = json.dumps({**WHOLE, "spans": [{**SPANS[0], "startTime": "yesterday", "tags": "none", "logs": 5}]})
    [one] = spans("jaeger", text)
    assert (one.start_ns, one.end_ns, one.attributes["jaeger.tags"]) == (None, None, ["none"])
    assert "no time" in notes("jaeger", text)[0].message


@pytest.mark.parametrize("text", ['{"data": [{"traceID": "x"}]}', '{"spans": [{"traceId": "x"}]}', "[]", "x"])
def test_other_files_are_not(text):
    assert not recognised("jaeger", text)


def test_whatever_is_cut_off_is_noted():
    for text in (json.dumps(PAGE), lines([WHOLE]), json.dumps(WHOLE, indent=1)):
        check_cuts("jaeger", text)


@pytest.mark.slow
def test_odd_values_in_every_place():
    check_odd_values("jaeger", PAGE)
