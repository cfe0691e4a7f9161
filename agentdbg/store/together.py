"""Small inputs, many in one transaction: a transaction of its own costs more than what is in one of them.

Only inputs whose spans meet nothing else: no span of another input, no log record. Then there is nothing to settle
between them, and the order of what else happens does not matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from agentdbg.rows import NoteRow
from agentdbg.store.columns import insert
from agentdbg.store.files import Content, Known, Taken, next_file_id, remember
from agentdbg.store.packs import Pack
from agentdbg.store.writing import roll_back

_MEETS = """
  SELECT 1 FROM raw.spans WHERE trace_id IN (SELECT trace_id FROM raw.spans WHERE file_id >= $f)
  GROUP BY trace_id, span_id HAVING count(*) > 1
  UNION ALL SELECT 1 FROM raw.spans SEMI JOIN raw.logs USING (trace_id, span_id) WHERE raw.spans.file_id >= $f
  LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Small:
    """A whole input in memory; there are spans in it and no log records. waits: notes on its end."""

    name: str
    content: Content | None
    importer: str
    packs: Sequence[Pack]
    waits: Sequence[NoteRow]

    @property
    def notes(self) -> list[NoteRow]:
        return [*self.waits, *(note for pack in self.packs for note in pack.notes)]

    @property
    def spans(self) -> int:
        return sum(pack.spans.num_rows for pack in self.packs if pack.spans is not None)


def store(con: duckdb.DuckDBPyConnection, group: Sequence[Small], reading: str) -> list[Known] | None:
    """Store these inputs, and answer what is known of them now; None, and nothing is stored, where they meet
    something."""
    con.execute("BEGIN")
    try:
        first = next_file_id(con)
        batches = [
            batch.append_column("file_id", pa.array([number] * batch.num_rows, pa.int32()))
            for number, small in enumerate(group, first)
            for batch in (pack.spans for pack in small.packs)
            if batch is not None
        ]
        insert(con, "raw.spans", pa.Table.from_batches(batches), "*, false AS merged, trace_id AS run_id")
        if con.execute(_MEETS, {"f": first}).fetchone():
            roll_back(con)
            return None
        con.execute("INSERT INTO raw.pending SELECT DISTINCT trace_id FROM raw.spans WHERE file_id >= $f", {"f": first})
        taken = [
            Taken(number, small.name, small.content, small.importer, small.spans, small.notes)
            for number, small in enumerate(group, first)
        ]
        known = remember(con, taken, reading)
        con.execute("COMMIT")
    except BaseException:
        roll_back(con)
        raise
    return known
