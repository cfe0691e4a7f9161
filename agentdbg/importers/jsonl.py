"""Home-made JSON: span objects under the usual names, one a line, in an array, or as {"trace_id": …, "spans": […]}.

Nothing is guessed from texts or from the order of lines. `--map field=path` names what is called otherwise.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, BinaryIO

from agentdbg.errors import AgentdbgError
from agentdbg.importers import plain_names as names
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.flat_attributes import flatten
from agentdbg.importers.json_pieces import Piece, pieces
from agentdbg.importers.json_records import records, unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.times import to_ns
from agentdbg.rows import RawEvent, RawSpan
from agentdbg.vocabulary.jsontext import dump

SCOPE = "jsonl"
_STRUCTURE = frozenset(
    {"trace_id", "span_id", "parent_id", "name", "start", "end", "kind", "status", "error", "error_type"}
)
_ABSENT = object()


class JsonLines:
    name = "jsonl"
    rank = 90

    def sniff(self, head: bytes, name: str) -> bool:
        return any(
            names.is_span(shape) or any(names.is_span(_below(shape, key)) for key in names.SPANS)
            for shape in shapes(head)
        )

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        reader = _Reader(source.mapping)
        for piece in pieces(stream):
            yield from reader.rows(piece)
            yield from reader.notes.drain()
        yield from reader.notes.finish()


def _below(shape: frozenset[str], key: str) -> frozenset[str]:
    return frozenset(path.partition(".")[2] for path in shape if path.startswith(f"{key}."))


class _Reader:
    def __init__(self, mapping: Mapping[str, str]) -> None:
        known = [*names.PATHS, "spans"]
        for field in mapping:
            if field not in known:
                near = difflib.get_close_matches(field, known, 1)
                raise AgentdbgError(
                    f"--map {field}=…: there is no field {field!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                    f"fields: {', '.join(sorted(known))}",
                )
        self.notes = Notebook()
        self._paths = {
            field: ((mapping[field],) if field in mapping else ()) + paths for field, paths in names.PATHS.items()
        }
        self._spans = ((mapping["spans"],) if "spans" in mapping else ()) + names.SPANS
        self._nameless = ""
        self._count = 0
        self._line = 0

    def rows(self, piece: Piece) -> Iterator[RawSpan]:
        self._line = piece.line
        for record in records(piece, "a span", self.notes):
            yield from self._record(record, piece)

    def _record(self, record: Any, piece: Piece) -> Iterator[RawSpan]:
        if not isinstance(record, dict):
            unknown(record, "an object", self._line, self.notes)
            return
        for path in self._spans:
            spans = _at(record, path)
            if isinstance(spans, list) and any(isinstance(span, dict) for span in spans):
                trace = {key: value for key, value in record.items() if key != path.split(".")[0]}
                trace_id = self._find(record, "trace_id", {}) or record.get("id")
                if trace_id in (None, ""):  # a run of its own, not one with the other lines
                    trace_id = blake2b(dump(record).encode("utf-8", "replace"), digest_size=16).hexdigest()
                    self.notes.add("info", "runs without a trace id were given one", line=self._line)
                made: list[RawSpan] = []
                for span in spans:
                    if isinstance(span, dict):
                        made.append(self._span(span, piece, trace_id, trace))
                    else:
                        unknown(span, f"an object in {path}", self._line, self.notes)
                yield from self._run(trace, made, piece)
                yield from made
                return
        if (
            self._find(record, "trace_id", {}) is None
            and not names.is_span(frozenset(_paths(record)))
            and not self._mapped(record)
        ):
            unknown(record, "a trace id, a span id, an agent or a start time", self._line, self.notes)
            return
        yield self._span(record, piece, None, {})

    def _run(self, trace: dict[str, Any], made: list[RawSpan], piece: Piece) -> Iterator[RawSpan]:
        """The object around several parentless spans, as the root they have. Its task is what went in and no name:
        runs of one workflow share a name."""
        roots = [span for span in made if span.parent_id is None]
        if len(roots) < 2:
            return
        told = {**trace, "kind": "workflow", "span_id": f"run:{made[0].trace_id}"}
        run = self._span(told, piece, made[0].trace_id, {})
        run.name = str(trace.get("workflow") or trace.get("name") or "run")
        if trace.get("task") is not None:
            run.attributes.setdefault("input", trace["task"])
        run.start_ns = min((span.start_ns for span in [run, *made] if span.start_ns is not None), default=None)
        run.end_ns = max((span.end_ns for span in [run, *made] if span.end_ns is not None), default=None)
        for span in roots:
            span.parent_id = run.span_id
        yield run

    def _mapped(self, record: dict[str, Any]) -> bool:
        return any(
            len(paths) > len(names.PATHS[field]) and _at(record, paths[0]) is not _ABSENT
            for field, paths in self._paths.items()
        )

    def _find(self, record: dict[str, Any], field: str, used: dict[str, str]) -> Any:
        """The value of a field, None where it is absent or null. The path that held it is noted in `used`."""
        for path in self._paths[field]:
            value = _at(record, path)
            if (
                value is _ABSENT
                or value is None
                or (isinstance(value, dict) and field in ("agent", "model", "tool", "trace_id"))
            ):
                continue
            used[path] = field
            return value
        return None

    def _span(self, record: dict[str, Any], piece: Piece, trace_id: Any, trace: dict[str, Any]) -> RawSpan:
        used: dict[str, str] = {}
        found = {field: self._find(record, field, used) for field in self._paths}
        start_ns, end_ns = self._times(record, found, used)
        trace_id = self._trace_id(found["trace_id"] if trace_id is None else trace_id, piece)
        span_id = self._span_id(found["span_id"], trace_id)
        if start_ns is not None and end_ns is not None and end_ns < start_ns:
            self.notes.add("info", "spans that end before they start are kept", f"span {span_id}", line=self._line)
        kind = names.kind(found["kind"]) if found["kind"] is not None else None
        attributes = _rest(record, {path for path, field in used.items() if field != "kind" or kind is not None})
        attributes.update(
            {field: value for field, value in found.items() if field not in _STRUCTURE and value is not None}
        )
        if kind is not None:
            attributes["kind"] = kind
        if (session_id := self._find(trace, "session_id", {})) is not None:
            attributes.setdefault("session_id", session_id)
        status, message = self._outcome(found, attributes)
        parent_id = found["parent_id"]
        return RawSpan(
            trace_id,
            span_id,
            _id(parent_id) if parent_id not in (None, "", span_id) else None,
            str(found["name"] or found["agent"] or found["tool"] or found["model"] or found["kind"] or "span"),
            start_ns,
            end_ns,
            status=status,
            status_message=message,
            attributes=attributes,
            events=_events(attributes),
            scope=SCOPE,
            resource=_resource(attributes) or trace,
            line=self._line,
        )

    def _trace_id(self, value: Any, piece: Piece) -> str:
        if value not in (None, ""):
            return _id(value)
        if not self._nameless:
            self._nameless = blake2b(piece.text, digest_size=16).hexdigest()
        self.notes.add("info", "spans without a trace id were taken for one trace", line=self._line)
        return self._nameless

    def _span_id(self, value: Any, trace_id: str) -> str:
        if value not in (None, ""):
            return _id(value)
        self._count += 1
        self.notes.add("info", "spans without a span id were given one", line=self._line)
        return blake2b(f"{trace_id}/{self._count}".encode("utf-8", "replace"), digest_size=8).hexdigest()

    def _times(
        self, record: dict[str, Any], found: dict[str, Any], used: dict[str, str]
    ) -> tuple[int | None, int | None]:
        """Start and end. A record in which nothing speaks of an end is a moment: only an end that is null was never
        reached."""
        start_ns, end_ns = self._time(found["start"], "start"), self._time(found["end"], "end")
        if end_ns is None:
            for path, unit in names.DURATIONS.items():
                length = _at(record, path)
                if (
                    isinstance(length, int | float)
                    and not isinstance(length, bool)
                    and start_ns is not None
                    and 0 <= length < 2**53
                ):
                    return start_ns, start_ns + round(length * unit)
            if not any(_at(record, path) is not _ABSENT for path in (*self._paths["end"], *names.DURATIONS)):
                end_ns = start_ns
        return start_ns, end_ns

    def _time(self, value: Any, what: str) -> int | None:
        if value in (None, ""):
            return None
        time_ns = to_ns(value)
        if time_ns is None:
            self.notes.add("info", "values that are no time were left out", f"{what} {value!r}"[:100], line=self._line)
        return time_ns

    def _outcome(self, found: dict[str, Any], attributes: dict[str, Any]) -> tuple[str, str | None]:
        """Status and error text; what an error object says beyond that stays an attribute."""
        error, told = found["error"], found["status"]
        status = names.status(told) if told is not None else "unset"
        if error is True:
            error = attributes.pop("error_message", None) or True
        if isinstance(told, dict):
            attributes.setdefault("status", told)
            error = error or told.get("message") or told.get("description")
        elif told is not None and status == "unset":
            attributes.setdefault("status", told)
        kind = found["error_type"]
        if isinstance(error, dict):
            attributes.setdefault("error", error)
            kind = kind or error.get("type") or error.get("name") or error.get("class")
            error = error.get("message") or error.get("msg") or error.get("detail") or "error"
        message = None if error in (None, "", False, True, [], {}) else str(error)
        if kind:
            attributes["error_type"] = str(kind)
        if status == "unset" and (error is True or (message is not None and told is None) or (kind and told is None)):
            status = "error"
        if message is not None and status != "error":
            attributes.setdefault("status_message", message)
        return status, message if status == "error" else None


def _at(record: dict[str, Any], path: str) -> Any:
    """The value at a dotted path; a key that holds dots itself comes first."""
    if path in record:
        return record[path]
    here: Any = record
    for step in path.split("."):
        if isinstance(here, list) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        elif isinstance(here, dict) and step in here:
            here = here[step]
        else:
            return _ABSENT
    return here


def _paths(record: dict[str, Any]) -> Iterator[str]:
    for key, value in record.items():
        yield key
        if isinstance(value, dict):
            yield from (f"{key}.{inner}" for inner in value)


def _rest(record: dict[str, Any], used: set[str]) -> dict[str, Any]:
    """Everything that became no field, losslessly: objects one level deep as `object.key`, recorded attributes under
    their own names."""
    rest: dict[str, Any] = {}
    for key, value in record.items():
        if key in used or value is None:
            continue
        if key == "attributes" and isinstance(value, dict):
            flatten(value, rest)
        elif key.startswith("attributes."):
            rest[key.removeprefix("attributes.")] = value
        elif isinstance(value, dict):
            rest.update(
                {
                    f"{key}.{inner}": part
                    for inner, part in value.items()
                    if f"{key}.{inner}" not in used and part is not None
                }
            )
        else:
            rest[key] = value
    return rest


def _events(attributes: dict[str, Any]) -> list[RawEvent]:
    """Span events of a record, taken out of its attributes; what has no name is no event."""
    events = attributes.get("events")
    if (
        not isinstance(events, list)
        or not events
        or not all(isinstance(item, dict) and item.get("name") for item in events)
    ):
        return []
    del attributes["events"]
    return [
        RawEvent(
            str(event["name"]),
            to_ns(event.get("timestamp", event.get("time", event.get("timeUnixNano")))),
            event["attributes"]
            if isinstance(event.get("attributes"), dict)
            else {k: v for k, v in event.items() if k not in ("name", "timestamp")},
        )
        for event in events
    ]


def _resource(attributes: dict[str, Any]) -> dict[str, Any]:
    """The resource of a record of the OTel console exporter, taken out of its attributes."""
    found = attributes.pop("resource.attributes", None)
    return found if isinstance(found, dict) else {}


def _id(value: Any) -> str:
    """An id as it is; the hex ids of the OTel console exporter without their 0x."""
    text = str(value)
    return text[2:].lower() if text.startswith("0x") and len(text) in (18, 34) else text
