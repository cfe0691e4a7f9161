"""Attributes in, our fields out: for the tests of conventions."""

from __future__ import annotations

import json
from typing import Any

from agentdbg.conventions import normalise
from agentdbg.rows import RawSpan, SpanRow

PAYLOADS = ("input", "output", "tools", "parameters")


def read(attributes: dict[str, Any], *, name: str = "span", scope: str | None = None, **more: Any) -> SpanRow:
    return normalise(RawSpan("t", "s", None, name, 0, 1, attributes=attributes, scope=scope, **more))


def fields(row: SpanRow, *names: str) -> dict[str, Any]:
    """Fields of a row, payloads as values."""
    told = {name: getattr(row, name) for name in names}
    return {
        name: json.loads(value) if name in PAYLOADS and value is not None else value for name, value in told.items()
    }


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "text": text}]}
