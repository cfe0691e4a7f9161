"""Several processes read: the store and what is said of it are the same as if one had read alone."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.importers import Input, expand
from agentdbg.store import FileReport, ImportOptions, Store, intake, processes
from tests.cli.test_bad_input import UNREADABLE, otlp
from tests.commandline import SAMPLES

SMALL = 2_000
SPANS = b"".join(otlp({"spanId": f"{n + 1:016x}", "name": f"step {n}"}) for n in range(60))
LINES = SPANS.splitlines(keepends=True)


def log(span_id: str, text: str) -> bytes:
    record = {"traceId": "a" * 32, "spanId": span_id, "eventName": "gen_ai.choice", "body": {"stringValue": text}}
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode() + b"\n"


def langsmith(number: int) -> bytes:
    run = {
        "id": f"run-{number}",
        "trace_id": "t",
        "name": f"run {number}",
        "run_type": "chain",
        "inputs": {"n": number},
    }
    return json.dumps(run).encode() + b"\n"


FILES = {
    **{f"{name}.bad": content for name, content in UNREADABLE.items()},
    "whole.jsonl": SPANS,
    "again.jsonl": SPANS,
    "broken-lines.jsonl": b"".join(line + b'{"resourceSpans": [\n' * 2 for line in LINES),
    "broken-stretch.jsonl": LINES[0] + b'{"resourceSpans": [{"a": 1}\n' * 300 + LINES[1],
    "other-lines.jsonl": LINES[0] + b'{"weather": "rain"}\n' * 300 + b"\xff\xfe\n\n[]\nnull\n" + LINES[1],
    "no-span.jsonl": b'{"resourceSpans": [{"scopeSpans": []}]}\n' * 200,
    "cut.jsonl": SPANS[:-40],
    "backwards.jsonl": b"".join(otlp({"spanId": f"{n + 99:016x}", "endTimeUnixNano": "1"}) for n in range(40)),
    "nameless.jsonl": b"".join(otlp({"spanId": "", "traceId": "", "name": str(n)}) for n in range(40)),
    "copies.jsonl": b"".join(otlp({"name": f"told {n}"}) for n in range(20)),
    "logs.jsonl": b"".join(log(f"{n % 5 + 1:016x}" if n % 7 else "", f"answer {n}") for n in range(60)),
    "windows.jsonl": SPANS.replace(b"\n", b"\r\n"),
    "long-line.jsonl": LINES[0]
    + otlp(*[{"spanId": f"{n + 500:016x}"} for n in range(1)]) * 2
    + b" " * 9_000
    + LINES[1],
    "runs.jsonl": b"".join(map(langsmith, range(60))) + b'{"id": 1, "run_type"\n' + langsmith(61),
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(processes, "STRETCH", SMALL)
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, (1, 1))
    return folder


def taken(folder: Path, jobs: int, paths: list[str]) -> tuple[list[FileReport], list[FileReport], dict[str, Any]]:
    """What is said of these inputs, what is said of them the second time, and all that is in the store then."""
    with Store.create(folder / f"{jobs}.duckdb") as store:
        options = ImportOptions(jobs=jobs)
        first, second = (store.ingest(expand(paths), options) for _ in range(2))
        rows = store.reader().rows
        tables = rows("SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1")
        held = {table: sorted(map(repr, rows(f"FROM {table}"))) for (table,) in tables}
    return [told(one) for one in first], [told(one) for one in second], held


def told(report: FileReport) -> Any:
    error = (report.error.message, report.error.hint) if report.error else None
    return report.source, report.state, report.spans, report.logs, report.known, report.bytes, error, report.notes


def test_the_store_is_the_same_however_many_processes_read(tmp_path: Path, files: Path) -> None:
    paths = [*map(str, sorted(files.glob("*.bad"))), str(files), str(SAMPLES)]
    assert taken(tmp_path, 2, paths) == taken(tmp_path, 1, paths)


def test_a_process_that_dies_is_an_error_and_whole_files_stay(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "SMALL", 0)
    inputs = [Input(str(files / name)) for name in ("whole.jsonl", "windows.jsonl")]

    def kill(source: str, spans: int) -> None:
        if source.endswith("windows.jsonl"):
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)

    with Store.create(tmp_path / "store.duckdb") as store:
        with pytest.raises(AgentdbgError, match="a process that read along was killed"):
            store.ingest(inputs, ImportOptions(jobs=2), kill)
        assert store.reader().rows("SELECT count(*) FROM raw.files") == [(1,)]
        assert [one.state for one in store.ingest(inputs, ImportOptions(jobs=1))] == ["unchanged", "new"]
        assert store.reader().rows("SELECT count(*) FROM spans") == [(60,)]


def test_what_grew_or_changed_meanwhile_is_read_as_by_one_process(tmp_path: Path, files: Path) -> None:
    stores = {jobs: Store.create(tmp_path / f"{jobs}.duckdb") for jobs in (1, 2)}
    inputs = [Input(str(files / name)) for name in ("whole.jsonl", "runs.jsonl")]
    for extra in (b"", LINES[0].replace(b"step 0", b"more"), b'{"half'):
        with (files / "whole.jsonl").open("ab") as file:
            file.write(extra)
        with (files / "runs.jsonl").open("ab") as file:
            file.write(langsmith(70 + len(extra)))
        one, two = (list(map(told, stores[jobs].ingest(inputs, ImportOptions(jobs=jobs)))) for jobs in (1, 2))
        assert one == two
    one, two = (stores[jobs].reader().rows("SELECT * FROM spans ORDER BY ALL") for jobs in (1, 2))
    assert one == two
    for store in stores.values():
        store.close()
