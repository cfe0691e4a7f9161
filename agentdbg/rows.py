"""Rows of the ingest path. msgspec structs cost a seventh of a frozen dataclass to build, so these stay apart from
model.py: `--help` and `show` never import this module."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

AGENT_BEFORE = "agent before it"
"""agent_rule of a span that names no agent and goes on with the work of the agent before it, under the same parent."""
DELEGATION = "delegation"
"""handoff_rule of a tool inside of which the agent it names does the work."""


class RawEvent(msgspec.Struct, gc=False):
    """A span event, or a log record that names its span. `body` is a log record's body; attributes are plain Python
    values."""

    name: str
    time_ns: int | None = None
    attributes: dict[str, Any] = {}
    body: Any = None


class RawSpan(msgspec.Struct):
    """A span as its file has it: what an importer yields. Attribute values are plain Python values (str, int, float,
    bool, None, list, dict, bytes as base64 text). Formats that are not OTLP put their own fields into `attributes`
    under their own names, with `scope` naming the format, and a convention gives them meaning."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start_ns: int | None
    end_ns: int | None
    status: str = "unset"  # ok | error | unset
    status_message: str | None = None
    attributes: dict[str, Any] = {}
    events: list[RawEvent] = []
    links: list[dict[str, Any]] = []
    scope: str | None = None
    scope_version: str | None = None
    resource: dict[str, Any] = {}
    dropped: int = 0
    line: int | None = None


class RawLog(msgspec.Struct, gc=False):
    """A log record with a trace id and a span id. Order within a span comes from its place in the stream."""

    trace_id: str
    span_id: str
    event: RawEvent
    line: int | None = None


class SpanRow(msgspec.Struct):
    """A span in our fields: one row of the table `spans`. Payload fields are JSON text; see model.py for their shapes.

    agent_hint is what the span itself says of its agent, agent_rule how; whose work a span is, the whole trace
    decides (`resolve`). records_tools / records_parameters: False where this instrumentation never records tool
    definitions / all parameters, so that an absence proves nothing."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str = "other"
    convention: str = "plain"
    scope: str | None = None
    scope_version: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    status: str = "unset"
    error_type: str | None = None
    error_message: str | None = None
    control_flow: str | None = None
    agent_hint: str | None = None
    agent_rule: str | None = None
    model: str | None = None
    request_model: str | None = None
    provider: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    reported_cost_usd: float | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    handoff_from: str | None = None
    handoff_to: str | None = None
    handoff_rule: str | None = None
    session_id: str | None = None
    workflow_name: str | None = None
    graph_step: int | None = None
    records_tools: bool | None = None
    records_parameters: bool | None = None
    payload_cut: bool = False
    dropped: int = 0
    input_key: int | None = None
    output_key: int | None = None
    output_empty: bool | None = None
    input: str | None = None
    output: str | None = None
    tools: str | None = None
    parameters: str | None = None
    attributes: str | None = None
    events: str | None = None
    links: str | None = None
    resource: str | None = None
    source_file: str | None = None
    source_line: int | None = None


class NoteRow(msgspec.Struct, gc=False):
    """A note of an importer: see model.Note. kind: the sentence that all notes of its kind share, "" where there is one
    only; times: how many occurrences it stands for."""

    severity: Literal["info", "data_loss", "error"]
    message: str
    advice: str = ""
    line: int | None = None
    kind: str = ""
    times: int = 1
