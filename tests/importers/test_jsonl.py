"""Home-made JSON lines under the usual names."""

import io
import json
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.importers.contract import Source
from agentdbg.importers.jsonl import JsonLines
from agentdbg.rows import NoteRow, RawEvent, RawSpan

NEW_YEAR_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00Z
SECOND_NS = 1_000_000_000


def read(text: str, **mapping: str) -> list[Any]:
    return list(JsonLines().read(io.BytesIO(text.encode()), Source("t", mapping)))


def spans(*values: Any, **mapping: str) -> list[RawSpan]:
    return [
        row for row in read("\n".join(json.dumps(value) for value in values), **mapping) if isinstance(row, RawSpan)
    ]


def notes(*values: Any) -> list[NoteRow]:
    return [row for row in read("\n".join(json.dumps(value) for value in values)) if isinstance(row, NoteRow)]


def line(**fields: Any) -> dict[str, Any]:
    return {
        "trace_id": "t1",
        "span_id": "s1",
        "started_at": "2026-01-01T00:00:00Z",
        "ended_at": "2026-01-01T00:00:01Z",
        **fields,
    }


def test_one_agent_step_a_line():
    found = spans(
        line(
            agent_name="planner",
            input_tokens=900,
            output_tokens=40,
            status="ok",
            error=None,
            metadata={"session_id": "s", "try": 2},
        )
    )
    assert found == [
        RawSpan(
            "t1",
            "s1",
            None,
            "planner",
            NEW_YEAR_NS,
            NEW_YEAR_NS + SECOND_NS,
            status="ok",
            attributes={
                "agent": "planner",
                "input_tokens": 900,
                "output_tokens": 40,
                "metadata.session_id": "s",
                "metadata.try": 2,
            },
            scope="jsonl",
            line=1,
        )
    ]


def test_one_trace_a_document():
    document = {
        "trace_id": "t1", "task": "find rome", "started_at": "2026-01-01T00:00:00Z",
        "spans": [
            {"span_id": "a", "agent": "planner", "timestamp": 1767225600, "input": "find", "output": {"rome": True},
             "llm": {"model": "gpt-4o", "tokens_in": 9, "tokens_out": 4, "cost": 0.01, "latency_ms": 1500}, "metadata": {"k": 1}},
            {"span_id": "b", "agent": "writer", "timestamp": 1767225602},
        ],
    }  # fmt: skip
    run, first, second = spans(document)
    assert (run.name, run.attributes["input"], run.parent_id) == ("run", "find rome", None)
    assert first.parent_id == second.parent_id == run.span_id
    assert first == RawSpan(
        "t1",
        "a",
        "run:t1",
        "planner",
        NEW_YEAR_NS,
        NEW_YEAR_NS + 1_500_000_000,
        attributes={
            "agent": "planner", "model": "gpt-4o", "input": "find", "output": {"rome": True}, "input_tokens": 9, "output_tokens": 4,
            "cost_usd": 0.01, "llm.latency_ms": 1500, "metadata.k": 1,
        },
        scope="jsonl",
        resource={"trace_id": "t1", "task": "find rome", "started_at": "2026-01-01T00:00:00Z"},
        line=1,
    )  # fmt: skip
    assert (second.trace_id, second.span_id) == ("t1", "b")


def test_the_session_of_a_document_is_that_of_its_spans():
    _, first, second = spans(
        {"trace_id": "t", "session_id": "s1", "spans": [{"span_id": "a"}, {"span_id": "b", "session_id": "s2"}]}
    )
    assert (first.attributes["session_id"], second.attributes["session_id"]) == ("s1", "s2")


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ({"agentName": "a"}, "agent", "a"), ({"agent": {"name": "a"}}, "agent", "a"), ({"model_name": "m"}, "model", "m"),
        ({"toolName": "t"}, "tool", "t"), ({"usage": {"prompt_tokens": 3}}, "input_tokens", 3), ({"tokens_out": 4}, "output_tokens", 4),
        ({"type": "tool_call"}, "kind", "tool"), ({"span_type": "LLM"}, "kind", "llm"), ({"kind": "INTERNAL"}, "kind", "INTERNAL"),
        ({"total_cost": "0.5"}, "cost_usd", "0.5"), ({"conversation_id": "c"}, "session_id", "c"), ({"to_agent": "b"}, "handoff_to", "b"),
        ({"args": {"q": 1}}, "input", {"q": 1}), ({"result": []}, "output", []), ({"anything": [1]}, "anything", [1]),
        ({"attributes": {"gen_ai.request.model": "m"}}, "gen_ai.request.model", "m"),
        ({"attributes": {"llm": {"token_count": {"prompt": 3}}}}, "llm.token_count.prompt", 3),
        ({"attributes.llm.model_name": "m"}, "llm.model_name", "m"),
    ],
)  # fmt: skip
def test_usual_names(fields, attribute, value):
    [found] = spans(line(**fields))
    assert found.attributes[attribute] == value


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"status": "failed", "error": "boom"}, "error", "boom"), ({"error": "boom"}, "error", "boom"), ({"error": True}, "error", None),
        ({"error": True, "error_message": "boom"}, "error", "boom"), ({"error": {"type": "KeyError", "message": "x"}}, "error", "x"),
        ({"status": "COMPLETED"}, "ok", None), ({"status": "running"}, "unset", None), ({}, "unset", None), ({"error": ""}, "unset", None),
        ({"error": None, "status": "success"}, "ok", None), ({"error": False}, "unset", None), ({"status": 1}, "unset", None),
        ({"status": {"status_code": "ERROR", "description": "boom"}}, "error", "boom"), ({"status": {"code": 2}}, "error", None),
    ],
)  # fmt: skip
def test_status_and_error(fields, status, message):
    [found] = spans(line(**fields))
    assert (found.status, found.status_message) == (status, message)


def test_the_type_of_an_error_is_kept():
    assert spans(line(error={"type": "KeyError", "message": "x"}))[0].attributes["error_type"] == "KeyError"
    assert spans(line(error_type="KeyError"))[0].status == "error"


@pytest.mark.parametrize(
    ("fields", "length_ns"),
    [
        ({"start_time": 1767225600, "end_time": 1767225601}, SECOND_NS),
        ({"start_time": 1767225600000, "end_time": 1767225601000}, SECOND_NS),
        ({"timestamp": 1767225600.5, "duration_ms": 20}, 20_000_000),
        ({"ts": "2026-01-01T00:00:00Z", "latency_s": 0.5}, 500_000_000),
        ({"timestamp": 1767225600}, 0),
        ({"timestamp": 1767225600, "end_time": None}, None),
    ],
)
def test_times_and_durations(fields, length_ns):
    [found] = spans({"trace_id": "t", "span_id": "s", **fields})
    assert (found.end_ns - found.start_ns if found.end_ns is not None else None) == length_ns


def test_missing_trace_ids_make_one_trace_of_the_file():
    nameless = {"span_id": "a", "agent": "planner"}
    first, second = spans(nameless, {**nameless, "span_id": "b"})
    assert first.trace_id == second.trace_id == spans(nameless)[0].trace_id
    assert "without a trace id" in notes(nameless)[0].message


def test_missing_span_ids_are_made():
    first, second = spans({"trace_id": "t", "agent": "a"}, {"trace_id": "t", "agent": "a"})
    assert first.span_id != second.span_id


def test_end_before_start_is_kept_with_a_note():
    odd = line(ended_at="2025-01-01T00:00:00Z")
    assert spans(odd)[0].end_ns < spans(odd)[0].start_ns
    assert "end before they start" in notes(odd)[0].message


def test_a_time_that_is_none_is_left_out_with_a_note():
    assert "start 'soon'" in notes(line(started_at="soon"))[0].message


def test_lines_that_are_no_spans_are_notes():
    kinds = [
        (type(row), getattr(row, "severity", None)) for row in read(f'{json.dumps(line())}\n5\n{{"hello": 1}}\n{{bad\n')
    ]
    assert kinds == [(RawSpan, None), (NoteRow, "data_loss"), (NoteRow, "data_loss"), (NoteRow, "data_loss")]


def test_the_console_exporter_of_the_otel_sdk():
    text = json.dumps(
        {
            "name": "chat", "context": {"trace_id": "0x" + "AB" * 16, "span_id": "0x" + "cd" * 8, "trace_state": "[]"}, "kind": "SpanKind.CLIENT",
            "parent_id": "0x" + "ef" * 8, "start_time": "2026-01-01T00:00:00.000000Z", "end_time": "2026-01-01T00:00:01.000000Z",
            "status": {"status_code": "ERROR", "description": "boom"}, "attributes": {"gen_ai.operation.name": "chat"},
            "events": [{"name": "exception", "timestamp": "2026-01-01T00:00:01.000000Z", "attributes": {"exception.type": "E"}}],
            "links": [], "resource": {"attributes": {"service.name": "shop"}, "schema_url": ""},
        },
        indent=4,
    )  # fmt: skip
    assert JsonLines().sniff(text.encode(), "x")
    first, second = read(text + "\n" + text + "\n")
    assert (first.trace_id, first.span_id, first.parent_id) == ("ab" * 16, "cd" * 8, "ef" * 8)
    assert (first.status, first.status_message) == ("error", "boom")
    assert first.events == [RawEvent("exception", NEW_YEAR_NS + SECOND_NS, {"exception.type": "E"})]
    assert first.resource == {"service.name": "shop"}
    assert (first.line, second.line) == (1, text.count("\n") + 2)


def test_mapping_names_what_is_called_otherwise():
    record = {"run": {"key": "t1"}, "key": "s1", "who": "planner", "spent": {"in": 5}, "when": "2026-01-01T00:00:00Z"}
    [found] = spans(record, trace_id="run.key", span_id="key", agent="who", input_tokens="spent.in", start="when")
    assert (found.trace_id, found.span_id, found.start_ns) == ("t1", "s1", NEW_YEAR_NS)
    assert found.attributes == {"agent": "planner", "input_tokens": 5}


def test_mapping_of_the_list_of_spans():
    [found] = spans({"id": "t1", "log": {"entries": [{"id": "s1", "agent": "a"}]}}, spans="log.entries", trace_id="id")
    assert (found.trace_id, found.span_id) == ("t1", "s1")


def test_an_unknown_field_in_a_mapping():
    with pytest.raises(AgentdbgError, match=r"did you mean 'agent'\?"):
        read("{}", agnt="who")


@pytest.mark.parametrize(
    "text",
    ['{"trace_id": "t", "span_id": "s"}', '{"agent": "a", "timestamp": 1}', '{"trace_id": 1, "spans": [{"span_id": 1, "agent": "a"}]}',
     'noise\n{"traceId": "t", "agent": "a"}\n', '[{"trace_id": "t", "start_time": 1}]'],
)  # fmt: skip
def test_sniffing_says_yes(text):
    assert JsonLines().sniff(text.encode(), "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        '{"trace_id": "t"}',
        '{"timestamp": 1, "level": "info", "message": "x"}',
        '{"name": "x", "version": "1"}',
        "[1, 2]",
    ],
)
def test_sniffing_says_no(text):
    assert not JsonLines().sniff(text.encode(), "trace.jsonl")


def test_runs_without_a_trace_id_are_runs_of_their_own() -> None:
    one, other = ({"spans": [{"span_id": "a", "agent": name, "start": 1, "end": 2}]} for name in ("x", "y"))
    assert len({span.trace_id for span in spans(one, other)}) == 2
    assert {span.trace_id for span in spans({"id": "run-7", "spans": [{"span_id": "a", "agent": "x"}]})} == {"run-7"}
