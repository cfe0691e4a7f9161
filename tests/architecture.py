"""The tables of ARCHITECTURE.md, so that tests and text cannot disagree."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "agentdbg"


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, cells stripped, without the two head lines."""
    section = re.split(rf"^## {re.escape(heading)}$", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), flags=re.M)[1]
    lines = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def words(cell: str) -> list[str]:
    return [word.strip(" `") for word in cell.split(",")]


def permissions() -> dict[str, frozenset[str]]:
    """Room: the rooms it may import."""
    rows = [(words(rooms), may) for rooms, may in table("Who may import whom")]
    special = {"everything": [room for rooms, _ in rows for room in rooms], "nothing of ours": []}
    return {room: frozenset(special.get(may, words(may))) for rooms, may in rows for room in rooms}


def shelves() -> dict[str, frozenset[str]]:
    """Shelf: the methods that put a class on it."""
    return {row[0]: frozenset(words(row[1])) for row in table("Shelves")}
