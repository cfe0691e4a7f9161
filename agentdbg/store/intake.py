"""The first half of an ingest: each input into the raw tables, in a transaction of its own."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from agentdbg.errors import AgentdbgError
from agentdbg.importers import Input, open_input, read_input
from agentdbg.model import Note
from agentdbg.rows import NoteRow
from agentdbg.store.columnar import opened
from agentdbg.store.files import Content, Known, KnownFiles
from agentdbg.store.forgetting import forget
from agentdbg.store.ingest import Counts, write
from agentdbg.store.packs import Pack, below, packed
from agentdbg.store.reports import FileReport, ImportOptions, Progress
from agentdbg.store.writing import roll_back

if TYPE_CHECKING:
    from agentdbg.importers import Opened
    from agentdbg.store.processes import Ahead, Result, Task

GROWING_S = 10.0
"""A file that was written to so shortly ago may be in the middle of a line."""
LARGE = 64 << 20
"""Bytes of all inputs from which several processes pay for their start."""
_HALF = NoteRow("info", "the last line is half-written and waits for the next ingest: the file is still growing")


class _Look(NamedTuple):
    """An input as it is to be read (None: it is no file, or not to be compared with anything), what is to be said of
    its end, and how much the store had read when it was looked at."""

    changes: int
    content: Content | None
    waits: list[NoteRow]


class Intake:
    """Takes inputs into a store. on_disk: whether there is anything to compare them with."""

    def __init__(self, con: duckdb.DuckDBPyConnection, options: ImportOptions, *, on_disk: bool) -> None:
        self._con = con
        self._options = options
        self._reading = json.dumps({"from": options.forced, "map": dict(options.mapping)}, sort_keys=True)
        self._files = KnownFiles(con) if on_disk else None
        self._unchanged: dict[str, list[int]] = {}
        self._looked: dict[str, _Look] = {}

    def take(self, inputs: Sequence[Input], progress: Progress | None) -> list[FileReport]:
        """Read each input, all of it or nothing. What is there already is not read again."""
        jobs = self._jobs(inputs)
        if jobs == 1:
            return [self._take(one, None, progress) for one in inputs]
        from agentdbg.store.processes import Ahead, processes

        with processes(jobs) as executor:
            ahead = Ahead(executor, self._tasks(inputs), jobs)
            return [self._take(one, ahead, progress) for one in inputs]

    def _jobs(self, inputs: Sequence[Input]) -> int:
        if self._files is None or self._options.jobs is not None:
            return self._options.jobs or 1
        size = sum(os.path.getsize(one.path) for one in inputs if os.path.isfile(one.path))
        return (os.cpu_count() or 1) if size >= LARGE else 1

    def _tasks(self, inputs: Sequence[Input]) -> Iterator[tuple[str, Task]]:
        """What other processes can read of these inputs: of those of which nothing is known."""
        from agentdbg.store.processes import tasks

        for one in inputs:
            look = self._looked[one.name] = self._look(one)
            if look.content is not None and not look.content.known:
                for task in tasks(one, self._options.forced, self._options.mapping, look.content):
                    yield one.name, task

    def _take(self, one: Input, ahead: Ahead | None, progress: Progress | None) -> FileReport:
        parts = ahead.results(one.name) if ahead else iter(())
        first = next(parts, None)  # looks at the input, also where it is to be read here
        look = self._looked.pop(one.name, None) or self._look(one)
        if look.content is not None and self._files is not None and self._files.changed(look.content, look.changes):
            look, first = self._look(one), None
        content = look.content
        if content and any(known.reading == self._reading and known.bytes == content.bytes for known in content.known):
            self._unchanged[one.name] = [known.file_id for known in content.known]
            report = FileReport(one.name, "unchanged", bytes=content.bytes, notes=_notes(one, look.waits))
        else:
            report = self._transact(one, look, chain([first], parts) if first else None, progress)
        for _ in parts:  # what was read in vain
            pass
        return report

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

    def _transact(
        self, one: Input, look: _Look, parts: Iterator[tuple[Task, Result]] | None, progress: Progress | None
    ) -> FileReport:
        content = look.content
        start = content.rest(self._reading) if content else None
        counts = Counts(notes=list(look.waits))
        size = content.bytes if content else os.path.getsize(one.path) if os.path.isfile(one.path) else 0
        gone = list(content.known) if content and not start else []
        self._con.execute("BEGIN")
        try:
            if gone:
                forget(self._con, [known.file_id for known in gone], counts.notes)
            file_id = self._con.execute("SELECT coalesce(max(file_id), 0) + 1 FROM raw.files").fetchall()[0][0]
            importer, packs = self._read(one, content, start, parts)
            write(self._con, file_id, packs, counts, (lambda n: progress(one.name, n)) if progress else None)
            if not (counts.spans or counts.logs or start):  # nothing to remember: a later version may know the format
                roll_back(self._con)
                return FileReport(one.name, "note", bytes=size, notes=_notes(one, counts.notes))
            known = self._remember(file_id, one, content, importer, counts)
            self._con.execute("COMMIT")
        except AgentdbgError as error:
            roll_back(self._con)
            return FileReport(one.name, "unreadable", bytes=size, error=error, notes=_notes(one, counts.notes))
        except BaseException:
            roll_back(self._con)
            raise
        if self._files is not None and known is not None:
            self._files.drop(gone)
            self._files.add(known)
        state = "grown" if start else "anew" if gone else "new"
        return FileReport(one.name, state, counts.spans, counts.logs, counts.known, size)

    def _read(
        self,
        one: Input,
        content: Content | None,
        start: Known | None,
        parts: Iterator[tuple[Task, Result]] | None,
    ) -> tuple[str, Iterator[Pack]]:
        """The name of the format of an input and what is in it, as other processes read it or, without parts, read
        here; of one that may be growing, up to where it ended when it was looked at."""
        if parts is not None:
            from agentdbg.store.processes import joined

            first = next(parts)
            return first[1].importer, joined(chain([first], parts))

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
        return reading.importer or "", below(packed(reading), start.lines if start else 0)

    def _remember(
        self, file_id: int, one: Input, content: Content | None, importer: str, counts: Counts
    ) -> Known | None:
        known = None
        if content is not None:
            known = Known(file_id, content.sha256, content.bytes, importer, self._reading, content.head, content.lines)
        self._con.execute(
            "INSERT INTO raw.files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [file_id, one.name, known and known.sha256, known.bytes if known else 0, importer, counts.spans,
             self._reading, known and known.head, known and known.lines],
        )  # fmt: skip
        for note in counts.notes:
            self._con.execute(
                "INSERT INTO raw.notes VALUES (?, ?, ?, ?, ?)",
                [file_id, note.line, note.severity, note.message, note.advice],
            )
        return known

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


def _notes(one: Input, notes: Sequence[NoteRow]) -> tuple[Note, ...]:
    places = [one.name + (f":{note.line}" if note.line else "") for note in notes]
    return tuple(Note(n.severity, place, n.message, n.advice) for n, place in zip(notes, places, strict=True))
