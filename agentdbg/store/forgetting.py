"""What a file gave leaves the store, so that the file can be read anew. What other files gave as well stays."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from agentdbg.rows import NoteRow
from agentdbg.store.ingest import CONTENT, KEY, settle_keys

_LOST = f"""
  CREATE OR REPLACE TEMP TABLE lost AS
  SELECT {KEY} FROM raw.spans SEMI JOIN gone USING (file_id)
  UNION SELECT {KEY} FROM raw.copies SEMI JOIN gone USING (file_id)
  UNION SELECT {KEY} FROM raw.logs SEMI JOIN gone USING (file_id)"""
_TAKEN_OVER = f"""
  UPDATE raw.{{table}} SET file_id = r.giver, source_line = r.line FROM (
    SELECT trace_id AS trace, span_id AS span, copy, min(file_id) AS giver, arg_min(source_line, file_id) AS line
    FROM raw.repeats SEMI JOIN lost USING ({KEY}) GROUP BY ALL) r
  WHERE trace_id = r.trace AND span_id = r.span AND {{one}} AND hash({CONTENT}) = r.copy
    AND file_id IN (SELECT file_id FROM gone)"""
_OWNED = f"""
  DELETE FROM raw.repeats r WHERE ({KEY}, file_id, copy) IN (
    SELECT ({KEY}, file_id, hash({CONTENT})) FROM raw.{{table}} SEMI JOIN lost USING ({KEY}))"""


def forget(con: duckdb.DuckDBPyConnection, file_ids: Sequence[int], notes: list[NoteRow]) -> None:
    """Remove all that these files gave. The caller holds the transaction; notes gets what is to be said of spans that
    several other files tell differently."""
    con.register("gone", pa.table({"file_id": pa.array(file_ids, pa.int32())}))
    try:
        con.execute(_LOST)
        con.execute("INSERT INTO raw.pending SELECT DISTINCT trace_id FROM lost")
        con.execute("DELETE FROM raw.repeats WHERE file_id IN (SELECT file_id FROM gone)")
        for table, one in (("spans", "NOT merged"), ("copies", "true")):
            con.execute(_TAKEN_OVER.format(table=table, one=one))
            con.execute(_OWNED.format(table=table))
        con.execute("DELETE FROM raw.spans WHERE file_id IN (SELECT file_id FROM gone) AND NOT merged")
        for table in ("copies", "logs", "notes", "files"):
            con.execute(f"DELETE FROM raw.{table} WHERE file_id IN (SELECT file_id FROM gone)")
    finally:
        con.unregister("gone")
    con.execute(
        "DELETE FROM raw.notes WHERE rowid IN (SELECT n.rowid FROM raw.notes n JOIN lost l "
        "ON starts_with(n.message, 'span ' || l.span_id || ' of trace ' || l.trace_id || ' came in '))"
    )
    _merge_again(con, notes)


def _merge_again(con: duckdb.DuckDBPyConnection, notes: list[NoteRow]) -> None:
    """Spans that were merged of copies, of which some are gone now: what is left of them stands alone, or is merged."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE clash AS SELECT {KEY} FROM raw.spans SEMI JOIN lost USING ({KEY}) WHERE merged"
    )
    con.execute(f"DELETE FROM raw.spans WHERE merged AND ({KEY}) IN (SELECT ({KEY}) FROM clash)")
    con.execute(
        "INSERT INTO raw.spans BY NAME SELECT * REPLACE (false AS merged, trace_id AS run_id) FROM raw.copies "
        f"SEMI JOIN clash USING ({KEY})"
    )
    con.execute(f"DELETE FROM raw.copies WHERE ({KEY}) IN (SELECT ({KEY}) FROM clash)")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE clash AS SELECT {KEY} FROM raw.spans SEMI JOIN clash USING ({KEY}) "
        f"GROUP BY {KEY} HAVING count(*) > 1 UNION "
        f"SELECT {KEY} FROM raw.logs SEMI JOIN lost USING ({KEY})"
    )
    settle_keys(con, notes)
