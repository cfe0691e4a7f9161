"""W&B Weave's calls in every dress."""

import json
from typing import Any

import pytest

from agentdbg.rows import RawSpan
from tests.importers.exports import check_cuts, check_odd_values, chosen, lines, notes, recognised, sketch, spans, trace


def call(
    number: int, op: str, parent: int | None, second: int, inputs: dict[str, Any], output: Any, **more: Any
) -> dict[str, Any]:
    return {
        "id": f"call-{number}", "project_id": "shop/orders", "op_name": f"weave:///shop/orders/op/{op}:DIGEST", "display_name": None, "trace_id": "trace-1",
        "parent_id": f"call-{parent}" if parent else None, "thread_id": "thread-42", "started_at": f"2026-03-01T10:00:{second:02d}Z",
        "ended_at": f"2026-03-01T10:00:{second + 1:02d}Z", "attributes": {}, "inputs": inputs, "output": output, "exception": None, "summary": {}, **more,
    }  # fmt: skip


USAGE = {"gpt-4o-2024-08-06": {"requests": 1, "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}}
COSTS = {"gpt-4o-2024-08-06": {"prompt_tokens_total_cost": 0.001, "completion_tokens_total_cost": 0.002}}
ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-2024-08-06", "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "It costs 7."}}],
}  # fmt: skip
CALLS = [
    call(1, "planner", None, 0, {"task": "price the order"}, "It costs 7.", summary={"usage": USAGE, "weave": {"status": "descendant_error"}},
         attributes={"weave": {"kind": "agent"}}),
    call(2, "openai.chat.completions.create", 1, 1,
         {"model": "gpt-4o", "messages": [{"role": "user", "content": "price the order"}], "temperature": 0.2,
          "tools": [{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]},
         ANSWER, summary={"usage": USAGE, "weave": {"status": "success", "costs": COSTS}}),
    call(3, "search", 1, 2, {"q": "order"}, None, exception="TimeoutError: 1s", attributes={"weave": {"kind": "tool"}}, summary={"weave": {"status": "error"}}),
]  # fmt: skip
EXPECTED = """\
agent planner {"task": "price the order"} -> "It costs 7." session=thread-42
  llm gpt-4o-2024-08-06 name=openai.chat.completions.create in=100 out=20 cost=0.003 "price the order" -> [{"role": "assistant", "parts": [{"type": "text", "text": "It costs 7."}], "finish_reason": "stop"}] finish=stop tools=[{"name":"search","description":null,"parameters":{"type":"object"}}] parameters={"temperature":0.2}
  tool search {"q": "order"} error="TimeoutError: 1s"
"""


@pytest.mark.parametrize(
    "text",
    [
        lines(CALLS),
        json.dumps(CALLS),
        json.dumps(CALLS, indent=1),
        json.dumps({"calls": CALLS}),
        json.dumps({"data": CALLS}),
    ],
)
def test_an_export(tmp_path, text):
    assert chosen(text) == "weave"
    assert sketch(tmp_path, text) == EXPECTED
    assert notes("weave", text) == []


def test_usage_that_is_summed_up_is_counted_once(tmp_path):
    found = trace(tmp_path, lines(CALLS))
    assert [(one.span_id, one.input_tokens, one.output_tokens, one.cost_usd) for one in found.calls] == [
        ("call-2", 100, 20, 0.003)
    ]


def test_a_call_with_everything():
    told = call(
        3,
        "search",
        1,
        2,
        {"q": "order"},
        [7],
        display_name="look",
        wb_user_id="u7",
        summary={"weave": {"status": "success"}},
    )
    assert spans("weave", json.dumps(told)) == [
        RawSpan(
            "trace-1", "call-3", "call-1", "look", 1_772_359_202_000_000_000, 1_772_359_203_000_000_000, status="ok",
            attributes={
                "weave.project_id": "shop/orders", "weave.op_name": "weave:///shop/orders/op/search:DIGEST", "weave.display_name": "look", "weave.thread_id": "thread-42",
                "weave.inputs": {"q": "order"}, "weave.output": [7], "weave.summary": {"weave": {"status": "success"}}, "weave.wb_user_id": "u7",
            },
            scope="weave", line=1,
        )
    ]  # fmt: skip


def test_a_span_that_came_over_otlp_is_itself_again(tmp_path):
    recorded = {
        "name": "chat", "attributes": {"gen_ai": {"operation": {"name": "chat"}, "request": {"model": "gpt-4o"}, "usage": {"input_tokens": 12, "output_tokens": 3}}},
        "resource": {"attributes": {"service.name": "shop"}},
    }  # fmt: skip
    told = call(1, "chat", None, 0, {}, None, attributes={"otel_span": recorded})
    [one] = spans("weave", json.dumps(told))
    assert (one.attributes["gen_ai.usage.input_tokens"], one.resource) == (12, {"service.name": "shop"})
    assert one.attributes["weave.attributes"] == {"otel_span": recorded}
    assert sketch(tmp_path, json.dumps(told)) == "llm gpt-4o name=chat in=12 out=3 session=thread-42\n"


@pytest.mark.parametrize(
    ("summary", "exception", "ended", "status"),
    [({}, None, True, "ok"), ({}, None, False, "unset"), ({}, "E: x", True, "error"), ({"weave": {"status": "running"}}, None, False, "unset"),
     ({"weave": {"status": "descendant_error"}}, None, True, "ok")],
)  # fmt: skip
def test_status(summary, exception, ended, status):
    told = call(1, "x", None, 0, {}, None, summary=summary, exception=exception)
    [one] = spans("weave", json.dumps(told if ended else {**told, "ended_at": None}))
    assert (one.status, one.end_ns is not None) == (status, ended)


@pytest.mark.parametrize("bad", [42, "x", None, {"op_name": "no id"}])
def test_bad_calls_are_noted(bad):
    text = json.dumps({"calls": [CALLS[0], bad]})
    assert [one.span_id for one in spans("weave", text)] == ["call-1"]
    assert [note.severity for note in notes("weave", text)] == ["data_loss"]


def test_odd_values_are_noted():
    text = json.dumps({**CALLS[0], "started_at": "yesterday", "trace_id": None})
    [one] = spans("weave", text)
    assert (one.trace_id, one.start_ns) == ("call-1", None)
    assert [note.severity for note in notes("weave", text)] == ["info", "info"]


@pytest.mark.parametrize("text", ['{"op_name": "x"}', '{"calls": [{"id": "x"}]}', "[]", "x"])
def test_other_files_are_not(text):
    assert not recognised("weave", text)


def test_whatever_is_cut_off_is_noted():
    for text in (lines(CALLS), json.dumps({"calls": CALLS})):
        check_cuts("weave", text)


@pytest.mark.slow
def test_odd_values_in_every_place():
    check_odd_values("weave", CALLS)
