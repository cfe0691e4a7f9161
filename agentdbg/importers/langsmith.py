"""LangSmith runs: an object, an array, JSON lines, or a page of the API such as {"runs": [...]}."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_pieces import Piece, pieces
from agentdbg.importers.json_records import salvaged, unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.langsmith_runs import is_run, spans
from agentdbg.importers.multipart import boundary
from agentdbg.importers.notes import Notebook

_PAGES = ("runs", "data", "items", "results")
_RUNS_DEPTH = 2  # {"runs": [ are two open brackets
_EXPECTED = "an id with run_type, dotted_order or parent_run_id"


class LangSmith:
    name = "langsmith"
    rank = 10

    def sniff(self, head: bytes, name: str) -> bool:
        if boundary(head) is not None:  # the parts of a wire body hold runs as well
            return False
        return any(is_run(shape) or any(f"{page}.run_type" in shape for page in _PAGES) for shape in shapes(head))

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        notes = Notebook()
        for piece in pieces(stream, by_line=source.by_line):
            for run in _runs(piece, notes):
                yield from spans(run, piece, notes)
            yield from notes.drain()
        yield from notes.finish()


def _runs(piece: Piece, notes: Notebook) -> Iterator[dict[str, Any]]:
    """The runs of a piece, outermost ones only: it is one, an array of them, or a page. A run that breaks off is left
    out: without its end it would pass for one that never ended."""
    value, whole = salvaged(piece, "a LangSmith run", notes, _RUNS_DEPTH)
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict) and is_run(one):
            found: list[Any] = [one] if whole else []
        else:
            pages = [one[key] for key in _PAGES if isinstance(one.get(key), list)] if isinstance(one, dict) else []
            found = pages[0] if pages else [one] if whole else []
        for run in found:
            if isinstance(run, dict) and is_run(run):
                yield run
            else:
                unknown(run, _EXPECTED, piece.line, notes)
