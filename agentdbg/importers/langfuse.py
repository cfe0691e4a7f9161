"""Langfuse: the download of a trace, the public API's traces and observations, and what the batch and blob storage
exports write, which spell the same fields in snake_case.

An observation that Langfuse took in over OTLP holds its original attributes, resource and scope in `metadata`: they
become the span's own again. Every other field is an attribute `langfuse.<field>`; what is told of the whole trace is
`langfuse.trace.<field>`."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, BinaryIO

from agentdbg.importers.contract import Row, Source
from agentdbg.importers.json_documents import rows_of
from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.json_records import unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import as_object, check_order, from_json, tells, text, time_ns
from agentdbg.importers.times import to_ns
from agentdbg.rows import RawSpan

SCOPE = "langfuse"
_TRACE_ID = frozenset({"traceId", "trace_id"})
_MARKS = frozenset(
    {
        "parentObservationId", "parent_observation_id", "usageDetails", "usage_details", "completionStartTime",
        "completion_start_time", "calculatedTotalCost", "costDetails", "cost_details", "providedModelName",
        "provided_model_name",
    }
)  # fmt: skip
_TRACE_MARKS = frozenset({"bookmarked", "htmlPath", "sessionId", "userId", "release", "public", "projectId", "tags"})
_PAGES = ("data", "observations", "traces")
_OWN = frozenset(
    {
        "id", "traceId", "trace_id", "parentObservationId", "parent_observation_id", "name", "startTime", "start_time",
        "endTime", "end_time", "statusMessage", "status_message",
    }
)  # fmt: skip
_RECORDED = ("scope", "attributes", "resourceAttributes")
_SHARED = ("name", "sessionId", "userId", "tags", "release", "version", "environment")
_OBSERVATION = "a Langfuse observation, or a trace with its observations"
_AROUND = ("trace", *_PAGES)
# Langfuse stores every recorded attribute as text. These are numbers and switches where they were recorded.
_TYPED = ("gen_ai.request.", "gen_ai.usage.", "ai.settings.", "ai.usage.", "llm.token_count.")


class Langfuse:
    name = "langfuse"
    rank = 28

    def sniff(self, head: bytes, name: str) -> bool:
        return any(_is_export(shape) for shape in shapes(head))

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        reader = _Reader()
        yield from rows_of(stream, _OBSERVATION, reader.notes, _AROUND, reader.record)


def _is_export(shape: frozenset[str]) -> bool:
    if _is_observation(shape) or "trace.projectId" in shape or "trace.bookmarked" in shape:
        return True
    if any(f"{page}.{mark}" in shape for page in _PAGES for mark in _MARKS):
        return True
    return {"id", "timestamp"} <= shape and len(_TRACE_MARKS & shape) >= 3


def _is_observation(keys: frozenset[str] | dict[str, Any]) -> bool:
    return any(key in keys for key in _TRACE_ID) and any(key in keys for key in _MARKS)


class _Reader:
    def __init__(self) -> None:
        self.notes = Notebook()

    def record(self, value: Any, piece: Piece) -> Iterator[RawSpan]:
        """The spans of a JSON value: an observation, a trace with its observations, or a page of either."""
        if not isinstance(value, dict):
            unknown(value, _OBSERVATION, piece.line, self.notes)
        elif _is_observation(value):
            yield self._span(value, {}, piece)
        elif isinstance(value.get("trace"), dict):
            yield from self._trace(value["trace"], _observations(value), piece)
        elif "timestamp" in value and "id" in value:
            yield from self._trace(value, _observations(value), piece)
        else:
            pages = [value[page] for page in _PAGES if isinstance(value.get(page), list)]
            if not pages:
                unknown(value, _OBSERVATION, piece.line, self.notes)
            for item in pages[0] if pages else ():
                yield from self.record(item, piece)

    def _trace(self, trace: dict[str, Any], found: list[Any], piece: Piece) -> Iterator[RawSpan]:
        """The observations of a trace. Langfuse's trace is what holds them together and no span of its own; where
        several of them have no parent, it is what they share, and becomes their root."""
        observations = []
        for item in found:
            if isinstance(item, dict) and item.get("id"):
                observations.append(item)
            else:
                unknown(item, "an observation with an id", piece.line, self.notes)
        told = {f"langfuse.trace.{key}": value for key, value in trace.items() if tells(value)}
        for key in ("id", "observations"):
            told.pop(f"langfuse.trace.{key}", None)
        if not observations:
            self.notes.add(
                "data_loss", "a trace came without its observations", f"trace {trace.get('id')}",
                "export the observations as well: a trace alone has no spans", piece.line,
            )  # fmt: skip
            return
        shared = {key: told[key] for key in (f"langfuse.trace.{name}" for name in _SHARED) if key in told}
        spans = [self._span(item, shared, piece, str(trace.get("id") or "")) for item in observations]
        roots = [span for span in spans if span.parent_id is None]
        if len(roots) > 1 and trace.get("id"):
            yield _root(trace, told, spans, piece.line)
            for root in roots:
                root.parent_id = str(trace["id"])
        else:
            (roots or spans)[0].attributes.update(told)
        yield from spans

    def _span(self, item: dict[str, Any], shared: dict[str, Any], piece: Piece, trace_id: str = "") -> RawSpan:
        told = from_json(item.get("metadata"))
        metadata = as_object(told)
        scope, recorded = as_object(metadata.get("scope")), as_object(metadata.get("attributes"))
        rest = {key: value for key, value in metadata.items() if key not in _RECORDED or not as_object(value)}
        attributes = {key: _typed(key, value) for key, value in recorded.items()}
        attributes.update({f"langfuse.{key}": v for key, v in item.items() if key not in _OWN and tells(v)})
        attributes.pop("langfuse.metadata", None)
        if tells(rest := rest if isinstance(told, dict) else told):
            attributes["langfuse.metadata"] = rest
        if tells(scope.get("attributes")):
            attributes["langfuse.scope.attributes"] = scope["attributes"]
        attributes.update(shared)
        span_id = text(item.get("id")) or blake2b(piece.text, digest_size=8).hexdigest()
        start_ns = time_ns(item.get("startTime", item.get("start_time")), "startTime", piece.line, self.notes)
        end_ns = time_ns(item.get("endTime", item.get("end_time")), "endTime", piece.line, self.notes)
        if str(item.get("type")).upper() == "EVENT" and end_ns is None:
            end_ns = start_ns
        check_order(start_ns, end_ns, f"observation {span_id}", piece.line, self.notes)
        level = str(item.get("level") or "").upper()
        message = text(item.get("statusMessage")) or text(item.get("status_message"))
        if message and level != "ERROR":
            attributes["langfuse.statusMessage"] = message
        return RawSpan(
            text(item.get("traceId")) or text(item.get("trace_id")) or trace_id or span_id,
            span_id,
            text(item.get("parentObservationId")) or text(item.get("parent_observation_id")),
            text(item.get("name")) or "",
            start_ns,
            end_ns,
            status="error" if level == "ERROR" else "unset",
            status_message=message if level == "ERROR" else None,
            attributes=attributes,
            scope=text(scope.get("name")) or SCOPE,
            scope_version=text(scope.get("version")),
            resource=as_object(metadata.get("resourceAttributes")),
            line=piece.line,
        )


def _observations(value: dict[str, Any]) -> list[Any]:
    """The observations beside a trace, or inside it; lists of traces hold only their ids."""
    beside = value.get("observations")
    if not isinstance(beside, list):
        trace = value.get("trace")
        beside = trace.get("observations") if isinstance(trace, dict) else None
    if not isinstance(beside, list) or all(isinstance(item, str) for item in beside):
        return []
    return beside


def _root(trace: dict[str, Any], told: dict[str, Any], spans: list[RawSpan], line: int) -> RawSpan:
    starts = [span.start_ns for span in spans if span.start_ns is not None]
    ends = [span.end_ns for span in spans if span.end_ns is not None]
    return RawSpan(
        spans[0].trace_id,
        str(trace["id"]),
        None,
        text(trace.get("name")) or "trace",
        min(starts, default=to_ns(trace.get("timestamp"))),
        max([*starts, *ends], default=None),
        attributes={"langfuse.type": "TRACE", **told},
        scope=SCOPE,
        line=line,
    )


def _typed(key: str, value: Any) -> Any:
    """A number or switch that Langfuse turned into text, where it is one for certain."""
    if key.startswith(_TYPED):
        found = from_json(value)
        return found if type(found) in (int, float, bool) else value
    return value
