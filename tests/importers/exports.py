"""Exports of other tools for tests: a file's text in; rows, notes or the sketch of its one trace out."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentdbg.importers import Importer, Row, Source, shelf
from agentdbg.model import Trace
from agentdbg.rows import NoteRow, RawSpan
from agentdbg.sketch import write
from tests.stores import of_files


def importer(name: str) -> Importer:
    return next(one for one in shelf() if one.name == name)


def recognised(name: str, text: str) -> bool:
    return importer(name).sniff(text.encode(), "x")


def chosen(text: str) -> str | None:
    """The importer that is asked first and says yes."""
    return next((one.name for one in shelf() if one.sniff(text.encode(), "x")), None)


def rows(name: str, text: str | bytes) -> list[Row]:
    return list(importer(name).read(io.BytesIO(text if isinstance(text, bytes) else text.encode()), Source("x")))


def spans(name: str, text: str | bytes) -> list[RawSpan]:
    return [row for row in rows(name, text) if isinstance(row, RawSpan)]


def notes(name: str, text: str | bytes) -> list[NoteRow]:
    return [row for row in rows(name, text) if isinstance(row, NoteRow)]


def lines(records: Iterable[Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def trace(folder: Path, *texts: str) -> Trace:
    """The one trace that these files hold together, recognised by their content."""
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"file{number}.txt")
        files[-1].write_text(text, "utf-8")
    reader = of_files(*files).reader()
    [trace_id] = reader.trace_ids()
    return reader.trace(trace_id)


def sketch(folder: Path, *texts: str) -> str:
    return write(trace(folder, *texts))
