"""Which importer reads an input: the shelf is found by looking into this folder, the format by looking into the
input."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import cast

from agentdbg.errors import AgentdbgError
from agentdbg.importers.contract import Importer, Row, Source, Unreadable
from agentdbg.importers.inputs import Input
from agentdbg.importers.streams import Opened, open_input, open_stretch
from agentdbg.rows import NoteRow, RawLog, RawSpan

_PLAIN = "jsonl"
_FOREIGN = (
    (b"PAR1", "Parquet, which is read from a file on disk only: not through a pipe, nor compressed"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"SQLite format 3", "an SQLite database"),
    (b"BZh", "bzip2: decompress it first"),
    (b"\xfd7zXZ\x00", "xz: decompress it first"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
)


@cache
def shelf() -> tuple[Importer, ...]:
    """One of each importer, in the order they are asked."""
    package = "agentdbg.importers"
    found: list[Importer] = []
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and isinstance(getattr(kind, "rank", None), int):
                found.append(cast(Importer, kind()))
    return tuple(sorted(found, key=lambda importer: (importer.rank, importer.name)))


def names() -> list[str]:
    """The formats `--from` takes, sorted."""
    return sorted(importer.name for importer in shelf())


class Reading(Iterator[Row]):
    """The rows of one input. importer: the name of the format it is read as, None where it holds no trace (only notes
    come then)."""

    def __init__(self, rows: Iterator[Row], importer: str | None) -> None:
        self.importer = importer
        self._rows = rows

    def __next__(self) -> Row:
        return next(self._rows)


def read_input(
    item: Input,
    *,
    forced: str | None = None,
    mapping: Mapping[str, str] | None = None,
    opener: Callable[[str], Opened] = open_input,
    rest: bool = False,
) -> Reading:
    """The rows of an input, read while they are asked for.

    forced: `--from`; mapping: what the fields of unusual JSON lines mean; opener: how a path becomes a stream of
    bytes, for files that only a library can read; rest: what follows on a part that was read before, which may hold no
    trace. Raises AgentdbgError for an unknown format name. An input that the
    user named and that holds no span or log record raises Unreadable: here, if its first bytes tell, else after its
    last row. Inside a folder it gives a note instead.
    """
    wanted = _named(forced)
    try:
        opened = opener(item.path)
    except Unreadable as error:
        if item.explicit:
            raise
        return Reading(iter([_aside(error, item)]), None)
    try:
        importer = _chosen(opened, item, wanted, bool(mapping))
    except BaseException as error:
        opened.close()
        if isinstance(error, Unreadable) and not item.explicit:
            return Reading(iter([*opened.notes(), _aside(error, item)]), None)
        raise
    return Reading(_rows(opened, importer, item, Source(item.name, mapping or {}), rest), importer.name)


def format_of(item: Input, forced: str | None, mapping: Mapping[str, str]) -> str | None:
    """The name of the format that an input would be read as; None where it cannot be."""
    wanted = _named(forced)
    try:
        opened = open_input(item.path)
    except Unreadable:
        return None
    try:
        return _chosen(opened, item, wanted, bool(mapping)).name
    except Unreadable:
        return None
    finally:
        opened.close()


def read_lines(item: Input, name: str, part: tuple[int, int]) -> Iterator[Row]:
    """The rows of a stretch of whole lines of a plain file of JSON lines in the format of this name; its first line
    counts as the first. It may hold no trace."""
    importer = next(importer for importer in shelf() if importer.name == name)
    try:
        with open_stretch(item.path, *part) as stream:
            yield from importer.read(stream, Source(item.name, by_line=True))
    except OSError as error:
        yield _stopped(error)


def nothing_in(item: Input, name: str) -> list[NoteRow]:
    """The note on a file of a folder that was read to its end and held no trace; Unreadable for one that was named."""
    message = f"{item.name} holds no trace: nothing in it could be read as {name}"
    if item.explicit:
        raise Unreadable(message, "the notes say what was found instead")
    return [NoteRow("info", message)]


def _stopped(error: OSError) -> NoteRow:
    return NoteRow("error", f"reading stopped: {error.strerror or error}", "what came before was read")


def _aside(error: AgentdbgError, item: Input) -> NoteRow:
    """The note on a file of a folder that is no trace; a note says which file it is about."""
    return NoteRow("info", error.message.replace(f"{item.name} holds", "this holds"))


def _named(name: str | None) -> Importer | None:
    if name is None:
        return None
    for importer in shelf():
        if importer.name == name.replace("_", "-"):
            return importer
    near = difflib.get_close_matches(name, names(), 1)
    raise AgentdbgError(
        f"there is no format named {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        f"formats: {', '.join(names())}",
    )


def _chosen(opened: Opened, item: Input, wanted: Importer | None, mapped: bool) -> Importer:
    if not opened.head:
        faults = [note.message for note in opened.notes()]
        raise Unreadable(f"{item.name} holds no trace: " + (faults[-1] if faults else "it is empty"))
    matching = [importer for importer in shelf() if importer.sniff(opened.head, item.name)]
    if wanted is None:
        if matching:
            return matching[0]
        if mapped and opened.head.lstrip()[:1] in (b"{", b"["):
            return next(importer for importer in shelf() if importer.name == _PLAIN)
        raise Unreadable(
            f"{item.name} holds no trace: {_looks_like(opened.head)}",
            f"formats: {', '.join(names())}; --from NAME forces one, --map field=path reads unusual JSON lines",
        )
    if matching and wanted not in matching and not mapped:
        raise Unreadable(
            f"{item.name} is not {wanted.name}: it looks like {' or '.join(other.name for other in matching)}",
            f"leave out --from, or say --from {matching[0].name}",
        )
    return wanted


def _looks_like(head: bytes) -> str:
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            return f"it is {what}"
    start = head.lstrip()[:1]
    if start in (b"{", b"["):
        return "its records are of no trace format known here"
    if b"\0" in head[:4096]:
        return "it is binary, and no OTLP protobuf"
    shown = head[:60].decode("utf-8", "replace").splitlines()
    return f"it is text that begins with {shown[0] if shown else ''!r}"


def _rows(opened: Opened, importer: Importer, item: Input, source: Source, rest: bool = False) -> Iterator[Row]:
    empty = True
    try:
        for row in importer.read(opened.stream, source):
            empty = empty and not isinstance(row, RawSpan | RawLog)
            yield row
    except OSError as error:
        yield _stopped(error)
    finally:
        notes = opened.notes()
        opened.close()
    yield from notes
    if empty and not rest:
        yield from nothing_in(item, importer.name)
