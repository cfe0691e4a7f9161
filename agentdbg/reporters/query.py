"""The answer to a user's SQL: a table for people, an array of row objects for programs."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TextIO

from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.line import Line, Look, wrapped, write
from agentdbg.view.clean import cells
from agentdbg.view.units import count

Rows = Sequence[Sequence[Any]]
_NARROW = 16
"""Cells that a column must get at least, if it needs them."""
_CELL = 400
"""Terminal cells of a value that are shown; JSON has it whole."""


def table(names: Sequence[str], rows: Rows, stream: TextIO, look: Look) -> None:
    """Columns under their names, numbers to the right, and how many rows there were. NULL is an empty cell.

    What would leave columns too narrow to read is told row by row instead, a line a value.
    """
    shape = [Column(look.text(name), right=_numeric(rows, n)) for n, name in enumerate(names)]
    shown = [[look.cut(look.text(_cell(value)[: _CELL + 1]), _CELL) for value in row] for row in rows]
    needed = [max([cells(column.title), *(cells(row[n]) for row in shown)]) for n, column in enumerate(shape)]
    wide = sum(min(width, _NARROW) + 2 for width in needed) > look.width + 2
    lines = _records(shape, shown, look) if wide else columns(shape, shown, look)
    write([*lines, Line(count(len(rows), "row"), "dim")], stream, look)


def _records(shape: Sequence[Column], rows: Sequence[Sequence[str]], look: Look) -> Iterator[Line]:
    width = max(cells(column.title) for column in shape)
    for row in rows:
        for column, value in zip(shape, row, strict=True):
            if value:
                yield from wrapped(Line(column.title, "dim").pad(width + 2), value, Line().pad(width + 2), look.width)
        yield Line()


def as_json(names: Sequence[str], rows: Rows, stream: TextIO) -> None:
    """An array with an object a row. A name that occurs twice gets a number, so that no value is lost."""
    keys = _distinct(names)
    stream.write("[")
    for n, row in enumerate(rows):
        stream.write(",\n " if n else "\n ")
        json.dump({key: plain(value) for key, value in zip(keys, row, strict=True)}, stream)
    stream.write("\n]\n" if rows else "]\n")


def plain(value: Any) -> Any:
    """A DuckDB value as JSON has it: what is no number becomes null, times are ISO 8601, bytes base64."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    return str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e15 else repr(value)
    told = plain(value)
    return told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)


def _numeric(rows: Rows, column: int) -> bool:
    values = [row[column] for row in rows if row[column] is not None]
    return bool(values) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in values
    )


def _distinct(names: Sequence[str]) -> list[str]:
    out: list[str] = []
    for name in names:
        number = 2
        key = name
        while key in out:
            key = f"{name}_{number}"
            number += 1
        out.append(key)
    return out
