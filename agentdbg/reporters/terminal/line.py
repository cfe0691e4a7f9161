"""Lines of styled text, and how they reach a stream. Only colour needs rich; plain text is written as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from agentdbg.view.clean import ascii_only, cells, clean, cut, head, one_line, wrap

STYLES = {
    "": "",
    "bold": "bold",
    "dim": "dim",
    "words": "dim italic",
    "agent": "cyan",
    "llm": "magenta",
    "tool": "yellow",
    "retriever": "yellow",
    "workflow": "bold",
    "guard": "blue",
    "state": "",
    "other": "",
    "handoff": "blue",
    "ok": "green",
    "error": "bold red",
    "red": "red",
    "open": "yellow",
    "warn": "yellow",
    "fold": "bold red",
    "dear": "bold",
    "failed": "bold white on red",
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "blue",
    "info": "dim",
    "add": "green",
    "bar": "bright_white",
}
"""What a piece of text is, and how that looks in colour (names of rich)."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    ok: str = "✓"
    error: str = "✗"
    open: str = "?"
    running: str = "─"
    waiting: str = "█"
    goes_on: str = "▸"
    tick: str = "╵"
    rail: str = "│"
    fork: str = "├─ "
    last: str = "└─ "
    cycle: str = "↻"
    parallel: str = "∥"
    times: str = "×"
    handoff: str = "⇢"
    both: str = "⇄"
    then: str = "→"
    wraps: str = "›"
    orphan: str = "⚠"
    empty: str = "∅"
    again: str = "↺"
    ellipsis: str = "…"
    dot: str = "·"
    dash: str = "–"
    source: str = "←"
    carried: str = "↓"


ASCII = Glyphs(
    ok="+", error="x", open="?", running="-", waiting="#", goes_on=">", tick="'", rail="|", fork="|- ", last="`- ",
    cycle="@", parallel="||", times="x", handoff="=>", both="<=>", then="->", wraps=">", orphan="!", empty="0",
    again="r", ellipsis="...", dot="-", dash="-", source="<-", carried="v",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How to draw. width: terminal cells. color: with styling; without, there is none at all. ascii: no sign beyond
    ASCII."""

    width: int = 120
    color: bool = False
    ascii: bool = False

    @property
    def glyphs(self) -> Glyphs:
        return ASCII if self.ascii else Glyphs()

    def text(self, raw: str) -> str:
        """Text of a trace in one line, harmless."""
        return self.own(one_line(raw))

    def block(self, raw: str) -> list[str]:
        """Text of a trace in its own lines, harmless, tabs as blanks."""
        return [self.own(line.expandtabs(4)) for line in clean(raw).split("\n")]

    def own(self, words: str) -> str:
        """Our own words, which hold no command."""
        return ascii_only(words) if self.ascii else words

    def cut(self, text: str, width: int) -> str:
        return cut(text, width, self.glyphs.ellipsis)


class Line:
    """Pieces of text, each with a style. Not wider than it is cut to."""

    __slots__ = ("pieces", "width")

    def __init__(self, text: str = "", style: str = "") -> None:
        self.pieces: list[tuple[str, str]] = []
        self.width = 0
        self.add(text, style)

    def add(self, text: str, style: str = "") -> Line:
        if text and self.pieces and self.pieces[-1][1] == style:
            self.pieces[-1] = (self.pieces[-1][0] + text, style)
        elif text:
            self.pieces.append((text, style))
        self.width += cells(text)
        return self

    def extend(self, other: Line) -> Line:
        for text, style in other.pieces:
            self.add(text, style)
        return self

    def pad(self, width: int) -> Line:
        return self.add(" " * max(0, width - self.width))

    def cut(self, width: int, ellipsis: str) -> Line:
        """The same in at most `width` cells."""
        if self.width <= width:
            return self
        room, out = width - cells(ellipsis), Line()
        for text, style in self.pieces:
            if out.width + cells(text) > room:
                out.add(head(text, room - out.width).rstrip(), style)
                break
            out.add(text, style)
        return out.add(ellipsis[: max(width, 0)], "dim")

    @property
    def plain(self) -> str:
        return "".join(text for text, _ in self.pieces)


def wrapped(start: Line, words: str, indent: Line, width: int, style: str = "") -> list[Line]:
    """`start` and the words after it in lines of `width` cells; those that follow the first begin with `indent`."""
    first, *rest = wrap(words, width - indent.width, width - start.width) or [""]
    return [start.add(first, style), *(Line().extend(indent).add(text, style) for text in rest)]


def command(start: Line, words: str, look: Look) -> list[Line]:
    """`start` and a command to type; one that takes several lines can be copied as it stands."""
    first, *rest = wrap(look.text(words), look.width - 4, look.width - start.width - 2) or [""]
    lines = [start.add(first, "bold"), *(Line("  ").add(text, "bold") for text in rest)]
    for line in lines[:-1]:
        line.add(" \\" if line.plain.strip() else "", "bold")
    return lines


def in_a_row(figures: Iterable[tuple[str, str]], look: Look) -> list[Line]:
    """Texts with their styles, two blanks between them, broken where the width ends; empty ones are left out."""
    lines = [Line()]
    for text, style in figures:
        if text and lines[-1].width and lines[-1].width + 2 + cells(text) > look.width:
            lines.append(Line())
        if text:
            lines[-1].add("  " if lines[-1].width else "").add(text, style)
    return [line.cut(look.width, look.glyphs.ellipsis) for line in lines]


def write(lines: Iterable[Line], stream: TextIO, look: Look) -> None:
    """Write the lines. What still holds a command is cleaned here and what is too wide is cut, whoever forgot it."""
    fitting = (line.cut(look.width, look.glyphs.ellipsis) for line in lines)
    if look.color:
        _write_colored(fitting, stream, look)
        return
    for line in fitting:
        stream.write(clean(line.plain).rstrip() + "\n")


def _write_colored(lines: Iterable[Line], stream: TextIO, look: Look) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=stream, width=look.width, force_terminal=True, color_system="standard", no_color=False, highlight=False,
        markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    for line in lines:
        text = Text.assemble(*((clean(piece), STYLES[style]) for piece, style in line.pieces))
        text.rstrip()
        console.print(text, soft_wrap=True)
