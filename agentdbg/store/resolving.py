"""The second half of an ingest: everything that follows from whole traces, for the traces that new spans touched."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import duckdb
import pyarrow as pa

from agentdbg.resolve import Facts, Price, Resolved, resolve
from agentdbg.resolve.facts import CallRow, HandoffRow, Role, TraceRow, TurnRow
from agentdbg.store.collecting import uncollected
from agentdbg.store.columns import arrow_schema, batch, insert
from agentdbg.store.joining import join
from agentdbg.store.writing import roll_back

CHUNK = 50_000  # spans a transaction
_PAYLOADS = ("input", "output", "tools", "parameters")
_NARROW = [
    name
    for name in Facts.__struct_fields__
    if not name.startswith("has_") and name not in ("agent", "turn_id", "is_call")
]
_OF_RUNS = {"trace_id": "s.run_id", "parent_id": "coalesce(s.run_parent_id, s.parent_id)"}
_SELECT = ", ".join(
    [_OF_RUNS.get(name, f's."{name}"') + f' AS "{name}"' for name in _NARROW]
    + [f"s.{name} IS NOT NULL AS has_{name}" for name in _PAYLOADS]
    + ["s.session_id", "s.workflow_name"]
)
_UNJUDGE = """DELETE FROM derived.judged WHERE trace_id IN (
  SELECT trace_id FROM derived.traces SEMI JOIN (FROM derived.traces SEMI JOIN chunk USING (trace_id)) USING (name))"""
_JOINED = """INSERT INTO derived.trace_notes
  SELECT run_id, 'spans of ' || (count(*) + 1) || ' traces are shown as one run: ' || CASE rule
    WHEN 'link' THEN 'the roots of the others link to it'
    WHEN 'call' THEN 'the others tell model calls of it once more, by the ids of the answers'
    WHEN 'id' THEN 'the parents that the others name are LangSmith runs of it, by the times in their ids'
    ELSE 'the others tell how its agents were made' END
  FROM raw.runs SEMI JOIN chunk ON run_id = chunk.trace_id GROUP BY run_id, rule ORDER BY run_id, rule"""
_TOLD_BY_LOGS = """INSERT INTO derived.trace_notes SELECT run_id, count(*) ||
  ' of the spans are told by log records alone: where they stand in the run and how long they took is not known'
  FROM raw.spans SEMI JOIN chunk ON run_id = chunk.trace_id WHERE stand_in GROUP BY run_id"""
_OFFERED = """INSERT INTO derived.offered SELECT c.trace_id, c.span_id, a.tools FROM derived.calls c
  SEMI JOIN chunk USING (trace_id) JOIN raw.spans a ON a.run_id = c.trace_id AND a.span_id = c.offered_by"""
_TABLES: dict[str, type[Any]] = {
    "traces": TraceRow,
    "roles": Role,
    "calls": CallRow,
    "turns": TurnRow,
    "handoffs": HandoffRow,
}


def resolve_pending(con: duckdb.DuckDBPyConnection, price: Price, prices: str) -> None:
    """Make the derived tables anew for every run with a trace in raw.pending, some tens of thousands of spans a
    transaction. Runs of the same name are to be judged again as well: what is usual among them may have changed.
    prices: a name for the prices behind `price`, which the traces keep."""
    con.execute("BEGIN")
    try:
        join(con)
        con.execute("COMMIT")
    except BaseException:
        roll_back(con)
        raise
    for chunk in _chunks(con):
        con.execute("BEGIN")
        try:
            con.register("chunk", pa.table({"trace_id": chunk}))
            con.execute(_UNJUDGE)  # before, for the sake of the runs that are gone; after, for those that are new
            with uncollected():
                _replace(con, [resolve(spans, price, *told) for spans, *told in _traces(con)])
            con.execute(_UNJUDGE)
            con.execute("UPDATE derived.traces SET prices = $p WHERE trace_id IN (FROM chunk)", {"p": prices})
            con.execute("DELETE FROM raw.pending WHERE trace_id IN (SELECT trace_id FROM chunk)")
            con.execute("COMMIT")
        except BaseException:
            roll_back(con)
            raise
        finally:
            con.unregister("chunk")


def _chunks(con: duckdb.DuckDBPyConnection) -> Iterator[list[str]]:
    """The pending runs, sorted, so many at a time as have some tens of thousands of spans; `told` holds what is asked
    of their spans, in the same order, so that each chunk reads its own part of it and not all spans of the store."""
    if not con.execute("SELECT 1 FROM raw.pending LIMIT 1").fetchone():
        return
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE told AS SELECT {_SELECT} FROM raw.spans s SEMI JOIN raw.pending p "
        "ON s.run_id = p.trace_id ORDER BY s.run_id, s.start_ns, s.span_id"
    )
    chunk: list[str] = []
    size = 0
    for trace_id, spans in con.execute(
        "SELECT trace_id, count(span_id) FROM (SELECT DISTINCT trace_id FROM raw.pending) LEFT JOIN told "
        "USING (trace_id) GROUP BY trace_id ORDER BY trace_id"
    ).fetchall():
        chunk.append(trace_id)
        size += spans
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
    con.execute("DROP TABLE told")


def _traces(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[list[Facts], str | None, str | None]]:
    """The spans of each run, its session and its workflow, as far as any of them tells."""
    rows = con.execute(
        "FROM told WHERE trace_id BETWEEN (SELECT min(trace_id) FROM chunk) AND (SELECT max(trace_id) FROM chunk) "
        "ORDER BY trace_id, start_ns, span_id"
    ).fetchall()
    for _, group in groupby(rows, key=lambda row: row[0]):
        spans: list[Facts] = []
        session: str | None = None
        workflow: str | None = None
        for row in group:
            spans.append(Facts(*row[:-2]))
            session, workflow = session or row[-2], workflow or row[-1]
        yield spans, session, workflow


def _replace(con: duckdb.DuckDBPyConnection, made: list[Resolved]) -> None:
    known = con.execute("SELECT 1 FROM derived.traces SEMI JOIN chunk USING (trace_id) LIMIT 1").fetchone()
    for table in (*_TABLES, "offered", "trace_notes", "findings", "skipped", "judged") if known else ():
        con.execute(f"DELETE FROM derived.{table} WHERE trace_id IN (SELECT trace_id FROM chunk)")
    rows: dict[str, list[Any]] = {
        "traces": [one.trace for one in made],
        "roles": [role for one in made for role in one.roles],
        "calls": [call for one in made for call in one.calls],
        "turns": [turn for one in made for turn in one.turns],
        "handoffs": [edge for one in made for edge in one.handoffs],
    }
    for table, kind in _TABLES.items():
        if rows[table]:
            insert(con, f"derived.{table}", pa.Table.from_batches([batch(rows[table], arrow_schema(kind))]))
    con.execute(_OFFERED)
    con.execute(_JOINED)
    con.execute(_TOLD_BY_LOGS)
    notes = [(one.trace.trace_id, note) for one in made for note in one.notes]
    if notes:
        told = pa.table({"trace_id": [note[0] for note in notes], "message": [note[1] for note in notes]})
        insert(con, "derived.trace_notes", told)
