"""Where a field comes from, measured: change one attribute of a recorded span, read the span again, and see which fields followed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from agentdbg.conventions import from_logs, normalise
from agentdbg.rows import RawEvent, RawSpan, SpanRow
from agentdbg.store.merge import merge
from agentdbg.vocabulary.jsontext import dump, parsed

SINGLE = (
    "agent_hint", "model", "provider", "input_tokens", "output_tokens", "cached_tokens", "reported_cost_usd",
    "finish_reason", "session_id", "tool", "tool_call_id", "handoff_from", "handoff_to", "error_type", "error_message",
)  # fmt: skip
PAYLOADS = ("input", "output", "tools", "parameters")
FIELDS = (*SINGLE, *PAYLOADS)
# What names the shape of a message or a run rather than saying something: changed, it would hide the rest.
STRUCTURE = frozenset({"role", "type", "kind", "object", "lc", "id", "name", "run_type", "event.name"})
NUMBER = re.compile(r"\d+(\.\d+)?")
# Attributes that say what a span is; whether a field is read at all depends on them, its value does not.
KINDS = ("span.kind", "operation.name", "operationId", "request.type")
INDEX = re.compile(r"\.\d+(?=\.|$).*")

Record = tuple[RawSpan, tuple[RawEvent, ...]]
"""A span as recorded, and the log records that name it."""


def row(record: Record) -> SpanRow:
    """A record in our fields."""
    span, logs = record
    told = normalise(span)
    return merge([told, from_logs(span.trace_id, span.span_id, logs)]) if logs else told


def sources(record: Record) -> dict[str, tuple[str, ...]]:
    """Of each field that the record fills, the places it is read from."""
    was = row(record)
    found: dict[str, list[str]] = {field: [] for field in FIELDS if getattr(was, field) is not None}
    for place, changed in _changes(record):
        now = row(changed(_other))
        if (now.kind, now.convention) != (was.kind, was.convention):
            continue  # it says what the span is, and so whether the field is read at all
        for field in found:
            if getattr(now, field) not in (getattr(was, field), None):
                found[field].append(place + ("" if field in PAYLOADS else _inside(changed, field, was)))
    return {field: tuple(places) for field, places in found.items()}


Change = Callable[[Callable[[Any], Any]], Record]


def _changes(record: Record) -> Iterator[tuple[str, Change]]:
    """Each place of a record with a function that puts something else there; indexed attributes are one place."""
    span, logs = record
    places: dict[str, list[str]] = {}
    for key in span.attributes:
        if key.endswith(KINDS):
            continue
        places.setdefault(INDEX.sub(".N.*", key), []).append(key)
    for place, keys in places.items():
        yield f"`{place}`", lambda other, keys=keys: (_with(span, keys, other), logs)
    for key in span.resource:
        yield (
            f"resource `{key}`",
            lambda other, key=key: (_replaced(span, resource=_at(span.resource, [key], other)), logs),
        )
    for name in dict.fromkeys(event.name for event in span.events):
        yield (
            f"event `{name}`",
            lambda other, name=name: (_replaced(span, events=_events(span.events, name, other)), logs),
        )
    for name in dict.fromkeys(event.name for event in logs):
        yield f"log record `{name}`", lambda other, name=name: (span, tuple(_events(logs, name, other)))
    yield "the span's name", lambda other: (_replaced(span, name=other(span.name)), logs)
    if span.status_message:
        yield "the status message", lambda other: (_replaced(span, status_message=other(span.status_message)), logs)


def _with(span: RawSpan, keys: list[str], other: Callable[[Any], Any]) -> RawSpan:
    return _replaced(span, attributes=_at(span.attributes, keys, other))


def _at(attributes: dict[str, Any], keys: list[str], other: Callable[[Any], Any]) -> dict[str, Any]:
    return {**attributes, **{key: other(attributes[key]) for key in keys}}


def _replaced(span: RawSpan, **changes: Any) -> RawSpan:
    return msgspec.structs.replace(span, **changes)


def _events(events: Any, name: str, other: Callable[[Any], Any]) -> list[RawEvent]:
    return [
        RawEvent(one.name, one.time_ns, {key: other(value) for key, value in one.attributes.items()}, other(one.body))
        if one.name == name
        else one
        for one in events
    ]


def _other(value: Any) -> Any:
    """A value of the same kind that says something else."""
    if isinstance(value, bool):
        return value
    if value is None:
        return "other"
    if isinstance(value, int | float):
        return value + 1001
    if isinstance(value, list):
        return [_other(item) for item in value] or ["other"]
    if isinstance(value, dict):
        kept = {key for key, inner in value.items() if key in STRUCTURE and isinstance(inner, str)}
        return {key: inner if key in kept else _other(inner) for key, inner in value.items()} or {"other": "other"}
    if isinstance(value, str):
        if isinstance(inner := parsed(value), dict | list):
            return dump(_other(inner))
        return str(float(value) + 1001) if NUMBER.fullmatch(value) else f"Other{value.replace(' ', ' other ')}other"
    return value


def _inside(changed: Change, field: str, was: SpanRow) -> str:
    """Where in a JSON value the field stands, as far as one way leads there."""
    path: list[str] = []
    for _ in range(10):
        steps = {step for step in _steps(changed, path) if _follows(changed, [*path, step], field, was)}
        if len(steps) != 1:
            break
        path += steps
    return f" › `{'.'.join(path)}`" if path else ""


def _follows(changed: Change, path: list[str], field: str, was: SpanRow) -> bool:
    return getattr(row(changed(lambda value: _changed_at(value, path))), field) not in (getattr(was, field), None)


def _steps(changed: Change, path: list[str]) -> list[str]:
    found: list[str] = []

    def look(value: Any) -> Any:
        found.extend(_keys(value, path))
        return value

    changed(look)
    return list(dict.fromkeys(found))


def _keys(value: Any, path: list[str]) -> list[str]:
    value = parsed(value) if isinstance(value, str) else value
    if path:
        if path[0] == "[]":
            return [key for item in value for key in _keys(item, path[1:])] if isinstance(value, list) else []
        return _keys(value[path[0]], path[1:]) if isinstance(value, dict) and path[0] in value else []
    if isinstance(value, list):
        return ["[]"] if value and isinstance(value[0], dict | list) else []
    return list(value) if isinstance(value, dict) else []


def _changed_at(value: Any, path: list[str]) -> Any:
    if not path:
        return _other(value)
    inner = parsed(value) if isinstance(value, str) else value
    if path[0] == "[]" and isinstance(inner, list):
        made: Any = [_changed_at(item, path[1:]) for item in inner]
    elif isinstance(inner, dict) and path[0] in inner:
        made = {**inner, path[0]: _changed_at(inner[path[0]], path[1:])}
    else:
        return value
    return dump(made) if isinstance(value, str) else made


class Sources:
    """The sources of many records: what is recorded alike is measured once."""

    def __init__(self) -> None:
        self._known: dict[Any, dict[str, tuple[str, ...]]] = {}

    def of(self, record: Record) -> dict[str, tuple[str, ...]]:
        span, logs = record
        told = row(record)
        keys = frozenset(INDEX.sub("", key) for key in span.attributes)
        filled = tuple(field for field in FIELDS if getattr(told, field) is not None)
        events = frozenset(event.name for event in (*span.events, *logs))
        shape = (span.scope, told.kind, told.convention, keys, events, filled, bool(span.status_message))
        if shape not in self._known:
            self._known[shape] = sources(record)
        return self._known[shape]
