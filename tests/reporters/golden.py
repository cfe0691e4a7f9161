"""Golden texts: what a reader sees, kept in `tests/golden/`. `UPDATE_GOLDEN=1 pytest tests/reporters tests/conventions` writes them anew;
read the difference before you keep it."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "golden"


def same_as_golden(name: str, text: str) -> None:
    """The text is the one that is kept under this name."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    assert text == path.read_text("utf-8"), f"{path.name} differs; UPDATE_GOLDEN=1 writes it anew"
