"""How findings speak: ids a person can type, numbers with units, quotes that stay on one line."""

from __future__ import annotations

from collections.abc import Collection, Sequence

SHORT = 8
_BEFORE = 20
"""Characters quoted before the place where two texts begin to differ."""


def short(span_id: str, among: Collection[str]) -> str:
    """The shortest prefix of an id, of at least 8 characters, that no other id of the collection shares.

    Ids made from a clock (UUID v7) agree in their first characters, so 8 do not always do.
    """
    others = [other for other in among if other != span_id and other.startswith(span_id[:SHORT])]
    length = SHORT
    while length < len(span_id) and any(other.startswith(span_id[:length]) for other in others):
        length += 1
    return span_id[:length]


def clipped(text: str, width: int = 120) -> str:
    """A text on one line, cut with an ellipsis where it is longer than `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def from_difference(one: str, other: str) -> tuple[str, str]:
    """Two texts from a few words before where they differ on; whole where they differ early."""
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = one.rfind(" ", 0, max(0, same - _BEFORE)) + 1
    return (f"…{one[begin:]}", f"…{other[begin:]}") if begin else (one, other)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 call`, `2 calls`, `1,200 calls`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def money(usd: float) -> str:
    """US dollars with the digits that say something: `$3.20`, `$0.0041`, `$0.000012`."""
    return f"${usd:,.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.2g}" if usd >= 1e-4 else f"${usd:.6f}"


def usage(tokens: int | None, usd: float | None) -> str:
    """`1,234 tokens ($0.0041)`, `1,234 tokens`, or `` where neither is recorded: an unknown price is left out, not
    zero."""
    said = counted(tokens, "token") if tokens is not None else ""
    if usd is None:
        return said
    return f"{said} ({money(usd)})" if said else money(usd)


def duration(seconds: float | None) -> str:
    """`420 ms`, `3.5 s`, `95 s`, `12 min`, `3.5 h`, or `` where it is not known."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 600:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
