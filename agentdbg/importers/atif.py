"""ATIF trajectories (Agent Trajectory Interchange Format, versions 1.0 to 1.7): a document, lines, an array, or an
object whose values are trajectories.

A trajectory becomes an agent. One that another refers to stands below the tool call or step that handed it the work,
where both are in one file. A file that holds only what was handed over names its parent, where it tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from agentdbg.importers.atif_steps import Place, Trajectory, references
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.derived import note
from agentdbg.importers.json_documents import rows_of
from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.json_records import unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import as_object, text
from agentdbg.rows import RawSpan

_TRAJECTORY = "an ATIF trajectory: steps and agent"
_AROUND = ("steps", "subagent_trajectories")
_VERSION = b'"ATIF-v'
_DEEPEST = 50  # trajectories in trajectories


class Atif:
    name = "atif"
    rank = 26

    def sniff(self, head: bytes, name: str) -> bool:
        if _VERSION not in head:
            return any({"steps.step_id", "steps.source"} <= shape for shape in shapes(head))
        return any(key.rpartition(".")[2] == "schema_version" for shape in shapes(head) for key in shape)

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        reader = _Reader()
        yield from rows_of(stream, _TRAJECTORY, reader.notes, _AROUND, reader.record, named=True)
        if reader.count:
            yield note("an ATIF trajectory", reader.timed)


class _Reader:
    def __init__(self) -> None:
        self.notes = Notebook()
        self.count = 0
        self.timed = True
        self._handed: dict[str, Place] = {}  # where work was handed to trajectories that have not come yet

    def record(self, value: Any, piece: Piece) -> Iterator[RawSpan]:
        """The spans of a trajectory, or of several that stand beside each other in an object."""
        found = [value] if _is_trajectory(value) else []
        if isinstance(value, dict) and not found:
            found = [item for item in value.values() if _is_trajectory(item)]
        if not found:
            unknown(value, _TRAJECTORY, piece.line, self.notes)
        waiting = {key: item for item in reversed(found) for key in _keys(item)}
        referred = {key for item in found for key in _referred(item)}
        first = [item for item in found if not referred & set(_keys(item))] or found[:1]
        for item in [*first, *found]:
            if any(one is item for one in waiting.values()) or not _keys(item):
                yield from self._spans(item, None, waiting, piece)

    def _spans(
        self, item: dict[str, Any], place: Place | None, waiting: dict[str, dict[str, Any]], piece: Piece, deep: int = 0
    ) -> list[RawSpan]:
        """A trajectory with all below it. What of `waiting` it hands work to is taken out."""
        _take(item, waiting)
        place = place or next((self._handed[key] for key in _keys(item) if key in self._handed), None)
        made = Trajectory(item, place, piece.text, piece.line, self.notes)
        embedded = item.get("subagent_trajectories")
        children = [child for child in embedded if _is_trajectory(child)] if isinstance(embedded, list) else []
        own = {key: child for child in reversed(children) for key in _keys(child)}
        below: list[RawSpan] = []
        for span, keys, where in made.spans():
            below.append(span)
            for key in keys:
                if child := own.get(key) or waiting.get(key):
                    below += self._below(child, where, own if key in own else waiting, piece, deep)
                else:
                    self._handed.setdefault(key, where)
        for child in children:
            if not _keys(child) or any(one is child for one in own.values()):  # nothing refers to it
                below += self._below(child, made.place(made.span_id, 0), own, piece, deep)
        self.count += 1
        self.timed = self.timed and made.times.recorded
        return [made.root(), *below]

    def _below(
        self, child: dict[str, Any], place: Place, waiting: dict[str, dict[str, Any]], piece: Piece, deep: int
    ) -> list[RawSpan]:
        if deep >= _DEEPEST:
            self.notes.add("data_loss", "trajectories are read up to 50 levels below each other", line=piece.line)
            return []
        return self._spans(child, place, waiting, piece, deep + 1)


def _is_trajectory(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("steps"), list)


def _keys(item: dict[str, Any]) -> list[str]:
    """What a trajectory is referred to by."""
    found = [text(item.get("trajectory_id")), text(item.get("session_id"))]
    return [key for key in found if key is not None]


def _referred(item: dict[str, Any]) -> Iterator[str]:
    for step in item["steps"]:
        results = as_object(as_object(step).get("observation")).get("results")
        for result in results if isinstance(results, list) else []:
            yield from references(as_object(result))


def _take(item: dict[str, Any], waiting: dict[str, dict[str, Any]]) -> None:
    for key in [key for key, one in waiting.items() if one is item]:
        del waiting[key]
