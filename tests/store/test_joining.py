"""Traces that are one run: their roots link to one another, as messages do and as work that was started by open spans."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from agentdbg.importers import Input
from agentdbg.store import ImportOptions, Store
from agentdbg.store.ids import find_span, find_trace
from tests.stores import of_files, otlp

A, B, C, D = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
MESSAGE = {"messaging.operation": "publish"}

Span = dict[str, Any]


def span(trace: str, span_id: str, name: str = "work", **more: Any) -> Span:
    return {"trace": trace, "id": span_id * 16, "name": name, "start": 0, "end": 10, **more}


def linked(trace: str, span_id: str, to: str, to_span: str, **more: Any) -> Span:
    """The root of a trace that was started by a message, long after the span that sent it was closed."""
    told = {"start": 500, "end": 600, "attributes": MESSAGE, "links": [(to, to_span * 16)], **more}
    return span(trace, span_id, **told)


RUN = [
    span(A, "1", "team", end=1000),
    span(A, "2", "send", parent="1" * 16),
    linked(B, "3", A, "2"),
    span(B, "4", "process", parent="3" * 16, start=510, end=590),
    linked(C, "5", B, "4", start=700, end=800),
]
"""A sends a message to B, and B one to C."""


def runs(store: Store) -> dict[str, list[str]]:
    """The first letter of each run's id and of those that are part of it."""
    with store:
        return {
            row[0][0]: [part[0] for part in row[1]]
            for row in store.reader().rows("SELECT trace_id, joined FROM traces")
        }


@pytest.mark.parametrize("spans", list(permutations([RUN[:2], RUN[2:4], RUN[4:]])), ids=lambda parts: "".join(part[0]["trace"][0] for part in parts))  # fmt: skip
def test_messages_lead_from_trace_to_trace_in_any_order_of_files(spans: Sequence[list[Span]], tmp_path: Path) -> None:
    files = [otlp(tmp_path, part, f"{n}.jsonl") for n, part in enumerate(spans)]
    with of_files(*files) as store:
        trace = store.reader().trace(A)
        assert (trace.name, len(trace.spans), trace.joined) == ("team", 5, (B, C))
        assert {one.span_id[0]: one.parent_id and one.parent_id[0] for one in trace.spans} == {
            "1": None, "2": "1", "3": "1", "4": "3", "5": "1",
        }  # fmt: skip
        assert store.reader().rows("SELECT DISTINCT recorded_trace_id FROM spans ORDER BY 1") == [(A,), (B,), (C,)]
        assert [note.message for note in store.reader().notes()] == [
            "spans of 3 traces are shown as one run: the roots of the others link to it"
        ]


def test_work_that_an_open_span_started_is_of_its_run(tmp_path: Path) -> None:
    spans = [span(A, "1", end=100), linked(B, "2", A, "1", start=50, end=300, attributes={})]
    assert runs(of_files(otlp(tmp_path, spans))) == {"a": ["b"]}


@pytest.mark.parametrize(
    "spans",
    [
        [span(A, "1"), linked(B, "2", A, "1", attributes={})],
        [span(A, "1"), linked(B, "2", A, "9")],
        [span(A, "1"), span(D, "4"), linked(B, "2", A, "1", links=[(A, "1" * 16), (D, "4" * 16)])],
        [span(A, "1"), linked(B, "2", A, "1"), span(B, "3")],
        [linked(A, "1", B, "2"), linked(B, "2", A, "1")],
        [linked(A, "1", A, "1")],
        [span(A, "1"), linked(B, "2", A, "1", attributes={"input.value": '{"messaging.system": "x"}'})],
        [span(A, "1"), span(A, "2", parent="1" * 16), linked(B, "2", A, "1")],
        [span(A, "1", attributes={"session.id": "s-1"}), linked(B, "2", A, "1", attributes={**MESSAGE, "session.id": "s-2"})],
    ],
    ids=[
        "turn before", "span not here", "batch of two", "root without a link", "circle", "itself", "words of a payload",
        "the same span ids", "another conversation",
    ],
)  # fmt: skip
def test_links_that_say_less_join_nothing(spans: list[Span], tmp_path: Path) -> None:
    found = runs(of_files(otlp(tmp_path, spans)))
    assert found == {one["trace"][0]: [] for one in spans}


def test_what_comes_late_joins_what_is_there(tmp_path: Path) -> None:
    files = [otlp(tmp_path, part, f"{n}.jsonl") for n, part in enumerate((RUN[4:], RUN[:2], RUN[2:4]))]
    seen = []
    with Store.create(tmp_path / "s.duckdb") as store:
        for file in files:
            store.ingest([Input(str(file))], ImportOptions())
            seen.append(store.reader().rows("SELECT left(trace_id, 1), span_count FROM traces ORDER BY 1"))
        assert seen == [[("c", 1)], [("a", 2), ("c", 1)], [("a", 5)]]


def test_a_later_copy_of_a_part_changes_its_span_and_leaves_the_run_whole(tmp_path: Path) -> None:
    told = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 777, "gen_ai.usage.output_tokens": 1}
    first, copy = otlp(tmp_path, RUN), otlp(tmp_path, [RUN[3] | {"attributes": told}], "copy.jsonl")
    with Store.create(tmp_path / "s.duckdb") as store, of_files(first, copy) as whole:
        for file in (first, copy):
            store.ingest([Input(str(file))], ImportOptions())
        for sql in ("SELECT * EXCLUDE (source) FROM spans ORDER BY ALL", "FROM traces", "FROM llm_calls"):
            assert store.reader().rows(sql) == whole.reader().rows(sql)
        assert len(store.reader().trace(A).spans) == 5
        assert store.reader().rows("SELECT input_tokens FROM traces") == [(777,)]


def test_a_part_whose_root_turns_out_to_have_a_parent_leaves_the_run(tmp_path: Path) -> None:
    files = [otlp(tmp_path, RUN[:4]), otlp(tmp_path, [RUN[2] | {"parent": "9" * 16, "links": []}], "copy.jsonl")]
    with Store.create(tmp_path / "s.duckdb") as store, of_files(*files) as whole:
        for file in files:
            store.ingest([Input(str(file))], ImportOptions())
        sql = "SELECT trace_id, span_count, joined FROM traces ORDER BY 1"
        assert store.reader().rows(sql) == whole.reader().rows(sql)


def test_an_id_of_a_part_means_the_run(tmp_path: Path) -> None:
    with of_files(otlp(tmp_path, RUN)) as store:
        assert find_trace(store.reader(), "bbbb") == A
        assert find_trace(store.reader(), C) == A
        assert find_span(store.reader(), f"{B}:4444") == (A, "4" * 16)


def test_a_finding_names_the_run_and_the_trace_that_its_span_was_recorded_in(tmp_path: Path) -> None:
    from agentdbg.check.judging import judge_and_keep

    failed = {"status": {"code": 2, "message": "boom"}, "attributes": {"gen_ai.operation.name": "execute_tool"}}
    with of_files(otlp(tmp_path, [*RUN, span(C, "6", parent="5" * 16, start=710, end=720, **failed)])) as store:
        judge_and_keep(store, {})
        found = store.reader().findings()
        assert {(one.trace_id, one.recorded_trace_id) for one in found if one.primary.span_id == "6" * 16} == {(A, C)}
