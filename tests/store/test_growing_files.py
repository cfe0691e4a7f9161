"""Files that a collector still writes to: what was read is not read again, and a half-written line waits."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentdbg.importers import Input
from agentdbg.store import FileReport, ImportOptions, Store
from tests.stores import of_files, otlp

NAMES = "SELECT name, source FROM spans ORDER BY start_ns"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "store" / "traces.duckdb") as store:
        yield store


def ingest(store: Store, file: Path) -> FileReport:
    (report,) = store.ingest([Input(str(file))], ImportOptions())
    assert report.error is None
    return report


def line(folder: Path, number: int) -> str:
    span = {"name": f"step {number}", "id": f"{number + 1:016x}", "start": number, "end": number + 1}
    return otlp(folder, [span], "line.tmp").read_text()


def old(file: Path) -> Path:
    """Nobody has written to it for an hour."""
    os.utime(file, (os.path.getmtime(file) - 3600,) * 2)
    return file


def test_only_what_is_new_is_read(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text("".join(line(tmp_path, n) for n in range(3)))
    assert (ingest(store, file).state, ingest(store, file).state) == ("new", "unchanged")
    with file.open("a") as stream:
        stream.write(line(tmp_path, 3) + line(tmp_path, 4))
    report = ingest(store, file)
    assert (report.state, report.spans, report.known) == ("grown", 2, 0)
    assert store.reader().rows(NAMES) == [(f"step {n}", f"{file}:{n + 1}") for n in range(5)]
    assert store.reader().rows("SELECT span_count FROM traces") == [(5,)]
    assert ingest(store, file).state == "unchanged"


def test_a_half_written_line_waits_for_the_rest(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    first, second, third = (line(tmp_path, n) for n in range(3))
    file.write_text(first + second[:50])
    assert (ingest(store, file).state, severities(store)) == ("new", ["info"])
    with file.open("a") as stream:
        stream.write(second[50:100])
    assert ingest(store, file).state == "unchanged"
    with file.open("a") as stream:
        stream.write(second[100:] + third[:70])
    old(file)  # no line for an hour, but more than last time
    assert (ingest(store, file).spans, severities(store)) == (1, ["info", "info"])
    assert store.reader().rows(NAMES) == [("step 0", f"{file}:1"), ("step 1", f"{file}:2")]


def severities(store: Store) -> list[str]:
    return [row[0] for row in store.reader().rows("SELECT severity FROM raw.notes ORDER BY file_id")]


def test_a_line_that_stays_half_written_is_told(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text(line(tmp_path, 0) + line(tmp_path, 1)[:50])
    ingest(store, file)
    assert (ingest(store, old(file)).state, severities(store)) == ("grown", ["info", "data_loss"])
    assert [note.source for note in store.reader().notes() if note.severity == "data_loss"] == [f"{file}:2"]
    assert ingest(store, file).state == "unchanged"
    file.write_text(line(tmp_path, 0) + line(tmp_path, 1))  # it was only slow
    assert (ingest(store, file).state, severities(store)) == ("anew", [])
    assert len(store.reader().rows(NAMES)) == 2


def test_a_whole_last_line_needs_no_end(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text((line(tmp_path, 0) + line(tmp_path, 1)).rstrip())
    assert (ingest(store, file).spans, severities(store)) == (2, [])
    with file.open("a") as stream:
        stream.write("\n" + line(tmp_path, 2))
    assert (ingest(store, file).state, severities(store)) == ("anew", [])
    assert len(store.reader().rows(NAMES)) == 3


def test_a_rotated_file_goes_on_under_its_new_name(store: Store, tmp_path: Path) -> None:
    file, rotated = tmp_path / "traces.jsonl", tmp_path / "traces-1.jsonl"
    file.write_text(line(tmp_path, 0))
    ingest(store, file)
    with file.open("a") as stream:
        stream.write(line(tmp_path, 1))
    file.rename(rotated)
    file.write_text(line(tmp_path, 2))
    reports = store.ingest([Input(str(rotated)), Input(str(file))], ImportOptions())
    assert [(report.state, report.spans) for report in reports] == [("grown", 1), ("new", 1)]
    assert [name for name, _ in store.reader().rows(NAMES)] == ["step 0", "step 1", "step 2"]


def test_a_file_that_was_written_anew_is_no_grown_one(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text(line(tmp_path, 0) + line(tmp_path, 1))
    ingest(store, file)
    file.write_text(line(tmp_path, 0) + line(tmp_path, 7) + line(tmp_path, 8) + line(tmp_path, 9))
    assert ingest(store, file).state == "new"
    assert len(store.reader().rows(NAMES)) == 5


def test_all_parts_of_a_grown_file_are_replaced_when_it_is_read_otherwise(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    for n in range(3):
        with file.open("a") as stream:
            stream.write(line(tmp_path, n))
        ingest(store, file)
    (report,) = store.ingest([Input(str(file))], ImportOptions(forced="otlp-json"))
    assert (report.state, report.spans, report.known) == ("anew", 3, 0)
    assert store.reader().rows("SELECT count(*) FROM raw.files") == [(1,)]


def test_metrics_that_were_added_are_not_read_twice(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text(line(tmp_path, 0))
    ingest(store, file)
    with file.open("a") as stream:
        stream.write('{"resourceMetrics": []}\n')
    assert [(ingest(store, file).state, ingest(store, file).state)] == [("grown", "unchanged")]


def test_lines_that_need_those_before_them_are_read_whole(store: Store, tmp_path: Path) -> None:
    """Spans without ids belong together because they stand in one file."""
    file = tmp_path / "own.jsonl"
    lines = [f'{{"agent": "a", "start": {n}, "end": {n + 1}}}\n' for n in range(3)]
    file.write_text("".join(lines[:2]))
    ingest(store, file)
    file.write_text("".join(lines))
    assert ingest(store, file).state == "anew"
    assert store.reader().rows("SELECT span_count FROM traces") == of_files(file).reader().rows(
        "SELECT span_count FROM traces"
    )


def test_compressed_files_are_read_whole(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl.gz"
    file.write_bytes(gzip.compress(line(tmp_path, 0).encode()))
    ingest(store, file)
    with file.open("ab") as stream:
        stream.write(gzip.compress(line(tmp_path, 1).encode()))
    report = ingest(store, file)
    assert (report.state, report.spans, report.known) == ("new", 2, 1)
