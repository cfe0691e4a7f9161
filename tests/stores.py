"""Stores for tests: a trace in, a store out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentdbg.importers import Input
from agentdbg.store import ImportOptions, Store


def of_files(*files: Path) -> Store:
    """An in-memory store of these files, in this order."""
    store = Store.in_memory()
    reports = store.ingest([Input(str(file)) for file in files], ImportOptions())
    assert not any(report.error for report in reports), reports
    return store


def of_sketch(folder: Path, text: str) -> Store:
    """An in-memory store of a sketch."""
    file = folder / "trace.sketch"
    file.write_text(text)
    return of_files(file)


def otlp(folder: Path, spans: Sequence[dict[str, Any]], name: str = "trace.jsonl", scope: str = "test") -> Path:
    """An OTLP/JSON file of spans given as {name, id, trace?, parent?, start?, end?, attributes?, status?, events?, links?}; times in
    milliseconds, links as (trace, span)."""
    written = []
    for span in spans:
        one: dict[str, Any] = {
            "traceId": span.get("trace", "1" * 32),
            "spanId": span["id"],
            "parentSpanId": span.get("parent", ""),
            "name": span["name"],
            "startTimeUnixNano": str(1_700_000_000_000_000_000 + span.get("start", 0) * 1_000_000),
            "attributes": [{"key": k, "value": _value(v)} for k, v in span.get("attributes", {}).items()],
            "events": [
                {
                    "name": event["name"],
                    "attributes": [{"key": k, "value": _value(v)} for k, v in event.get("attributes", {}).items()],
                }
                for event in span.get("events", [])
            ],
            "links": [{"traceId": trace, "spanId": linked} for trace, linked in span.get("links", [])],
            "status": span.get("status", {}),
        }
        if span.get("end", 100) is not None:
            one["endTimeUnixNano"] = str(
                1_700_000_000_000_000_000 + span.get("end", span.get("start", 0) + 100) * 1_000_000
            )
        written.append(one)
    file = folder / name
    file.write_text(
        json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": scope}, "spans": written}]}]}) + "\n"
    )
    return file


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}
