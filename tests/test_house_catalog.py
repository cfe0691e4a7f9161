"""SQL is a public room: every view and column explains itself in the database's own catalogue."""

from __future__ import annotations

from agentdbg.store import Store
from agentdbg.store.views import VIEWS

PROMISED = {"traces", "spans", "llm_calls", "tool_calls", "agent_turns", "handoffs", "messages", "findings", "notes"}
CALL_COLUMNS = {
    *("trace_id", "span_id", "agent", "model", "provider", "status", "finish_reason", "start_ns", "duration_ns"),
    *("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_usd", "cost_basis", "replayable"),
}


def rows(sql: str) -> list[tuple[str, ...]]:
    with Store.in_memory() as store:
        store.document()
        return store.reader().rows(sql)


def test_the_public_views_are_those_that_were_promised() -> None:
    in_catalog = {name for (name,) in rows("SELECT view_name FROM duckdb_views() WHERE NOT internal")}
    assert set(VIEWS) == in_catalog
    assert in_catalog >= PROMISED


def test_model_calls_have_the_promised_columns() -> None:
    have = [name for (name,) in rows("SELECT column_name FROM duckdb_columns() WHERE table_name = 'llm_calls'")]
    assert set(have) >= CALL_COLUMNS


def test_every_view_carries_a_comment() -> None:
    assert rows("SELECT view_name FROM duckdb_views() WHERE NOT internal AND trim(coalesce(comment, '')) = ''") == []


def columns(condition: str) -> list[tuple[str, ...]]:
    """View and name of the public columns of which the condition is true."""
    return rows(
        "SELECT v.view_name, c.column_name FROM duckdb_columns() c JOIN duckdb_views() v ON v.view_oid = c.table_oid"
        f" WHERE NOT v.internal AND {condition} ORDER BY ALL"
    )


def test_every_column_of_a_view_carries_a_comment() -> None:
    assert len(columns("true")) > 100
    assert columns("trim(coalesce(c.comment, '')) = ''") == []


def test_numbers_carry_their_unit() -> None:
    counted = "regexp_matches(c.column_name, '(^|_)(time|duration|cost|start|end|wasted)(_|$)')"
    assert columns(f"{counted} AND NOT regexp_matches(c.column_name, '_(ns|usd|tokens|basis)$')") == []
