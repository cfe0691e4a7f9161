"""Phoenix's span exports in every dress."""

import json
from typing import Any

import pytest

from agentdbg.rows import RawEvent, RawSpan
from tests.importers.exports import check_cuts, check_odd_values, chosen, lines, notes, recognised, sketch, spans

SCHEMA = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}


def span(
    name: str, kind: str, number: int, parent: int | None, second: int, attributes: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "id": f"node{number}", "name": name, "context": {"trace_id": "trace1", "span_id": f"span{number}"}, "span_kind": kind,
        "parent_id": f"span{parent}" if parent else None, "start_time": f"2026-03-01T10:00:{second:02d}+00:00", "end_time": f"2026-03-01T10:00:{second + 1:02d}+00:00",
        "status_code": "OK", "status_message": "", "attributes": attributes, "events": [], **more,
    }  # fmt: skip


FLAT = [
    span("planner", "AGENT", 1, None, 0, {"agent.name": "planner", "input.value": "price the order", "output.value": "It costs 7.", "session.id": "thread-42"}),
    span("ChatCompletion", "LLM", 2, 1, 1, {
        "llm.model_name": "gpt-4o", "llm.provider": "openai", "llm.token_count.prompt": 100, "llm.token_count.completion": 20,
        "llm.invocation_parameters": '{"temperature": 0.2}', "llm.tools.0.tool.json_schema": json.dumps(SCHEMA),
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "price the order",
        "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_1",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "search",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"q": "order"}',
    }),
    span("search", "TOOL", 3, 1, 2, {"tool.name": "search", "input.value": '{"q": "order"}', "input.mime_type": "application/json"}, status_code="ERROR", status_message="TimeoutError: 1s",
         events=[{"name": "exception", "timestamp": "2026-03-01T10:00:03+00:00", "attributes": {"exception.type": "TimeoutError", "exception.message": "1s"}}]),
]  # fmt: skip
NESTED = [
    {**FLAT[0], "attributes": {"agent": {"name": "planner"}, "input": {"value": "price the order"}, "output": {"value": "It costs 7."}, "session": {"id": "thread-42"}}},
    {**FLAT[1], "attributes": {"llm": {
        "model_name": "gpt-4o", "provider": "openai", "token_count": {"prompt": 100, "completion": 20}, "invocation_parameters": '{"temperature": 0.2}',
        "tools": [{"tool": {"json_schema": json.dumps(SCHEMA)}}], "input_messages": [{"message": {"role": "user", "content": "price the order"}}],
        "output_messages": [{"message": {"role": "assistant", "tool_calls": [{"tool_call": {"id": "call_1", "function": {"name": "search", "arguments": '{"q": "order"}'}}}]}}],
    }}},
    {**FLAT[2], "attributes": {"tool": {"name": "search"}, "input": {"value": '{"q": "order"}', "mime_type": "application/json"}}},
]  # fmt: skip


def frame_row(one: dict[str, Any]) -> dict[str, Any]:
    """A row of the span dataframe: dotted column names, one level deep below the attributes of a kind."""
    row = {key: value for key, value in one.items() if key not in ("context", "attributes", "id")}
    row |= {f"context.{key}": value for key, value in one["context"].items()}
    return row | {f"attributes.{key}": value for key, value in one["attributes"].items()}


def frame_columns(found: list[dict[str, Any]]) -> dict[str, Any]:
    names = {name: None for row in found for name in row}
    return {
        name: {row["context.span_id"]: row.get(name) for row in found} for name in names if name != "context.span_id"
    }


EXPECTED = """\
agent planner "price the order" -> "It costs 7." session=thread-42
  llm gpt-4o name=ChatCompletion in=100 out=20 "price the order" -> [{"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "order"}}]}] provider=openai tools=[{"name":"search","description":null,"parameters":{"type":"object"}}] parameters={"temperature":0.2}
  tool search {"q": "order"} error="TimeoutError: 1s"
"""
DRESSES = {
    "page of the interface": json.dumps({"data": FLAT, "next_cursor": None}),
    "array of the client": json.dumps(FLAT),
    "lines": lines(FLAT),
    "nested attributes": json.dumps(NESTED),
    "trace of the command line": json.dumps(
        {"traceId": "trace1", "spans": NESTED, "rootSpan": None, "status": "ERROR"}
    ),
    "dataframe, records": json.dumps([frame_row(one) for one in NESTED]),
    "dataframe, lines": lines(frame_row(one) for one in NESTED),
    "dataframe, columns": json.dumps(frame_columns([frame_row(one) for one in FLAT])),
}


@pytest.mark.parametrize("text", DRESSES.values(), ids=DRESSES)
def test_an_export(tmp_path, text):
    assert chosen(text) == "phoenix"
    assert sketch(tmp_path, text) == EXPECTED
    assert notes("phoenix", text) == []


def test_a_page_in_the_words_of_otlp(tmp_path):
    page = [
        {"trace_id": "1" * 32, "span_id": "2" * 16, "name": "search", "start_time_unix_nano": "1772359200000000000", "end_time_unix_nano": "1772359201000000000",
         "attributes": [{"key": "openinference.span.kind", "value": {"string_value": "TOOL"}}, {"key": "tool.name", "value": {"string_value": "search"}}]}
    ]  # fmt: skip
    text = json.dumps({"data": page})
    assert chosen(text) == "phoenix"
    assert sketch(tmp_path, text) == "tool search status=unset\n"


def test_a_span_with_everything():
    told = span("x", "CHAIN", 1, 9, 0, {"metadata": {"a": {"b": 1}}}, cumulative_token_count_total=5, status_message="fine",
                events=[{"name": "e", "timestamp": "2026-03-01T10:00:00Z", "attributes": {"k": 1}}])  # fmt: skip
    assert spans("phoenix", json.dumps(told)) == [
        RawSpan(
            "trace1", "span1", "span9", "x", 1_772_359_200_000_000_000, 1_772_359_201_000_000_000, status="ok",
            attributes={"metadata": {"a": {"b": 1}}, "phoenix.id": "node1", "phoenix.span_kind": "CHAIN", "phoenix.cumulative_token_count_total": 5,
                        "openinference.span.kind": "CHAIN", "phoenix.status_message": "fine"},
            events=[RawEvent("e", 1_772_359_200_000_000_000, {"k": 1})], scope="phoenix", line=1,
        )
    ]  # fmt: skip


def test_spans_without_ids_are_given_some():
    told = {**FLAT[0], "context": {}}
    [one] = spans("phoenix", json.dumps(told))
    assert one.trace_id == one.span_id
    assert [note.severity for note in notes("phoenix", json.dumps(told))] == ["info", "info"]


@pytest.mark.parametrize("bad", [42, "x", None, {"name": "no context"}])
def test_bad_spans_are_noted(bad):
    text = json.dumps({"data": [FLAT[0], bad]})
    assert [one.span_id for one in spans("phoenix", text)] == ["span1"]
    assert [note.severity for note in notes("phoenix", text)] == ["data_loss"]


def test_odd_values_are_kept():
    odd = {**FLAT[0], "attributes": "not an object", "events": "nor a list", "start_time": "yesterday"}
    [one] = spans("phoenix", json.dumps(odd))
    assert (one.start_ns, one.attributes["phoenix.attributes"], one.attributes["phoenix.events"]) == (
        None,
        "not an object",
        "nor a list",
    )
    assert "no time" in notes("phoenix", json.dumps(odd))[0].message


@pytest.mark.parametrize(
    "text", ['{"context": {"trace_id": 1}}', '{"data": [{"context": {"trace_id": 1}}]}', "[]", "x"]
)
def test_other_files_are_not(text):
    assert not recognised("phoenix", text)


def test_whatever_is_cut_off_is_noted():
    for text in (DRESSES["page of the interface"], DRESSES["lines"], DRESSES["trace of the command line"]):
        check_cuts("phoenix", text)


def test_odd_values_in_every_place():
    check_odd_values("phoenix", NESTED)
