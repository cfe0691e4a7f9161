"""JSON for programs: one object, versioned, fields may be added and are never renamed. All bytes are ASCII, so that no
text of a trace can reach a terminal as a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from agentdbg.fingerprint import fingerprint
from agentdbg.reporters.document import document
from agentdbg.view.payload import parsed

if TYPE_CHECKING:
    from agentdbg.model import Finding
    from agentdbg.view.report import Report, TraceLine, TraceSummary
    from agentdbg.view.rows import Row, View
    from agentdbg.view.span_detail import SpanDetail
    from agentdbg.view.totals import Totals

_FLAGS = ("dim", "orphan", "cut", "never_closed", "empty", "same_call", "nested")


def check(report: Report, stream: TextIO) -> None:
    """The report of `check`."""
    told = {
        "tool": {"name": "agentdbg", "version": report.version},
        "verdict": report.verdict,
        "reason": report.reason,
        "traces": [trace(one) for one in report.traces],
        "findings": [finding(one) for one in report.findings],
        "skipped": [asdict(one) for one in report.skipped],
        "notes": [asdict(one) for one in report.notes],
        "suppressed": report.suppressed,
    }
    document(told, stream)


def show(view: View, stream: TextIO) -> None:
    """A run as it is shown: the rows after folding, in order, each finding at the row that names its fingerprint."""
    told = {
        "trace": trace(view.trace),
        "rows": [_row(row) for row in view.rows],
        "findings": [finding(one) for one in view.findings],
        "totals": _totals(view.totals),
        "coverage": dict(view.trace.coverage),
        "suppressed": view.suppressed,
        "problems": [asdict(problem) | {"message": problem.message} for problem in view.problems],
        "start_ns": view.start_ns,
        "end_ns": view.end_ns,
        "next": view.next,
    }
    document(told, stream)


def traces(lines: Sequence[TraceLine], stream: TextIO) -> None:
    """The list of runs, in the order given."""
    document({"traces": [_trace_line(line) for line in lines]}, stream)


def span(detail: SpanDetail, stream: TextIO) -> None:
    """One span with everything that is recorded of it; payloads as the JSON values they are."""
    told = asdict(detail.span)
    for name in ("input", "output", "tools", "parameters", "attributes", "events", "links"):
        told[name] = parsed(told[name])
    told = {
        "trace": trace(detail.trace),
        "span": told | {"duration_ns": detail.span.duration_ns},
        "path": [_named(one) for one in detail.path],
        "below": [_named(one) for one in detail.below],
        "call": None if detail.call is None else asdict(detail.call),
        "before": detail.before,
        "known_messages": sum(message.known for message in detail.input or ()),
        "sources": _sources(detail),
        "findings": [finding(one) for one in detail.findings],
        "next": list(detail.next),
    }
    document(told, stream)


def trace(summary: TraceSummary) -> dict[str, Any]:
    """A run in figures."""
    return asdict(summary) | {"coverage": dict(summary.coverage)}


def finding(found: Finding) -> dict[str, Any]:
    """A finding with its fingerprint; its evidence in order, the primary piece first."""
    return {
        "detector": found.detector,
        "severity": found.severity,
        "confidence": found.confidence,
        "title": found.title,
        "message": found.message,
        "trace_id": found.recorded_trace_id or found.trace_id,
        "run_id": found.trace_id,
        "agent": found.agent,
        "status": found.status,
        "evidence": [{"span_id": one.span_id, "role": one.role, "note": one.note} for one in found.evidence],
        "wasted_tokens": found.wasted_tokens,
        "wasted_usd": found.wasted_usd,
        "advice": found.advice,
        "next": found.next,
        "fingerprint": fingerprint(found),
    }


def _trace_line(line: TraceLine) -> dict[str, Any]:
    return {
        **trace(line.summary),
        "findings": line.findings,
        "worst_severity": line.worst,
        "worst_detector": line.worst_detector,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "id": row.id,
        "depth": row.depth,
        "span_ids": list(row.span_ids),
        "name": [{"text": part.text, "kind": part.kind} for part in row.parts],
        "status": row.glyph,
        "count": row.count,
        "of": row.of,
        "spans_below": row.below,
        "start_ns": row.start_ns,
        "end_ns": row.end_ns,
        "duration_ns": row.duration_ns,
        **_totals(row.totals),
        "critical": [list(segment) for segment in row.critical],
        "findings": [fingerprint(one) for one in row.findings],
        "tail": row.tail,
        "handoff_from": row.handoff_from,
        "handoff_words": row.handoff_words,
        "never_ran": row.never_ran,
        "attempt": row.attempt,
        "alike": row.alike,
        "median_ns": row.median_ns,
        "slowest_ns": row.slowest_ns,
        "flags": [flag for flag in _FLAGS if getattr(row, flag)],
    }


def _totals(totals: Totals) -> dict[str, Any]:
    """Sums of a row with all below it. Calls without tokens or price are those that should have some (see Totals)."""
    return {
        "span_count": totals.spans,
        "errors": totals.errors,
        "llm_calls": totals.calls,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cost_usd": totals.cost_usd,
        "uncounted_calls": totals.uncounted,
        "unpriced_calls": totals.unpriced,
    }


def _named(told: tuple[str, str]) -> dict[str, str]:
    return {"span_id": told[0], "name": told[1]}


def _sources(detail: SpanDetail) -> list[dict[str, Any]]:
    """Which parts of the input an earlier span had put out: by message and part, the text, and the span."""
    return [
        {
            "message": number,
            "part": place,
            "text": piece.text,
            "span_id": piece.source.span_id,
            "name": piece.source.name,
        }
        for number, message in enumerate(detail.input or ())
        for place, part in enumerate(message.parts)
        for piece in part.pieces
        if piece.source is not None
    ]
