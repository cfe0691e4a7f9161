"""From arguments to an open store: the project's own, or one in memory that holds the named files alone."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from agentdbg.cli import messages
from agentdbg.cli.interrupts import interruptible
from agentdbg.cli.progress import Progress
from agentdbg.errors import NOT_JUDGED, AgentdbgError

if TYPE_CHECKING:
    from agentdbg.check.baseline import Known
    from agentdbg.cli.options import Sources
    from agentdbg.config import Config
    from agentdbg.model import Note, RunFigures
    from agentdbg.store import FileReport, ImportOptions, Store

_NOTES = 5
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".binpb", ".pb", ".gz", ".zst", ".parquet", ".sketch")
"""Names of files that are not there end so; ids may hold dots and slashes as well."""
_ID = re.compile(r"[0-9a-f-]{4,}(?::[0-9a-f-]{4,})?", re.I)
"""What is an id rather than the name of a file that is not there."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store with what configured it.

    paths: as they were typed, of a store in memory that holds these inputs alone; reports tell what became of each.
    cut_short: why reading stopped before all of them were read.
    """

    store: Store
    config: Config
    paths: Sequence[str] = ()
    reports: tuple[FileReport, ...] = ()
    cut_short: str = ""

    @property
    def from_files(self) -> bool:
        """Whether this is no store on disk."""
        return bool(self.paths)

    @property
    def unread(self) -> list[FileReport]:
        """Inputs that were named and hold no trace."""
        return [report for report in self.reports if report.state == "unreadable"]


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """(ids, paths): an argument that names something that exists is a path, and so is what can only be one."""
    ids: list[str] = []
    paths: list[str] = []
    for argument in arguments:
        (paths if _is_path(argument) else ids).append(argument)
    return ids, paths


def _is_path(argument: str) -> bool:
    if argument == "-" or os.path.exists(argument) or glob.has_magic(argument):
        return True
    return argument.endswith(os.sep) or argument.lower().endswith(_SUFFIXES)


def like_a_path(asked: str) -> bool:
    """Whether what was taken for an id may have been meant for a file."""
    return os.sep in asked or bool(Path(asked).suffix)


def one_id(arguments: Sequence[str], what: str) -> tuple[str, list[str]]:
    """(the id, paths) for a command that needs exactly one id."""
    ids, paths = split(arguments)
    if len(ids) == 1:
        return ids[0], paths
    if not ids:
        raise AgentdbgError(
            f"no {what} is named", "`agentdbg traces` and `agentdbg show` list ids; 4 characters of one are enough"
        )
    raise AgentdbgError(
        f"one {what} at a time, not {len(ids)}: {', '.join(ids)}", "files that do not exist are taken for ids"
    )


@contextmanager
def opened(paths: Sequence[str], sources: Sources, ids: Sequence[str] = ()) -> Iterator[Opened]:
    """The store behind the arguments, resolved and closed again. ids: what was not taken for a path among them.

    Inputs that hold no trace are told on stderr; when the command is through, they make its exit code 2. AgentdbgError
    where no input holds one, or there is no store.
    """
    from agentdbg.store.ids import stranded

    with look_into(paths, sources, ids) as found:
        told = [_why(report) for report in found.unread]
        if found.from_files and nothing_read(found.reports):
            _raise(told or [no_trace_at_all(paths)])
        if found.from_files and (lone := stranded(found.store.reader())):
            _raise([*told, lone])
        for problem in told:
            messages.error(problem)
        _tell_notes(found)
        yield found
        if found.unread:
            raise typer.Exit(NOT_JUDGED)


def _raise(told: list[AgentdbgError]) -> NoReturn:
    for problem in told[:-1]:
        messages.error(problem)
    raise told[-1]


def nothing_read(reports: Sequence[FileReport]) -> bool:
    """Whether not one of the inputs holds a trace."""
    return all(report.state in ("unreadable", "note") for report in reports)


def no_trace_at_all(paths: Sequence[str]) -> AgentdbgError:
    """What is wrong with folders in which nothing is a trace."""
    from agentdbg.importers import names

    return AgentdbgError(f"no file in {', '.join(paths)} holds a trace", f"formats: {', '.join(names())}")


@contextmanager
def look_into(
    paths: Sequence[str], sources: Sources, ids: Sequence[str] = (), *, keep_partial: bool = False
) -> Iterator[Opened]:
    """As `opened`, with nothing said and nothing concluded of inputs that hold no trace.

    keep_partial: a Ctrl-C while files are read leaves those that were read whole, and `cut_short` says so.
    """
    from agentdbg.config import load
    from agentdbg.store import Store

    config = load(sources.config, Path.cwd())
    if paths:
        with Store.in_memory() as store:
            store.baseline = baseline_of(config)
            yield _of_files(store, paths, sources, config, keep_partial)
        return
    with Store.open(store_path(sources, ids)) as store:
        store.baseline = baseline_of(config)
        yield Opened(store, config)


def baseline_of(config: Config) -> Sequence[RunFigures]:
    """The runs that the project keeps as its yardstick; none where it has no baseline file."""
    if config.baseline is None:
        return ()
    from agentdbg.check.baseline import read

    return read(config.baseline)


def known_of(config: Config) -> frozenset[Known]:
    """The findings that the project's baseline knows."""
    if config.baseline is None:
        return frozenset()
    from agentdbg.check.baseline import known

    return known(config.baseline)


def store_path(sources: Sources, ids: Sequence[str] = ()) -> Path:
    """Where the store of this command is; ids: as for `opened`. AgentdbgError where none is named or near."""
    from agentdbg.config import nearest_store

    path = sources.db or nearest_store(Path.cwd())
    if path is None:
        raise _no_store(ids)
    _refuse_reading_options(sources)
    return path


def _no_store(ids: Sequence[str]) -> AgentdbgError:
    missing = [one for one in ids if like_a_path(one) or not (_ID.fullmatch(one) or " " in one)]
    looked = "".join(f"; there is no file {one} here" for one in ids[:1] if not missing)
    return AgentdbgError(
        f"{missing[0]}: there is no such file, nor a store to look for it as an id"
        if missing
        else "there is no store here or in a folder above",
        "`agentdbg ingest PATH...` makes one; or name trace files, or --db FILE; `agentdbg demo` shows how it goes"
        + looked,
    )


def _refuse_reading_options(sources: Sources) -> None:
    """What says how files are read does nothing to a store, whose figures would be taken for the ones asked for."""
    given = (
        ("--prices", sources.prices, "FILE"),
        ("--from", sources.forced, "NAME"),
        ("--map", sources.mapping, "FIELD=PATH"),
    )
    for option, value, stands_for in given:
        if value:
            raise AgentdbgError(
                f"{option} is for reading trace files, and this command reads the store",
                f"give it when files are read in: agentdbg ingest {option} {stands_for} PATH...; or name trace files",
            )


def _of_files(store: Store, paths: Sequence[str], sources: Sources, config: Config, keep_partial: bool) -> Opened:
    from agentdbg.importers import expand

    options = import_options(sources, config)
    try:
        with interruptible(), Progress() as progress:
            return Opened(store, config, paths, tuple(store.ingest(expand(paths), options, progress)))
    except KeyboardInterrupt:
        if not keep_partial:
            raise
    store.resolve(options)
    return Opened(store, config, paths, cut_short="interrupted while reading")


def import_options(sources: Sources, config: Config) -> ImportOptions:
    """How files are read: the command line's own word before the configuration's."""
    from agentdbg.store import ImportOptions

    prices = sources.prices or config.prices
    own = None
    if prices is not None:
        from agentdbg.pricing import read_prices

        own = read_prices(prices)
    mapping = _mapping(sources.mapping)
    # A configured mapping says what fields of unusual JSON lines mean, not that every file is one, as --map does.
    forced = sources.forced or ("jsonl" if mapping else None)
    return ImportOptions(forced=forced, mapping=mapping or config.mapping, prices=own)


def _mapping(pairs: Sequence[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for pair in pairs:
        field, equals, path = pair.partition("=")
        if not (field and equals and path):
            raise AgentdbgError(f"--map {pair} is not FIELD=PATH", "for example --map agent=meta.worker")
        out[field] = path
    return out


def _why(report: FileReport) -> AgentdbgError:
    found = report.error or AgentdbgError(f"{report.source} holds no trace")
    lines = [f"{note.source}: {note.message}" for note in report.notes[:_NOTES]]
    return AgentdbgError(found.message, "\n".join([*lines, found.hint or ""]).strip() or None, found.exit_code)


def _tell_notes(found: Opened) -> None:
    """The first few losses of the files that were read for this command alone."""
    lost: list[Note] = (
        [one for one in found.store.reader().notes() if one.severity != "info"] if found.from_files else []
    )
    for one in lost[:_NOTES]:
        messages.note(f"{one.source}: {one.message}")
    if len(lost) > _NOTES:
        messages.note(f"{len(lost) - _NOTES} more; `agentdbg ingest --json` lists them all")
