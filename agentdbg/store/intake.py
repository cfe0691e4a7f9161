"""The first half of an ingest: each input into the raw tables, in a transaction of its own."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import duckdb

from agentdbg.errors import AgentdbgError
from agentdbg.importers import Input, open_input, read_input
from agentdbg.model import Note
from agentdbg.rows import NoteRow
from agentdbg.store import together
from agentdbg.store.columnar import opened
from agentdbg.store.files import Content, Known, KnownFiles, Taken, next_file_id, remember
from agentdbg.store.forgetting import forget
from agentdbg.store.ingest import Counts, write
from agentdbg.store.packs import Pack, below, packed
from agentdbg.store.reports import FileReport, ImportOptions, Progress
from agentdbg.store.together import Small
from agentdbg.store.writing import roll_back

if TYPE_CHECKING:
    from agentdbg.importers import Opened
    from agentdbg.importers.contract import Row
    from agentdbg.store.processes import Ahead, Result, Task

Read: TypeAlias = tuple[str, Iterator[Pack]]
"""The name of the format of an input, and what is in it."""
GROWING_S = 10.0
"""A file that was written to so shortly ago may be in the middle of a line."""
LARGE = 64 << 20
"""Bytes of all inputs from which several processes pay for their start."""
SMALL, MANY, FEW = 256 << 10, 256, 2
"""Bytes up to which an input is stored together with others, how many of them at most, and of how many packs none is.
"""
_HALF = NoteRow("info", "the last line is half-written and waits for the next ingest: the file is still growing")


class _Look(NamedTuple):
    """An input as it is to be read (None: it is no file, or not to be compared with anything), what is to be said of
    its end, and how much the store had read when it was looked at."""

    changes: int
    content: Content | None
    waits: list[NoteRow]


class Intake:
    """Takes inputs into a store. on_disk: whether there is anything to compare them with. hide: what takes secrets out
    of them."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        options: ImportOptions,
        *,
        on_disk: bool,
        hide: Callable[[Iterator[Row]], Iterator[Row]] | None = None,
    ) -> None:
        self._con = con
        self._options = options
        reading = {"from": options.forced, "map": dict(options.mapping)} | ({"redact": True} if options.redact else {})
        self._reading = json.dumps(reading, sort_keys=True)
        self._hide = hide
        self._files = KnownFiles(con) if on_disk else None
        self._unchanged: dict[str, list[int]] = {}
        self._looked: dict[str, _Look] = {}
        self._waiting: list[tuple[Input, _Look, Small]] = []
        self._reports: dict[str, FileReport] = {}

    def take(self, inputs: Sequence[Input], progress: Progress | None) -> list[FileReport]:
        """Read each input, all of it or nothing. What is there already is not read again."""
        jobs = self._jobs(inputs)
        if jobs == 1:
            self._take_each(inputs, None, progress)
        else:
            from agentdbg.store.processes import Ahead, processes

            with processes(jobs) as executor:
                self._take_each(inputs, Ahead(executor, self._tasks(inputs), jobs), progress)
        return [self._reports[one.path] for one in inputs]

    def _take_each(self, inputs: Sequence[Input], ahead: Ahead | None, progress: Progress | None) -> None:
        try:
            for one in inputs:
                parts = ahead.results(one.name) if ahead else iter(())
                first = next(parts, None)  # looks at the input, also where it is to be read here
                look = self._looked.pop(one.path, None) or self._look(one)
                self._take(one, look, _joined(first, parts), progress)
                for _ in parts:  # what was read in vain
                    pass
        finally:
            self._store_waiting(progress)

    def _jobs(self, inputs: Sequence[Input]) -> int:
        if self._hide:
            return 1  # whose numbers of hidden values are those of the order of reading
        if self._files is None or self._options.jobs is not None:
            return self._options.jobs or 1
        size = sum(os.path.getsize(one.path) for one in inputs if os.path.isfile(one.path))
        return (os.cpu_count() or 1) if size >= LARGE else 1

    def _tasks(self, inputs: Sequence[Input]) -> Iterator[tuple[str, Task]]:
        """What other processes can read of these inputs: of those of which nothing is known."""
        from agentdbg.store.processes import tasks

        for one in inputs:
            look = self._looked[one.path] = self._look(one)
            if look.content is not None and not look.content.known:
                for task in tasks(one, self._options.forced, self._options.mapping, look.content):
                    yield one.name, task

    def _take(self, one: Input, look: _Look, read: Read | None, progress: Progress | None) -> None:
        """Store an input, a small one together with others that follow."""
        content = look.content
        if not _is_small(one, content):
            self._store_waiting(progress)
            self._reports[one.path] = self._alone(one, look, read, progress)
            return
        packs: list[Pack] = []
        try:
            importer, more = read or self._read(one, content, None)
            packs += islice(more, FEW)
        except AgentdbgError as error:
            notes = [*look.waits, *(note for pack in packs for note in pack.notes)]
            self._reports[one.path] = _unreadable(one, content, error, notes)
            return
        small = Small(one.name, content, importer, packs, look.waits)
        if small.spans and len(packs) < FEW and not any(pack.logs for pack in packs):
            self._waiting.append((one, look, small))
            if len(self._waiting) >= MANY:
                self._store_waiting(progress)
        else:
            self._store_waiting(progress)
            self._reports[one.path] = self._alone(one, look, (importer, chain(packs, more)), progress)

    def _store_waiting(self, progress: Progress | None) -> None:
        waiting, self._waiting = self._waiting, []
        self._store_together(waiting, progress)

    def _store_together(self, group: list[tuple[Input, _Look, Small]], progress: Progress | None) -> None:
        """In one transaction; those that meet something in one of their own, found by halves."""
        if not group:
            return
        known = together.store(self._con, [small for _, _, small in group], self._reading)
        if known is not None:
            for one, _, small in group:
                self._reports[one.path] = FileReport(one.name, "new", small.spans, bytes=_size(one, small.content))
                if progress:
                    progress(one.name, small.spans)
            for file in known:
                if self._files is not None:
                    self._files.add(file)
        elif len(group) == 1:
            one, look, small = group[0]
            self._reports[one.path] = self._alone(one, look, (small.importer, iter(small.packs)), progress)
        else:
            half = len(group) // 2
            self._store_together(group[:half], progress)
            self._store_together(group[half:], progress)

    def _alone(self, one: Input, look: _Look, read: Read | None, progress: Progress | None) -> FileReport:
        """In a transaction of its own."""
        if look.content is not None and self._files is not None and self._files.changed(look.content, look.changes):
            look, read = self._look(one), None
        content = look.content
        if content and any(known.reading == self._reading and known.bytes == content.bytes for known in content.known):
            self._unchanged[one.name] = [known.file_id for known in content.known]
            return FileReport(one.name, "unchanged", bytes=content.bytes, notes=_notes(one, look.waits))
        return self._transact(one, look, read, progress)

    def _look(self, one: Input) -> _Look:
        changes = self._files.changes if self._files is not None else 0
        return _Look(changes, *self._content(one))

    def _content(self, one: Input) -> tuple[Content | None, list[NoteRow]]:
        """A file on disk as it is to be read, and what is to be said of its end."""
        if self._files is None or not os.path.isfile(one.path):
            return None, []
        try:
            content = self._files.look(Path(one.path))
            if content.half and (self._grew(content) or time.time() - os.path.getmtime(one.path) < GROWING_S):
                return content.without_half(), [_HALF]
        except OSError:
            return None, []  # reading it says why
        return content, []

    def _grew(self, content: Content) -> bool:
        return bool(content.known) and content.known[-1].bytes < content.ended[0]

    def _transact(self, one: Input, look: _Look, read: Read | None, progress: Progress | None) -> FileReport:
        content = look.content
        start = content.rest(self._reading) if content else None
        counts = Counts(notes=list(look.waits))
        size = _size(one, content)
        gone = list(content.known) if content and not start else []
        self._con.execute("BEGIN")
        try:
            if gone:
                forget(self._con, [known.file_id for known in gone], counts.notes)
            file_id = next_file_id(self._con)
            importer, packs = read or self._read(one, content, start)
            write(self._con, file_id, packs, counts, (lambda n: progress(one.name, n)) if progress else None)
            if not (counts.spans or counts.logs or start):  # nothing to remember: a later version may know the format
                roll_back(self._con)
                return FileReport(one.name, "note", bytes=size, notes=_notes(one, counts.notes))
            taken = Taken(file_id, one.name, content, importer, counts.spans, counts.notes)
            known = remember(self._con, [taken], self._reading)
            self._con.execute("COMMIT")
        except AgentdbgError as error:
            roll_back(self._con)
            return _unreadable(one, content, error, counts.notes)
        except BaseException:
            roll_back(self._con)
            raise
        if self._files is not None and known:
            self._files.drop(gone)
            self._files.add(known[0])
        state = "grown" if start else "anew" if gone else "new"
        return FileReport(one.name, state, counts.spans, counts.logs, counts.known, size)

    def _read(self, one: Input, content: Content | None, start: Known | None) -> Read:
        """An input read here; of one that may be growing, up to where it ended when it was looked at."""

        def part(path: str) -> Opened:
            assert content is not None
            return open_input(path, (start.bytes if start else 0, content.bytes))

        reading = read_input(
            one,
            forced=start.format if start else self._options.forced,
            mapping=self._options.mapping,
            opener=part if content and content.head else opened,
            rest=start is not None,
        )
        rows = self._hide(reading) if self._hide else reading
        return reading.importer or "", below(packed(rows), start.lines if start else 0)

    def priced_anew(self, reports: Sequence[FileReport]) -> list[FileReport]:
        """The reports, after traces of unchanged files whose costs were made by other prices were marked to be resolved
        again."""
        ids = [file_id for files in self._unchanged.values() for file_id in files]
        if not ids:
            return list(reports)
        rows = self._con.execute(
            "SELECT s.file_id, s.trace_id FROM (SELECT file_id, trace_id FROM raw.spans UNION "
            "SELECT file_id, trace_id FROM raw.copies) s JOIN (SELECT DISTINCT trace_id, run_id FROM raw.spans) r "
            "USING (trace_id) JOIN derived.traces t ON t.trace_id = r.run_id "
            "WHERE list_contains($ids, s.file_id) AND t.prices IS DISTINCT FROM $prices ORDER BY ALL",
            {"ids": ids, "prices": prices_key(self._options)},
        ).fetchall()
        if rows:
            traces = sorted({trace_id for _, trace_id in rows})
            self._con.execute("INSERT INTO raw.pending SELECT unnest(?)", [traces])
        stale = {file_id for file_id, _ in rows}
        return [
            replace(one, state="priced") if stale.intersection(self._unchanged.get(one.source, ())) else one
            for one in reports
        ]


def prices_key(options: ImportOptions) -> str:
    """A name for the user's own prices; "" where there are none."""
    return hashlib.sha256(repr(options.prices.entries).encode()).hexdigest() if options.prices else ""


def _joined(first: tuple[Task, Result | None] | None, parts: Iterator[tuple[Task, Result | None]]) -> Read | None:
    """What other processes read of an input; None where it is to be read here."""
    if first is None or first[1] is None:
        return None
    from agentdbg.store.processes import joined

    return first[1].importer, joined(chain([first], parts))


def _is_small(one: Input, content: Content | None) -> bool:
    return _size(one, content) <= SMALL and os.path.isfile(one.path) and not (content and content.known)


def _size(one: Input, content: Content | None) -> int:
    return content.bytes if content else os.path.getsize(one.path) if os.path.isfile(one.path) else 0


def _unreadable(one: Input, content: Content | None, error: AgentdbgError, notes: Sequence[NoteRow]) -> FileReport:
    return FileReport(one.name, "unreadable", bytes=_size(one, content), error=error, notes=_notes(one, notes))


def _notes(one: Input, notes: Sequence[NoteRow]) -> tuple[Note, ...]:
    places = [one.name + (f":{note.line}" if note.line else "") for note in notes]
    return tuple(Note(n.severity, place, n.message, n.advice) for n, place in zip(notes, places, strict=True))
