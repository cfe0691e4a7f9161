"""Statements behind the metrics: one each, over the public views, without payloads. $trace is one run, NULL all."""

from __future__ import annotations

_CHOSEN = "chosen AS (SELECT trace_id, workflow FROM traces WHERE $trace::VARCHAR IS NULL OR trace_id = $trace)"
_TIMES = """
    count(took_ns), avg(took_ns)::BIGINT, quantile_cont(took_ns, 0.5)::BIGINT, quantile_cont(took_ns, 0.95)::BIGINT,
    quantile_cont(took_ns, 0.99)::BIGINT, max(took_ns)
"""
# An agent turn ended well where it says so. Where its status is unset, it did unless the last of what it did failed.
# One that never closed, or was cancelled, did neither.
_TURNS = f"""
    {_CHOSEN}, lasts AS (
        SELECT u.trace_id, u.span_id, arg_max(s.status, (s.end_ns, s.span_id)) AS status
        FROM agent_turns u JOIN spans s ON s.trace_id = u.trace_id AND s.parent_id = u.span_id
        WHERE u.status = 'unset' GROUP BY u.trace_id, u.span_id
    ), turns AS (
        SELECT u.trace_id, u.span_id, u.agent, u.start_ns,
               CASE WHEN u.end_ns < u.start_ns THEN 0 ELSE u.end_ns - u.start_ns END AS took_ns,
               CASE WHEN u.end_ns IS NULL OR regexp_matches(coalesce(s.error_type, ''), '(?i)cancel|abort') THEN NULL
                    WHEN u.status = 'unset' THEN coalesce(l.status, 'ok') <> 'error' ELSE u.status = 'ok' END AS well
        FROM agent_turns u SEMI JOIN chosen USING (trace_id)
        JOIN spans s ON s.trace_id = u.trace_id AND s.span_id = u.span_id
        LEFT JOIN lasts l ON l.trace_id = u.trace_id AND l.span_id = u.span_id
    )
"""
TURNS = f"""
    WITH {_TURNS} SELECT agent, count(DISTINCT trace_id), count(*), count(well), count(*) FILTER (well), {_TIMES}
    FROM turns GROUP BY agent ORDER BY agent
"""
FAILED_TURNS = f"""
    WITH {_TURNS} SELECT trace_id, span_id, agent FROM turns WHERE NOT well ORDER BY agent, start_ns, span_id
"""
EDGES = f"""
    WITH {_TURNS} SELECT h.from_agent, h.to_agent, count(*) AS number, count(*) FILTER (h.receiver_span_id IS NULL),
        count(*) FILTER (NOT t.well), sum(t.took_ns)::BIGINT
    FROM handoffs h SEMI JOIN chosen USING (trace_id)
    LEFT JOIN turns t ON t.trace_id = h.trace_id AND t.span_id = h.receiver_span_id
    GROUP BY h.from_agent, h.to_agent ORDER BY number DESC, h.from_agent, h.to_agent
"""
# A failed call that used no token has no price to pay, so that nothing is unknown about its cost.
_USAGE = f"""
    WITH {_CHOSEN}, calls AS (SELECT c.*, t.workflow FROM llm_calls c JOIN chosen t USING (trace_id))
    SELECT GROUPED, count(DISTINCT trace_id), count(*),
        count(*) FILTER (input_tokens IS NOT NULL OR output_tokens IS NOT NULL),
        count(*) FILTER (cost_usd IS NOT NULL OR status = 'error' AND input_tokens IS NULL AND output_tokens IS NULL),
        sum(input_tokens)::BIGINT, sum(cached_tokens)::BIGINT, sum(output_tokens)::BIGINT,
        sum(reasoning_tokens)::BIGINT, round(fsum(cost_usd), 9)
    FROM calls GROUP BY GROUPED ORDER BY GROUPED
"""
AGENT_USAGE = _USAGE.replace("GROUPED", "agent")
WORKFLOW_USAGE = _USAGE.replace("GROUPED", "workflow")
# Calls of models and tools. A failed one is recovered where the same agent asked the same again and it went well.
WORK = f"""
    {_CHOSEN}, work AS (
        SELECT trace_id, span_id, agent, turn_id, kind, coalesce(tool, name) AS op, status = 'error' AS failed,
               coalesce(output_empty, false) AS empty, duration_ns AS took_ns,
               input_key IS NOT NULL AND coalesce(max(start_ns) FILTER (status <> 'error') OVER (
                   PARTITION BY trace_id, agent, kind, coalesce(tool, name), input_key) >= end_ns, false) AS again
        FROM spans SEMI JOIN chosen USING (trace_id) WHERE is_call OR kind IN ('tool', 'retriever')
    )
"""
AGENT_WORK = f"""
    WITH {WORK} SELECT agent, count(*), count(*) FILTER (failed), count(*) FILTER (failed AND again),
        count(*) FILTER (kind <> 'llm')
    FROM work GROUP BY agent ORDER BY agent
"""
TOOLS = f"""
    WITH {WORK} SELECT op, count(*), count(*) FILTER (failed), count(*) FILTER (failed AND again),
        count(*) FILTER (empty AND NOT failed), {_TIMES}
    FROM work WHERE kind <> 'llm' GROUP BY op ORDER BY op
"""
# Model calls of an agent within one turn: how often it went round for one task.
ROUNDS = f"""
    WITH {WORK} SELECT agent, max(rounds) FROM (
        SELECT agent, count(*) AS rounds FROM work WHERE kind = 'llm' GROUP BY trace_id, turn_id, agent
    ) GROUP BY agent ORDER BY agent
"""
# A span's own time is what none of its children covers. Of spans that only stand around others it is time of which
# nothing is recorded.
OWN_TIME = f"""
    WITH {_CHOSEN}, inside AS (
        SELECT c.trace_id, p.span_id, greatest(c.start_ns, p.start_ns) AS low, least(c.end_ns, p.end_ns) AS high
        FROM spans c SEMI JOIN chosen USING (trace_id) JOIN spans p
        ON p.trace_id = c.trace_id AND p.span_id = c.parent_id WHERE low < high
    ), swept AS (
        SELECT trace_id, span_id, greatest(0, high - greatest(low, coalesce(max(high) OVER (
            PARTITION BY trace_id, span_id ORDER BY low, high ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), low))
        ) AS covered FROM inside
    ), covered AS (SELECT trace_id, span_id, sum(covered) AS ns FROM swept GROUP BY trace_id, span_id),
    owned AS (
        SELECT s.agent, s.duration_ns - coalesce(c.ns, 0) AS own_ns, s.kind IN ('agent', 'workflow') AS around
        FROM spans s SEMI JOIN chosen USING (trace_id)
        LEFT JOIN covered c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
        WHERE s.agent IS NOT NULL AND s.duration_ns IS NOT NULL
    )
    SELECT agent, sum(own_ns)::BIGINT, coalesce(sum(own_ns) FILTER (around), 0)::BIGINT
    FROM owned GROUP BY agent ORDER BY agent
"""
_PERSON = r"(?i)escalat\w*human|(human|manual|user)\w*(approv|review|input)|approval|interrupt"
# A run is complete where it ended well and with an answer, as far as answers are recorded.
_RUNS = rf"""
    {_CHOSEN}, roots AS (
        SELECT trace_id, arg_min(span_id, (parent_id IS NOT NULL, start_ns, span_id)) AS span_id,
               arg_min(coalesce(output_empty, false), (parent_id IS NOT NULL, start_ns, span_id)) AS empty
        FROM spans SEMI JOIN chosen USING (trace_id) GROUP BY trace_id
    ), asked AS (
        SELECT DISTINCT trace_id FROM spans WHERE kind NOT IN ('llm', 'agent')
        AND regexp_matches(concat_ws(' ', tool, name, control_flow), '{_PERSON}')
    ), runs AS (
        SELECT t.trace_id, r.span_id, t.workflow, t.start_ns, t.duration_ns AS took_ns, t.handoffs,
               t.status = 'ok' AND NOT r.empty AS complete, a.trace_id IS NOT NULL AS asked
        FROM traces t JOIN roots r ON r.trace_id = t.trace_id LEFT JOIN asked a ON a.trace_id = t.trace_id
    )
"""
RUNS = f"""
    WITH {_RUNS} SELECT trace_id, span_id, workflow, took_ns, handoffs, complete, asked FROM runs
    ORDER BY workflow, start_ns, trace_id
"""
WORKFLOWS = f"""
    WITH {_RUNS} SELECT workflow, count(*), count(*) FILTER (complete), count(*) FILTER (asked),
        sum(handoffs)::BIGINT, {_TIMES}
    FROM runs GROUP BY workflow ORDER BY workflow
"""
_CONFLICT = "(?i)conflict(error)?$|watcherror|invalidupdateerror|invalid_concurrent"
_BREAKER = "(?i)circuit.?breaker|budget.?exceeded|agent.?timeout.?error|max.?turns|graph.?recursion"
_DEAD = r"(?i)dead.?letter|(^|\W)dlq(\W|$)"
TRIPPED = f"regexp_matches(error_type, '{_BREAKER}')"
DEAD_LETTER = f"regexp_matches(concat_ws(' ', name, tool), '{_DEAD}')"
EVENTS = rf"""
    WITH {_CHOSEN} SELECT count(*) FILTER (kind = 'state' AND NOT regexp_matches(name, '(?i)read|get|load|fetch')),
        count(*) FILTER (regexp_matches(error_type, '{_CONFLICT}')), count(*) FILTER ({TRIPPED}),
        count(*) FILTER ({DEAD_LETTER})
    FROM spans SEMI JOIN chosen USING (trace_id)
"""
CONFLICTS = rf"""
    SELECT trace_id, span_id, agent FROM spans WHERE regexp_matches(error_type, '{_CONFLICT}')
    ORDER BY start_ns, trace_id, span_id
"""
# The busiest 60 seconds over all runs beside the usual minute.
MINUTES = f"""
    WITH {_CHOSEN}, calls AS (
        SELECT start_ns, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS tokens
        FROM llm_calls SEMI JOIN chosen USING (trace_id) WHERE start_ns IS NOT NULL
    ), minutes AS (
        SELECT sum(tokens) AS tokens, count(*) AS calls FROM calls GROUP BY start_ns // 60_000_000_000
    ), slid AS (
        SELECT sum(tokens) OVER w AS tokens, count(*) OVER w AS calls FROM calls
        WINDOW w AS (ORDER BY start_ns RANGE BETWEEN 59_999_999_999 PRECEDING AND CURRENT ROW)
    )
    SELECT (SELECT median(tokens)::BIGINT FROM minutes), max(tokens)::BIGINT,
        (SELECT median(calls)::BIGINT FROM minutes), max(calls) FROM slid
"""
