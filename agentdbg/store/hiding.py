"""Rows on their way into the store, with placeholders for secrets and personal data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

import duckdb

from agentdbg.importers import Input
from agentdbg.importers.contract import Row
from agentdbg.redact import Redactor
from agentdbg.rows import NoteRow, RawEvent, RawLog, RawSpan


def hiding(con: duckdb.DuckDBPyConnection, inputs: Sequence[Input]) -> Callable[[Iterator[Row]], Iterator[Row]]:
    """What takes rows without what is to be hidden out of rows with it.

    One for all that is read together. What another ingest hid is numbered apart, by a mark made of what is read,
    since nothing tells which of its values are the same."""
    ((files, last),) = con.execute("SELECT count(*), max(file_id) FROM raw.files").fetchall()
    if not files:
        return partial(_hidden, Redactor())
    sizes = [(one.name, os.path.getsize(one.path) if os.path.isfile(one.path) else 0) for one in inputs]
    mark = blake2b(repr((files, last, sizes)).encode(), digest_size=2).hexdigest()
    return partial(_hidden, Redactor(f"{mark}."))


def _hidden(by: Redactor, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows; ids, times and counts stay."""
    for row in rows:
        if isinstance(row, RawSpan):
            row.name = by.text(row.name)
            row.status_message = by.text(row.status_message) if row.status_message else row.status_message
            row.attributes, row.resource = _values(by, row.attributes), _values(by, row.resource)
            row.events = [_event(by, event) for event in row.events]
            row.links = [by.value(link) for link in row.links]
        elif isinstance(row, RawLog):
            row.event = _event(by, row.event)
        elif isinstance(row, NoteRow):
            row.message = by.text(row.message)
        yield row


def _event(by: Redactor, event: RawEvent) -> RawEvent:
    return RawEvent(by.text(event.name), event.time_ns, _values(by, event.attributes), by.value(event.body))


def _values(by: Redactor, attributes: dict[str, Any]) -> dict[str, Any]:
    """Names of attributes are those of a convention; their last word says what they hold."""
    return {name: by.member(name.rpartition(".")[2], value) for name, value in attributes.items()}
