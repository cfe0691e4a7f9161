"""One row per real model call, tokens once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.stores import of_files, of_sketch, otlp


def llm(span_id: str, **more: Any) -> dict[str, Any]:
    attributes = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", **more.pop("attributes", {})}
    return {"name": "call", "id": span_id * 16, "attributes": attributes, **more}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    return {"llm.token_count.prompt": prompt, "llm.token_count.completion": completion}


CALLS = "SELECT span_id, input_tokens, output_tokens, len(other_span_ids) FROM llm_calls ORDER BY start_ns, span_id"


def test_the_sdk_span_inside_the_frameworks_span_is_the_same_call(tmp_path: Path) -> None:
    spans = [llm("a", attributes=usage(10, 5)), llm("b", parent="a" * 16, start=10, end=90, attributes=usage(10, 5))]
    assert of_files(otlp(tmp_path, spans)).reader().rows(CALLS) == [("b" * 16, 10, 5, 1)]


def test_what_only_one_of_them_tells_is_kept(tmp_path: Path) -> None:
    spans = [
        llm("a", attributes=usage(10, 5)),
        llm("b", parent="a" * 16, start=10, end=90, attributes={"output.value": "hello", "input.value": "hi"}),
    ]
    assert of_files(otlp(tmp_path, spans)).reader().rows(CALLS) == [("b" * 16, 10, 5, 1)]


def test_a_span_around_several_calls_sums_them_up_and_is_none(tmp_path: Path) -> None:
    spans = [
        llm("a", end=900, attributes=usage(30, 9)),
        llm("b", parent="a" * 16, start=10, attributes=usage(10, 5)),
        llm("c", parent="a" * 16, start=300, attributes=usage(20, 4)),
    ]
    assert of_files(otlp(tmp_path, spans)).reader().rows(CALLS) == [("b" * 16, 10, 5, 0), ("c" * 16, 20, 4, 0)]


def test_two_spans_side_by_side_with_one_response_are_one_call(tmp_path: Path) -> None:
    said = {"output.value": {"id": "resp_1", "content": "x"}, **usage(10, 5)}
    spans = [llm("a", attributes=said), llm("b", start=1, end=99, attributes=said)]
    assert of_files(otlp(tmp_path, spans)).reader().rows(CALLS) == [("a" * 16, 10, 5, 1)]


def test_equal_response_ids_one_after_the_other_are_two_calls(tmp_path: Path) -> None:
    said = {"output.value": {"id": "always the same", "content": "x"}, **usage(10, 5)}
    spans = [llm("a", attributes=said), llm("b", start=500, attributes=said)]
    assert len(of_files(otlp(tmp_path, spans)).reader().rows(CALLS)) == 2


def told(span_id: str, answer: str, start: int, end: int) -> dict[str, Any]:
    return llm(span_id, parent="f" * 16, start=start, end=end, attributes={"input.value": "hi", "output.value": answer})


def test_a_stream_told_by_the_framework_and_then_by_the_sdk_is_one_call(tmp_path: Path) -> None:
    framework = [told("a", "hello", 0, 1), told("c", "hello", 100, 101)]
    sdk = [told("b", "hello", 2, 90), told("d", "hello", 102, 190)]
    files = [otlp(tmp_path, framework, "a.jsonl", "framework"), otlp(tmp_path, sdk, "b.jsonl", "sdk")]
    assert of_files(*files).reader().rows(CALLS) == [("a" * 16, None, None, 1), ("c" * 16, None, None, 1)]


def test_equal_calls_of_one_instrumentation_or_with_other_answers_are_several(tmp_path: Path) -> None:
    sdk = [told("a", "hello", 0, 90), told("b", "hello", 200, 290)]
    files = [
        otlp(tmp_path, sdk, "a.jsonl", "sdk"),
        otlp(tmp_path, [told("c", "bye", 300, 390)], "b.jsonl", "framework"),
    ]
    assert len(of_files(*files).reader().rows(CALLS)) == 3


def test_failed_calls_are_rows_too(tmp_path: Path) -> None:
    store = of_sketch(tmp_path, 'agent planner\n  llm gpt-4o error="RateLimitError: 429"\n  llm gpt-4o in=5 out=1\n')
    assert store.reader().rows("SELECT status FROM llm_calls ORDER BY start_ns") == [("error",), ("ok",)]


def test_tokens_of_a_trace_are_those_of_its_calls(tmp_path: Path) -> None:
    store = of_sketch(tmp_path, "agent planner in=500 out=50\n  llm gpt-4o in=10 out=1\n  llm gpt-4o in=20 out=2\n")
    assert store.reader().rows("SELECT input_tokens, output_tokens FROM traces") == [(30, 3)]


def test_a_reported_cost_wins_a_known_price_is_computed_and_an_unknown_one_is_unknown(tmp_path: Path) -> None:
    store = of_sketch(
        tmp_path,
        "agent a\n  llm gpt-4o in=1000 out=100 cost=0.5\n  llm gpt-4o in=1000 out=100\n  llm our-own-model in=1000 out=100\n",
    )
    rows = store.reader().rows("SELECT cost_basis, cost_usd FROM llm_calls ORDER BY start_ns")
    assert [basis for basis, _ in rows] == ["reported", "computed", "unknown"]
    assert rows[0][1] == 0.5
    assert rows[1][1] > 0
    assert rows[2][1] is None


def test_the_answer_of_a_stream_told_in_a_span_of_its_own_belongs_to_the_request_before_it(tmp_path: Path) -> None:
    def request(span_id: str, start: int) -> dict[str, Any]:
        return llm(span_id, start=start, end=start + 10, attributes={"input.value": "hi"})

    def answer(span_id: str, start: int, tokens: int) -> dict[str, Any]:
        name = "streaming response from {request_data[model]!r} took {duration:.2f}s"
        told = {"input.value": "hi", "output.value": "hello", **usage(tokens, 1)}
        return {**llm(span_id, start=start, end=start + 50, attributes=told), "name": name}

    spans = [request("a", 0), answer("b", 10, 7), request("c", 100), request("d", 105), answer("e", 116, 8)]
    rows = of_files(otlp(tmp_path, spans)).reader().rows("SELECT span_id, input_tokens, duration_ns FROM llm_calls")
    assert sorted((span_id[0], tokens, lasted // 1_000_000) for span_id, tokens, lasted in rows) == [
        ("b", 7, 60),
        ("c", None, 10),
        ("e", 8, 61),
    ]


OFFER = '[{"name": "search", "description": "Searches.", "parameters": {"type": "object", "properties": {}}}]'
OTHER_OFFER = OFFER.replace("search", "count")


def genai(span_id: str, operation: str, parent: str | None = None, **attributes: Any) -> dict[str, Any]:
    told = {"gen_ai.operation.name": operation, **{f"gen_ai.{name}": value for name, value in attributes.items()}}
    place = {"parent": parent * 16} if parent else {}
    return {"name": operation, "id": span_id * 16, "attributes": told, **place}


def test_a_call_that_tells_no_tools_was_offered_those_that_its_agents_span_tells(tmp_path: Path) -> None:
    """As strands and Microsoft's Agent Framework write them: `gen_ai.tool.definitions` on `invoke_agent`."""
    spans = [
        genai("a", "invoke_agent", **{"agent.name": "planner", "tool.definitions": OFFER}),
        genai("b", "chat", "a", **{"request.model": "m"}),
        genai("c", "chat", "a", **{"request.model": "m", "tool.definitions": OTHER_OFFER}),
        genai("d", "invoke_agent", "a", **{"agent.name": "writer"}),
        genai("e", "chat", "d", **{"request.model": "m"}),
    ]
    reader = of_files(otlp(tmp_path, spans, scope="strands.telemetry.tracer")).reader()
    told = "SELECT span_id[1], tools->>'$[0].name' FROM spans WHERE is_call ORDER BY 1"
    assert reader.rows(told) == [("b", "search"), ("c", "count"), ("e", None)]
    [call] = [span for span in reader.trace("1" * 32).spans if span.span_id == "b" * 16]
    assert "Searches." in (call.tools or "")
