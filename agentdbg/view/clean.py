"""Hostile text made harmless: what a trace holds was written by models, tools and web pages, and must not command a
terminal.

Controls, escape sequences, bidirectional overrides, zero-width and tag characters become visible escapes (`\\x1b`,
`\\u202e`), so that nothing of a trace can recolour, retitle, overwrite, reorder or hide what is shown. Widths are
terminal cells.
"""

from __future__ import annotations

import re

# Fixed ranges and not a look into this Python's Unicode tables, so that the bytes shown do not depend on its version.
_COMMANDS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and newline, DEL, C1
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners and fillers that show nothing
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidirectional controls
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"  # fillers, variation selectors other than text and emoji
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # half of a surrogate pair, no characters at all
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # format controls of shorthand and music
    "\U000e0000-\U000e0fff"  # tag characters and the selectors that smuggle bytes
)
_HOSTILE = re.compile(f"[{_COMMANDS}]")
_MARK = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_PILE = re.compile(f"([{_MARK}]{{4}})([{_MARK}]+)")  # no script stacks more; piles of them paint over the lines above
_SPACE = re.compile(r"\s+")

_ASCII = {
    "×": "x", "→": "->", "←": "<-", "⇄": "<=>", "⇢": "=>", "…": "...", "–": "-", "—": "-", "≥": ">=", "≤": "<=",
    "·": "-", "›": ">", "“": '"', "”": '"', "„": '"', "’": "'", "‘": "'", "Δ": "delta ", "✗": "x", "✓": "+",
    "∅": "0", "∥": "||", "↻": "@", "↺": "r", "⚠": "!", "\u00a0": " ", "\u202f": " ",
}  # fmt: skip


def clean(text: str) -> str:
    """The text with every character that could command a terminal as a visible escape. Newlines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    text = _HOSTILE.sub(lambda found: _escape(found[0]), text.replace("\r\n", "\n"))
    return _PILE.sub(lambda found: f"{found[1]}{_escape(found[2][0])}×{len(found[2])}", text)


def one_line(text: str) -> str:
    """`clean`, and every run of white space one blank."""
    return _SPACE.sub(" ", clean(text)).strip()


def ascii_only(text: str) -> str:
    """Our own signs spelt out (`×` is `x`), every other character beyond ASCII as an escape."""
    if text.isascii():
        return text
    return "".join(char if char < "\x80" else _ASCII.get(char) or _escape(char) for char in text)


def cells(text: str) -> int:
    """How many terminal cells the text takes: two for CJK and emoji, none for combining marks."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """The text in at most `width` cells; where something is left out, `ellipsis` says so."""
    if len(text) * 2 <= width or cells(text) <= width:
        return text
    room = width - cells(ellipsis)
    if room < 0:
        return ellipsis[: max(width, 0)]
    return head(text, room).rstrip() + ellipsis


def wrap(text: str, width: int, first_width: int | None = None) -> list[str]:
    """Lines of at most `width` cells, broken at blanks, and inside a word that is longer than a line.

    first_width: cells of the first line where that is another number; it is empty if no word fits there.
    """
    width = max(width, 2)
    room = width if first_width is None else first_width
    lines: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if cells(joined) <= room:
            line = joined
            continue
        if line or cells(word) <= width or room < 2:
            lines.append(line)
            room = width
        while cells(word) > room:
            lines.append(head(word, room))
            word, room = word[len(lines[-1]) :], width
        line = word
    return [*lines, line] if line else lines


def head(text: str, width: int) -> str:
    """The longest beginning of at most `width` cells."""
    low, high = 0, len(text)
    while low < high:  # a longer beginning never takes fewer cells, so halving finds the place
        middle = (low + high + 1) // 2
        if cells(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
