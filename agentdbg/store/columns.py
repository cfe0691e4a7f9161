"""Rows to Arrow: the one place that knows how a msgspec row becomes columns."""

from __future__ import annotations

import types
import typing
from collections.abc import Hashable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

_SQL = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}
_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_LIMIT = 2**63


def _plain(annotation: Any) -> Any:
    """The type of an optional field without its None."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return next(one for one in typing.get_args(annotation) if one is not type(None))
    return annotation


@cache
def _hints(row: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(row)


def sql_types(row: type[msgspec.Struct]) -> dict[str, str]:
    """Field name → SQL type, in order."""
    hints = _hints(row)
    return {name: _SQL[_plain(hints[name])] for name in row.__struct_fields__}


def arrow_schema(row: type[msgspec.Struct]) -> pa.Schema:
    """The Arrow schema of a row type; lists are lists of text."""
    hints = _hints(row)
    fields = []
    for name in row.__struct_fields__:
        kind = _plain(hints[name])
        fields.append(pa.field(name, pa.list_(pa.string()) if typing.get_origin(kind) is list else _ARROW[kind]))
    return pa.schema(fields)


def batch(rows: Sequence[msgspec.Struct], schema: pa.Schema) -> pa.RecordBatch:
    """One record batch of rows of one type."""
    values = list(zip(*map(msgspec.structs.astuple, rows), strict=True)) if rows else [()] * len(schema)
    arrays = [_array(column, field.type) for column, field in zip(values, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def insert(
    con: duckdb.DuckDBPyConnection, table: str, data: pa.Table | pa.RecordBatchReader, chosen: str = "*"
) -> None:
    """Append Arrow data to a table by column name. chosen: what to select of it."""
    con.register("incoming", data)
    try:
        con.execute(f"INSERT INTO {table} BY NAME SELECT {chosen} FROM incoming")
    finally:
        con.unregister("incoming")


def _array(column: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(column, type=kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
        return pa.array([_storable(value) for value in column], type=kind)


def _storable(value: Any) -> Any:
    """Lone surrogates become question marks and integers beyond 64 bits absent: Arrow holds neither."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -_LIMIT <= value < _LIMIT:
        return None
    return value
