"""The public views for people and for programs: what may be asked with SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TextIO

from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.line import Line, Look, wrapped, write


class ColumnText(Protocol):
    """A documented column."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def comment(self) -> str: ...


class ViewText(Protocol):
    """A documented view."""

    @property
    def name(self) -> str: ...
    @property
    def comment(self) -> str: ...
    @property
    def columns(self) -> Sequence[ColumnText]: ...


def listing(views: Sequence[ViewText], stream: TextIO, look: Look) -> None:
    """A line a view: its name, its number of columns, what a row is."""
    rows = [[view.name, str(len(view.columns)), look.own(view.comment)] for view in views]
    shape = [Column("view", style="bold"), Column("columns", right=True), Column("rows")]
    last = Line("agentdbg schema VIEW lists its columns", "dim")
    write([*columns(shape, rows, look), last], stream, look)


def view(one: ViewText, stream: TextIO, look: Look) -> None:
    """A view with its columns: name, type, meaning."""
    lines = wrapped(Line(one.name, "bold").add(": "), look.own(one.comment), Line("  "), look.width)
    names = max((len(column.name) for column in one.columns), default=0) + 4
    types = max((len(column.type) for column in one.columns), default=0) + 2
    for column in one.columns:
        head = Line("  ").add(column.name, "bold").pad(names).add(column.type, "dim").pad(names + types)
        lines += wrapped(head, look.own(column.comment), Line().pad(names + types), look.width)
    write(lines, stream, look)


def as_json(views: Sequence[ViewText], stream: TextIO) -> None:
    """Every view with its columns."""
    told = [
        {
            "view": one.name,
            "comment": one.comment,
            "columns": [
                {"name": column.name, "type": column.type, "comment": column.comment} for column in one.columns
            ],
        }
        for one in views
    ]
    document({"views": told}, stream)
