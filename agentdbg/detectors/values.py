"""Values that no text holds by chance: ids, amounts, dates, addresses. And whether a number follows from others."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache

_NUMBER = r"\d{1,3}(?:[,'’  ]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d+|\d+,\d{2}(?![\d,])|\d+(?:\.\d+)?"
_VALUE = re.compile(
    r"(?P<url>https?://[^\s\"'<>)\]}]+)"
    r"|(?P<mail>[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<date>\b\d{4}-\d\d-\d\d\b|\b\d{1,2}[./]\d{1,2}[./]\d{4}\b)"
    r"|(?P<id>\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*\b)"
    rf"|(?P<number>(?<![\w.,])(?:{_NUMBER})(?![\w]))"
)
_MONEY = re.compile(r"[$€£¥]|\b(?:usd|eur|gbp|chf|dollars?|euros?|pounds?)\b", re.I)
_ANY_NUMBER = re.compile(rf"(?<![\w.,])(?:{_NUMBER})|(?<=[A-Za-z_-])\d+(?:\.\d+)?")
_COMMON = re.compile(r"(?:gpt|utf|iso|sha|q|h|fy|v|top|covid|mp)-?\d+\w{0,2}(?:-\d{4})?|\d+[a-z]{1,5}", re.I)
_ID_SHORTEST = 4
_MOST = 4000
"""Numbers among which no arithmetic is tried any more: with that many, everything is the sum of two."""


@lru_cache(maxsize=4096)
def values(text: str) -> dict[str, str]:
    """Distinctive values of a text as they are written, by their normal form: addresses, dates, ids of letters and
    digits, and numbers with decimals, with separators, with money beside them or of four digits and more. Years and
    small whole numbers are in every text and are none."""
    found: dict[str, str] = {}
    for match in _VALUE.finditer(text):
        kind, written = str(match.lastgroup), match.group().rstrip(".,;:")
        if kind == "number":
            if not _is_telling(text, match, written):
                continue
            found.setdefault(f"{number(written):g}" if number(written) < 1e15 else written, written)
        elif kind != "id" or (len(written) >= _ID_SHORTEST and not _is_common(written)):
            found.setdefault(written.lower(), written)
    return found


def number(written: str) -> float:
    """The number that a text writes, with separators of either custom."""
    plain = re.sub(r"['’  ]", "", written)
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+|\d+,\d{2}", plain):
        plain = plain.replace(".", "").replace(",", ".")
    return float(plain.replace(",", ""))


@lru_cache(maxsize=4096)
def numbers(text: str) -> frozenset[float]:
    """Every number of a text, those inside ids as well."""
    return frozenset(number(match.group()) for match in _ANY_NUMBER.finditer(text))


def follows(written: str, given: Iterable[float]) -> bool:
    """Whether a number is one of the given, or the sum, difference, product, quotient, percentage or mean of two of
    them, to the precision that it is written with. Also where there are too many of them to tell."""
    known = sorted(set(given) | {1.0, 2.0, 10.0, 12.0, 100.0, 1000.0})
    if len(known) > _MOST:
        return True
    wanted = number(written)
    tail = re.search(r"[.,](\d{1,2}|\d{4,})$", written)
    slack = 0.5 * 10 ** -(len(tail[1]) if tail else 0) + 1e-9 * abs(wanted)

    def has(value: float, within: float) -> bool:
        at = bisect_left(known, value - within)
        return at < len(known) and known[at] <= value + within

    if has(wanted, slack):
        return True
    for one in known:
        pairs = [(wanted - one, slack), (wanted + one, slack), (one - wanted, slack), (2 * wanted - one, 2 * slack)]
        if one:
            pairs += [(wanted / one, slack / one), (wanted * one, slack * one), (100 * wanted / one, 100 * slack / one)]
            pairs += [(wanted * one / 100, slack * one / 100)]
        if wanted:
            pairs.append((one / wanted, slack * one / wanted**2))
        if any(has(value, within) for value, within in pairs):
            return True
    return False


def _is_telling(text: str, match: re.Match[str], written: str) -> bool:
    digits = sum(c.isdigit() for c in written)
    if not written.isdigit():
        return digits >= 3
    if 1900 <= int(written) <= 2100:
        return False
    around = text[max(0, match.start() - 6) : match.start()] + " " + text[match.end() : match.end() + 8]
    return digits >= 4 or (digits >= 2 and bool(_MONEY.search(around)))


def _is_common(written: str) -> bool:
    """Words with a digit that are no ids: `gpt-4o`, `Q3-2024`, `24h`, `utf-8`, `1st`."""
    return bool(_COMMON.fullmatch(written))
