"""Traces that are shown as one run, by the span links that their roots carry, or by what their spans tell (`strays`).

A runtime that passes work on as messages starts a new trace for each message, and links it to the span that sent it, as
OpenTelemetry's conventions for messaging have it. A trace whose true roots all link to one other trace, as messages or
while the span that they link to was still open, belongs to the run of that trace, unless the two name different
conversations. Its roots stand below the run's own root. Links that say less (the turn before, a batch of many
producers) join nothing.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from agentdbg.store.columns import insert
from agentdbg.store.strays import NEW as _NEW_STRAYS
from agentdbg.store.strays import place

_LINKS = """
  INSERT INTO raw.links
  SELECT s.trace_id, s.span_id, l.item->>'$.trace_id', l.item->>'$.span_id', s.start_ns,
    coalesce(s.attributes->>'$."otlp.kind"', s.attributes->>'$."span.kind"', '') IN ('producer', 'consumer')
      OR list_any_value(list_filter(json_keys(s.attributes), lambda k: starts_with(k, 'messaging.'))) IS NOT NULL
  FROM raw.spans s SEMI JOIN raw.pending p ON s.trace_id = p.trace_id,
    LATERAL (SELECT unnest(from_json(s.links, '["JSON"]')) AS item) l
  WHERE s.parent_id IS NULL AND s.links IS NOT NULL AND l.item->>'$.trace_id' <> s.trace_id
"""
_STEPS = """
  WITH sound AS (
    SELECT l.trace_id, l.span_id, l.to_trace_id FROM raw.links l
    JOIN raw.spans t ON t.trace_id = l.to_trace_id AND t.span_id = l.to_span_id
    WHERE l.message OR (l.start_ns >= t.start_ns AND l.start_ns <= t.end_ns)
  ), talks AS (
    SELECT trace_id, any_value(session_id) AS session_id FROM raw.spans
    WHERE trace_id IN (SELECT trace_id FROM sound UNION SELECT to_trace_id FROM sound) GROUP BY trace_id
  ), roots AS (
    SELECT trace_id, count(*) AS n FROM raw.spans
    WHERE parent_id IS NULL AND trace_id IN (SELECT trace_id FROM sound) GROUP BY trace_id
  )
  SELECT trace_id, any_value(to_trace_id) FROM sound JOIN roots USING (trace_id)
  JOIN talks own USING (trace_id) JOIN talks other ON other.trace_id = to_trace_id
  WHERE trace_id NOT IN (SELECT trace_id FROM raw.links GROUP BY trace_id HAVING count(DISTINCT to_trace_id) > 1)
    AND coalesce(own.session_id = other.session_id, true)
  GROUP BY trace_id, n HAVING count(DISTINCT span_id) = n ORDER BY trace_id
"""
_AMBIGUOUS = """
  DELETE FROM raw.runs WHERE run_id IN (
    WITH parts AS (FROM raw.runs SELECT trace_id, run_id UNION FROM raw.runs SELECT run_id, run_id)
    SELECT p.run_id FROM raw.spans s JOIN parts p ON s.trace_id = p.trace_id
    GROUP BY p.run_id, s.span_id HAVING count(DISTINCT s.trace_id) > 1)
"""
_ROOTS = """
  UPDATE raw.runs SET root_id = top.span_id FROM (
    SELECT trace_id, arg_min(span_id, (coalesce(start_ns, 0), span_id)) AS span_id FROM raw.spans
    WHERE parent_id IS NULL AND trace_id IN (SELECT run_id FROM raw.runs) GROUP BY trace_id) top
  WHERE raw.runs.run_id = top.trace_id
"""
_MOVED = """
  CREATE OR REPLACE TEMP TABLE moved AS
  FROM raw.runs SEMI JOIN raw.pending USING (trace_id)
  UNION FROM raw.runs ANTI JOIN known USING (trace_id, run_id, root_id)
  UNION FROM raw.runs WHERE rule <> 'link' AND run_id IN (SELECT trace_id FROM raw.pending)
  UNION SELECT trace_id, trace_id, NULL, NULL FROM known ANTI JOIN raw.runs USING (trace_id)
"""


def join(con: duckdb.DuckDBPyConnection) -> None:
    """Bring raw.runs and the run of every span up to date, for the traces in raw.pending; then raw.pending names the
    runs that are to be resolved anew, and the traces that were runs of their own before."""
    for table, new in (("links", _LINKS), ("strays", _NEW_STRAYS)):
        con.execute(f"DELETE FROM raw.{table} WHERE trace_id IN (SELECT trace_id FROM raw.pending)")
        con.execute(new)
    told = " UNION ALL ".join(f"SELECT 1 FROM raw.{table}" for table in ("links", "strays", "runs"))
    if not con.execute(f"{told} LIMIT 1").fetchone():
        return
    con.execute("CREATE OR REPLACE TEMP TABLE known AS FROM raw.runs")
    con.execute("DELETE FROM raw.runs")
    steps = place(con) | {trace_id: (to, "link") for trace_id, to in con.execute(_STEPS).fetchall()}
    joined = _ends({trace_id: to for trace_id, (to, _) in steps.items()})
    columns = {"trace_id": joined.keys(), "run_id": joined.values(), "rule": [steps[one][1] for one in joined]}
    insert(con, "raw.runs", pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()}))
    con.execute(_AMBIGUOUS)  # span ids are unique within a trace, and where they are not in the run, nothing is joined
    con.execute(_ROOTS)
    con.execute(_MOVED)
    con.execute(
        "UPDATE raw.spans SET run_id = moved.run_id, "
        "run_parent_id = coalesce(moved.place_id, CASE WHEN parent_id IS NULL THEN moved.root_id END) "
        "FROM (SELECT m.*, s.span_id, p.to_span_id AS place_id FROM moved m JOIN raw.spans s USING (trace_id) "
        "LEFT JOIN places p ON m.rule <> 'link' AND s.trace_id = p.trace_id AND s.span_id = p.span_id) moved "
        "WHERE raw.spans.trace_id = moved.trace_id AND raw.spans.span_id = moved.span_id"
    )
    con.execute(
        "INSERT INTO raw.pending SELECT run_id FROM raw.runs SEMI JOIN raw.pending USING (trace_id) "
        "UNION SELECT run_id FROM known SEMI JOIN moved USING (trace_id) "
        "UNION SELECT trace_id FROM moved UNION SELECT run_id FROM moved"
    )


def _ends(steps: dict[str, str]) -> dict[str, str]:
    """For every trace the one at the end of its links. Traces whose links lead in a circle are left out."""
    ends: dict[str, str | None] = {}
    for start in steps:
        path: dict[str, None] = {}
        at = start
        while at in steps and at not in ends and at not in path:
            path[at] = None
            at = steps[at]
        end = ends.get(at, None if at in path else at)
        ends.update(dict.fromkeys(path, end))
    return {trace_id: end for trace_id, end in ends.items() if end is not None}
