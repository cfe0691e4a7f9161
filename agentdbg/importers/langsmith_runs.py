"""A LangSmith run, in the spelling of every way to dump it, to a raw span: what the importers of LangSmith's forms
share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from agentdbg.importers.json_pieces import Piece
from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import text
from agentdbg.importers.times import to_ns
from agentdbg.rows import RawSpan

SCOPE = "langsmith"
MARKS = frozenset({"run_type", "dotted_order", "parent_run_id", "parent_run_ids"})
_IDS = frozenset({"id", "run_id"})
_OWN = frozenset({"id", "run_id", "trace_id", "parent_run_id", "name", "start_time", "end_time", "child_runs"})
_DOTTED = re.compile(r"(?:^|\.)(\d{8}T\d{6})(\d{6})Z[^.]*$")
_STATUS = {"success": "ok", "error": "error", "pending": "unset"}


def is_run(keys: frozenset[str] | dict[str, Any]) -> bool:
    """Whether an object with these keys is a run: it has an id, and something that only runs have."""
    return any(key in keys for key in _IDS) and any(mark in keys for mark in MARKS)


def spans(run: dict[str, Any], piece: Piece, notes: Notebook) -> Iterator[RawSpan]:
    """A run and, where it carries them, the runs below it. piece: where it was read; its bytes name a run without an
    id."""
    todo: list[tuple[dict[str, Any], RawSpan | None]] = [(run, None)]
    while todo:
        run, above = todo.pop()
        span = _span(run, piece, notes, above)
        yield span
        children = run.get("child_runs")
        if isinstance(children, list):
            for child in reversed(children):
                if isinstance(child, dict) and _IDS & child.keys():
                    todo.append((child, span))
                elif child is not None:
                    notes.add(
                        "data_loss", "a child run could not be read", "expected an object with an id", line=piece.line
                    )


def _span(run: dict[str, Any], piece: Piece, notes: Notebook, above: RawSpan | None) -> RawSpan:
    span_id = text(run.get("id")) or text(run.get("run_id"))
    if span_id is None:
        span_id = blake2b(piece.text, digest_size=16).hexdigest()
        notes.add("info", "runs without an id were given one", line=piece.line)
    trace_id, parent_id = _place(run, span_id, above)
    if trace_id is None:
        trace_id = parent_id or span_id
        notes.add(
            "info", "runs that name no trace were put into that of their parent", f"run {span_id}", line=piece.line
        )
    start_ns, end_ns = _time(run, "start_time", piece, notes), _time(run, "end_time", piece, notes)
    start_ns = _dotted_start(run) if start_ns is None else start_ns
    if start_ns is not None and end_ns is not None and end_ns < start_ns:
        notes.add("info", "runs that end before they start are kept", f"run {span_id}", line=piece.line)
    error = run.get("error") or run.get("error_preview")
    attributes = {f"langsmith.{key}": value for key, value in run.items() if value is not None and key not in _OWN}
    run_type = attributes.get("langsmith.run_type")
    if type(run_type) is str:
        attributes["langsmith.run_type"] = run_type.lower()  # the SmithDB interface shouts
    return RawSpan(
        trace_id,
        span_id,
        parent_id,
        text(run.get("name")) or "",
        start_ns,
        end_ns,
        status=_status(run, error),
        status_message=text(error),
        attributes=attributes,
        scope=SCOPE,
        line=piece.line,
    )


def _place(run: dict[str, Any], span_id: str, above: RawSpan | None) -> tuple[str | None, str | None]:
    """Trace and parent: named, else read from the path of `dotted_order` (time and id of every run from the root to
    this one, joined by points) or from `parent_run_ids` (root first), else those of the run that encloses it."""
    dotted = run.get("dotted_order")
    path = [part.partition("Z")[2] for part in dotted.split(".")] if type(dotted) is str and dotted else []
    if not path and isinstance(run.get("parent_run_ids"), list):
        path = [*(str(part) for part in run["parent_run_ids"]), span_id]
    parent_id = text(run.get("parent_run_id"))
    if parent_id is None and len(path) > 1:
        parent_id = path[-2] or None
    if parent_id is None and above is not None:
        parent_id = above.span_id
    trace_id = (
        text(run.get("trace_id")) or (path[0] if path else None) or (above.trace_id if above is not None else None)
    )
    return trace_id or (span_id if parent_id is None else None), parent_id


def _status(run: dict[str, Any], error: Any) -> str:
    """ok, error or unset. A pending run (or one without a status and an end) was never finished."""
    named = _STATUS.get(str(run.get("status") or "").lower())
    if named is not None:
        return named
    return "error" if error else "ok" if run.get("end_time") else "unset"


def _time(run: dict[str, Any], field: str, piece: Piece, notes: Notebook) -> int | None:
    value = run.get(field)
    if value is None or value == "":
        return None
    time_ns = to_ns(value)
    if time_ns is None:
        notes.add("info", f"values of {field} that are no time were left out", repr(value)[:80], line=piece.line)
    return time_ns


def _dotted_start(run: dict[str, Any]) -> int | None:
    """The start as `dotted_order` tells it: exports of chosen fields and the updates of older SDKs have no other."""
    match = _DOTTED.search(run["dotted_order"]) if type(run.get("dotted_order")) is str else None
    return to_ns(f"{match[1]}.{match[2]}Z") if match else None
