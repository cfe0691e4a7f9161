"""TRAIL: runs of smolagents as OpenInference spans, with errors that people marked on them (span, category)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.accuracy.records import records

Pair = tuple[str, str]
"""A span id and a category."""
CATEGORIES = (
    "Language-only", "Tool-related", "Poor Information Retrieval", "Incorrect Memory Usage",
    "Tool Output Misinterpretation", "Incorrect Problem Identification", "Tool Selection Errors", "Formatting Errors",
    "Instruction Non-compliance", "Tool Definition Issues", "Environment Setup Errors", "Rate Limiting",
    "Authentication Errors", "Service Errors", "Resource Not Found", "Resource Exhaustion", "Timeout Issues",
    "Context Handling Failures", "Resource Abuse", "Goal Deviation", "Task Orchestration",
)  # fmt: skip
_BY_LETTERS = {re.sub("[^a-z]", "", name.lower()): name for name in CATEGORIES}
_MISSPELT = {"instructionnoncomplience": "Instruction Non-compliance"}
_DURATION = re.compile(r"PT(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_STATUS = {"Ok": 1, "Error": 2}


def traces(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The recorded runs: id and nested spans."""
    yield from ((one.id, one.value) for one in records(data, "trail") if not one.id.endswith("/annotation"))


def labels(data: Path) -> dict[str, set[Pair]]:
    """What people marked, by the id of the run."""
    return {one.id.removesuffix("/annotation"): _pairs(one.value) for one in records(data, "trail")
            if one.id.endswith("/annotation")}  # fmt: skip


def judged_by_model(data: Path) -> dict[str, set[Pair]]:
    """What a language model marked (Gemini 2.5 Flash, a run that its authors published), by the id of the run."""
    return {one.id.partition("/")[2]: _pairs(one.answer) for one in records(data, "trail-llm")}


def category(told: object) -> str:
    """The category that is meant: labels vary in case, blanks and endings."""
    letters = re.sub("[^a-z]", "", str(told or "").lower())
    known = _BY_LETTERS.get(letters) or _MISSPELT.get(letters)
    alike = (name for key, name in _BY_LETTERS.items() if letters and (letters in key or key in letters))
    return known or next(alike, str(told))


def _pairs(told: dict[str, Any]) -> set[Pair]:
    errors = told.get("errors")
    found = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return {(str(one.get("location") or ""), category(one.get("category"))) for one in found}


def otlp(trace: dict[str, Any]) -> bytes:
    """The run as a line of OTLP/JSON."""
    spans: list[dict[str, Any]] = []
    todo = list(trace["spans"])
    while todo:
        span = todo.pop()
        todo += span.get("child_spans") or []
        spans.append(_span(span))
    scope = {"name": "openinference.instrumentation.smolagents"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": scope, "spans": spans}]}]}).encode() + b"\n"


def _span(told: dict[str, Any]) -> dict[str, Any]:
    start = _nanoseconds(told["timestamp"])
    status = {"code": _STATUS.get(told["status_code"], 0), "message": told.get("status_message") or ""}
    return {
        "traceId": told["trace_id"], "spanId": told["span_id"], "parentSpanId": told.get("parent_span_id") or "",
        "name": told["span_name"], "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + _length(told["duration"])), "status": status,
        "attributes": _attributes(told.get("span_attributes")),
        "events": [{"name": one.get("Name") or one.get("name") or "",
                    "attributes": _attributes(one.get("Attributes") or one.get("attributes"))}
                   for one in told.get("events") or []],
    }  # fmt: skip


def _attributes(told: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value if isinstance(value, str) else json.dumps(value)}}
            for key, value in (told or {}).items()]  # fmt: skip


def _nanoseconds(text: str) -> int:
    at = datetime.fromisoformat(text)
    return ((at if at.tzinfo else at.replace(tzinfo=_EPOCH.tzinfo)) - _EPOCH) // timedelta(microseconds=1) * 1_000


def _length(text: str) -> int:
    told = _DURATION.fullmatch(text)
    hours, minutes, seconds = (float(part or 0) for part in (told.groups() if told else (0, 0, 0)))
    return round((hours * 3600 + minutes * 60 + seconds) * 1e9)
