"""From a piece of text to the JSON values in it, with notes on what could not be read."""

from __future__ import annotations

from typing import Any

from agentdbg.importers.json_pieces import Piece, mend
from agentdbg.importers.json_values import NotJson, loads
from agentdbg.importers.notes import Notebook


def records(piece: Piece, expected: str, notes: Notebook, depth: int = 0) -> list[Any]:
    """The elements of an array, or the one value there is; [] and a note for what is no JSON. expected: "a run", "a
    span". depth: how many brackets are open around one span of a document that holds many; of a truncated one,
    what came before the cut is read."""
    value, whole = salvaged(piece, expected, notes, depth)
    if value is None and not whole:
        return []
    return value if isinstance(value, list) else [value]


def salvaged(piece: Piece, expected: str, notes: Notebook, depth: int) -> tuple[Any, bool]:
    """The value of a piece, and whether that is all of it: of one that breaks off, what ended before that place at
    `depth` open brackets or fewer. (None, False) and a note where nothing can be read."""
    broken = False
    text: bytes | None = piece.text
    while text is not None:
        try:
            value, remarks = loads(text)
        except NotJson as error:
            text = None if broken or not depth or piece.fault == "long" else mend(piece.text, depth)
            if not broken:
                saved = "; what came before that place was read" if text else ""
                unreadable(piece, expected, str(error), saved, notes)
            broken = True
        else:
            for remark in remarks:
                notes.add("info", remark, line=piece.line)
            return value, not broken
    return None, False


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
