"""The public views as the database itself documents them: what `COMMENT ON` says, and the types."""

from __future__ import annotations

from dataclasses import dataclass

from agentdbg.model import Reader


@dataclass(frozen=True, slots=True)
class ColumnDoc:
    """A column: its name, its SQL type, what it means."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True)
class ViewDoc:
    """A public view: its name, what a row is, its columns in order."""

    name: str
    comment: str
    columns: tuple[ColumnDoc, ...]


def documented(reader: Reader) -> list[ViewDoc]:
    """Every public view, sorted by name."""
    columns: dict[str, list[ColumnDoc]] = {}
    for view, name, kind, comment in reader.rows(
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns()"
        " WHERE schema_name = 'main' AND NOT internal ORDER BY table_name, column_index"
    ):
        columns.setdefault(view, []).append(ColumnDoc(name, kind, comment or ""))
    views = reader.rows(
        "SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal ORDER BY view_name"
    )
    return [ViewDoc(name, comment or "", tuple(columns.get(name, ()))) for name, comment in views]
