"""Times as exporters write them, to nanoseconds since the Unix epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_NS = 2**63 - 1
_ISO = re.compile(r"(\d{4}-?\d\d-?\d\d)[T t_]+(\d\d:?\d\d(?::?\d\d)?)(?:[.,](\d+))?\s*(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def to_ns(value: Any) -> int | None:
    """Nanoseconds of an ISO time (a missing zone means UTC) or of a number in s, ms, µs or ns, which its size tells;
    None for what is no time, and for times outside 1970 to 2262."""
    if type(value) is str:
        return iso_ns(value) if "-" in value[1:] or "T" in value else _number_ns(value)
    if type(value) in (int, float):
        return _number_ns(value)
    return None


def iso_ns(text: str) -> int | None:
    """Nanoseconds of an ISO 8601 time, with digits beyond the microsecond kept."""
    match = _ISO.fullmatch(text.strip())
    if match is None:
        if not _DATE.fullmatch(text):
            return None
        day, clock, fraction, zone = text, "00:00", None, None
    else:
        day, clock, fraction, zone = match.groups()
    offset = "" if zone is None or zone in "Zz" or zone == "UTC" else zone
    try:
        moment = datetime.fromisoformat(
            f"{day}T{clock}{offset or '+00:00'}" if ":" in clock else f"{day}T{clock}{offset or 'Z'}"
        )
    except ValueError:
        return None
    since = moment - _EPOCH
    nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000
    if fraction:
        nanoseconds += int(fraction[:9].ljust(9, "0"))
    return nanoseconds if 0 <= nanoseconds <= MAX_NS else None


def _number_ns(value: Any) -> int | None:
    try:
        exact = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not exact.is_finite() or not 0 <= exact <= MAX_NS:
        return None
    nanoseconds = int(exact * unit_ns(exact))
    return nanoseconds if nanoseconds <= MAX_NS else None


def unit_ns(value: Decimal | float) -> int:
    """Nanoseconds of the unit a timestamp of this size must be in: s up to the year 5138, then ms, µs, ns."""
    if value < 10**11:
        return 10**9
    if value < 10**14:
        return 10**6
    return 10**3 if value < 10**17 else 1
