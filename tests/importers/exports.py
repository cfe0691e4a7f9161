"""Exports of other tools for tests: a file's text in; rows, notes or the sketch of its one trace out."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from agentdbg.importers import Importer, Row, Source, shelf
from agentdbg.model import Trace
from agentdbg.rows import NoteRow, RawSpan
from agentdbg.sketch import write
from agentdbg.store.packs import row_of
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


ODD: tuple[Any, ...] = (None, 7, -1, True, 1e308, 2**70, "x", "", "{", [], [1], {}, {"a": 1}, [[]])


def check_cuts(name: str, text: str, half: bool = False) -> None:
    """Wherever a file ends early: it is noted, and its spans are some of the whole file's. half: what is read before the
    end may tell less than it would with what comes after it."""
    text = text.rstrip()
    whole = {span.span_id: _content(span) for span in spans(name, text)}
    step = max(1, len(text) // 150)
    for at in range(1, len(text), step):
        if text[at] == "\n" or text[at - 1] == "\n":
            continue
        found = rows(name, text[:at])
        assert any(isinstance(row, NoteRow) and row.severity == "data_loss" for row in found), text[:at][-80:]
        for row in found:
            if isinstance(row, RawSpan):
                assert row.span_id in whole
                assert half or _content(row) == whole[row.span_id], text[:at][-80:]


def _content(span: RawSpan) -> Any:
    """What the record of a span tells; what is told of its trace or process may come after it."""
    told = {key: value for key, value in span.attributes.items() if ".trace." not in key}
    return (
        span.name,
        span.parent_id,
        span.start_ns,
        span.end_ns,
        span.status,
        span.status_message,
        told,
        span.events,
        span.links,
    )


def check_odd_values(name: str, records: Any, as_text: Any = json.dumps) -> None:
    """Whatever stands in the place of any one value: rows that can be written as JSON and understood, ids and times."""
    for odd in _each_odd(records):
        for row in rows(name, as_text(odd)):
            assert msgspec.json.encode(row)
            if isinstance(row, RawSpan):
                assert row_of(row).kind
                assert row.trace_id
                assert row.span_id
                assert all(time is None or 0 <= time < 2**63 for time in (row.start_ns, row.end_ns))


def _each_odd(value: Any) -> Iterator[Any]:
    """The value with one inner value replaced, for each of them."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in list(inner):
        for odd in [*ODD, *_each_odd(one)]:
            changed = value.copy()
            changed[key] = odd
            yield changed
