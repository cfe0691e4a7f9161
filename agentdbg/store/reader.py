"""Reading back: the Reader of model.py over an open store, plus what commands ask for. Imports neither pyarrow nor
msgspec."""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import duckdb

from agentdbg.errors import AgentdbgError
from agentdbg.model import AgentTurn, Evidence, Finding, Handoff, LLMCall, Note, Skipped, Span, Trace

_HEAVY = ("attributes", "events", "links")
_SPAN_FIELDS = [field.name for field in dataclasses.fields(Span)]
_CALL_FIELDS = [field.name for field in dataclasses.fields(LLMCall)]
_TURN_FIELDS = [field.name for field in dataclasses.fields(AgentTurn)]
_HANDOFF_FIELDS = [field.name for field in dataclasses.fields(Handoff)]
_FINDING_FIELDS = [field.name for field in dataclasses.fields(Finding)]
_KEPT_TRACES = 16


class StoreReader:
    """Implements model.Reader. `judged` limits the traces that detectors judge; None is all of them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, judged: Sequence[str] | None = None) -> None:
        self._con = con
        self._judged = sorted(judged) if judged is not None else None
        self._traces: OrderedDict[str, Trace] = OrderedDict()

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        try:
            return self._con.execute(sql, args or None).fetchall()
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise AgentdbgError(f"the store cannot be read: {error}", "free memory or disk, or ask for less") from error

    def table(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows of a user's statement, which from then on reaches neither files nor the network.
        AgentdbgError where DuckDB refuses it."""
        try:
            self._con.execute("SET enable_external_access = false; SET lock_configuration = true")
            result = self._con.execute(sql)
            if result is not None:  # it is, of a text without a statement
                return [column[0] for column in result.description or ()], result.fetchall()
        except duckdb.Error as error:
            raise AgentdbgError(
                f"the query failed: {error}", "`agentdbg schema` lists the views and their columns"
            ) from error
        raise AgentdbgError("the query is empty", 'for example: agentdbg query "from traces"')

    def trace_ids(self) -> Sequence[str]:
        if self._judged is None:
            self._judged = [row[0] for row in self.rows("SELECT trace_id FROM traces ORDER BY trace_id")]
        return self._judged

    def trace(self, trace_id: str) -> Trace:
        if trace_id in self._traces:
            self._traces.move_to_end(trace_id)
            return self._traces[trace_id]
        head = self.rows(
            "SELECT name, status, start_ns, duration_ns, joined FROM traces WHERE trace_id = $id", id=trace_id
        )
        if not head:
            raise AgentdbgError(f"no trace {trace_id}")
        name, status, start_ns, duration_ns, joined = head[0]
        trace = Trace(
            trace_id=trace_id,
            name=name,
            status=status,
            start_ns=start_ns,
            duration_ns=duration_ns,
            spans=self._spans(trace_id),
            calls=[_call(row) for row in self._of("llm_calls", _CALL_FIELDS, trace_id, "start_ns, span_id")],
            turns=[AgentTurn(*row) for row in self._of("agent_turns", _TURN_FIELDS, trace_id, "start_ns, span_id")],
            handoffs=[Handoff(*row) for row in self._of("handoffs", _HANDOFF_FIELDS, trace_id, "seq")],
            joined=tuple(joined),
        )
        priced = {call.span_id: call for call in trace.calls}
        for span in trace.spans:
            if call := priced.get(span.span_id):
                span.cost_usd, span.cost_basis = call.cost_usd, call.cost_basis
        self._traces[trace_id] = trace
        while len(self._traces) > _KEPT_TRACES:
            self._traces.popitem(last=False)
        return trace

    def _of(self, view: str, fields: list[str], trace_id: str, order: str) -> list[tuple[Any, ...]]:
        return self.rows(f"SELECT {', '.join(fields)} FROM {view} WHERE trace_id = $id ORDER BY {order}", id=trace_id)

    def _spans(self, trace_id: str, heavy: bool = False, span_id: str | None = None) -> list[Span]:
        absent = {"cost_usd", "cost_basis"} | (set() if heavy else set(_HEAVY))
        chosen = [name for name in _SPAN_FIELDS if name not in absent]
        where = "trace_id = $id" + (" AND span_id = $span" if span_id else "")
        args = {"id": trace_id, **({"span": span_id} if span_id else {})}
        rows = self.rows(f"SELECT {', '.join(chosen)} FROM spans WHERE {where} ORDER BY start_ns, span_id", **args)
        return [Span(**dict(zip(chosen, row, strict=True))) for row in rows]

    def span(self, trace_id: str, span_id: str) -> Span:
        """One span with everything, attributes, events and links included."""
        found = self._spans(trace_id, heavy=True, span_id=span_id)[0]
        cost = self.rows(
            "SELECT cost_usd, cost_basis FROM llm_calls WHERE trace_id = $id AND span_id = $s", id=trace_id, s=span_id
        )
        if cost:
            found.cost_usd, found.cost_basis = cost[0]
        return found

    def notes(self) -> list[Note]:
        rows = self.rows("SELECT severity, source, message, advice FROM notes ORDER BY source, message")
        return [Note(severity, source or "", message, advice or "") for severity, source, message, advice in rows]

    def findings(self, trace_id: str | None = None) -> list[Finding]:
        """What the last judging found, worst first within a trace."""
        where = "WHERE trace_id = $id" if trace_id else ""
        names = [name for name in _FINDING_FIELDS if name != "status"]
        rows = self.rows(
            f"SELECT {', '.join(names)} FROM findings {where} ORDER BY trace_id, seq",
            **({"id": trace_id} if trace_id else {}),
        )
        return [
            Finding(
                **{**dict(zip(names, row, strict=True)), "evidence": tuple(Evidence(**e) for e in json.loads(row[7]))}
            )
            for row in rows
        ]

    def skipped(self, trace_id: str | None = None) -> list[Skipped]:
        where = "WHERE trace_id = $id" if trace_id else ""
        args = {"id": trace_id} if trace_id else {}
        rows = self.rows(f"SELECT detector, trace_id, reason FROM derived.skipped {where} ORDER BY ALL", **args)
        return [Skipped(*row) for row in rows]

    def unjudged(self, configuration: str) -> list[str]:
        """Traces whose findings are absent or were made with another version or configuration."""
        rows = self.rows(
            "SELECT trace_id FROM traces ANTI JOIN (FROM derived.judged WHERE configuration = $c) USING (trace_id) "
            "ORDER BY trace_id",
            c=configuration,
        )
        return [row[0] for row in rows]


def _call(row: tuple[Any, ...]) -> LLMCall:
    told = dict(zip(_CALL_FIELDS, row, strict=True))
    return LLMCall(**{**told, "other_span_ids": tuple(told["other_span_ids"])})
