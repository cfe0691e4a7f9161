"""OTLP/JSON that the typed structs reject: other wrappings, snake_case, attributes as objects, single fields of a wrong
type.

Field by field, everything that fits is kept; what does not fit stays in the span's attributes as `otlp.<field>`, with a
note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from agentdbg.importers import otlp_records as otlp
from agentdbg.importers.json_records import unknown
from agentdbg.importers.otlp_spans import Reading

_T = TypeVar("_T", bound=msgspec.Struct)
_SNAKE = re.compile(r"_([a-z])")
_WRONG = "fields of a wrong type are kept as attributes otlp.<field>"


def requests(value: Any, reading: Reading) -> Iterator[otlp.Request]:
    """The requests in any JSON value: an array of them, Tempo's `batches`, `{"trace": {...}}`, snake_case keys."""
    if isinstance(value, list):
        for item in value:
            yield from requests(item, reading)
        return
    if not isinstance(value, dict):
        unknown(value, "an OTLP request", reading.line, reading.notes)
        return
    value = _camel(value)
    inner = value.get("trace")
    if isinstance(inner, dict) and not value.keys() & {"resourceSpans", "resourceLogs"}:
        value = inner
    groups = _dicts(value.get("resourceSpans", value.get("batches")), "resourceSpans", reading)
    records = _dicts(value.get("resourceLogs"), "resourceLogs", reading)
    if groups or records:
        yield otlp.Request([_resource_spans(g, reading) for g in groups], [_resource_logs(g, reading) for g in records])
    elif "resourceMetrics" in value:
        reading.notes.add("info", "metrics are left out: only traces and logs are read", line=reading.line)
    elif not value.keys() & {"resourceSpans", "resourceLogs", "batches"}:
        unknown(value, "resourceSpans or resourceLogs", reading.line, reading.notes)


def _resource_spans(group: dict[str, Any], reading: Reading) -> otlp.ResourceSpans:
    scoped = _dicts(group.get("scopeSpans"), "scopeSpans", reading)
    scoped += _dicts(group.get("instrumentationLibrarySpans"), "instrumentationLibrarySpans", reading)
    blocks = [
        otlp.ScopeSpans(
            _scope(block, reading),
            spans=[_span(span, reading) for span in _dicts(block.get("spans"), "spans", reading)],
        )
        for block in scoped
    ]
    return otlp.ResourceSpans(_resource(group, reading), blocks)


def _resource_logs(group: dict[str, Any], reading: Reading) -> otlp.ResourceLogs:
    scoped = _dicts(group.get("scopeLogs"), "scopeLogs", reading)
    scoped += _dicts(group.get("instrumentationLibraryLogs"), "instrumentationLibraryLogs", reading)
    blocks = []
    for block in scoped:
        records = _dicts(block.get("logRecords", block.get("logs")), "logRecords", reading)
        blocks.append(
            otlp.ScopeLogs(_scope(block, reading), log_records=[_fit(r, otlp.LogRecord, reading) for r in records])
        )
    return otlp.ResourceLogs(_resource(group, reading), blocks)


def _resource(group: dict[str, Any], reading: Reading) -> otlp.Resource | None:
    resource = group.get("resource")
    return _fit(resource, otlp.Resource, reading) if isinstance(resource, dict) else None


def _scope(block: dict[str, Any], reading: Reading) -> otlp.Scope | None:
    scope = block.get("scope", block.get("instrumentationLibrary"))
    return _fit(scope, otlp.Scope, reading) if isinstance(scope, dict) else None


def _span(raw: dict[str, Any], reading: Reading) -> otlp.Span:
    try:
        return msgspec.convert(raw, otlp.Span)
    except msgspec.ValidationError:
        pass
    nested = {
        "events": [_fit(event, otlp.Event, reading) for event in _dicts(raw.get("events"), "events", reading)],
        "links": [_fit(link, otlp.Link, reading) for link in _dicts(raw.get("links"), "links", reading)],
    }
    span = _fit({key: value for key, value in raw.items() if key not in nested}, otlp.Span, reading)
    return msgspec.structs.replace(span, **nested)


def _fit(raw: dict[str, Any], shape: type[_T], reading: Reading) -> _T:
    """raw as a struct: each field that does not fit is mended, else left out of the struct and kept among the
    attributes."""
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError:
        pass
    fitting: dict[str, Any] = {}
    odd: list[otlp.Pair] = []
    attributes: list[otlp.Pair] | None = None
    for field in msgspec.structs.fields(shape):
        if field.encode_name not in raw:
            continue
        value = raw[field.encode_name]
        if field.encode_name == "attributes":
            attributes = _pairs(value)
            continue
        if field.encode_name == "body":
            fitting["body"] = _value(value)
            continue
        try:
            fitting[field.name] = msgspec.convert(_mended(field.encode_name, value), field.type, strict=False)
        except msgspec.ValidationError:
            reading.notes.add("info", _WRONG, f"{field.encode_name} is {_described(value)}", line=reading.line)
            odd.append(otlp.Pair(f"otlp.{field.encode_name}", _value(value)))
    if attributes is not None or odd:
        fitting["attributes"] = (attributes or []) + odd
    names = {field.name for field in msgspec.structs.fields(shape)}
    return shape(**{key: value for key, value in fitting.items() if key in names})


def _mended(name: str, value: Any) -> Any:
    if name in ("traceId", "spanId", "parentSpanId", "name") and type(value) in (int, float):
        return str(value)
    if name == "status" and isinstance(value, (str, int)):
        return {"code": value}
    if name == "status" and isinstance(value, dict):
        return {
            key: part
            for key, part in value.items()
            if (key == "code" and type(part) in (int, str)) or (key == "message" and type(part) is str)
        }
    return value


def _pairs(value: Any) -> list[otlp.Pair]:
    """Attributes: an array of key and value as it should be, pairs one by one, or a plain object."""
    if isinstance(value, dict):
        return [otlp.Pair(key, _value(item)) for key, item in value.items()]
    if not isinstance(value, list):
        return [] if value is None else [otlp.Pair("otlp.attributes", _value(value))]
    pairs = []
    for place, item in enumerate(value):
        if isinstance(item, dict) and "key" in item:
            pairs.append(otlp.Pair(str(item["key"]), _value(item.get("value"))))
        elif item is not None:
            pairs.append(otlp.Pair(f"otlp.attributes.{place}", _value(item)))
    return pairs


def _value(raw: Any) -> otlp.Value | None:
    """An OTLP value; any other JSON value is taken for what it is."""
    if isinstance(raw, dict):
        try:
            known = msgspec.convert(raw, otlp.Value)
        except msgspec.ValidationError:
            known = None
        if known is not None and (not raw or any(getattr(known, name) is not None for name in known.__struct_fields__)):
            return known
        if len(raw) == 1 and next(iter(raw)) in _WRAPS:
            return _value(_unwrapped(raw))
        return otlp.Value(kvlist_value=otlp.Pairs([otlp.Pair(key, _value(item)) for key, item in raw.items()]))
    if isinstance(raw, list):
        return otlp.Value(array_value=otlp.Values([_value(item) for item in raw]))
    if isinstance(raw, bool):
        return otlp.Value(bool_value=raw)
    if isinstance(raw, int):
        return otlp.Value(int_value=raw)
    if isinstance(raw, float):
        return otlp.Value(double_value=raw)
    return None if raw is None else otlp.Value(string_value=str(raw))


_WRAPS = frozenset(field.encode_name for field in msgspec.structs.fields(otlp.Value))


def _unwrapped(raw: dict[str, Any]) -> Any:
    """What stands in a value wrapper of the wrong type, e.g. {"stringValue": 5} or an array with one odd element."""
    wrap, inner = next(iter(raw.items()))
    if wrap == "arrayValue" and isinstance(inner, dict):
        return inner.get("values")
    if wrap == "kvlistValue" and isinstance(inner, dict) and isinstance(inner.get("values"), list):
        return {str(pair.get("key", "")): pair.get("value") for pair in inner["values"] if isinstance(pair, dict)}
    return inner


def _dicts(value: Any, what: str, reading: Reading) -> list[dict[str, Any]]:
    """The objects of an array; anything else in it is a loss."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    good = [item for item in items if isinstance(item, dict)]
    for item in items:
        if not isinstance(item, dict) and item is not None:
            unknown(item, f"an object in {what}", reading.line, reading.notes)
    return good


def _camel(value: Any) -> Any:
    """snake_case keys as camelCase: every key of an OTLP document is a word of its schema, but in attributes that are
    an object."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        _SNAKE.sub(lambda match: match[1].upper(), key): item
        if key == "attributes" and isinstance(item, dict)
        else _camel(item)
        for key, item in value.items()
    }


def _described(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
