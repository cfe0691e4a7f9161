"""Runs removed for good: prompts are secrets, and a database keeps the bytes of deleted rows in its file.

What stays is written into a new file, which then takes the place of the old one: whenever the process dies, the store
is the old one or the new one, whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from agentdbg.errors import AgentdbgError
from agentdbg.model import Purged, Reader
from agentdbg.store.ids import UnknownTrace, find_trace
from agentdbg.store.tables import DERIVED, JUDGED

if TYPE_CHECKING:
    from agentdbg.store import Store

_BY_TRACE = ("raw.spans", "raw.copies", "raw.repeats", "raw.logs", "raw.pending", "raw.runs", "raw.links", "raw.strays")
_GONE = """
  CREATE OR REPLACE TEMP TABLE gone AS
  SELECT trace_id FROM asked UNION SELECT trace_id FROM raw.spans WHERE run_id IN (SELECT trace_id FROM asked)"""
_GAVE = "SELECT file_id FROM raw.{} WHERE trace_id {} (SELECT trace_id FROM gone)"
_GIVERS = ("spans", "copies", "repeats", "logs")
# Findings may quote runs of the same name, which detectors compare, and those of no run may quote any.
_JUDGED = """trace_id NOT IN (SELECT trace_id FROM derived.traces WHERE name IN (
  SELECT name FROM derived.traces SEMI JOIN gone USING (trace_id)))"""
# A file that gave what is gone now is not known any more: naming it again reads it again.
_FILES = """
  FROM raw.files WHERE file_id NOT IN (FROM touched)
  UNION ALL SELECT * REPLACE (NULL AS sha256, NULL AS head) FROM raw.files
  WHERE file_id IN (FROM touched) AND file_id IN (FROM used)"""


def to_purge(reader: Reader, asked: Sequence[str]) -> list[str]:
    """The runs that these ids mean, sorted; also the trace ids of log records whose spans never came. Raises
    AgentdbgError where one means none or several."""
    found: set[str] = set()
    for one in asked:
        try:
            found.add(find_trace(reader, one))
        except UnknownTrace:
            if not reader.rows("SELECT 1 FROM raw.logs WHERE trace_id = $id LIMIT 1", id=one):
                raise
            found.add(one)
    return sorted(found)


def ended_before(reader: Reader, moment_ns: int) -> tuple[list[str], int]:
    """The runs whose last span ended before a moment, and log records without spans of that age; and how many runs tell
    no time, which are not among them."""
    old = reader.rows(
        "SELECT trace_id FROM traces WHERE start_ns + coalesce(duration_ns, 0) < $m UNION "
        "SELECT trace_id FROM raw.logs ANTI JOIN raw.spans USING (trace_id) GROUP BY trace_id HAVING max(time_ns) < $m "
        "ORDER BY ALL",
        m=moment_ns,
    )
    timeless = reader.rows("SELECT count(*) FROM traces WHERE start_ns IS NULL")
    return [row[0] for row in old], int(timeless[0][0])


def purge(
    store: Store, con: duckdb.DuckDBPyConnection, runs: Sequence[str] | None, judge: Callable[[Store], object]
) -> Purged:
    """See Store.purge."""
    path = store.path
    assert path is not None
    con.execute("CHECKPOINT")
    before = path.stat().st_size
    _choose(con, runs)
    told = _told(con)
    fresh = path.with_name(path.name + ".purging")
    try:
        if runs is None or told[0] or told[2]:
            _rewrite(con, fresh, judge)
            os.replace(fresh, path)
        store.close()
        shutil.rmtree(path.with_name(path.name + ".tmp"), ignore_errors=True)  # what a killed process had spilled
    except (OSError, duckdb.Error) as error:
        raise AgentdbgError(f"nothing was purged: {error}", "the store is as it was; make room on the disk") from error
    finally:
        _remove(fresh)
    return Purged(str(path), *told, before=before, after=path.stat().st_size)


def _choose(con: duckdb.DuckDBPyConnection, runs: Sequence[str] | None) -> None:
    """The tables `gone` (traces), `touched` (files that gave them) and `used` (files that gave what stays)."""
    if runs is None:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE gone AS SELECT trace_id FROM raw.spans UNION SELECT trace_id FROM raw.logs"
        )
    else:
        con.register("asked", pa.table({"trace_id": pa.array(runs, pa.string())}))
        con.execute(_GONE)
        con.unregister("asked")
    for name, where in (("touched", "IN"), ("used", "NOT IN")):
        given = " UNION ".join(_GAVE.format(table, where) for table in _GIVERS)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {given}")


def _told(con: duckdb.DuckDBPyConnection) -> tuple[list[tuple[str, str, int]], int, int, list[str], int]:
    runs = con.execute(
        "SELECT trace_id, coalesce(name, ''), span_count FROM derived.traces SEMI JOIN gone USING (trace_id) "
        "ORDER BY start_ns, trace_id"
    ).fetchall()
    counts = [
        con.execute(f"SELECT count(*) FROM raw.{table} SEMI JOIN gone USING (trace_id)").fetchall()[0][0]
        for table in ("spans", "logs")
    ]
    paths = con.execute("SELECT DISTINCT path FROM raw.files WHERE file_id IN (FROM touched) ORDER BY path").fetchall()
    stay = con.execute("SELECT count(*) FROM derived.traces ANTI JOIN gone USING (trace_id)").fetchall()[0][0]
    return runs, counts[0], counts[1], [path for (path,) in paths if os.path.exists(path)], stay


def _rewrite(con: duckdb.DuckDBPyConnection, fresh: Path, judge: Callable[[Store], object]) -> None:
    """What stays, in a file of its own."""
    from agentdbg.store import Store

    _remove(fresh)
    kept = "trace_id NOT IN (SELECT trace_id FROM gone)"
    parts = {table: f"SELECT * FROM {table} WHERE {kept}" for table in _BY_TRACE}
    parts["raw.links"] += " AND to_trace_id NOT IN (SELECT trace_id FROM gone)"
    parts |= {f"derived.{table}": f"SELECT * FROM derived.{table} WHERE {kept}" for table in DERIVED}
    parts |= {f"derived.{table}": f"SELECT * FROM derived.{table} WHERE {_JUDGED} AND {kept}" for table in JUDGED}
    parts["raw.files"] = _FILES
    parts["raw.notes"] = "FROM raw.notes WHERE file_id NOT IN (FROM touched)"  # they may quote what they are about
    with Store.create(fresh) as made:
        for table, rows in parts.items():
            made.append(table, con.sql(rows).to_arrow_reader())
        judge(made)
    with fresh.open("rb") as stream:
        os.fsync(stream.fileno())


def _remove(fresh: Path) -> None:
    """What a purge that was killed left behind."""
    for suffix in ("", ".wal"):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
