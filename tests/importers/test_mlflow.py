"""MLflow traces in every version of the format."""

import base64
import json
from typing import Any

import pytest

from agentdbg.rows import RawEvent, RawSpan
from tests.importers.exports import check_cuts, check_odd_values, chosen, lines, notes, recognised, sketch, spans

TRACE = "tr-5b8aa5a2d2c872e8321cf37308d69df2"
START = 1_772_359_200_000_000_000
HEX = ("00000000000000a1", "00000000000000a2", "00000000000000a3")
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "price the order"}], "temperature": 0.2,
        "tools": [{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]}  # fmt: skip
ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-2024-08-06", "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": None,
                 "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "search", "arguments": '{"q": "order"}'}}]}}],
}  # fmt: skip
TOLD: list[tuple[str, dict[str, Any], int | None, tuple[str, str]]] = [
    ("planner", {"mlflow.spanType": "AGENT", "mlflow.spanInputs": {"task": "price the order"}, "mlflow.spanOutputs": "It costs 7."}, None, ("OK", "")),
    ("Completions", {"mlflow.spanType": "CHAT_MODEL", "mlflow.spanInputs": CHAT, "mlflow.spanOutputs": ANSWER,
                     "mlflow.chat.tokenUsage": {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}}, 0, ("OK", "")),
    ("search", {"mlflow.spanType": "TOOL", "mlflow.spanInputs": {"q": "order"}}, 0, ("ERROR", "TimeoutError: 1s")),
]  # fmt: skip
INFO = {
    "trace_id": TRACE,
    "state": "OK",
    "request_time": "2026-03-01T10:00:00Z",
    "trace_metadata": {"mlflow.trace.session": "thread-42"},
    "tags": {},
}
OLD_INFO = {
    "request_id": TRACE,
    "experiment_id": "0",
    "timestamp_ms": START // 10**6,
    "request_metadata": {"mlflow.trace.session": "thread-42"},
    "status": "OK",
}


def attributes(told: dict[str, Any]) -> dict[str, str]:
    """MLflow keeps every value as JSON text."""
    return {key: json.dumps(value) for key, value in {"mlflow.traceRequestId": TRACE, **told}.items()}


def b64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


def version_3(number: int) -> dict[str, Any]:
    name, told, parent, (code, message) = TOLD[number]
    return {
        "trace_id": b64("5b8aa5a2d2c872e8321cf37308d69df2"), "span_id": b64(HEX[number]), "parent_span_id": b64(HEX[parent]) if parent is not None else None,
        "name": name, "start_time_unix_nano": START + number * 10**9, "end_time_unix_nano": START + (number + 1) * 10**9, "events": [],
        "status": {"code": f"STATUS_CODE_{code}", "message": message}, "attributes": attributes(told),
    }  # fmt: skip


def version_2(number: int) -> dict[str, Any]:
    name, told, parent, (code, message) = TOLD[number]
    return {
        "name": name, "context": {"span_id": f"0x{HEX[number]}", "trace_id": "0x5b8aa5a2d2c872e8321cf37308d69df2"}, "parent_id": f"0x{HEX[parent]}" if parent is not None else None,
        "start_time": START + number * 10**9, "end_time": START + (number + 1) * 10**9, "status_code": code, "status_message": message, "events": [],
        "attributes": attributes(told),
    }  # fmt: skip


V3 = {"info": INFO, "data": {"spans": [version_3(n) for n in range(3)]}}
V2 = {"info": OLD_INFO, "data": {"spans": [version_2(n) for n in range(3)], "request": "{}", "response": "{}"}}
ROW = {**INFO, "execution_duration": 3000, "spans": V3["data"]["spans"], "trace": json.dumps(V3)}
EXPECTED = """\
agent planner {"task": "price the order"} -> "It costs 7." session=thread-42
  llm gpt-4o-2024-08-06 name=Completions in=100 out=20 "price the order" -> [{"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "order"}}], "finish_reason": "tool_calls"}] finish=tool_calls tools=[{"name":"search","description":null,"parameters":{"type":"object"}}] parameters={"temperature":0.2}
  tool search {"q": "order"} error="TimeoutError: 1s"
"""
DRESSES = {
    "version 3": json.dumps(V3),
    "version 2": json.dumps(V2, indent=2),
    "array": json.dumps([V3]),
    "lines": lines([V3]),
    "page": json.dumps({"traces": [V3], "next_page_token": None}),
    "rows of a search": json.dumps([ROW]),
    "rows without the trace": lines([{key: value for key, value in ROW.items() if key != "trace"}]),
    "rows of texts": json.dumps([{"trace_id": TRACE, "execution_duration": 1, "trace_metadata": INFO["trace_metadata"], "spans": [json.dumps(one) for one in V3["data"]["spans"]]}]),
    "artifact": json.dumps({"spans": V3["data"]["spans"]}),
}  # fmt: skip


@pytest.mark.parametrize("text", DRESSES.values(), ids=DRESSES)
def test_an_export(tmp_path, text):
    assert chosen(text) == "mlflow"
    assert sketch(tmp_path, text) == (EXPECTED if "thread-42" in text else EXPECTED.replace(" session=thread-42", ""))
    assert notes("mlflow", text) == []
    assert [(one.trace_id, one.span_id) for one in spans("mlflow", text)] == [(TRACE, digits) for digits in HEX]


def test_a_span_with_everything():
    told = {
        **version_3(2),
        "events": [{"name": "exception", "time_unix_nano": START, "attributes": {"exception.type": "TimeoutError"}}],
        "links": [{"span_id": "x"}],
    }
    assert spans("mlflow", json.dumps({"info": INFO, "data": {"spans": [told]}})) == [
        RawSpan(
            TRACE, HEX[2], HEX[0], "search", START + 2 * 10**9, START + 3 * 10**9, status="error", status_message="TimeoutError: 1s",
            attributes={"mlflow.traceRequestId": TRACE, "mlflow.spanType": "TOOL", "mlflow.spanInputs": {"q": "order"}, "mlflow.links": [{"span_id": "x"}]},
            events=[RawEvent("exception", START, {"exception.type": "TimeoutError"})], scope="mlflow", line=1,
            resource={"mlflow.trace_id": TRACE, "mlflow.state": "OK", "mlflow.request_time": "2026-03-01T10:00:00Z", "mlflow.trace_metadata": {"mlflow.trace.session": "thread-42"}},
        )
    ]  # fmt: skip


@pytest.mark.parametrize("bad", [42, "x", None, [1]])
def test_bad_spans_are_noted(bad):
    text = json.dumps({"info": INFO, "data": {"spans": [version_3(0), bad]}})
    assert len(spans("mlflow", text)) == 1
    assert [note.severity for note in notes("mlflow", text)] == ["data_loss"]


def test_spans_without_ids_and_odd_times():
    text = json.dumps(
        {
            "info": {"request_id": ""},
            "data": {"spans": [{"name": "x", "start_time": "yesterday", "attributes": {"mlflow.spanType": '"TOOL"'}}]},
        }
    )
    [one] = spans("mlflow", text)
    assert (one.trace_id, one.start_ns) == (one.span_id, None)
    assert [note.severity for note in notes("mlflow", text)] == ["info"] * 3


@pytest.mark.parametrize(
    "text",
    [
        '{"info": {"trace_id": "x"}}',
        '{"data": {"spans": []}}',
        '{"spans": [{"name": "x", "attributes": {}}]}',
        "[]",
        "x",
    ],
)
def test_other_files_are_not(text):
    assert not recognised("mlflow", text)


def test_whatever_is_cut_off_is_noted():
    for text in (DRESSES["version 3"], DRESSES["version 2"], DRESSES["lines"]):
        check_cuts("mlflow", text)


def test_odd_values_in_every_place():
    check_odd_values("mlflow", V3)
