"""Times as people type them: `200ms`, `2s`, `1h`, `7d`, `2026-11-20`, `2026-11-20T09:30`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from agentdbg.errors import AgentdbgError

_UNITS_NS = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "min": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
    "w": 7 * 86_400 * 1_000_000_000,
}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|d|w)")


def length_ns(text: str, option: str) -> int:
    """Nanoseconds of `1h`, `1m30s`, `200ms`. AgentdbgError that names the option where it is no such thing."""
    parts = _LENGTH.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise AgentdbgError(f"{option} {text} is no length of time", "for example 200ms, 2s, 1m30s, 1h, 7d")
    return int(sum(float(number) * _UNITS_NS[unit] for number, unit in parts))


def moment_ns(text: str) -> int | None:
    """Nanoseconds since the epoch of a date, with a time or without, UTC where it names no zone; else None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000
