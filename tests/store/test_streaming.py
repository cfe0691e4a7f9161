"""One INSERT for all batches: whole, or told why not; and memory that does not grow with the input."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from agentdbg.store.streaming import StreamedInsert


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": False}) as opened:
        opened.execute("CREATE TABLE numbers (n BIGINT)")
        yield opened


def _batch(*numbers: int | str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(numbers)})


def _add(con: duckdb.DuckDBPyConnection, batches: Iterable[pa.RecordBatch]) -> None:
    with StreamedInsert(con, "numbers") as table:
        for batch in batches:
            table.add(batch)


def _interrupted() -> Iterator[pa.RecordBatch]:
    raise KeyboardInterrupt
    yield


def _kept(con: duckdb.DuckDBPyConnection) -> list[int]:
    return [n for (n,) in con.execute("SELECT n FROM numbers ORDER BY rowid").fetchall()]


def test_rows_come_in_the_order_in_which_they_were_added(con: duckdb.DuckDBPyConnection) -> None:
    _add(con, (_batch(*range(start, start + 1_000)) for start in range(0, 50_000, 1_000)))
    assert _kept(con) == list(range(50_000))


def test_no_batch_is_no_statement(con: duckdb.DuckDBPyConnection) -> None:
    with StreamedInsert(con, "a table that is not there"):
        pass


def test_what_goes_wrong_while_reading_ends_the_statement_and_is_told(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("BEGIN")
    with pytest.raises(KeyboardInterrupt):
        _add(con, chain(map(_batch, range(10)), _interrupted()))
    con.execute("ROLLBACK")
    assert _kept(con) == []


def test_what_goes_wrong_while_writing_is_told_to_who_reads(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.ConversionException):
        _add(con, repeat(_batch("no number"), 1_000))  # more than wait: this must not wait for ever either


_LIMITED = """
import re, sys
from pathlib import Path
from agentdbg.importers import Input
from agentdbg.store import ImportOptions, Store

with Store.create(Path(sys.argv[2])) as store:
    assert store.ingest([Input(sys.argv[1])], ImportOptions())[0].spans == int(sys.argv[3])
# not ru_maxrss, which a process that was forked takes over from its parent
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell")
def test_memory_is_bounded_whatever_the_size_of_the_input(tmp_path: Path) -> None:
    """Half a gigabyte of spans, all of which would be held until the commit if each batch were a statement."""
    path, text, lines = tmp_path / "many.jsonl", _line().decode(), 250
    with path.open("w") as out:
        for n in range(lines):
            out.write(text.replace("TRACE", f"{n:08x}"))
    told = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(path), str(tmp_path / "many.duckdb"), str(lines * 200)],
        check=True, capture_output=True, text=True, env=dict(os.environ),
    )  # fmt: skip
    assert int(told.stdout) < 600


def _line() -> bytes:
    """A request of 200 spans of 11 kB each, of which no two are alike."""
    import orjson

    spans = [
        {"traceId": f"TRACE{'0' * 20}{n // 20:04x}", "spanId": f"{n + 1:016x}", "name": "chat m",
         "startTimeUnixNano": str(10**18 + n), "endTimeUnixNano": str(10**18 + n + 5),
         "attributes": [
             {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
             {"key": "gen_ai.input.messages", "value": {"stringValue": orjson.dumps(
                 [{"role": "user", "parts": [{"type": "text", "content": f"TRACE {n} words " * 500}]}]).decode()}},
         ]}
        for n in range(200)
    ]  # fmt: skip
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}) + b"\n"
