"""Reading back: the Reader of model.py over an open store, plus what commands ask for. Imports neither pyarrow nor
msgspec."""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from agentdbg.errors import AgentdbgError, OutOfMemory
from agentdbg.model import (
    AgentTurn,
    Evidence,
    Finding,
    Handoff,
    LLMCall,
    Note,
    Reader,
    RunFigures,
    Skipped,
    Span,
    Trace,
)

if TYPE_CHECKING:
    from agentdbg.store.batches import Batch

T = TypeVar("T")
_HEAVY = ("attributes", "events", "links")
_SPAN_FIELDS = [field.name for field in dataclasses.fields(Span)]
_CALL_FIELDS = [field.name for field in dataclasses.fields(LLMCall)]
_TURN_FIELDS = [field.name for field in dataclasses.fields(AgentTurn)]
_HANDOFF_FIELDS = [field.name for field in dataclasses.fields(Handoff)]
_FINDING_FIELDS = [field.name for field in dataclasses.fields(Finding)]
_COSTS = ("cost_usd", "cost_basis")  # which are the call's, not the span's
_LIGHT_FIELDS = [name for name in _SPAN_FIELDS if name not in (*_HEAVY, *_COSTS)]
_HEAD = ["trace_id", "name", "status", "start_ns", "duration_ns", "joined"]
_KEPT_TRACES = 16
_CHUNK_SPANS = 2_000
_ASK_LESS = "free memory or disk, or ask for less"
_CHUNK_TRACES = 200


class StoreReader:
    """Implements model.Reader. `judged` limits the traces that detectors judge; None is all of them. `baseline`: the
    runs that others are compared with. `alone`: of a large store the judged traces are not compared with the others."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        judged: Sequence[str] | None = None,
        baseline: Sequence[RunFigures] = (),
        *,
        alone: bool = False,
    ) -> None:
        self.alone = alone
        self._con = con
        self._baseline = baseline
        self._judged = sorted(judged) if judged is not None else None
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._everywhere: dict[str, list[tuple[Any, ...]]] = {}
        self._made: dict[object, Any] = {}

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        try:
            return self._con.execute(sql, args or None).fetchall()
        except duckdb.OutOfMemoryException as error:
            raise OutOfMemory(f"the store cannot be read: {error}", _ASK_LESS) from error
        except duckdb.IOException as error:
            raise AgentdbgError(f"the store cannot be read: {error}", _ASK_LESS) from error

    def everywhere(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        asked = f"{sql} {sorted(args.items())}"
        if asked not in self._everywhere:
            self._everywhere[asked] = self.rows(sql, **args)
        return self._everywhere[asked]

    def once(self, make: Callable[[Reader], T]) -> T:
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    def batches(self) -> Iterator[Batch]:
        """Readers over the traces that are to be judged, some at a time, each until the next one is asked for."""
        from agentdbg.store.batches import batches

        return batches(self)

    def is_small(self) -> bool:
        """Whether all runs can be judged at once, so that judging one costs little more for a look at the others."""
        from agentdbg.store.batches import is_small

        return is_small(self)

    def beside(self) -> tuple[duckdb.DuckDBPyConnection, str]:
        """Another connection to the same database, whose temporary tables are its own, and the name of the database."""
        con, database = self._con.cursor(), str(self.rows("SELECT current_database()")[0][0])
        con.execute(f'USE "{database}"')
        return con, database

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

    def baseline(self) -> Sequence[RunFigures]:
        return self._baseline

    def trace(self, trace_id: str) -> Trace:
        if trace_id not in self._traces:
            if not (found := self._load([trace_id])):
                raise AgentdbgError(f"no trace {trace_id}")
            self._traces[trace_id] = found[0]
            while len(self._traces) > _KEPT_TRACES:
                self._traces.popitem(last=False)
        self._traces.move_to_end(trace_id)
        return self._traces[trace_id]

    def traces(self, trace_ids: Iterable[str]) -> Iterator[Trace]:
        ids = list(trace_ids)
        sizes = dict(
            self.rows("SELECT trace_id, span_count FROM traces WHERE trace_id IN (SELECT unnest($ids))", ids=ids)
        )
        chunk: list[str] = []
        spans = 0
        for trace_id in ids:
            if chunk and (spans + sizes.get(trace_id, 0) > _CHUNK_SPANS or len(chunk) >= _CHUNK_TRACES):
                yield from self._load(chunk)
                chunk, spans = [], 0
            chunk.append(trace_id)
            spans += sizes.get(trace_id, 0)
        if chunk:
            yield from self._load(chunk)

    def _load(self, ids: list[str]) -> list[Trace]:
        """These traces in the order of `ids`, those that are not there left out: five statements, however many."""
        found: dict[str, Trace] = {}
        for row in self._of("traces", _HEAD, ids, "trace_id"):
            trace_id, name, status, start_ns, duration_ns, joined = row
            found[trace_id] = Trace(trace_id, name, status, start_ns, duration_ns, [], joined=tuple(joined))
        for row in self._of("spans", _LIGHT_FIELDS, ids, "trace_id, start_ns, span_id"):
            found[row[0]].spans.append(Span(**dict(zip(_LIGHT_FIELDS, row, strict=True))))
        for row in self._of("llm_calls", _CALL_FIELDS, ids, "trace_id, start_ns, span_id"):
            found[row[0]].calls.append(_call(row))
        for row in self._of("agent_turns", _TURN_FIELDS, ids, "trace_id, start_ns, span_id"):
            found[row[0]].turns.append(AgentTurn(*row))
        for row in self._of("handoffs", _HANDOFF_FIELDS, ids, "trace_id, seq"):
            found[row[0]].handoffs.append(Handoff(*row))
        for trace in found.values():
            priced = {call.span_id: call for call in trace.calls}
            for span in trace.spans:
                if call := priced.get(span.span_id):
                    span.cost_usd, span.cost_basis = call.cost_usd, call.cost_basis
        return [found[trace_id] for trace_id in ids if trace_id in found]

    def _of(self, view: str, fields: list[str], ids: list[str], order: str) -> list[tuple[Any, ...]]:
        # one id as an equation: then only the blocks that hold it are read
        which = "= $ids" if len(ids) == 1 else "IN (SELECT unnest($ids))"
        return self.rows(
            f"SELECT {', '.join(fields)} FROM {view} WHERE trace_id {which} ORDER BY {order}",
            ids=ids[0] if len(ids) == 1 else ids,
        )

    def span(self, trace_id: str, span_id: str) -> Span:
        """One span with everything, attributes, events and links included."""
        chosen = [name for name in _SPAN_FIELDS if name not in _COSTS]
        rows = self.rows(
            f"SELECT {', '.join(chosen)} FROM spans WHERE trace_id = $id AND span_id = $span", id=trace_id, span=span_id
        )
        found = Span(**dict(zip(chosen, rows[0], strict=True)))
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
