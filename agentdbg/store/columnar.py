"""Parquet as JSON lines, so that the importers read it like any other export: a row is a line, a column a field.

No export tells its column types, so none are expected: times come as ISO text, bytes as the text they hold, structs and
lists as JSON."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO, cast

import duckdb
import pyarrow as pa

from agentdbg.importers import Opened, open_input
from agentdbg.rows import NoteRow
from agentdbg.vocabulary.jsontext import dump, load

MAGIC = b"PAR1"
_ROWS = 64  # a time: payloads make rows of a megabyte
_BROKEN = (pa.ArrowException, duckdb.Error, OSError, MemoryError)


def opened(path: str) -> Opened:
    """An input, whatever it is: a Parquet file as JSON lines, anything else as it stands. Raises Unreadable for what
    cannot be opened."""
    if not _is_parquet(path):
        return open_input(path)
    lines = _Lines(path)
    return Opened(cast(BinaryIO, lines), [lines])


def _is_parquet(path: str) -> bool:
    if not os.path.isfile(path):  # what is read from a pipe to look at it is gone
        return False
    try:
        with open(path, "rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False  # opening it as anything else says why


class _Lines(io.RawIOBase):
    """The rows of a Parquet file as JSON lines. Never raises: what goes wrong ends them and is told in `fault`."""

    def __init__(self, path: str) -> None:
        self.fault: NoteRow | None = None
        self._rows = _rows(path)
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._ready:
            try:
                text = next(self._rows, None)
            except _BROKEN as error:
                told = str(error).splitlines()[0] if str(error) else "out of memory"
                advice = "export or copy the file again; the rows before that place were read"
                self.fault = NoteRow("data_loss", f"Parquet that cannot be read: {told}", advice)
                return 0
            if text is None:
                return 0
            self._ready = memoryview(text)
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._rows.close()
        super().close()


def _rows(path: str) -> Generator[bytes, None, None]:
    import pyarrow.parquet as pq

    with (
        duckdb.connect(":memory:", config={"autoinstall_known_extensions": False}) as con,
        pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file,
    ):
        con.execute("SET TimeZone = 'UTC'")
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(_ROWS, row_groups=[group]):
                con.register("batch", pa.Table.from_batches([batch]))
                yield from _lines(con)
                con.unregister("batch")


def _lines(con: duckdb.DuckDBPyConnection) -> Iterator[bytes]:
    """The rows of the batch, bytes in them as the text they hold, else as base64."""
    columns = con.execute("SELECT column_name, column_type FROM (DESCRIBE batch)").fetchall()
    names = ['"' + name.replace('"', '""') + '"' for name, kind in columns if kind == "BLOB"]
    texts = ", ".join(f"coalesce(try(decode({name})), to_base64({name})) AS {name}" for name in names)
    rows = f"SELECT * REPLACE ({texts}) FROM batch" if texts else "FROM batch"
    shared = any("STRUCT" in kind for _, kind in columns)
    for (text,) in con.execute(f"SELECT to_json(b)::VARCHAR FROM ({rows}) b").fetchall():
        # a field that one row has all rows of a struct column have: null is what the others did not have
        yield (dump(_told(load(text))) if shared else text).encode() + b"\n"


def _told(value: Any) -> Any:
    """A JSON value without the nulls in its objects."""
    if isinstance(value, dict):
        return {key: _told(inner) for key, inner in value.items() if inner is not None}
    return [_told(inner) for inner in value] if isinstance(value, list) else value
