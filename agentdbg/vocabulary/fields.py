"""Filling a row from raw attributes by table: the first name that is there wins, and what is already known stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from agentdbg.rows import SpanRow
from agentdbg.vocabulary.jsontext import dump, parsed

Table = Mapping[str, Sequence[str]]

COUNTS = frozenset(
    {"input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "graph_step"}
)
REDACTED = "__REDACTED__"  # what OpenInference writes in place of hidden content
ENUM = "FinishReason."  # Python's str() of the enumerations that SDKs have for it
MONEY = frozenset({"reported_cost_usd"})


def fill(row: SpanRow, attributes: Mapping[str, Any], table: Table) -> None:
    """Set each absent field of `row` to the first of its names that `attributes` holds."""
    for field, names in table.items():
        for name in names:  # `first`, spelled out for speed
            value = attributes.get(name)
            if value is not None:
                keep(row, field, value)
                break


def keep(row: SpanRow, field: str, value: Any) -> None:
    """Set a field that is still absent; counts and money become numbers, or stay absent where they are none."""
    if value is None or value == "" or getattr(row, field) is not None:
        return
    if field in COUNTS:
        value = count(value)
    elif field in MONEY:
        value = number(value)
    else:
        value = value if type(value) is str else str(value)
        if field == "finish_reason" and value.startswith(ENUM):
            value = value.removeprefix(ENUM).lower()
    setattr(row, field, value)


def keep_json(row: SpanRow, field: str, value: Any) -> None:
    """Set an absent payload field to the JSON text of a value; JSON inside a string becomes the value."""
    if value is not None and getattr(row, field) is None:
        setattr(row, field, dump(parsed(value)))


def keep_messages(row: SpanRow, field: str, found: Sequence[dict[str, Any]] | None) -> None:
    """Set an absent payload field to neutral messages. Messages that say nothing were written by an instrumentation
    that keeps content out: no payload. Where only some of them do, part of the payload is missing."""
    if not found or getattr(row, field) is not None:
        return
    told = [any(map(_says_something, message["parts"])) for message in found]
    asked = [says for says, message in zip(told, found, strict=True) if message["role"] != "assistant"]
    if not any(asked if field == "input" and asked else told):
        return
    setattr(row, field, dump(found))
    row.payload_cut = row.payload_cut or not all(asked)


def _says_something(part: dict[str, Any]) -> bool:
    if part["type"] in ("text", "reasoning"):
        return part["text"] not in ("", REDACTED)
    recorded = part.get("arguments" if part["type"] == "tool_call" else "result", part["type"])
    return recorded is not None and recorded != REDACTED


def speaks(attributes: Mapping[str, Any], prefix: str) -> bool:
    """Whether some attribute's name begins like this."""
    return _speak(tuple(attributes), prefix)


@lru_cache(maxsize=256)  # spans of a kind have the same names in the same order
def _speak(names: tuple[str, ...], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in names)


def first(attributes: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first value that is there and not null."""
    for name in names:
        value = attributes.get(name)
        if value is not None:
            return value
    return None


def listed(value: Any) -> list[Any]:
    """A list as it is; [] for what is none."""
    return value if isinstance(value, list) else []


def count(value: Any) -> int | None:
    """A token count; None for what is no non-negative number of which a thousand can be summed up in 64 bits."""
    if type(value) is int:
        return value if 0 <= value < 2**53 else None
    found = number(value)
    return int(found) if found is not None and 0 <= found < 2**53 else None


def number(value: Any) -> float | None:
    """A finite number, also from text; booleans are none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found == found and abs(found) != float("inf") else None


def unflattened(attributes: Mapping[str, Any], prefix: str) -> tuple[list[Any], bool]:
    """Indexed attributes (`prefix.0.role`, `prefix.0.content`, …) as a list of nested values, and whether indices are
    missing (an SDK that ran into its attribute limit drops the oldest first). Indices sort as numbers."""
    root: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(prefix):
            here = root
            *path, last = key[len(prefix) :].split(".")
            for step in path:
                inner = here.get(step)
                if not isinstance(inner, dict):
                    inner = here[step] = {}
                here = inner
            here[last] = value
    indices = sorted(int(step) for step in root if step.isdigit())
    gaps = bool(indices) and indices != list(range(len(indices)))
    return [_listed(root[str(index)]) for index in indices], gaps


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: _listed(inner) for key, inner in value.items()}
