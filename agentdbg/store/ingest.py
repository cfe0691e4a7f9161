"""One input into the store, in one transaction: all of it or nothing, whenever the process dies.

Spans stream through in packs, so memory is bounded by the pack. What is there already is found afterwards:
of equal copies the first stays, and raw.repeats says which other files gave it; unequal ones are merged and all kept in
raw.copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from agentdbg.conventions import from_logs, stand_in
from agentdbg.rows import NoteRow, RawEvent, SpanRow
from agentdbg.store.columns import arrow_schema, batch, insert
from agentdbg.store.merge import ABSENT, merge
from agentdbg.store.packs import BATCH, SPAN_SCHEMA, LogRow, Pack, keyed
from agentdbg.store.streaming import StreamedInsert
from agentdbg.store.tables import PAYLOADS
from agentdbg.vocabulary.jsontext import load

FIELDS = SpanRow.__struct_fields__
_COLUMNS = ", ".join(f'"{name}"' for name in FIELDS)
CONTENT = ", ".join(f'"{name}"' for name in FIELDS if name not in ("source_file", "source_line"))
KEY = "trace_id, span_id"
LOG = "trace_id, span_id, name, time_ns, attributes, body"
LOG_SCHEMA = arrow_schema(LogRow)


@dataclass(slots=True)
class Counts:
    """What one input held. `known` spans were in the store already, or twice in the input."""

    spans: int = 0
    logs: int = 0
    known: int = 0
    notes: list[NoteRow] = field(default_factory=list)


def write(
    con: duckdb.DuckDBPyConnection,
    file_id: int,
    packs: Iterator[Pack],
    counts: Counts,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Take `packs` into the raw tables and count what is in them. The caller holds the transaction; progress gets the
    spans so far."""
    logs: list[LogRow] = []
    more = f"*, {file_id}::INTEGER AS file_id"
    with StreamedInsert(con, "raw.spans", f"{more}, false AS merged, trace_id AS run_id") as table:
        for pack in packs:
            counts.notes += pack.notes
            logs += pack.logs
            if pack.spans is not None:
                counts.spans += pack.spans.num_rows
                table.add(pack.spans)
                if progress:
                    progress(counts.spans)
    for seq, log in enumerate(logs, 1):
        log.seq = seq
    counts.logs = len(logs)
    if logs:
        insert(con, "raw.logs", pa.Table.from_batches([batch(logs, LOG_SCHEMA)]), more)
    _drop_equal_logs(con, file_id)
    counts.known = _settle(con, file_id, counts.notes)
    con.execute(
        """INSERT INTO raw.pending SELECT DISTINCT trace_id FROM (
             SELECT trace_id FROM raw.spans WHERE file_id = $f
             UNION ALL
             SELECT trace_id FROM raw.logs SEMI JOIN raw.spans USING (trace_id) WHERE raw.logs.file_id = $f)""",
        {"f": file_id},
    )


def _drop_equal_logs(con: duckdb.DuckDBPyConnection, file_id: int) -> None:
    """A log record that is twice in this input goes: it repeats an export, not an event. What another file has as well
    stays, since that file may be read anew; it is told once."""
    con.execute(
        f"""DELETE FROM raw.logs WHERE rowid IN (
             SELECT id FROM (
               SELECT rowid AS id, row_number() OVER (
                 PARTITION BY {LOG} ORDER BY seq) AS n
               FROM raw.logs WHERE file_id = $f)
             WHERE n > 1)""",
        {"f": file_id},
    )


_EQUAL = f"""
  CREATE OR REPLACE TEMP TABLE equal AS
  SELECT id, {KEY}, copy, file_id, source_line, first FROM (
    SELECT rowid AS id, {KEY}, hash({CONTENT}) AS copy, file_id, source_line,
      row_number() OVER same AS n, first_value(file_id) OVER same AS first
    FROM raw.spans SEMI JOIN clash USING ({KEY}) WHERE NOT merged
    WINDOW same AS (PARTITION BY {CONTENT} ORDER BY file_id, source_line))
  WHERE n > 1"""
_REPEATED = f"""
  INSERT INTO raw.repeats SELECT {KEY}, copy, file_id, min(source_line) FROM equal WHERE file_id <> first
  GROUP BY ALL"""


def _settle(con: duckdb.DuckDBPyConnection, file_id: int, notes: list[NoteRow]) -> int:
    """Leave one row a span. Answers how many spans of this input were known, notes copies that differ."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE clash AS SELECT {KEY} FROM raw.spans WHERE trace_id IN "
        f"(SELECT trace_id FROM raw.spans WHERE file_id = $f) GROUP BY {KEY} HAVING count(*) > 1",
        {"f": file_id},
    )
    known = 0
    if _one(con, "SELECT count(*) FROM clash"):
        con.execute(_EQUAL)
        con.execute(_REPEATED)
        removed = con.execute("DELETE FROM raw.spans WHERE rowid IN (SELECT id FROM equal)").fetchall()
        known += int(removed[0][0])
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE clash AS SELECT {KEY} FROM raw.spans WHERE trace_id IN "
        f"(SELECT trace_id FROM raw.spans WHERE file_id = $f) GROUP BY {KEY} HAVING count(*) > 1 "
        f"UNION SELECT {KEY} FROM raw.spans SEMI JOIN raw.logs USING ({KEY}) WHERE raw.spans.file_id = $f "
        f"UNION SELECT {KEY} FROM raw.logs WHERE raw.logs.file_id = $f",
        {"f": file_id},
    )
    con.execute("INSERT INTO raw.pending SELECT DISTINCT trace_id FROM clash")  # also where they stay another file's
    return known + settle_keys(con, notes)


def settle_keys(con: duckdb.DuckDBPyConnection, notes: list[NoteRow]) -> int:
    """Merge all copies and log records of the spans in the table `clash`. Answers and notes as `_settle`."""
    keys = con.execute(f"SELECT {KEY} FROM clash ORDER BY ALL").fetchall()
    return sum(_merge_keys(con, keys[start : start + BATCH], notes) for start in range(0, len(keys), BATCH))


def _merge_keys(con: duckdb.DuckDBPyConnection, keys: Sequence[tuple[str, str]], notes: list[NoteRow]) -> int:
    """Merge all copies and log records of these spans; answers how many further copies this input brought."""
    asked = pa.table({"trace_id": [key[0] for key in keys], "span_id": [key[1] for key in keys]})
    con.register("asked", asked)
    copies = _copies(con)
    events, said_by = _events(con)
    merged: list[SpanRow] = []
    kept: list[SpanRow] = []
    alone: list[SpanRow] = []
    known = 0
    files: list[int] = []
    givers: list[int] = []
    for key in keys:
        if (distinct := copies.get(key)) is None:
            alone += [keyed(made)] if (made := stand_in(*key, events[key])) else []
            continue
        known += len(distinct.new) - 1 if not distinct.old else len(distinct.new)
        if differ := _contradictions([copy for copy in distinct.all if copy.end_ns is not None]):
            notes.append(_conflict(key, len(distinct.all), differ))
        row = merge([*distinct.all, from_logs(*key, events[key])] if key in events else distinct.all)
        merged.append(keyed(row))
        kept += distinct.all
        givers += distinct.files
        files.append(distinct.files[0])
    con.execute(f"DELETE FROM raw.spans WHERE ({KEY}) IN (SELECT ({KEY}) FROM asked)")
    con.execute(f"DELETE FROM raw.copies WHERE ({KEY}) IN (SELECT ({KEY}) FROM asked)")
    _insert(con, "raw.spans", merged, files)
    _insert(con, "raw.copies", kept, givers)
    _insert(con, "raw.spans", alone, [said_by[row.trace_id, row.span_id] for row in alone], stand_in=True)
    con.unregister("asked")
    return known


@dataclass(slots=True)
class _Copies:
    """The copies of one span: `old` stood in raw.copies, `new` in raw.spans; `all` are the distinct ones, `files` those
    that gave them."""

    old: list[SpanRow] = field(default_factory=list)
    new: list[SpanRow] = field(default_factory=list)
    all: list[SpanRow] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)


def _copies(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], _Copies]:
    out: dict[tuple[str, str], _Copies] = {}
    repeats: list[tuple[str, str, int, int, int | None]] = []
    for table, old in (("raw.copies", True), ("raw.spans", False)):
        rows = con.execute(
            f"SELECT {_COLUMNS}, hash({CONTENT}), file_id FROM {table} SEMI JOIN asked USING ({KEY}) "
            f"{'' if old else 'WHERE NOT merged '}ORDER BY {KEY}, file_id, source_line"
        ).fetchall()
        for *values, copy, file_id in rows:
            row = SpanRow(*values)
            here = out.setdefault((row.trace_id, row.span_id), _Copies())
            (here.old if old else here.new).append(row)
            if copy not in here.seen:
                here.seen[copy] = file_id
                here.all.append(row)
                here.files.append(file_id)
            elif here.seen[copy] != file_id:
                repeats.append((row.trace_id, row.span_id, copy, file_id, row.source_line))
    if repeats:
        con.executemany("INSERT INTO raw.repeats VALUES (?, ?, ?, ?, ?)", repeats)
    return out


def _events(con: duckdb.DuckDBPyConnection) -> tuple[dict[tuple[str, str], list[RawEvent]], dict[tuple[str, str], int]]:
    """Log records of the asked spans in the order in which they were said: by time, then by place in the stream; and
    the first file that gave some of a span."""
    out: dict[tuple[str, str], list[RawEvent]] = {}
    files: dict[tuple[str, str], int] = {}
    rows = con.execute(
        f"SELECT {LOG}, min(file_id) FROM raw.logs SEMI JOIN asked USING ({KEY}) GROUP BY {LOG} "
        f"ORDER BY {KEY}, time_ns, min(seq), body"
    ).fetchall()
    for trace_id, span_id, name, time_ns, attributes, body, file_id in rows:
        event = RawEvent(name, time_ns, load(attributes), load(body)["body"] if body else None)
        out.setdefault((trace_id, span_id), []).append(event)
        files[trace_id, span_id] = min(file_id, files.get((trace_id, span_id), file_id))
    return out, files


def _contradictions(copies: list[SpanRow]) -> list[str]:
    """Fields that finished copies of a span tell differently. What one form of an export writes down and another leaves
    out is no contradiction, and neither are the bytes of its attributes."""
    silent = ("source_file", "source_line", *PAYLOADS[4:])
    told = {
        name: {getattr(copy, name) for copy in copies} - {getattr(ABSENT, name)}
        for name in FIELDS
        if name not in silent
    }
    return sorted(name for name, values in told.items() if len(values) > 1)


def _conflict(key: tuple[str, str], copies: int, differ: list[str]) -> NoteRow:
    fields = ", ".join(differ[:6]) + (" …" if len(differ) > 6 else "")
    return NoteRow(
        "info", f"span {key[1]} of trace {key[0]} came in {copies} different copies (they differ in {fields}); merged"
    )


def _insert(
    con: duckdb.DuckDBPyConnection, table: str, rows: list[SpanRow], files: list[int], *, stand_in: bool = False
) -> None:
    if rows:
        made = pa.Table.from_batches([batch(rows, SPAN_SCHEMA)])
        made = made.append_column("file_id", pa.array(files, type=pa.int32()))
        said = "true" if stand_in else "NULL"
        insert(con, table, made, f"*, true AS merged, {said} AS stand_in, trace_id AS run_id")


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return con.execute(sql).fetchall()[0][0]
