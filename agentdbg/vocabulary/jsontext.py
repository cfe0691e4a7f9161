"""JSON text in and out, for values of any origin: integers of any size, NaN, text that is no JSON."""

from __future__ import annotations

import ast
import json
from typing import Any

import msgspec
import orjson

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_LITERAL_LIMIT = 100_000  # characters: Python's own parser is slow and hungry on long ones


def load(text: str | bytes) -> Any:
    """The value of a JSON text. ValueError where it is none, also for nesting beyond what can be parsed."""
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    try:
        return json.loads(text)  # what orjson refuses: NaN, Infinity, lone surrogates
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parsed(value: Any) -> Any:
    """A string that holds a JSON object or array as that value; everything else as it is."""
    if isinstance(value, str):
        text = value.lstrip()
        if text[:1] in ("{", "["):
            try:
                return load(text)
            except ValueError:
                return value
    return value


def elements(text: str) -> list[bytes] | None:
    """The texts of the elements of a JSON array, at a fraction of what parsing costs; None where the text is none, or
    one that only `load` can read."""
    if text.lstrip()[:1] != "[":
        return None
    try:
        return [bytes(item) for item in _LIST.decode(text)]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def parsed_object(value: Any) -> dict[str, Any]:
    """The value where it is an object, also as JSON text; else an empty one."""
    value = parsed(value)
    return value if isinstance(value, dict) else {}


def decoded(value: Any) -> Any:
    """Like `parsed`, for fields that hold JSON text of any kind: a text result stands in quotes there, maybe JSON
    itself."""
    if isinstance(value, str) and value[:1] == '"' and value[-1:] == '"':
        try:
            return parsed(load(value))
        except ValueError:
            return value
    return parsed(value)


def literal(value: Any) -> Any:
    """Like `parsed`, and a Python literal (`{'query': 'rome'}`, as str() of a dict writes it) as its value too."""
    found = parsed(value)
    if isinstance(found, str) and found[:1] in ("{", "[") and len(found) <= _LITERAL_LIMIT:
        try:
            return ast.literal_eval(found)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return found


def dump(value: Any) -> str:
    """JSON text of a value; keys in the order given, so that what was recorded is told as it was recorded. ValueError
    for nesting beyond what can be written."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError):
        pass
    try:
        return json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
