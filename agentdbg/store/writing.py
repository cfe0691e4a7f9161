"""What may go wrong while the store is written, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    import duckdb


@contextmanager
def writing() -> Iterator[None]:
    """A full disk and its like as AgentdbgError. What was committed before stays, the rest was never there."""
    import duckdb

    broken = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.TransactionException)
    try:
        yield
    except broken as error:
        raise AgentdbgError(
            f"the store cannot be written: {str(error).splitlines()[0]}",
            "make room on its disk, or name a store elsewhere with --db; what was read whole is kept, and the same "
            "command goes on from there",
        ) from error


def roll_back(con: duckdb.DuckDBPyConnection) -> None:
    """Undo the open transaction. One that could not be written is gone already, and with it what could be undone."""
    import duckdb

    with suppress(duckdb.Error):
        con.execute("ROLLBACK")
