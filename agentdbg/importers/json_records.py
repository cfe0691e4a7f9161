"""From a piece of text to the JSON values in it, with notes on what could not be read."""

from __future__ import annotations

from typing import Any

from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.json_values import NotJson, loads
from agentdbg.importers.notes import Notebook


def records(piece: Piece, expected: str, notes: Notebook) -> list[Any]:
    """The elements of an array, or the one value there is; [] and a note for what is no JSON. expected: "a run", "a
    span"."""
    try:
        value, remarks = loads(piece.text)
    except NotJson as error:
        unreadable(piece, expected, str(error), "", notes)
        return []
    for remark in remarks:
        notes.add("info", remark, line=piece.line)
    return value if isinstance(value, list) else [value]


def unreadable(piece: Piece, expected: str, why: str, saved: str, notes: Notebook) -> None:
    """The note on a piece that is no JSON. saved: what of it was read all the same."""
    what = (
        f"expected {expected} in JSON, {why}, {len(piece.text):,} bytes{saved}"
        if piece.text
        else "an array is not closed"
    )
    if piece.fault == "cut":
        kind, advice = (
            "the input is cut off here",
            "export or copy the file again: its writer was stopped in the middle",
        )
    elif piece.fault == "long":
        kind, advice = "a record is too long", "one record may take 512 MB: export smaller batches"
    else:
        kind, advice = "a record could not be read", "see what stands in this line; the other records were read"
    notes.add("data_loss", kind, what, advice, piece.line)


def unknown(found: Any, expected: str, line: int | None, notes: Notebook) -> None:
    """The note on a JSON value that is none of the format's records."""
    names = {list: "an array", str: "a text", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
    if isinstance(found, dict):
        keys = ", ".join(sorted(found)[:5])
        shown = f"an object with {keys}"[:200] if keys else "an empty object"
    else:
        shown = names.get(type(found), "another value")
    notes.add("data_loss", "a record was left out", f"expected {expected}, found {shown}",
              "see what stands in this line; the other records were read", line)  # fmt: skip
