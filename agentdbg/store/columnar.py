"""Parquet as JSON lines, so that the importers read it like any other export: a row is a line, a column a field.

No export tells its column types, so none are expected: times come as ISO text, bytes as the text they hold, structs and
lists as JSON."""

from __future__ import annotations

import io
import os
from collections.abc import Generator
from typing import Any, BinaryIO, cast

import duckdb
import pyarrow as pa

from agentdbg.importers import Opened, open_input
from agentdbg.rows import NoteRow

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
    try:
        with open(path, "rb") as stream:
            return os.path.isfile(path) and stream.read(len(MAGIC)) == MAGIC
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
            self._ready = memoryview(text.encode())
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._rows.close()
        super().close()


def _rows(path: str) -> Generator[str, None, None]:
    import pyarrow.parquet as pq

    with (
        duckdb.connect(":memory:", config={"autoinstall_known_extensions": False}) as con,
        pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file,
    ):
        con.execute("SET TimeZone = 'UTC'")
        for batch in file.iter_batches(_ROWS):
            con.register("batch", pa.Table.from_batches([batch]))
            for (line,) in con.execute(f"SELECT to_json(b)::VARCHAR FROM ({_with_text(con)}) b").fetchall():
                yield f"{line}\n"
            con.unregister("batch")


def _with_text(con: duckdb.DuckDBPyConnection) -> str:
    """A statement for the rows of the batch in which bytes are the text they hold, else base64."""
    columns = con.execute("SELECT column_name FROM (DESCRIBE batch) WHERE column_type = 'BLOB'").fetchall()
    names = ['"' + name.replace('"', '""') + '"' for (name,) in columns]
    texts = ", ".join(f"coalesce(try(decode({name})), to_base64({name})) AS {name}" for name in names)
    return f"SELECT * REPLACE ({texts}) FROM batch" if texts else "FROM batch"
