"""The store: a DuckDB file (or memory) that holds what was read and what follows from it.

The only room that imports duckdb and pyarrow. Trace files are the truth and the store is an index that can be made
anew."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentdbg.errors import AgentdbgError
from agentdbg.model import Evidence, Finding, Purged, RunFigures, Skipped
from agentdbg.store.reader import StoreReader
from agentdbg.store.reports import FileReport, ImportOptions, Progress
from agentdbg.store.tables import SCHEMA_VERSION
from agentdbg.store.writing import writing

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from agentdbg.importers import Input
    from agentdbg.pricing import OwnPrices
    from agentdbg.resolve import Facts

__all__ = ["FileReport", "ImportOptions", "Progress", "Store"]

MEMORY_LIMIT = "2GB"  # of a store that is read
WRITING_LIMIT = "300MB"  # beyond, what is not on disk yet is put into a folder beside the store
ROW_GROUP = 40_960
"""Rows that are compressed and written together. Until then they are in memory: DuckDB's own 122,880 are half a
gigabyte of spans, for a file that is a fiftieth smaller."""
# What names an extension is not to fetch one from the network.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False}
_NO_BAR = "SET enable_progress_bar = false"  # it would be drawn on our stdout, even into a pipe


class Store:
    """An open store. Use as a context manager."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path | None, *, read_only: bool) -> None:
        self._con = con
        self.path = path
        self.read_only = read_only
        self.baseline: Sequence[RunFigures] = ()
        """What detectors compare runs with: not in the store, but the project's own file."""

    @classmethod
    def in_memory(cls) -> Store:
        """A store that lives as long as the process: how commands work on files."""
        import duckdb

        con = duckdb.connect(":memory:", config=_SETTINGS)
        con.execute(_NO_BAR)
        _create(con, on_disk=False)
        return cls(con, None, read_only=False)

    @classmethod
    def create(cls, path: Path) -> Store:
        """Open the store at `path` for writing; make it (mode 0600) where there is none."""
        os.umask(0o077)  # prompts are secrets, also in the write-ahead log that DuckDB keeps beside the file
        if not path.exists():
            _make_folder(path.parent)
            _make_store(path)
        con = _connect(path, read_only=False)
        if not _tables(con):
            if con.execute("SELECT 1 FROM duckdb_tables()").fetchone():
                raise AgentdbgError(f"{path} is a DuckDB database of another kind", "name another file with --db")
            os.chmod(path, 0o600)
            _create(con, on_disk=True)
        _check_version(con, path)
        return cls(con, path, read_only=False)

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open an existing store for reading, finishing first what a killed ingest left undone."""
        if not path.exists():
            raise AgentdbgError(
                f"no store at {path}", "`agentdbg ingest PATH...` makes one, or name trace files: `agentdbg show FILE`"
            )
        con = _connect(path, read_only=True)
        if not _tables(con):
            raise AgentdbgError(
                f"{path} is an empty DuckDB file, not a store", "`agentdbg ingest PATH... --db FILE` makes one"
            )
        _check_version(con, path)
        if con.execute("SELECT count(*) FROM raw.pending").fetchall()[0][0] and os.access(path, os.W_OK):
            con.close()
            store = cls.create(path)
            store.resolve(ImportOptions())
            return store
        return cls(con, path, read_only=True)

    @classmethod
    def change(cls, path: Path) -> Store:
        """Open an existing store for writing."""
        cls.open(path).close()
        return cls.create(path)

    def document(self) -> None:
        """Comment the views where they are not: in memory, where most commands have no use for it and it takes most of
        the time that making a store does."""
        from agentdbg.store.views import comments

        if self.path is None:
            _run(self._con, comments())

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()

    def ingest(
        self, inputs: Sequence[Input], options: ImportOptions, progress: Progress | None = None
    ) -> list[FileReport]:
        """Read every input, each in its own transaction, then resolve the traces that were touched. Files whose content
        was read before, in the same way, are left out; of those that have grown, what is new is read."""
        from agentdbg.store.collecting import uncollected
        from agentdbg.store.intake import Intake

        hide = None
        if options.redact:
            from agentdbg.store.hiding import hiding

            hide = hiding(self._con, inputs)
        with uncollected(), writing():
            intake = Intake(self._con, options, on_disk=self.path is not None, hide=hide)
            reports = intake.priced_anew(intake.take(inputs, progress))
        self.resolve(options)
        return reports

    def resolve(self, options: ImportOptions) -> None:
        """Bring the derived tables up to date with the raw ones."""
        from agentdbg.store.intake import prices_key
        from agentdbg.store.resolving import resolve_pending

        with writing():
            resolve_pending(self._con, _price(options.prices), prices_key(options))

    def append(self, table: str, rows: pa.RecordBatchReader) -> None:
        """Add the rows of another store's table of the same name."""
        from agentdbg.store.columns import insert

        insert(self._con, table, rows)

    def purge(self, runs: Sequence[str] | None, judge: Callable[[Store], object]) -> Purged:
        """Remove these runs (None: everything) from the file itself, and close the store. Runs whose judgement may
        quote them are judged again with `judge`."""
        from agentdbg.store.purging import purge

        return purge(self, self._con, runs, judge)

    def reader(self, judged: Sequence[str] | None = None, *, alone: bool = False) -> StoreReader:
        """A reader over everything; `judged` names the traces that detectors are to judge (default: all), `alone`
        without a look at the others where these are many."""
        return StoreReader(self._con, judged, self.baseline, alone=alone)

    @writing()
    def save_judgement(
        self, trace_ids: Sequence[str], findings: Sequence[Finding], skipped: Sequence[Skipped], configuration: str
    ) -> None:
        """Keep what the detectors found in these traces, in place of what they found before."""
        from agentdbg.fingerprint import fingerprint

        self._con.execute("BEGIN")
        ids = list(trace_ids)
        for table in ("findings", "skipped", "judged"):
            self._con.execute(
                f"DELETE FROM derived.{table} WHERE trace_id IN (SELECT unnest(?)) OR trace_id IS NULL", [ids]
            )
        if findings:
            rows = [
                [f.trace_id, seq, f.detector, f.severity, f.confidence, f.title, f.message, f.agent, f.primary.span_id,
                 _evidence(f.evidence), f.wasted_tokens, f.wasted_usd, f.advice, f.next, f.key, fingerprint(f),
                 f.recorded_trace_id]
                for seq, f in enumerate(findings)
            ]  # fmt: skip
            self._con.executemany(f"INSERT INTO derived.findings VALUES ({', '.join('?' * 17)})", rows)
        if skipped:
            self._con.executemany(
                "INSERT INTO derived.skipped VALUES (?, ?, ?)", [[s.trace_id, s.detector, s.reason] for s in skipped]
            )
        if ids:
            self._con.execute("INSERT INTO derived.judged SELECT unnest(?), ?", [ids, configuration])
        self._con.execute("COMMIT")


def _evidence(evidence: Sequence[Evidence]) -> str:
    return json.dumps([{"span_id": e.span_id, "role": e.role, "note": e.note} for e in evidence], ensure_ascii=False)


def _price(own: OwnPrices | None) -> Callable[[Facts], float | None]:
    from agentdbg.pricing import Usage, cost

    def price(span: Facts) -> float | None:
        usage = Usage(span.input_tokens, span.output_tokens, span.cached_tokens, span.cache_write_tokens)
        return cost(span.model, span.provider, usage, at_ns=span.start_ns, own=own)

    return price


def _connect(path: Path, *, read_only: bool, named: Path | None = None) -> duckdb.DuckDBPyConnection:
    import duckdb

    if path.is_file() and not _is_database(path):
        raise AgentdbgError(
            f"{path} is not an agentdbg store", "name another file with --db; `agentdbg ingest` makes a new one"
        )
    try:
        con = duckdb.connect(str(path.absolute()), read_only=True, config=_SETTINGS) if read_only else _writable(path)
    except duckdb.Error as error:
        raise _explained(error, named or path, read_only) from error
    con.execute(_NO_BAR)
    con.execute(f"SET memory_limit = '{MEMORY_LIMIT if read_only else WRITING_LIMIT}'")
    return con


def _writable(path: Path) -> duckdb.DuckDBPyConnection:
    """Attached, not opened, because only that tells the size of row groups."""
    import duckdb

    con = duckdb.connect(":memory:", config=_SETTINGS)
    try:
        quoted = str(path.absolute()).replace("'", "''")
        con.execute(f"ATTACH '{quoted}' AS store (ROW_GROUP_SIZE {ROW_GROUP})")
        con.execute("USE store")
        con.execute(f"SET temp_directory = '{quoted}.tmp'")
    except BaseException:
        con.close()
        raise
    return con


def _is_database(path: Path) -> bool:
    """Whether DuckDB would open this as its own. Other files it takes for data to be read, in a database in memory that
    is gone afterwards. An empty file becomes a database."""
    try:
        with path.open("rb") as stream:
            head = stream.read(12)
    except OSError:
        return True  # opening it says why not
    return not head or head[8:] == b"DUCK"


def _make_store(path: Path) -> None:
    """A whole store or none, whenever the process dies: made under another name. Another process may be faster."""
    made = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with writing(), _connect(made, read_only=False, named=path) as con:
            _create(con, on_disk=True)
        made.chmod(0o600)
        try:
            os.link(made, path)
        except OSError:  # it is there by now, or the file system knows no links
            if not path.exists():
                made.rename(path)
    except OSError as error:
        raise AgentdbgError(f"{path} cannot be made: {error.strerror}", "name a store elsewhere with --db") from error
    finally:
        for suffix in ("", ".wal"):
            made.with_name(made.name + suffix).unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name == ".agentdbg" and not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror}"
        raise AgentdbgError(message, "name a store elsewhere with --db") from error


def _explained(error: Exception, path: Path, read_only: bool) -> AgentdbgError:
    text = str(error)
    if "set lock on file" in text or "onflicting lock" in text:
        return AgentdbgError(
            f"another process has {path} open for writing",
            f"wait for it to finish, or use another store with --db ({text})",
        )
    if "orrupt" in text or "hecksum" in text:
        return AgentdbgError(f"{path} is damaged", f"delete it and ingest the trace files again ({text})")
    if re.search(r"(?:newer|older|different) version|version number", text):
        return AgentdbgError(
            f"{path} was written by another version of DuckDB",
            f"upgrade agentdbg, or ingest anew into another --db ({text})",
        )
    if not read_only and not os.access(path if path.exists() else path.parent, os.W_OK):
        return AgentdbgError(f"{path} is read-only", "ingest needs a store it can write to: name one with --db")
    return AgentdbgError(f"cannot open the store {path}: {text}")


def _tables(con: duckdb.DuckDBPyConnection) -> bool:
    import duckdb

    try:  # a tenth of what a look into the catalogue costs
        con.execute("SELECT 1 FROM raw.meta LIMIT 0").fetchall()
    except duckdb.CatalogException:
        return False
    return True


def _create(con: duckdb.DuckDBPyConnection, *, on_disk: bool) -> None:
    from agentdbg import __version__
    from agentdbg.rows import SpanRow
    from agentdbg.store.columns import sql_types
    from agentdbg.store.tables import ddl
    from agentdbg.store.views import comments, definitions

    con.execute("BEGIN")
    _run(con, [*ddl(sql_types(SpanRow), compress=on_disk), *definitions(), *(comments() if on_disk else [])])
    con.execute("INSERT INTO raw.meta VALUES (?, ?)", [SCHEMA_VERSION, __version__])
    con.execute("COMMIT")


def _run(con: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    for statement in statements:
        con.execute(statement)


def _check_version(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    version, tool = (con.execute("SELECT schema_version, tool_version FROM raw.meta").fetchall() or [(0, "")])[0]
    if version > SCHEMA_VERSION:
        raise AgentdbgError(
            f"{path} was written by a newer agentdbg ({tool})", "upgrade agentdbg, or name another store with --db"
        )
    if version < SCHEMA_VERSION:
        raise AgentdbgError(
            f"{path} was written by an older agentdbg",
            "delete it and ingest the trace files again: it is only an index",
        )
