"""LangSmith runs in every spelling."""

import io
import json
from typing import Any

import pytest

from agentdbg.importers.contract import Source
from agentdbg.importers.langsmith import LangSmith
from agentdbg.rows import NoteRow, RawSpan

ROOT, CHILD = "01a1f7d1-d43d-74bd-a16e-8dfbb063a374", "01a1f7d1-d6b8-72fc-8791-75a6377c949b"
START_NS = 1_767_225_600_123_456_000
RUN = {
    "id": CHILD, "name": "search", "run_type": "tool", "start_time": "2026-01-01T00:00:00.123456Z", "end_time": "2026-01-01T00:00:01Z",
    "status": "success", "error": None, "inputs": {"q": "rome"}, "outputs": {"output": []}, "trace_id": ROOT, "parent_run_id": ROOT,
    "total_cost": "0.0007", "extra": {"metadata": {"thread_id": "t"}}, "child_runs": None,
}  # fmt: skip


def read(text: str) -> list[Any]:
    return list(LangSmith().read(io.BytesIO(text.encode()), Source("t")))


def spans(*values: Any) -> list[RawSpan]:
    return [row for row in read("\n".join(json.dumps(value) for value in values)) if isinstance(row, RawSpan)]


def notes(text: str) -> list[NoteRow]:
    return [row for row in read(text) if isinstance(row, NoteRow)]


def test_a_run_with_everything():
    assert spans(RUN) == [
        RawSpan(
            ROOT,
            CHILD,
            ROOT,
            "search",
            START_NS,
            1_767_225_601_000_000_000,
            status="ok",
            attributes={
                "langsmith.run_type": "tool",
                "langsmith.status": "success",
                "langsmith.inputs": {"q": "rome"},
                "langsmith.outputs": {"output": []},
                "langsmith.total_cost": "0.0007",
                "langsmith.extra": {"metadata": {"thread_id": "t"}},
            },
            scope="langsmith",
            line=1,
        )
    ]


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-01T00:00:00.123456Z",
        "2026-01-01 00:00:00.123456+00:00",
        "2026-01-01T00:00:00.123456+00:00",
        "2026-01-01T00:00:00.123456",
    ],
)
def test_times_of_every_dump(time):
    assert spans({**RUN, "start_time": time})[0].start_ns == START_NS


@pytest.mark.parametrize("dress", ["{0}", "[{0}]", '{"runs": [{0}], "cursors": {}}', "{0}\n{0}", "[\n {0},\n {0}\n]"])
def test_runs_come_as_object_array_page_and_lines(dress):
    text = dress.replace("{0}", json.dumps(RUN))
    assert LangSmith().sniff(text.encode(), "x")
    assert {row.span_id for row in read(text)} == {CHILD}
    assert len(read(text)) == dress.count("{0}")


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"status": "success"}, "ok", None),
        ({"status": "SUCCESS"}, "ok", None),
        ({"status": "error", "error": "ValueError('x')"}, "error", "ValueError('x')"),
        ({"status": "pending", "end_time": None}, "unset", None),
        ({"status": None, "error": "boom"}, "error", "boom"),
        ({"status": None}, "ok", None),
        ({"status": None, "end_time": None}, "unset", None),
    ],
)
def test_status(fields, status, message):
    [found] = spans({**RUN, **fields})
    assert (found.status, found.status_message) == (status, message)


def test_a_pending_run_has_no_end():
    assert spans({**RUN, "status": "pending", "end_time": None})[0].end_ns is None


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in RUN.items() if key not in keys}


def test_dotted_order_gives_trace_and_parent():
    dotted = f"20260101T000000000000Z{ROOT}.20260101T000000123456Z{CHILD}"
    [found] = spans({**without("trace_id", "parent_run_id"), "dotted_order": dotted})
    assert (found.trace_id, found.parent_id) == (ROOT, ROOT)


def test_parent_run_ids_give_trace_and_parent():
    [found] = spans({**without("trace_id", "parent_run_id"), "parent_run_ids": [ROOT, "middle"]})
    assert (found.trace_id, found.parent_id) == (ROOT, "middle")


def test_a_root_by_dotted_order_has_no_parent():
    [found] = spans(
        {**without("trace_id", "parent_run_id"), "id": ROOT, "dotted_order": f"20260101T000000000000Z{ROOT}"}
    )
    assert (found.trace_id, found.parent_id) == (ROOT, None)


def test_a_run_that_names_nothing_is_a_trace_of_its_own():
    [found] = spans(without("trace_id", "parent_run_id"))
    assert (found.trace_id, found.parent_id) == (CHILD, None)


def test_child_runs_inside_a_run():
    leaf = {**without("trace_id", "parent_run_id"), "id": "leaf"}
    child = {**without("trace_id", "parent_run_id"), "child_runs": [leaf]}
    found = spans({**RUN, "id": ROOT, "parent_run_id": None, "child_runs": [child]})
    assert [(span.span_id, span.parent_id, span.trace_id) for span in found] == [
        (ROOT, None, ROOT),
        (CHILD, ROOT, ROOT),
        ("leaf", CHILD, ROOT),
    ]
    assert all("langsmith.child_runs" not in span.attributes for span in found)


def test_the_spelling_of_the_command_line_tool():
    [found] = spans(
        {**without("id"), "run_id": CHILD, "custom_metadata": {"a": 1}, "token_usage": {"prompt_tokens": 3}}
    )
    assert found.span_id == CHILD
    assert found.attributes["langsmith.custom_metadata"] == {"a": 1}


def test_the_spelling_of_the_query_interface():
    [found] = spans(
        {
            **without("parent_run_id"),
            "run_type": "TOOL",
            "status": "ERROR",
            "error_preview": "boom",
            "parent_run_ids": [ROOT],
        }
    )
    assert (found.attributes["langsmith.run_type"], found.status, found.status_message, found.parent_id) == (
        "tool",
        "error",
        "boom",
        ROOT,
    )


def test_the_start_of_a_run_that_only_its_order_tells():
    dotted = f"20260101T000000000000Z{ROOT}.20260101T000000123456Z{CHILD}"
    assert spans({**without("start_time"), "dotted_order": dotted})[0].start_ns == START_NS
    assert spans({**without("start_time"), "dotted_order": "soon"})[0].start_ns is None


def test_a_page_that_breaks_off_keeps_the_runs_before_the_cut():
    text = json.dumps({"cursors": {}, "runs": [RUN, {**RUN, "id": "b"}, {**RUN, "id": "c"}]})[:-30]
    assert [row.span_id for row in read(text) if isinstance(row, RawSpan)] == [CHILD, "b"]
    assert "cut off" in notes(text)[0].message


def test_a_run_that_breaks_off_does_not_pass_for_one_that_never_ended():
    text = json.dumps(RUN)[: json.dumps(RUN).index('"end_time"')]
    assert [type(row) for row in read(text)] == [NoteRow]


def test_one_bad_line_among_good_ones():
    text = f"{json.dumps(RUN)}\n{{broken\n{json.dumps(RUN)}\n"
    assert [type(row) for row in read(text)] == [RawSpan, NoteRow, RawSpan]
    assert (notes(text)[0].severity, notes(text)[0].line) == ("data_loss", 2)


def test_a_truncated_array_keeps_the_runs_before_the_cut():
    text = json.dumps([RUN, {**RUN, "id": "b"}, {**RUN, "id": "c"}])[:-30]
    assert [row.span_id for row in read(text) if isinstance(row, RawSpan)] == [CHILD, "b"]
    assert "cut off" in notes(text)[0].message


def test_an_array_that_is_only_not_closed_is_noted_too():
    text = json.dumps([RUN])[:-1]
    assert [type(row) for row in read(text)] == [RawSpan, NoteRow]


def test_lines_that_are_no_runs_are_notes():
    [note] = notes('{"text": "hello"}\n' + json.dumps(RUN))
    assert "found an object with text" in note.message


def test_a_time_that_is_none_is_noted():
    [note] = notes(json.dumps({**RUN, "start_time": "soon"}))
    assert "start_time" in note.message


@pytest.mark.parametrize(
    "keys", [{"id": 1, "run_type": "llm"}, {"run_id": 1, "parent_run_id": 2}, {"id": 1, "dotted_order": ""}]
)
def test_sniffing_says_yes(keys):
    assert LangSmith().sniff(json.dumps(keys).encode(), "x")


@pytest.mark.parametrize("keys", [{"id": 1, "name": "x"}, {"run_type": "llm"}, {"trace_id": 1, "span_id": 2}])
def test_sniffing_says_no(keys):
    assert not LangSmith().sniff(json.dumps(keys).encode(), "healthy.runs.jsonl")
