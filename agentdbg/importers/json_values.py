"""JSON of the wild to plain Python values that can be written as JSON again: NaN, huge numbers, lone surrogates,
bottomless nesting."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

MAX_DEPTH = 100
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


class NotJson(ValueError):
    """Bytes that are no JSON, with the position and what was expected there."""


def is_json(text: bytes) -> bool:
    """Whether this is one whole JSON text."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def loads(text: bytes) -> tuple[Any, list[str]]:
    """The value of a JSON text, and remarks on what had to be changed to read it. Raises NotJson.

    NaN and infinities become the texts "NaN", "Infinity", "-Infinity" (as protobuf's JSON has them), numbers beyond 64
    bits and values nested deeper than 100 levels become their JSON text.
    """
    try:
        if nesting(text) <= MAX_DEPTH:
            return msgspec.json.decode(text), []
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    remarks: list[str] = []
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        decoded = text.decode("utf-8", "replace")
        remarks.append(f"bytes that are no UTF-8 were replaced, the first at byte {error.start}")
    try:
        value = json.loads(decoded, strict=False, parse_int=_whole, parse_float=_real, parse_constant=_constant)
    except json.JSONDecodeError as error:
        said = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        raise NotJson(f"{said} at character {error.pos}") from None
    except RecursionError:
        raise NotJson("it is nested too deep") from None
    return clean(value, remarks), remarks


def nesting(text: bytes) -> int:
    """About how deep a JSON text is nested, never less than it is as long as no text in it holds brackets,
    or 0 where that is certainly not too deep. Peels
    brackets from the inside at the speed of memory instead of walking the value."""
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return 0  # cannot be deeper than it has brackets
    brackets = text.translate(_BRACKETS, _OTHERS)
    levels = 0
    while brackets and levels <= MAX_DEPTH:
        peeled = brackets.replace(b"[]", b"")
        if len(peeled) == len(brackets):
            break
        brackets = peeled
        levels += 1
    return levels + min(len(brackets), MAX_DEPTH) // 2


_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


def clean(value: Any, remarks: list[str], depth: int = 0) -> Any:
    """A plain value that every JSON writer takes."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() or _writable(value) else value.encode("utf-8", "replace").decode("utf-8")
    if kind is dict or kind is list:
        if depth >= MAX_DEPTH:
            if not remarks:
                remarks.append(f"values nested deeper than {MAX_DEPTH} levels are kept as text")
            return _as_text(value)
        if kind is list:
            return [clean(item, remarks, depth + 1) for item in value]
        return {clean(str(key), remarks): clean(item, remarks, depth + 1) for key, item in value.items()}
    return number(value) if kind is float or kind is int else value


def number(value: float) -> float | str:
    """A number, or its text where JSON or 64 bits cannot hold it."""
    if type(value) is float and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value if type(value) is float or _INT_MIN <= value <= _INT_MAX else str(value)


def _as_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=True)
    except RecursionError:
        return "(nested too deep to be written)"


def _writable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _whole(text: str) -> float | str:
    return number(int(text)) if len(text) < 30 else text


def _real(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _constant(text: str) -> str:
    return text
