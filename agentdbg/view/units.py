"""Numbers as people read them. Absent is the empty string, never 0."""

from __future__ import annotations

from datetime import UTC, datetime

MS = 1_000_000
SECOND = 1_000 * MS


def duration(ns: int | None) -> str:
    """`430ms`, `3.2s`, `1m01s`, `2h05m`, `3d04h`, `120d`: at most 6 cells, from 10 000 days on `>9999d`."""
    if ns is None:
        return ""
    if ns < MS:
        return "<1ms" if ns > 0 else "0ms"
    if round(ns / MS) < 1_000:
        return f"{round(ns / MS)}ms"
    tenths = round(ns / (SECOND // 10))
    if tenths < 600:
        return f"{tenths / 10:.1f}s"
    seconds = (ns + SECOND // 2) // SECOND
    if seconds < 3_600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    minutes = seconds // 60
    if minutes < 1_440:
        return f"{minutes // 60}h{minutes % 60:02}m"
    days = minutes // 1_440
    if days < 100:
        return f"{days}d{minutes % 1_440 // 60:02}h"
    return f"{days}d" if days < 10_000 else ">9999d"


def tokens(count: int | None) -> str:
    """`900`, `1.8k`, `12.3M`: at most 6 cells, from a million millions on `>999G`."""
    if count is None:
        return ""
    if count < 1_000:
        return str(count)
    for size, unit in ((1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G")):
        # The whole numbers are compared first: beyond 10^308 there is no float to divide into.
        if count < 1_000 * size and round(count / size, 1) < 1_000:
            return f"{count / size:.1f}{unit}"
    return ">999G"


def usd(amount: float | None, partial: bool = False) -> str:
    """`$2.27` from one cent on, `$0.0090` below. `partial`: some of the calls had no price, so this is the least it
    was."""
    if amount is None:
        return ""
    if amount >= 100_000:
        text = f"${amount / 1_000:.0f}k"
    elif amount >= 0.01:
        text = f"${amount:.2f}"
    elif amount >= 0.00005 or amount == 0:
        text = f"${amount:.4f}" if amount else "$0"
    else:
        text = "<$0.0001"
    return ("≥" if partial and amount >= 0.00005 else "") + text


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 span`, `245 spans`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def moment(ns: int | None) -> str:
    """`2026-03-14 09:26:53` in UTC, the empty string for a time that is none or beyond any calendar."""
    if ns is None:
        return ""
    try:
        return datetime.fromtimestamp(ns // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return ""
