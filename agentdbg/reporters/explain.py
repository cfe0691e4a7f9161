"""The documentation of a detector, and the list of all of them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TextIO

from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.line import Line, Look, wrapped, write
from agentdbg.view.clean import wrap


@dataclass(frozen=True, slots=True)
class DetectorDoc:
    """What a detector says of itself. options: name → default, in the order of its fields."""

    id: str
    text: str
    options: Mapping[str, object]

    @property
    def summary(self) -> str:
        """The first line."""
        return self.text.partition("\n")[0].strip()


def doc_of(name: str, kind: type[Any]) -> DetectorDoc:
    """The documentation of a detector's class: its docstring, and its fields, which are its options."""
    return DetectorDoc(name, inspect.getdoc(kind) or "", {field.name: field.default for field in fields(kind)})


def doc_of_alert(name: str, fires: str, usual: float, advice: str) -> DetectorDoc:
    """The documentation of a rule of `check` that acts where it is written in the configuration."""
    limit = f"It acts where it is written in agentdbg.toml:\n\n    [alerts]\n    {name} = {usual:g}"
    return DetectorDoc(
        f"alert.{name}", f"Fires where {fires} than its limit.\n\n{limit}\n\n**What to do**: {advice}", {}
    )


def detector(doc: DetectorDoc, stream: TextIO, look: Look) -> None:
    """The id, the docstring as it is written, and the options with their defaults."""
    lines = [Line(doc.id, "bold"), Line()]
    for text in look.block(doc.text):
        lines += _text_lines(text, look)
    lines += [Line(), Line("Options", "bold")]
    rows = [[name, shown(value)] for name, value in doc.options.items()]
    lines += columns([Column(style="bold"), Column()], rows, look, indent=2) if rows else [Line("  none")]
    if doc.options:
        name, value = next(iter(doc.options.items()))
        words = f'in agentdbg.toml: [detectors."{doc.id}"] {name} = {shown(value)}'
        lines += wrapped(Line("  "), words, Line("  "), look.width, "dim")
    write(lines, stream, look)


def _text_lines(text: str, look: Look) -> list[Line]:
    """A line of a docstring as lines of the page: wrapped at its own indent, `**words**` in bold."""
    words = text.lstrip()
    indent = Line(" " * (len(text) - len(words)))
    lines: list[Line] = []
    bold = False
    for one in wrap(words, look.width - indent.width) or [""]:
        line = Line().extend(indent)
        for n, piece in enumerate(one.split("**")):
            bold = bold != (n > 0)
            line.add(piece, "bold" if bold else "")
        lines.append(line)
    return lines


def listing(docs: Sequence[DetectorDoc], stream: TextIO, look: Look) -> None:
    """A line a detector."""
    rows = [[doc.id, look.text(doc.summary)] for doc in docs]
    last = Line("agentdbg explain DETECTOR tells all of one; --symptoms goes from what you see", "dim")
    shape = [Column("detector", style="bold"), Column("what it finds")]
    write([*columns(shape, rows, look), last.cut(look.width, look.glyphs.ellipsis)], stream, look)


def symptoms(table: Sequence[tuple[str, str]], stream: TextIO, look: Look) -> None:
    """From what one sees to the command to type."""
    lines: list[Line] = []
    for seen, command in table:
        lines += wrapped(Line(), look.own(seen), Line("  "), look.width)
        lines += wrapped(Line("    "), look.own(command), Line("      "), look.width, "bold")
    write(lines, stream, look)


def as_json(docs: Sequence[DetectorDoc], stream: TextIO) -> None:
    """The documentation of these detectors."""
    told = [
        {"detector": doc.id, "summary": doc.summary, "documentation": doc.text, "options": dict(doc.options)}
        for doc in docs
    ]
    document({"detectors": told}, stream)


def shown(value: object) -> str:
    """A default as it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple | list | frozenset):
        return "[" + ", ".join(shown(item) for item in (sorted(value) if isinstance(value, frozenset) else value)) + "]"
    return str(value)


def symptoms_json(table: Sequence[tuple[str, str]], stream: TextIO) -> None:
    """The same table for programs."""
    told = [{"symptom": seen, "command": command} for seen, command in table]
    document({"symptoms": told}, stream)
