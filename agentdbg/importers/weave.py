"""W&B Weave calls: lines of the calls interface, an export of the user interface, an array, or a page {"calls": […]}.

A call's fields are attributes `weave.<field>`. Calls that Weave took in over OpenTelemetry hold the original span in
`attributes.otel_span`: its attributes become the span's own again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

from agentdbg.importers.contract import Row, Source
from agentdbg.importers.flat_attributes import WHOLE, flatten
from agentdbg.importers.json_documents import rows_of
from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.json_records import unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import as_object, check_order, tells, text, time_ns
from agentdbg.rows import RawSpan

SCOPE = "weave"
_PAGES = ("calls", "data")
_OWN = frozenset({"id", "trace_id", "parent_id", "started_at", "ended_at", "exception"})
_CALL = "a Weave call: op_name with id and trace_id"
_STATUS = {"success": "ok", "error": "error", "descendant_error": "ok", "running": "unset"}


class Weave:
    name = "weave"
    rank = 38

    def sniff(self, head: bytes, name: str) -> bool:
        return any(
            {"op_name", "trace_id"} <= shape or any({f"{page}.op_name", f"{page}.trace_id"} <= shape for page in _PAGES)
            for shape in shapes(head)
        )

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        notes = Notebook()
        yield from rows_of(stream, _CALL, notes, _PAGES, partial(_calls, notes=notes))


def _is_call(value: dict[str, Any]) -> bool:
    return "op_name" in value


def _calls(value: Any, piece: Piece, notes: Notebook) -> Iterator[RawSpan]:
    if isinstance(value, dict) and _is_call(value) and value.get("id"):
        yield _span(value, piece, notes)
        return
    pages = [value[page] for page in _PAGES if isinstance(value.get(page), list)] if isinstance(value, dict) else []
    if not pages:
        unknown(value, _CALL, piece.line, notes)
    for item in pages[0] if pages else ():
        yield from _calls(item, piece, notes)


def _span(call: dict[str, Any], piece: Piece, notes: Notebook) -> RawSpan:
    span_id = str(call["id"])
    trace_id = text(call.get("trace_id"))
    if trace_id is None:
        notes.add("info", "spans without a trace id are traces of their own", f"call {span_id}", line=piece.line)
    start_ns, end_ns = (time_ns(call.get(name), name, piece.line, notes) for name in ("started_at", "ended_at"))
    check_order(start_ns, end_ns, f"call {span_id}", piece.line, notes)
    recorded = as_object(as_object(call.get("attributes")).get("otel_span"))
    attributes: dict[str, Any] = {}
    flatten(as_object(recorded.get("attributes")), attributes, whole=WHOLE)
    attributes.update({f"weave.{key}": value for key, value in call.items() if key not in _OWN and tells(value)})
    exception = text(call.get("exception"))
    return RawSpan(
        trace_id or span_id,
        span_id,
        text(call.get("parent_id")),
        text(call.get("display_name")) or operation(str(call["op_name"])),
        start_ns,
        end_ns,
        status="error" if exception else _told(call, end_ns),
        status_message=exception,
        attributes=attributes,
        scope=SCOPE,
        resource=as_object(as_object(recorded.get("resource")).get("attributes")),
        line=piece.line,
    )


def operation(op_name: str) -> str:
    """The name of an operation out of a reference to it: `weave:///entity/project/op/NAME:digest` is NAME."""
    if op_name.startswith("weave:///"):
        return op_name.rpartition("/")[2].partition(":")[0] or op_name
    return op_name


def _told(call: dict[str, Any], end_ns: int | None) -> str:
    """A call whose descendant failed ended well itself: what failed says so."""
    told = as_object(as_object(call.get("summary")).get("weave")).get("status")
    return _STATUS.get(str(told), "unset" if end_ns is None else "ok")
