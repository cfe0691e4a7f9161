"""What LangSmith's SDKs post: bodies of /runs/multipart (one part a run and one a large field, an update apart from
its run) and of /runs/batch ({"post": [...], "patch": [...]})."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_pieces import Piece, pieces
from agentdbg.importers.json_records import salvaged, unknown, unreadable
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.json_values import NotJson, loads
from agentdbg.importers.langsmith_runs import MARKS, spans
from agentdbg.importers.multipart import Part, boundary, parts
from agentdbg.importers.notes import Notebook
from agentdbg.importers.streams import HEAD_BYTES, joined
from agentdbg.rows import RawSpan

_OPERATIONS = ("post", "patch")
_FIELD = re.compile(rb'\bname="?(?:post|patch|feedback|attachment)\.', re.IGNORECASE)
_PLACED = (*MARKS, "trace_id")
_HELD_BYTES = 32 * 1024 * 1024  # an SDK sends bodies of 20 MB at most
_RUNS_DEPTH = 2  # {"post": [ are two open brackets


class LangSmithWire:
    """A run that is begun and ended in the same input is put together here. Where its update comes in another input,
    each is a copy of the span, as far as it tells."""

    name = "langsmith-wire"
    rank = 5

    def sniff(self, head: bytes, name: str) -> bool:
        if boundary(head) is not None:
            return _FIELD.search(head) is not None
        return any(
            f"{operation}.id" in shape and any(f"{operation}.{mark}" in shape for mark in _PLACED)
            for shape in shapes(head)
            for operation in _OPERATIONS
        )

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        runs = _Runs()
        head = stream.read(HEAD_BYTES)
        delimiter = boundary(head)
        stream = joined(head, stream)
        for _ in _batches(stream, runs) if delimiter is None else _form(stream, delimiter, runs):
            yield from runs.ready()
            yield from runs.notes.drain()
        yield from runs.rest()
        yield from runs.notes.finish()


def _batches(stream: BinaryIO, runs: _Runs) -> Iterator[None]:
    """Takes in JSON bodies, one a step."""
    for piece in pieces(stream):
        body, _ = salvaged(piece, "a body of posts and patches", runs.notes, _RUNS_DEPTH)
        lists = [body[key] for key in _OPERATIONS if isinstance(body.get(key), list)] if isinstance(body, dict) else []
        if body is not None and not lists:
            unknown(body, "an object with post or patch", piece.line, runs.notes)
        for run in (run for listed in lists for run in listed):
            if isinstance(run, dict) and run.get("id"):
                runs.add(str(run["id"]), run, piece.line, len(piece.text) // max(1, sum(map(len, lists))))
            else:
                unknown(run, "a run with an id", piece.line, runs.notes)
        yield


def _form(stream: BinaryIO, delimiter: bytes, runs: _Runs) -> Iterator[None]:
    """Takes in multipart bodies, one part a step."""
    for part in parts(stream, delimiter):
        operation, _, rest = part.name.partition(".")
        run_id, _, field = rest.partition(".")
        if operation == "attachment":
            runs.attach(run_id, field, part)
        elif operation not in (*_OPERATIONS, "feedback") or not run_id:
            what = f"a field named {part.name[:80]}" if part.name else "bytes of no field"
            runs.notes.add("data_loss", "a part was left out", f"{what}, {len(part.content):,} bytes", line=part.line)
        else:
            _take(operation, run_id, field, part, runs)
        yield


def _take(operation: str, run_id: str, field: str, part: Part, runs: _Runs) -> None:
    piece = Piece(part.content, part.line, part.fault)
    try:
        value, remarks = loads(part.content)
    except NotJson as error:
        unreadable(piece, f"the part {part.name}", str(error), "", runs.notes)
        return
    for remark in remarks:
        runs.notes.add("info", remark, line=part.line)
    if part.fault == "cut":
        runs.notes.add("info", "the body is not closed: its last part was read whole", line=part.line)
    if operation == "feedback":
        runs.comment(run_id, value, part)
    elif field:
        runs.add(run_id, {field: value}, part.line, len(part.content))
    elif isinstance(value, dict):
        runs.add(run_id, value, part.line, len(part.content))
    else:
        unknown(value, "a run", part.line, runs.notes)


class _Runs:
    """Runs as they are put together, the one touched last at the end; past _HELD_BYTES those at the front are done."""

    def __init__(self) -> None:
        self.notes = Notebook()
        self._held: dict[str, tuple[dict[str, Any], int, int]] = {}  # run, line, bytes
        self._bytes = 0

    def add(self, run_id: str, fields: dict[str, Any], line: int, size: int) -> None:
        """What a part or an update tells: later values win, but for null and empty ones."""
        run, first, held = self._held.pop(run_id, ({"id": run_id}, line, 0))
        for key, value in fields.items():
            if value is not None and (key not in run or value not in ({}, [], "")):
                run[key] = value
        self._held[run_id] = run, first, held + size
        self._bytes += size

    def attach(self, run_id: str, name: str, part: Part) -> None:
        """An attachment: what it is stays with its run, the bytes do not."""
        known = self._held[run_id][0].get("attachments") if run_id in self._held else None
        told = {name: {"mime_type": part.kind, "bytes": len(part.content)}}
        self.add(run_id, {"attachments": {**(known if isinstance(known, dict) else {}), **told}}, part.line, 0)
        detail = f"{name[:80]}, {part.kind}, {len(part.content):,} bytes"
        self.notes.add("data_loss", "the content of attachments is not kept", detail, line=part.line)

    def comment(self, name: str, value: Any, part: Part) -> None:
        """Feedback, which names its run inside or by the part's name."""
        run_id = str(value.get("run_id") or name) if isinstance(value, dict) else name
        if run_id not in self._held:
            self.notes.add("data_loss", "feedback on a run that is not here was left out", part.name[:80],
                           line=part.line)  # fmt: skip
            return
        known = self._held[run_id][0].get("feedback")
        self.add(run_id, {"feedback": [*(known if isinstance(known, list) else []), value]}, part.line, 0)

    def ready(self) -> Iterator[RawSpan]:
        """Runs that nothing was heard of for longest, as many as are too many to be held."""
        while self._bytes > _HELD_BYTES and len(self._held) > 1:
            yield from self._done(next(iter(self._held)))

    def rest(self) -> Iterator[RawSpan]:
        """All that are still held."""
        for run_id in list(self._held):
            yield from self._done(run_id)

    def _done(self, run_id: str) -> Iterator[RawSpan]:
        run, line, size = self._held.pop(run_id)
        self._bytes -= size
        if any(run.get(key) for key in _PLACED):
            yield from spans(run, Piece(run_id.encode("utf-8", "replace"), line), self.notes)
        else:
            fields = ", ".join(sorted(key for key in run if key != "id"))[:200]
            self.notes.add("data_loss", "fields of a run that is not here were left out", f"{fields} of run {run_id}",
                           "read the files of one export together", line)  # fmt: skip
