"""JSON values that hold many spans each: a trace, a page of an interface."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, BinaryIO

from agentdbg.importers.contract import Row
from agentdbg.importers.json_pieces import Piece, pieces
from agentdbg.importers.json_records import salvaged
from agentdbg.importers.notes import Notebook

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*+)"(\s*:)?|([\[\]{}])|(")', re.DOTALL)


def rows_of(
    stream: BinaryIO, expected: str, notes: Notebook, around: Collection[str],
    read: Callable[[Any, Piece], Iterator[Row]], *, named: bool = False,
) -> Iterator[Row]:  # fmt: skip
    """What `read` makes of each document of a stream, the notes on each piece behind its rows. The rest is as in
    `documents`."""
    for piece in pieces(stream):
        for value in documents(piece, expected, notes, around, named=named):
            yield from read(value, piece)
        yield from notes.drain()
    yield from notes.finish()


def documents(
    piece: Piece, expected: str, notes: Notebook, around: Collection[str], *, named: bool = False
) -> Iterator[Any]:
    """The elements of an array, or the one value there is. Of a document that breaks off, the spans before that place
    are read; a span that breaks off is left out: without its end it would pass for one that never ended.

    expected: "a Jaeger trace"; around: the fields that lead to the spans ("data", "spans"); named: the outermost object
    may hold documents under any names."""
    value, whole = salvaged(piece, expected, notes, _depth(piece, {name.encode() for name in around}, named))
    if value is not None or whole:
        yield from value if isinstance(value, list) else [value]


def _depth(piece: Piece, around: set[bytes], named: bool) -> int:
    """How many brackets are open around a span where the text breaks off; 0 where it is not among spans."""
    open_: list[tuple[bytes, bytes | None]] = []  # each open bracket, and the field that it is the value of
    key: bytes | None = None
    for match in _TOKEN.finditer(piece.text):
        told, colon, bracket, cut = match.groups()
        if cut is not None:
            break
        if told is not None:
            key = told if colon is not None else None
        elif bracket in (b"{", b"["):
            open_.append((bracket, key))
            key = None
        elif open_:
            open_.pop()
    depth = 0
    for place, (bracket, key) in enumerate(open_):
        if key is not None and key not in around and not (named and place == 1):
            break
        depth = place + 1 if bracket == b"[" else depth
    return depth
