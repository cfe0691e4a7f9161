"""Rows into a table while they are still being read: one INSERT for all of them, in a thread of its own.

One statement, because DuckDB lets go of what it has written only at the end of many, so that memory would grow with the
input. A thread of its own, because reading must stay in the main one, where a Ctrl-C ends the waiting for input and an
error is an error; and because compressing what was read goes on beside reading what follows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from types import TracebackType

import duckdb
import pyarrow as pa

from agentdbg.store.columns import insert

_AHEAD = 2  # batches that wait to be inserted
_PATIENCE_S = 0.2


class _Abandoned(Exception):
    """Ends the statement of a stream that is not to be finished."""


class StreamedInsert:
    """Appends record batches to a table, in the caller's transaction. Leaving the context ends the statement; with an
    exception, the caller is to roll back. Until then nobody else may use the connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str, chosen: str = "*") -> None:
        self._con, self._table, self._chosen = con, table, chosen
        self._queue: Queue[pa.RecordBatch | None] = Queue(_AHEAD)
        self._thread: Thread | None = None
        self._abandoned = False
        self._error: BaseException | None = None

    def __enter__(self) -> StreamedInsert:
        return self

    def add(self, batch: pa.RecordBatch) -> None:
        """Hand over a batch; waits while too many of them do. Raises what ended the statement, if something did."""
        if self._thread is None:
            self._thread = Thread(target=self._run, args=(batch.schema,), daemon=True)
            self._thread.start()
        self._put(batch)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._thread is None:
            return
        self._abandoned = kind is not None
        if self._thread.is_alive():
            self._put(None)
        self._thread.join()
        if kind is None:
            self._tell()

    def _put(self, batch: pa.RecordBatch | None) -> None:
        assert self._thread is not None
        while self._thread.is_alive():
            with suppress(Full):
                self._queue.put(batch, timeout=_PATIENCE_S)
                return
        if not self._abandoned:
            self._tell()

    def _tell(self) -> None:
        """Raise what ended the statement; it knows the place where it came from, so it must not be kept there."""
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error

    def _run(self, schema: pa.Schema) -> None:
        try:
            insert(self._con, self._table, pa.RecordBatchReader.from_batches(schema, self._batches()), self._chosen)
        except BaseException as error:
            self._error = error

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._queue.get()) is not None and not self._abandoned:
            yield batch
        if self._abandoned:
            raise _Abandoned
