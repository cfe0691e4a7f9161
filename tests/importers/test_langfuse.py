"""Langfuse's exports in every dress: observations in, spans out."""

import json
from typing import Any

import pytest

from agentdbg.rows import RawSpan
from tests.importers.exports import (
    check_cuts,
    check_odd_values,
    chosen,
    lines,
    notes,
    recognised,
    rows,
    sketch,
    spans,
    trace,
)

TRACE = {
    "id": "trace-1", "name": "order", "timestamp": "2026-03-01T10:00:00.000Z", "sessionId": "thread-42", "userId": "u7", "tags": ["shop"], "release": None,
    "version": None, "public": False, "bookmarked": False, "projectId": "p1", "metadata": {"region": "eu"}, "input": "price the order", "output": "It costs 7.",
}  # fmt: skip


def observation(name: str, kind: str, parent: str | None, start: int, end: int | None, **more: Any) -> dict[str, Any]:
    def time(second: int | None) -> str | None:
        return f"2026-03-01T10:00:{second:02d}.000Z" if second is not None else None

    return {
        "id": f"obs-{name}", "traceId": "trace-1", "type": kind, "name": name, "parentObservationId": parent, "startTime": time(start), "endTime": time(end),
        "level": "DEFAULT", "statusMessage": None, "input": None, "output": None, "metadata": {}, "model": None, "usageDetails": {}, "costDetails": {},
        "completionStartTime": None, **more,
    }  # fmt: skip


CHAT = [{"role": "user", "content": "price the order"}]
ASKED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "search", "arguments": '{"q": "order"}'}}],
}
OBSERVATIONS = [
    observation("planner", "AGENT", None, 0, 9, input="price the order", output="It costs 7."),
    observation("ask", "GENERATION", "obs-planner", 0, 2, input=CHAT, output=ASKED, model="gpt-4o", modelParameters={"temperature": "0.2", "top_p": None},
                usageDetails={"input": 90, "input_cached_tokens": 10, "output": 20, "total": 120}, costDetails={"input": 0.001, "output": 0.002, "total": 0.003}),
    observation("search", "TOOL", "obs-planner", 2, 3, input={"q": "order"}, level="ERROR", statusMessage="TimeoutError: 1s"),
    observation("say", "GENERATION", "obs-planner", 3, 9, input=[*CHAT, ASKED, {"role": "tool", "tool_call_id": "call_1", "content": "7"}],
                output={"role": "assistant", "content": "It costs 7."}, model="gpt-4o", usageDetails={"input": 150, "output": 5, "total": 155}),
]  # fmt: skip
EXPECTED = """\
agent planner "price the order" -> "It costs 7." session=thread-42 status=unset
  llm gpt-4o name=ask in=100 out=20 cached=10 cost=0.003 "price the order" -> [{"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "order"}}]}] parameters={"temperature":0.2} status=unset
  tool search {"q": "order"} error="TimeoutError: 1s"
  llm gpt-4o name=say in=150 out=5 [{"role": "user", "parts": [{"type": "text", "text": "price the order"}]}, {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "order"}}]}, {"role": "tool", "parts": [{"type": "tool_result", "id": "call_1", "result": "7"}]}] -> "It costs 7." status=unset
"""


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


DRESSES = {
    "download": json.dumps({"trace": TRACE, "observations": OBSERVATIONS}, indent=2),
    "trace": json.dumps({**TRACE, "htmlPath": "/p", "observations": OBSERVATIONS, "scores": []}),
    "trace of JSON texts": json.dumps({**TRACE, "observations": [{**one, "input": json.dumps(one["input"]), "output": one["output"] and json.dumps(one["output"])} for one in OBSERVATIONS]}),
    "traces": json.dumps([{**TRACE, "observations": OBSERVATIONS}]),
    "page of observations": json.dumps({"data": OBSERVATIONS, "meta": {"page": 1}}),
    "array of observations": json.dumps(OBSERVATIONS),
    "lines of observations": lines(OBSERVATIONS),
    "lines of the blob storage": lines({snake(key): value for key, value in one.items()} for one in OBSERVATIONS),
}  # fmt: skip


@pytest.mark.parametrize("text", DRESSES.values(), ids=DRESSES)
def test_an_export(tmp_path, text):
    assert chosen(text) == "langfuse"
    expected = EXPECTED if "thread-42" in text else EXPECTED.replace(" session=thread-42", "")
    assert sketch(tmp_path, text) == expected
    assert notes("langfuse", text) == []


def test_an_observation_with_everything():
    told = observation(
        "ask",
        "GENERATION",
        "obs-0",
        1,
        2,
        input="x",
        latency=1.0,
        promptName="p",
        level="WARNING",
        statusMessage="slow",
        metadata={"a": 1},
    )
    assert spans("langfuse", json.dumps(told)) == [
        RawSpan(
            "trace-1", "obs-ask", "obs-0", "ask", 1_772_359_201_000_000_000, 1_772_359_202_000_000_000,
            attributes={
                "langfuse.type": "GENERATION", "langfuse.input": "x", "langfuse.level": "WARNING", "langfuse.statusMessage": "slow", "langfuse.latency": 1.0,
                "langfuse.promptName": "p", "langfuse.metadata": {"a": 1},
            },
            scope="langfuse", line=1,
        )
    ]  # fmt: skip


def test_a_span_that_came_over_otlp_is_itself_again(tmp_path):
    """Langfuse keeps attributes as text, and moves what it takes for input and output out of them."""
    metadata = {
        "attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": "12", "gen_ai.usage.output_tokens": "3",
                       "gen_ai.request.temperature": "0.5", "gen_ai.response.id": "17"},
        "resourceAttributes": {"service.name": "shop"}, "scope": {"name": "my.instrumentation", "version": "1.2"}, "tenant": "t",
    }  # fmt: skip
    one = observation(
        "chat gpt-4o",
        "GENERATION",
        None,
        0,
        1,
        metadata=metadata,
        input=CHAT,
        output={"role": "assistant", "content": "7"},
        usageDetails={"input": 12, "output": 3},
    )
    [span] = spans("langfuse", json.dumps(one))
    assert (span.scope, span.scope_version, span.resource) == ("my.instrumentation", "1.2", {"service.name": "shop"})
    assert span.attributes["gen_ai.usage.input_tokens"] == 12
    assert span.attributes["gen_ai.response.id"] == "17"
    assert span.attributes["langfuse.metadata"] == {"tenant": "t"}
    assert (
        sketch(tmp_path, json.dumps(one))
        == 'llm gpt-4o name="chat gpt-4o" in=12 out=3 "price the order" -> "7" parameters={"temperature":0.5} status=unset\n'
    )


def test_several_roots_share_the_trace(tmp_path):
    """What Langfuse calls a trace is no span; it becomes one only where it is what several observations share."""
    two = [{**one, "parentObservationId": None} for one in OBSERVATIONS[1:3]]
    found = trace(tmp_path, json.dumps({"trace": TRACE, "observations": two}))
    assert {(span.span_id, span.parent_id, span.kind) for span in found.spans} == {
        ("trace-1", None, "workflow"), ("obs-ask", "trace-1", "llm"), ("obs-search", "trace-1", "tool"),
    }  # fmt: skip
    root = found.by_id()["trace-1"]
    assert (root.name, root.input, root.output) == ("order", '"price the order"', '"It costs 7."')


def test_an_event_has_no_duration_and_an_open_observation_no_end():
    event, started = spans(
        "langfuse", lines([observation("e", "EVENT", None, 1, None), observation("g", "GENERATION", None, 1, None)])
    )
    assert event.end_ns == event.start_ns
    assert started.end_ns is None


def test_a_trace_without_its_observations_is_data_loss():
    """A list of traces names its observations only by id."""
    [note] = rows("langfuse", json.dumps({"data": [{**TRACE, "htmlPath": "/p", "observations": ["obs-planner"]}]}))
    assert (note.severity, note.message) == ("data_loss", "a trace came without its observations: trace trace-1")


@pytest.mark.parametrize("bad", [42, "x", None, {"name": "no id"}, []])
def test_bad_observations_are_noted(bad):
    text = json.dumps({"trace": TRACE, "observations": [OBSERVATIONS[0], bad]})
    assert [span.span_id for span in spans("langfuse", text)] == ["obs-planner"]
    assert [note.severity for note in notes("langfuse", text)] == ["data_loss"]


def test_odd_values_are_noted_and_kept_out():
    odd = observation("x", "SPAN", None, 5, 1, metadata="plain words", unheard={"of": [1]})
    [span] = spans("langfuse", lines([{**odd, "startTime": "yesterday"}]))
    assert (span.start_ns, span.attributes["langfuse.metadata"], span.attributes["langfuse.unheard"]) == (
        None,
        "plain words",
        {"of": [1]},
    )
    assert "no time" in notes("langfuse", lines([{**odd, "startTime": "yesterday"}]))[0].message
    assert "end before they start" in notes("langfuse", lines([odd]))[0].message


@pytest.mark.parametrize(
    "text",
    [
        '{"trace": {"id": 1}, "spans": []}',
        '{"id": "a", "timestamp": 1}',
        '{"traceId": "a", "spanId": "b", "name": "x"}',
        "[]",
        "x",
        '{"data": [{"id": 1}]}',
    ],
)
def test_other_files_are_not(text):
    assert not recognised("langfuse", text)


def test_whatever_is_cut_off_is_noted():
    for text in (DRESSES["download"], DRESSES["page of observations"], DRESSES["lines of observations"]):
        check_cuts("langfuse", text)


def test_odd_values_in_every_place():
    check_odd_values("langfuse", {"trace": TRACE, "observations": OBSERVATIONS})
