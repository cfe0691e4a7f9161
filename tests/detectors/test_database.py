"""Database queries, and what they read or write."""

from __future__ import annotations

import pytest

from agentdbg.detectors.database import Query, query


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("GET plan", Query("read", "plan")),
        ("LRANGE results 0 -1", Query("read", "results")),
        ("set 'the plan' 7", Query("write", "the plan", "7")),
        ('SET plan "{\\"step\\": 2}"', Query("write", "plan", {"step": 2})),
        ("SET plan [1, 2]", Query("write", "plan", [1, 2])),
        ("SETEX plan 60 seven", Query("write", "plan", "seven")),
        ("SET plan 7 NX", Query("write", "plan", "7 NX", guarded=True)),
        ("SET plan ?", Query("write", "plan")),
        ("HSET plan step 2", Query("write", "plan step", "2")),
        ("RPUSH results two", Query("append", "results", "two")),
        ("INCR total", Query("append", "total")),
        ("GET ?", None),
        ("PING", None),
        ("SELECT a FROM t WHERE id = 7", Query("read", "t id = 7")),
        ('select a, b from "T"  where id=7 limit 1', Query("read", "t id=7")),
        ("SELECT a FROM t WHERE id = 7 FOR UPDATE", Query("read", "t id = 7", guarded=True)),
        ("UPDATE t SET a = 'x, y', b = 2 WHERE id = 7", Query("write", "t id = 7", {"a": "'x, y'", "b": "2"}, columns=True)),
        ("UPDATE t SET a = a + 1 WHERE id = 7", Query("append", "t id = 7", {"a": "a + 1"}, columns=True)),
        ("UPDATE t SET a = ? WHERE id = 7", Query("write", "t id = 7", columns=True)),
        ("UPDATE t SET a = 1 WHERE id = 7 AND version = 3", Query("write", "t id = 7", {"a": "1"}, True, True)),
        ("UPDATE t SET a = 1 WHERE id = $1", None),
        ("SELECT a FROM t", None),
        ("UPDATE t SET a = 1 WHERE id = " + "7" * 2000, None),
    ],
)  # fmt: skip
def test_what_a_query_reads_or_writes(text: str, read: Query | None) -> None:
    assert query({"db.query.text": text}) == read
    assert query({"db.statement": text}) == read


def test_a_span_without_a_query_tells_nothing() -> None:
    assert query({"db.system.name": "redis", "db.operation.name": "GET"}) is None
