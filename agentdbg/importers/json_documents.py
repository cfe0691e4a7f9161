"""JSON values that hold many spans each: a trace, a page of an interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.json_records import salvaged
from agentdbg.importers.notes import Notebook


def documents(
    piece: Piece, expected: str, notes: Notebook, depth: int, is_span: Callable[[dict[str, Any]], bool]
) -> Iterator[Any]:
    """The elements of an array, or the one value there is. Of a document that breaks off, the spans before that place
    are read; a span that breaks off is left out: without its end it would pass for one that never ended.

    expected: "a Jaeger trace"; depth: how many brackets are open around a span of a document."""
    value, whole = salvaged(piece, expected, notes, depth)
    if value is None and not whole:
        return
    for item in value if isinstance(value, list) else [value]:
        if whole or not (isinstance(item, dict) and is_span(item)):
            yield item
