"""Notes of one reading: repeated ones are counted, so that a million odd lines make a few rows."""

from __future__ import annotations

from typing import Literal, TypeAlias

from agentdbg.rows import NoteRow

NoteSeverity: TypeAlias = Literal["info", "data_loss", "error"]

_SHOWN = {"info": 1, "data_loss": 50, "error": 50}


class Notebook:
    """Collects the notes of one input. The first of a kind are rows of their own, the rest is one row with their
    number."""

    def __init__(self) -> None:
        self._pending: list[NoteRow] = []
        self._seen: dict[str, int] = {}
        self._hidden: dict[str, NoteRow] = {}

    def add(
        self, severity: NoteSeverity, kind: str, detail: str = "", advice: str = "", line: int | None = None
    ) -> None:
        """kind: the sentence that all notes of its kind share. detail: what tells this occurrence from the others."""
        self.take(NoteRow(severity, f"{kind}: {detail}" if detail else kind, advice, line, kind))

    def take(self, note: NoteRow) -> None:
        """A note of another notebook, about a part of the same input that follows on what was noted before."""
        seen = self._seen[note.kind] = self._seen.get(note.kind, 0) + note.times
        if seen <= _SHOWN[note.severity] or not note.kind:
            self._pending.append(note)
        else:
            self._hidden.setdefault(note.kind, note)

    def drain(self) -> list[NoteRow]:
        """The notes since the last call."""
        drained, self._pending = self._pending, []
        return drained

    def finish(self) -> list[NoteRow]:
        """What `drain` would give, and one row for each kind that occurred too often to be listed."""
        rows = self.drain()
        for kind, first in self._hidden.items():
            more = self._seen[kind] - _SHOWN[first.severity]
            where = f" (the first of them in line {first.line})" if first.line is not None else ""
            times = "once more" if more == 1 else f"{more} times more"
            rows.append(NoteRow(first.severity, f"{kind}: {times}{where}", first.advice, first.line, kind, more))
        self._hidden = {}
        return rows
