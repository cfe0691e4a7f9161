"""Traces that hold no run of their own, and the run that each is part of by what its spans tell.

Three kinds are known. A model's SDK tells its calls by itself, outside of the context of the framework that made them:
the same response id, within the time of the other and with as many tokens in the answer, is the same call (ids alone
do not tell: there are servers that give few different ones, or always the same). LangSmith's OpenTelemetry mode opens a
context for the user's own spans under ids that are made of its runs' ids, and exports its runs under others: such an id
(a UUID of version 7) tells the millisecond in which its run started. And instrumentations tell the making of an agent
in a trace of its own: it is part of the first run after it that the agent works in. Where more than one run could be
meant, nothing is joined.
"""

from __future__ import annotations

import duckdb

NEW = """
  INSERT INTO raw.strays
  SELECT s.trace_id, s.span_id, s.parent_id, s.response_id, s.scope, s.resource, s.start_ns, s.end_ns,
    CASE WHEN s.kind <> 'llm' THEN coalesce(s.attributes->>'$."gen_ai.agent.name"', s.name[14:]) END
  FROM raw.spans s SEMI JOIN (
    SELECT trace_id FROM raw.spans SEMI JOIN raw.pending USING (trace_id)
    GROUP BY trace_id HAVING bool_and(end_ns IS NOT NULL AND stand_in IS NULL) AND (
      bool_and(kind = 'llm' AND (response_id IS NOT NULL OR parent_id IS NOT NULL))
      OR (count(*) = 1 AND bool_and(parent_id IS NULL AND starts_with(name, 'create_agent '))))) alone USING (trace_id)
"""
_LAG_NS = 100_000_000
"""By how much the end of a call may be told later than that of the call around it: where an answer is streamed."""
# (trace, span, other trace, span in it, by which rule), one row for every place that a span could have: in a run, or,
# where there is none, in another such trace
_CALLS = f"""
  SELECT y.trace_id, y.span_id, t.trace_id AS to_trace_id, t.span_id AS to_span_id, t.start_ns, 'call' AS rule
  FROM raw.strays y JOIN raw.spans t ON t.response_id = y.response_id AND t.trace_id <> y.trace_id
  JOIN raw.spans own ON own.trace_id = y.trace_id AND own.span_id = y.span_id
  LEFT JOIN raw.strays o ON o.trace_id = t.trace_id AND o.span_id = t.span_id
  WHERE t.kind = 'llm' AND t.scope IS DISTINCT FROM y.scope AND t.start_ns <= y.end_ns AND t.end_ns >= y.start_ns
    AND ((t.start_ns <= y.start_ns AND y.end_ns <= t.end_ns + {_LAG_NS})
      OR (y.start_ns <= t.start_ns AND t.end_ns <= y.end_ns + {_LAG_NS}))
    AND coalesce(t.output_tokens = own.output_tokens, true)
    AND (o.span_id IS NULL OR (t.start_ns, -t.end_ns, t.trace_id) < (y.start_ns, -y.end_ns, y.trace_id))
  QUALIFY rank() OVER (PARTITION BY y.trace_id, y.span_id ORDER BY o.span_id IS NOT NULL) = 1
"""
_MS = "TRY_CAST('0x' || {}[:12] AS BIGINT)"
_CONTEXTS = f"""
  SELECT y.trace_id, y.span_id, t.trace_id AS to_trace_id, t.span_id AS to_span_id, t.start_ns, 'id' AS rule
  FROM raw.strays y JOIN raw.spans t ON t.start_ns // 1000000 = {_MS.format("y.parent_id")}
  WHERE y.trace_id[13] = '7' AND y.trace_id[17] IN ('8', '9', 'a', 'b') AND y.parent_id[13] = '7'
    AND t.trace_id <> y.trace_id AND contains(t.convention, 'langsmith')
    AND t.start_ns <= y.start_ns AND t.end_ns >= y.start_ns
    AND (t.trace_id, {_MS.format("y.trace_id")}) IN (
      SELECT (trace_id, start_ns // 1000000) FROM raw.spans WHERE contains(convention, 'langsmith'))
    AND (y.trace_id, y.parent_id) NOT IN (SELECT (trace_id, span_id) FROM raw.strays)
"""
_MADE = """
  SELECT y.trace_id, y.span_id, arg_min(t.trace_id, (t.start_ns, t.trace_id)) AS to_trace_id, NULL AS to_span_id,
    min(t.start_ns) AS start_ns, 'made' AS rule
  FROM raw.strays y JOIN (
    SELECT trace_id, agent_hint, resource, min(start_ns) AS start_ns FROM raw.spans
    WHERE agent_hint IN (SELECT made FROM raw.strays) AND trace_id NOT IN (SELECT trace_id FROM raw.strays)
      AND trace_id IN (SELECT trace_id FROM raw.spans WHERE parent_id IS NULL)
    GROUP BY trace_id, agent_hint, resource
  ) t ON t.agent_hint = y.made AND t.resource IS NOT DISTINCT FROM y.resource AND t.start_ns >= y.start_ns
  WHERE y.made IS NOT NULL GROUP BY y.trace_id, y.span_id
"""
_PLACES = f"""
  CREATE OR REPLACE TEMP TABLE places AS
  WITH places AS ({_CALLS} UNION ALL {_CONTEXTS} UNION ALL {_MADE}), known AS (
    SELECT trace_id, count(DISTINCT span_id) AS n FROM raw.strays GROUP BY trace_id)
  SELECT trace_id, span_id, to_trace_id, arg_max(to_span_id, (rule = 'call', start_ns, to_span_id)) AS to_span_id,
    min(rule) AS rule
  FROM places JOIN known USING (trace_id)
  GROUP BY trace_id, span_id, to_trace_id, n
  QUALIFY count(*) OVER (PARTITION BY trace_id) = n AND min(to_trace_id) OVER (PARTITION BY trace_id) =
    max(to_trace_id) OVER (PARTITION BY trace_id)
"""


def place(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """Make the temporary table `places` (where each span of a stray trace stands in the run), and answer for each such
    trace the trace that it is part of, and the rule that says so."""
    con.execute(_PLACES)
    rows = con.execute("SELECT trace_id, any_value(to_trace_id), min(rule) FROM places GROUP BY trace_id ORDER BY 1")
    return {trace_id: (to, rule) for trace_id, to, rule in rows.fetchall()}
