"""Runs to be judged, so many at a time that they fit in memory: a copy of the public views with these runs alone.

Detectors ask some eighty statements. Over the public views most of what each costs is to join their tables, to unpack
payloads that are stored compressed, and, where there are few spans, to plan all that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from agentdbg.store.reader import StoreReader

SPANS = 20_000
"""Spans from which no further run joins a batch, and up to which a run is copied at all."""
FEW = 1_000
"""Spans up to which a plan that nobody thought about is faster than the thinking."""
_VIEWS = {
    "traces": "", "spans": "EXCLUDE (events, resource)", "llm_calls": "", "tool_calls": "", "agent_turns": "",
    "handoffs": "",
}  # fmt: skip
"""What is copied, and of that what no detector reads."""
_SIZES = "SELECT trace_id, span_count FROM traces ORDER BY trace_id"
# As they were written: then the runs of a batch lie beside each other, and each part of the file is unpacked once.
_ORDER = "SELECT run_id FROM raw.spans GROUP BY run_id ORDER BY min(rowid)"


class Batch(StoreReader):
    """A reader over some of a store's runs. complete: all that they are to be compared with is in it. among: the runs
    that are in it; None for all."""

    def __init__(
        self, store: StoreReader, judged: Sequence[str], spans: int, among: Sequence[str] | None, *, complete: bool
    ) -> None:
        con, database = store.beside()
        super().__init__(con, judged, store.baseline())
        self.complete = complete
        self._store = store
        kind = "TABLE" if spans <= SPANS else "VIEW"
        ids = ", ".join("'" + trace_id.replace("'", "''") + "'" for trace_id in among or ())
        which = "" if among is None else f"WHERE trace_id IN ({ids})"
        for view, left_out in _VIEWS.items():
            self.rows(f'CREATE TEMP {kind} {view} AS SELECT * {left_out} FROM "{database}".main.{view} {which}')
        if spans <= FEW:
            con.execute("PRAGMA disable_optimizer")

    def everywhere(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        return super().everywhere(sql, **args) if self.complete else self._store.everywhere(sql, **args)

    def close(self) -> None:
        """Forget the copy."""
        self._con.close()


def is_small(store: StoreReader) -> bool:
    """Whether all runs of the store are one batch."""
    return bool(store.rows("SELECT coalesce(sum(span_count), 0) <= $most FROM traces", most=SPANS)[0][0])


def batches(store: StoreReader) -> Iterator[Batch]:
    """Readers over the runs that are to be judged, each usable until the next one is asked for. A store of few spans is
    one batch, with the runs in it that are not to be judged; so are, of a larger one, runs that are to be judged
    alone."""
    sizes = dict(store.rows(_SIZES))
    judged = store.trace_ids()
    every = sum(sizes.values())
    if every <= SPANS:
        with closing(Batch(store, judged, every, None, complete=True)) as batch:
            yield batch
        return
    if store.alone:
        with closing(Batch(store, judged, sum(sizes[one] for one in judged), judged, complete=True)) as batch:
            yield batch
        return
    wanted = sizes.keys() & judged
    some: list[str] = []
    spans = 0
    for trace_id in [one for (one,) in store.rows(_ORDER) if one in wanted]:
        if some and spans + sizes[trace_id] > SPANS:
            with closing(Batch(store, some, spans, some, complete=False)) as batch:
                yield batch
            some, spans = [], 0
        some.append(trace_id)
        spans += sizes[trace_id]
    if some:
        with closing(Batch(store, some, spans, some, complete=False)) as batch:
            yield batch
