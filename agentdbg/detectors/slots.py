"""Reads and writes of shared state under recorded keys: `state.*` attributes, and the commands of a key-value store."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentdbg.detectors.results import value
from agentdbg.model import Reader
from agentdbg.steps.emptiness import is_empty

_SPANS = """
    SELECT trace_id, span_id, coalesce(agent, name), coalesce(start_ns, 0), output, attributes FROM spans
    WHERE status <> 'error' AND kind <> 'llm' AND attributes IS NOT NULL
      AND (contains(attributes, 'state.key') OR contains(attributes, 'db.query.text')
           OR contains(attributes, 'db.statement'))
    ORDER BY start_ns, trace_id, span_id
"""
_ROWS = "db.response.returned_rows"
_FACTS = ("state.key", "state.op", "state.value", "db.query.text", "db.statement", _ROWS)
_READS = frozenset(("read", "get", "load", "fetch", "hget", "hgetall", "lrange", "smembers"))
_WRITES = frozenset(
    ("write", "set", "put", "save", "append", "update", "setex", "hset", "hmset", "rpush", "lpush", "sadd")
)
_OF_ONE_RECORD = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{20,}\b|(?<![A-Za-z0-9])\d+(?![A-Za-z0-9])")
_DEEP = 4


@dataclass(frozen=True, slots=True)
class Slot:
    """One access. empty: whether a read gave nothing; None for a write, and where what it gave is not recorded."""

    trace_id: str
    span_id: str
    agent: str
    start_ns: int
    key: str
    verb: Literal["read", "write"]
    empty: bool | None = None

    @property
    def name(self) -> str:
        """The key without what tells one record from another: `user:42:tips` is `user:#:tips`."""
        return _OF_ONE_RECORD.sub("#", self.key)


def slots(reader: Reader) -> list[Slot]:
    """The accesses of all traces, by time."""
    return [slot for row in reader.rows(_SPANS) if (slot := _slot(row)) is not None]


def _slot(row: Sequence[Any]) -> Slot | None:
    trace_id, span_id, agent, start_ns, output, attributes = row
    told = _told(attributes)
    key, op, gave = told.get("state.key"), str(told.get("state.op") or "").lower(), told.get("state.value")
    command = told.get("db.query.text") or told.get("db.statement")
    if key is None and isinstance(command, str):
        op, key = (*command.split(None, 2)[:2], "")[:2] if command.strip() else ("", "")
        op, key = op.lower(), key.strip("'\"") or None
    if key is None or op not in _READS | _WRITES:
        return None
    if op in _WRITES:
        return Slot(trace_id, span_id, agent, start_ns, str(key), "write")
    if "state.value" not in told and output is None:
        empty = None if told.get(_ROWS) is None else str(told[_ROWS]) == "0"
        return Slot(trace_id, span_id, agent, start_ns, str(key), "read", empty)
    came = value(output) if "state.value" not in told else value(gave) if isinstance(gave, str) else gave
    return Slot(trace_id, span_id, agent, start_ns, str(key), "read", is_empty(came))


def _told(attributes: str) -> dict[str, Any]:
    """The facts of a span, its own or in its metadata."""
    try:
        stack: list[tuple[Any, int]] = [(json.loads(attributes), 0)]
    except ValueError:
        return {}
    found: dict[str, Any] = {}
    while stack:
        at, depth = stack.pop()
        for name, inner in at.items() if isinstance(at, dict) else ():
            fact = next((one for one in _FACTS if name == one or name.endswith(f"metadata.{one}")), None)
            if fact is not None:
                found.setdefault(fact, inner)
            elif depth < _DEEP and isinstance(inner, dict):
                stack.append((inner, depth + 1))
    return found
