"""Parquet in, the spans of the same export as JSON lines out, whatever the types of its columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agentdbg.importers import Input
from agentdbg.store import FileReport, ImportOptions, Store
from agentdbg.store.columnar import opened

ROOT, CALL = "01a1f7d1-d43d-74bd-a16e-8dfbb063a374", "01a1f7d1-d6b8-72fc-8791-75a6377c949b"
START, END = datetime(2026, 1, 1, 0, 0, 0, 123456), datetime(2026, 1, 1, 0, 0, 1)
INPUTS = {"messages": [[{"type": "human", "content": "hi"}]]}
OUTPUTS = {"generations": [[{"text": "hello", "message": {"type": "ai", "content": "hello"}}]]}
EXTRA = {
    "invocation_params": {"model": "gpt-4o", "temperature": 0.5},
    "metadata": {"langgraph_node": "planner", "thread_id": "t7"},
}
RUNS: list[dict[str, Any]] = [
    {"id": ROOT, "trace_id": ROOT, "parent_run_ids": [], "name": "team", "run_type": "chain", "status": "success", "inputs": {"q": "é"}, "outputs": {"a": 1}},
    {"id": CALL, "trace_id": ROOT, "parent_run_ids": [ROOT], "name": "ChatOpenAI", "run_type": "llm", "status": "success",
     "inputs": INPUTS, "outputs": OUTPUTS, "extra": EXTRA, "prompt_tokens": 9, "completion_tokens": 5},
]  # fmt: skip
SHOWN = (
    "SELECT span_id, parent_id, name, kind, start_ns, end_ns, status, agent, model, input_tokens, output_tokens, reported_cost_usd, session_id,"
    " input, output, parameters FROM spans ORDER BY span_id"
)
JSON_COLUMNS = ("inputs", "outputs", "extra")


def column(name: str, convert: Any, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array([None if run.get(name) is None else convert(run[name]) for run in RUNS], type=kind)


def table(**changed: pa.Array) -> pa.Table:
    """An export with JSON columns as text and times as timestamps, but for the columns given."""
    made: dict[str, Any] = {name: column(name, str) for name in ("id", "trace_id", "name", "run_type", "status")}
    made |= {name: column(name, json.dumps) for name in JSON_COLUMNS}
    made |= {name: column(name, int) for name in ("prompt_tokens", "completion_tokens")}
    made["parent_run_ids"] = pa.array([run["parent_run_ids"] for run in RUNS])
    made["start_time"], made["end_time"] = (pa.array([at] * 2, pa.timestamp("us", "UTC")) for at in (START, END))
    made["total_cost"] = pa.array([None, 0.0007])
    return pa.table({**made, **changed})


def ingest(*files: Path) -> tuple[list[tuple[Any, ...]], list[FileReport]]:
    with Store.in_memory() as store:
        reports = store.ingest([Input(str(file)) for file in files], ImportOptions())
        return store.reader().rows(SHOWN), reports


def written(folder: Path, made: pa.Table, name: str = "runs.parquet", **how: Any) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, file, **how)
    return file


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """The same export as JSON lines."""
    file = tmp_path / "runs.jsonl"
    times = {"start_time": f"{START.isoformat()}Z", "end_time": f"{END.isoformat()}Z"}
    cost = [{}, {"total_cost": 0.0007}]
    file.write_text("\n".join(json.dumps({**run, **times, **more}) for run, more in zip(RUNS, cost, strict=True)))
    return file


def bytes_of(name: str) -> pa.Array:
    return column(name, lambda value: json.dumps(value).encode(), pa.binary())


CHANGES: dict[str, dict[str, pa.Array]] = {
    "text and timestamps": {},
    "timestamps without a zone": {
        "start_time": pa.array([START] * 2, pa.timestamp("us")),
        "end_time": pa.array([END] * 2, pa.timestamp("ns")),
    },
    "timestamps of another zone": {
        "start_time": pa.array([START.replace(tzinfo=UTC)] * 2, pa.timestamp("us", "America/New_York"))
    },
    "times as text": {
        "start_time": pa.array([f"{START.isoformat()}+00:00"] * 2),
        "end_time": pa.array([f"{END.isoformat()}"] * 2),
    },
    "times as numbers": {"end_time": pa.array([1_767_225_601_000] * 2)},
    "JSON as bytes": {name: bytes_of(name) for name in JSON_COLUMNS},
    "JSON as structs": {name: pa.array([run.get(name) for run in RUNS]) for name in JSON_COLUMNS},
    "categories": {
        "run_type": column("run_type", str).dictionary_encode(),
        "status": column("status", str.upper).dictionary_encode(),
    },
    "exact costs": {"total_cost": pa.array([None, Decimal("0.000700")], pa.decimal128(18, 6))},
    "ids of parents as JSON": {"parent_run_ids": pa.array([None, None]), "parent_run_id": pa.array([None, ROOT])},
}


@pytest.mark.parametrize("changed", CHANGES)
def test_every_choice_of_column_types_gives_the_same_spans(changed: str, tmp_path: Path, lines: Path) -> None:
    expected, _ = ingest(lines)
    assert len(expected) == 2
    assert ingest(written(tmp_path, table(**CHANGES[changed])))[0] == expected


@pytest.mark.parametrize(
    "how",
    [
        {"compression": "gzip"},
        {"compression": "zstd"},
        {"row_group_size": 1},
        {"version": "1.0"},
        {"use_dictionary": False},
    ],
)
def test_every_way_to_write_it_gives_the_same_spans(how: dict[str, Any], tmp_path: Path, lines: Path) -> None:
    assert ingest(written(tmp_path, table(), **how))[0] == ingest(lines)[0]


def test_a_name_that_means_nothing_and_signs_that_globs_are_made_of(tmp_path: Path, lines: Path) -> None:
    assert ingest(written(tmp_path, table(), "export_id=[1]/year=2026/runs?*.data"))[0] == ingest(lines)[0]


def test_what_an_export_leaves_out_is_absent(tmp_path: Path) -> None:
    rows, _ = ingest(written(tmp_path, table().select(["id", "trace_id", "run_type"])))
    assert [(row[3], row[4], row[5], row[13]) for row in rows] == [
        ("other", None, None, None),
        ("llm", None, None, None),
    ]


def test_payloads_larger_than_a_batch_and_a_hundred_rows(tmp_path: Path) -> None:
    many = pa.table(
        {
            "id": [f"r{number}" for number in range(150)],
            "trace_id": ["t"] * 150,
            "run_type": ["tool"] * 150,
            "inputs": ["x" * 50_000] * 150,
        }
    )
    rows, [report] = ingest(written(tmp_path, many))
    assert (len(rows), report.spans) == (150, 150)


def test_lines_are_rows(tmp_path: Path) -> None:
    with Store.in_memory() as store:
        file = written(tmp_path, table())
        store.ingest([Input(str(file))], ImportOptions())
        assert sorted(store.reader().rows("SELECT source FROM spans")) == [(f"{file}:1",), (f"{file}:2",)]


def test_a_truncated_file_is_unreadable(tmp_path: Path) -> None:
    file = written(tmp_path, table())
    file.write_bytes(file.read_bytes()[:-20])
    rows, [report] = ingest(file)
    assert (rows, report.state) == ([], "unreadable")
    assert report.error is not None
    assert "Parquet that cannot be read" in report.error.message


def test_the_row_groups_before_a_broken_one_are_read(tmp_path: Path) -> None:
    runs = pa.table(
        {
            "id": [f"r{number}" for number in range(200)],
            "trace_id": ["t"] * 200,
            "run_type": ["tool"] * 200,
            "name": [f"n{number}" * 9 for number in range(200)],
        }
    )
    file = written(
        tmp_path, runs, row_group_size=100, compression="none", use_dictionary=False, write_page_checksum=True
    )
    data = bytearray(file.read_bytes())
    at = pq.ParquetFile(file).metadata.row_group(1).column(0).data_page_offset
    data[at : at + 4] = b"\xff\xff\xff\xff"
    file.write_bytes(data)
    with Store.in_memory() as store:
        store.ingest([Input(str(file))], ImportOptions())
        assert store.reader().rows("SELECT count(*) FROM spans") == [(100,)]
        assert [
            "Parquet that cannot be read" in note.message
            for note in store.reader().notes()
            if note.severity == "data_loss"
        ] == [True]


@pytest.mark.parametrize(
    ("content", "why"), [(b"PAR1", "Parquet that cannot be read"), (b"PAR1 is a text", "Parquet that cannot be read")]
)
def test_what_only_begins_like_parquet(content: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    assert why in str(ingest(file)[1][0].error)


def test_a_table_of_something_else(tmp_path: Path) -> None:
    [report] = ingest(written(tmp_path, pa.table({"city": ["Rome"]})))[1]
    assert "its records are of no trace format known here" in str(report.error)


def test_a_table_without_rows_and_one_in_a_folder(tmp_path: Path) -> None:
    empty = written(tmp_path, table().slice(0, 0))
    assert "it is empty" in str(ingest(empty)[1][0].error)
    with Store.in_memory() as store:
        assert [one.state for one in store.ingest([Input(str(empty), explicit=False)], ImportOptions())] == ["note"]


def test_other_files_are_opened_as_they_stand(tmp_path: Path, lines: Path) -> None:
    assert opened(str(lines)).head == lines.read_bytes()
