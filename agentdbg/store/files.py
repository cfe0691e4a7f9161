"""Which files the store has read, told by their content: a renamed file is known, and so is one that only grew."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from agentdbg.importers.json_values import is_json
from agentdbg.rows import NoteRow
from agentdbg.store.columns import insert

_CHUNK = 1 << 20
_LINE = 64 << 20  # a first line that is longer than this is a document
CONTINUED = frozenset({"otlp-json"})
"""Formats in which every line says all by itself: what came after the end of the last reading can be read alone."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file, or its beginning, as it was read: `bytes` of it with `sha256` in `lines` lines, the first of which hashes
    to `head`. reading: how it was asked to be read. head is None for what is not JSON lines."""

    file_id: int
    sha256: str
    bytes: int
    format: str
    reading: str
    head: str | None
    lines: int


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it is now. ended: (bytes, hash, lines) up to the end of its last whole line. known: what the store has
    read of it, all of it or a beginning, the shortest first. half: whether a line that is no JSON yet follows."""

    sha256: str
    bytes: int
    head: str | None
    lines: int
    ended: tuple[int, str, int]
    half: bool
    known: Sequence[Known]

    def without_half(self) -> Content:
        """The same as if its last, half-written line were not there yet."""
        size, sha256, lines = self.ended
        return Content(
            sha256, size, self.head, lines, self.ended, False, [one for one in self.known if one.bytes <= size]
        )

    def rest(self, reading: str) -> Known | None:
        """Where reading may go on: what was read before, in the same way, up to the end of a line. None where the whole
        is to be read."""
        last = self.known[-1] if self.known else None
        if last is None or last.format not in CONTINUED or any(one.reading != reading for one in self.known):
            return None
        return last if last.lines else None


@dataclass(frozen=True, slots=True)
class Taken:
    """An input that is in the raw tables now. content: None where it cannot be known again."""

    file_id: int
    name: str
    content: Content | None
    format: str
    spans: int
    notes: Sequence[NoteRow]


def next_file_id(con: duckdb.DuckDBPyConnection) -> int:
    """The number of the input that is read next."""
    found: int = con.execute("SELECT coalesce(max(file_id), 0) + 1 FROM raw.files").fetchall()[0][0]
    return found


def remember(con: duckdb.DuckDBPyConnection, taken: Sequence[Taken], reading: str) -> list[Known]:
    """Write down which inputs were read, and what is to be said of them; answers those that can be known again."""
    known, rows = [], []
    for one in taken:
        row = {"file_id": one.file_id, "path": one.name, "sha256": None, "bytes": 0, "format": one.format,
               "spans": one.spans, "reading": reading, "head": None, "lines": None}  # fmt: skip
        if (read := one.content) is not None:
            row |= {"sha256": read.sha256, "bytes": read.bytes, "head": read.head, "lines": read.lines}
            known.append(Known(one.file_id, read.sha256, read.bytes, one.format, reading, read.head, read.lines))
        rows.append(row)
    notes = [
        {"file_id": one.file_id, "line": note.line, "severity": note.severity, "message": note.message,
         "advice": note.advice}
        for one in taken for note in one.notes
    ]  # fmt: skip
    for table, told in (("raw.files", rows), ("raw.notes", notes)):
        if told:
            insert(con, table, pa.Table.from_pylist(told))
    return known


class KnownFiles:
    """What the store has read."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._by_hash: dict[str, list[Known]] = defaultdict(list)
        self._by_head: dict[str, list[Known]] = defaultdict(list)
        self.changes = 0
        self._changed: dict[str | None, int] = {}
        for row in con.execute(
            "SELECT file_id, sha256, bytes, format, reading, head, lines FROM raw.files WHERE sha256 IS NOT NULL "
            "ORDER BY file_id"
        ).fetchall():
            self.add(Known(*row))

    def add(self, one: Known) -> None:
        """What was read just now."""
        self._note(one)
        self._by_hash[one.sha256].append(one)
        if one.head is not None:
            self._by_head[one.head].append(one)

    def drop(self, gone: Sequence[Known]) -> None:
        """What was read anew."""
        for one in gone:
            self._note(one)
            self._by_hash[one.sha256].remove(one)
            if one.head is not None:
                self._by_head[one.head].remove(one)

    def changed(self, content: Content, since: int) -> bool:
        """Whether something that may be this file was read since there were so many `changes`."""
        heads = (content.sha256, content.head) if content.head else (content.sha256,)
        return any(self._changed.get(one, 0) > since for one in heads)

    def _note(self, one: Known) -> None:
        self.changes += 1
        self._changed[one.sha256] = self._changed[one.head] = self.changes

    def look(self, path: Path) -> Content:
        """A file as it is now, and what of it is known. Raises OSError."""
        head = _head(path)
        asked = self._by_head.get(head, []) if head else []
        sha256, sizes, ended, size, lines = _hashes(path, [one.bytes for one in asked])
        known = [one for one in asked if sizes.get(one.bytes) == one.sha256]
        known += [one for one in self._by_hash.get(sha256, []) if one not in known]
        half = head is not None and size > ended[0] and not is_json(_tail(path, ended[0], size))
        return Content(
            sha256, size, head, lines if ended[0] == size else 0, ended, half, sorted(known, key=lambda one: one.bytes)
        )


def _head(path: Path) -> str | None:
    """The hash of the first line, where that is a JSON object: such a file holds lines."""
    with path.open("rb") as stream:
        line = stream.readline(_LINE)
    if line[:1] != b"{" or not line.endswith(b"\n") or not is_json(line):
        return None
    return hashlib.sha256(line).hexdigest()


def _hashes(path: Path, sizes: Iterable[int]) -> tuple[str, dict[int, str], tuple[int, str, int], int, int]:
    """In one reading: the hash of the whole, those of its beginnings of these sizes, (bytes, hash, lines) of its whole
    lines, bytes and lines of the whole."""
    whole, ended = hashlib.sha256(), (0, "", 0)
    found: dict[int, str] = {}
    waiting = sorted(set(sizes), reverse=True)
    at = lines = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            line_end = chunk.rfind(b"\n") + 1
            stops = {line_end, len(chunk)} - {0}
            while waiting and waiting[-1] <= at + len(chunk):
                stops.add(waiting.pop() - at)
            done = 0
            lines += chunk.count(b"\n")
            for stop in sorted(stops):
                whole.update(chunk[done:stop])
                done = stop
                found[at + stop] = whole.hexdigest()
            if line_end:
                ended = (at + line_end, found[at + line_end], lines)
            at += len(chunk)
    return whole.hexdigest(), found, ended, at, lines


def _tail(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(start)
        return stream.read(end - start)
