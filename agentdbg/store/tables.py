"""The tables behind the public views: `raw.*` is what was read, `derived.*` what follows from it and can be made
anew."""

from __future__ import annotations

SCHEMA_VERSION = 5

# Columns of raw.spans beyond rows.SpanRow: the file, whether copies were merged into the row, whether it stands in for
# a span of which only log records are here, the trace that the run goes by, and where those of other traces stand.
EXTRA_SPAN_COLUMNS = {
    "file_id": "INTEGER", "merged": "BOOLEAN", "stand_in": "BOOLEAN", "run_id": "VARCHAR", "run_parent_id": "VARCHAR",
}  # fmt: skip
PAYLOADS = ("input", "output", "tools", "parameters", "attributes", "events", "links", "resource")

_TRACES = """
  trace_id VARCHAR, name VARCHAR, status VARCHAR, start_ns BIGINT, duration_ns BIGINT, span_count BIGINT,
  agents VARCHAR[], llm_calls BIGINT, tool_calls BIGINT, handoffs BIGINT, input_tokens BIGINT, output_tokens
  BIGINT, cost_usd DOUBLE, priced_calls BIGINT, counted_calls BIGINT, payload_calls BIGINT, session_id
  VARCHAR, workflow VARCHAR, prices VARCHAR"""
_ROLES = """
  trace_id VARCHAR, span_id VARCHAR, kind VARCHAR, agent VARCHAR, agent_rule VARCHAR, turn_id VARCHAR,
  is_call BOOLEAN"""
_CALLS = """
  trace_id VARCHAR, span_id VARCHAR, agent VARCHAR, model VARCHAR, provider VARCHAR, input_tokens BIGINT,
  output_tokens BIGINT, cached_tokens BIGINT, reasoning_tokens BIGINT, cost_usd DOUBLE, cost_basis VARCHAR,
  finish_reason VARCHAR, start_ns BIGINT, duration_ns BIGINT, status VARCHAR, replayable VARCHAR,
  replay_reason VARCHAR, other_span_ids VARCHAR[], offered_by VARCHAR"""
_TURNS = """
  trace_id VARCHAR, span_id VARCHAR, agent VARCHAR, agent_rule VARCHAR, parent_turn_id VARCHAR, start_ns
  BIGINT, end_ns BIGINT, status VARCHAR"""
_HANDOFFS = """
  trace_id VARCHAR, seq BIGINT, from_agent VARCHAR, to_agent VARCHAR, rule VARCHAR, sender_span_id VARCHAR,
  receiver_span_id VARCHAR, via_span_id VARCHAR, start_ns BIGINT"""
_FINDINGS = """
  trace_id VARCHAR, seq BIGINT, detector VARCHAR, severity VARCHAR, confidence VARCHAR, title VARCHAR, message
  VARCHAR, agent VARCHAR, span_id VARCHAR, evidence VARCHAR, wasted_tokens BIGINT, wasted_usd DOUBLE, advice
  VARCHAR, next VARCHAR, key VARCHAR, fingerprint VARCHAR, recorded_trace_id VARCHAR"""

DERIVED = {
    "traces": _TRACES, "roles": _ROLES, "calls": _CALLS, "turns": _TURNS, "handoffs": _HANDOFFS,
    "offered": "trace_id VARCHAR, span_id VARCHAR, tools VARCHAR", "trace_notes": "trace_id VARCHAR, message VARCHAR",
}  # fmt: skip
JUDGED = {
    "findings": _FINDINGS,
    "skipped": "trace_id VARCHAR, detector VARCHAR, reason VARCHAR",
    "judged": "trace_id VARCHAR, configuration VARCHAR",
}


def ddl(span_columns: dict[str, str], *, compress: bool) -> list[str]:
    """The statements that make an empty store. span_columns: name → SQL type of rows.SpanRow, in order."""
    columns = {**span_columns, **EXTRA_SPAN_COLUMNS}
    payload = " USING COMPRESSION zstd" if compress else ""
    spans = ", ".join(f'"{name}" {kind}{payload if name in PAYLOADS else ""}' for name, kind in columns.items())
    out = [
        "CREATE SCHEMA raw",
        "CREATE SCHEMA derived",
        "CREATE TABLE raw.meta (schema_version INTEGER, tool_version VARCHAR)",
        f"CREATE TABLE raw.spans ({spans})",
        f"CREATE TABLE raw.copies ({spans})",
        "CREATE TABLE raw.logs (trace_id VARCHAR, span_id VARCHAR, seq BIGINT, name VARCHAR, time_ns BIGINT, "
        f"attributes VARCHAR{payload}, body VARCHAR{payload}, file_id INTEGER)",
        "CREATE TABLE raw.files (file_id INTEGER, path VARCHAR, sha256 VARCHAR, bytes BIGINT, format VARCHAR, "
        "spans BIGINT, reading VARCHAR, head VARCHAR, lines BIGINT)",
        "CREATE TABLE raw.repeats (trace_id VARCHAR, span_id VARCHAR, copy UBIGINT, file_id INTEGER, "
        "source_line BIGINT)",
        "CREATE TABLE raw.notes (file_id INTEGER, line BIGINT, severity VARCHAR, message VARCHAR, advice VARCHAR)",
        "CREATE TABLE raw.pending (trace_id VARCHAR)",
        "CREATE TABLE raw.links (trace_id VARCHAR, span_id VARCHAR, to_trace_id VARCHAR, to_span_id VARCHAR, "
        "start_ns BIGINT, message BOOLEAN)",
        "CREATE TABLE raw.strays (trace_id VARCHAR, span_id VARCHAR, parent_id VARCHAR, response_id VARCHAR, "
        "scope VARCHAR, resource VARCHAR, start_ns BIGINT, end_ns BIGINT, made VARCHAR)",
        "CREATE TABLE raw.runs (trace_id VARCHAR, run_id VARCHAR, root_id VARCHAR, rule VARCHAR)",
    ]
    out += [f"CREATE TABLE derived.{name} ({text})" for name, text in {**DERIVED, **JUDGED}.items()]
    return out
