"""Sketches: one span a line, indentation is parentage. The grammar is in agentdbg/sketch.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, BinaryIO

from agentdbg import sketch
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_values import clean
from agentdbg.importers.notes import Notebook
from agentdbg.importers.times import MAX_NS
from agentdbg.rows import NoteRow, RawSpan

SCOPE = "agentdbg.sketch"
EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00Z: sketches are the same on every day
_TRACE_NS = 3_600_000_000_000
_STEP_NS = 100_000_000
_EDGE_NS = 1_000_000  # parents begin this long before their first child and end this long after their last
_MAX_BYTES = 64 * 1024 * 1024
_MAX_SPANS = 200_000


class SketchText:
    name = "sketch"
    rank = 50

    def sniff(self, head: bytes, name: str) -> bool:
        lines = head.decode("utf-8", "replace").split("\n")
        written = [line for line in lines[:200] if line.strip() and not line.lstrip().startswith("#")][:5]
        if not written or "\0" in written[0]:
            return False
        if written[0].split()[0] not in (*sketch.KINDS, "trace"):
            return False
        # a folder holds prose as well: a text that is not named .sketch has to be one in every line looked at
        return name.endswith(".sketch") or not sketch.read("\n".join(written[:-1] or written))[1]

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        notes = Notebook()
        content = stream.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            notes.add("data_loss", "a sketch is read up to 64 MB", advice="keep large traces in OTLP/JSON")
            content = content[: content.rfind(b"\n", 0, _MAX_BYTES) + 1]
        sketches, problems = sketch.read(content.decode("utf-8", "replace"))
        for problem in problems:
            notes.add(
                "data_loss", "a line is no span", problem.message, "the grammar: agentdbg explain sketch", problem.line
            )
        yield from notes.drain()
        for index, one in enumerate(sketches):
            yield from _Schedule(one, index).rows()
        yield from notes.finish()


@dataclass(slots=True)
class _Open:
    """A span whose children are being placed. free_ns: where the next child starts; last_ns: where the last one
    started."""

    row: RawSpan
    node: sketch.Node
    todo: Iterator[sketch.Node]
    free_ns: int
    last_ns: int
    end_ns: int = 0


class _Schedule:
    """Ids and times for the nodes of one trace, without recursion: sketches may be deep."""

    def __init__(self, one: sketch.Sketch, index: int) -> None:
        self._sketch = one
        self._start_ns = EPOCH_NS + index * _TRACE_NS
        digest = blake2b("\n".join([str(index), *one.text]).encode("utf-8", "replace"), digest_size=14).hexdigest()
        self._trace_id = _text(one.trace_id) or f"{index + 1:04x}{digest}"[:32]
        self._rows: list[RawSpan] = []

    def rows(self) -> list[Row]:
        """Every span, parents before children; a note where there are too many."""
        free_ns = last_ns = self._start_ns
        for root in _repeated(self._sketch.roots):
            if len(self._rows) >= _MAX_SPANS:
                break
            last_ns, end_ns = self._tree(root, free_ns, last_ns)
            free_ns = max(free_ns, end_ns)
        if len(self._rows) < _MAX_SPANS:
            return [*self._rows]
        return [
            *self._rows,
            NoteRow("data_loss", f"a trace of a sketch is read up to {_MAX_SPANS:,} spans", "repeat less with xN"),
        ]

    def _tree(self, root: sketch.Node, free_ns: int, last_ns: int) -> tuple[int, int]:
        """Places a root and all below it; its start and end."""
        first = self._open(root, None, free_ns, last_ns)
        stack = [first]
        while stack:
            top = stack[-1]
            node = next(top.todo, None) if len(self._rows) < _MAX_SPANS else None
            if node is not None:
                child = self._open(node, top.row, top.free_ns, top.last_ns)
                top.last_ns = child.row.start_ns or 0
                stack.append(child)
                continue
            stack.pop()
            self._close(top)
            if stack:
                above = stack[-1]
                above.free_ns = max(above.free_ns, top.end_ns)
                above.end_ns = max(above.end_ns, top.end_ns + _EDGE_NS)
        return first.row.start_ns or 0, first.end_ns

    def _open(self, node: sketch.Node, above: RawSpan | None, free_ns: int, last_ns: int) -> _Open:
        start_ns = last_ns if node.parallel else free_ns
        if node.at_ns is not None:
            start_ns = self._start_ns + node.at_ns
        start_ns = min(start_ns, MAX_NS)
        row = RawSpan(
            self._trace_id,
            _text(node.span_id) or self._next_id(),
            self._parent(node, above),
            _text(node.name) or "",
            start_ns,
            None,
            status=node.status or ("unset" if node.open else "ok"),
            status_message=_text(node.error),
            attributes=self._attributes(node),
            scope=SCOPE,
            line=node.line,
        )
        if self._sketch.name:
            row.resource = {"service.name": _text(self._sketch.name)}
        self._rows.append(row)
        begin_ns = start_ns + _EDGE_NS
        return _Open(row, node, _repeated(node.children), begin_ns, begin_ns)

    def _close(self, item: _Open) -> None:
        start_ns = item.row.start_ns or 0
        length = item.node.duration_ns
        end_ns = start_ns + length if length is not None else max(item.end_ns, start_ns + _STEP_NS)
        item.end_ns = min(end_ns, MAX_NS)
        item.row.end_ns = None if item.node.open else item.end_ns

    def _next_id(self) -> str:
        """Ids grow with the line, so that equal times sort as written; their beginnings differ, so that they can be
        shortened."""
        place = len(self._rows) + 1
        return f"{place:04x}{blake2b(f'{self._trace_id}/{place}'.encode(), digest_size=8).hexdigest()}"[:16]

    def _parent(self, node: sketch.Node, above: RawSpan | None) -> str | None:
        if node.parent_id == sketch.MISSING:
            return "f" + blake2b(f"{self._trace_id}/{node.line}/missing".encode(), digest_size=8).hexdigest()[1:]
        return _text(node.parent_id) or (above.span_id if above is not None else None)

    def _attributes(self, node: sketch.Node) -> dict[str, Any]:
        attributes = {**self._sketch.fields, "kind": "tool" if node.kind == "handoff" else node.kind}
        if node.kind == "handoff" and "tool" not in node.fields and "handoff_to" in node.fields:
            attributes["tool"] = sketch.transfer(str(node.fields["handoff_to"]))
        attributes.update(node.fields)
        plain: dict[str, Any] = clean(attributes, [])
        return plain


def _text(value: str | None) -> str | None:
    """A text without the lone surrogates that JSON escapes can smuggle in."""
    return None if value is None else str(clean(value, []))


def _repeated(nodes: list[sketch.Node]) -> Iterator[sketch.Node]:
    for node in nodes:
        for _ in range(node.times):
            yield node
