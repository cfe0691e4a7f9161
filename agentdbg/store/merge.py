"""Copies of one span to one span: the most complete copy wins field by field, whatever the order in which they came.
Where copies tell different attributes, what these mean is read from all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentdbg.conventions import normalise
from agentdbg.rows import RawEvent, RawSpan, SpanRow
from agentdbg.vocabulary.jsontext import dump, load

WINNERS = (
    "status",
    "error_type",
    "error_message",
    "control_flow",
    "payload_cut",
    "dropped",
)  # hang together, or are flags
WRITTEN = ("attributes", "events")  # as they were recorded
OWN = ("source_file", "source_line")  # where a copy came from is no part of what it says
ABSENT = SpanRow(trace_id="", span_id="", parent_id=None, name="")


def merge(copies: Sequence[SpanRow]) -> SpanRow:
    """One row of several copies of a span. Commutative, associative over the whole set and idempotent."""
    ranked = sorted(copies, key=_rank, reverse=True)
    out = msgspec.structs.replace(ranked[0])
    for copy in ranked[1:]:
        for field in SpanRow.__struct_fields__:
            if field not in OWN and field not in WINNERS and getattr(out, field) == getattr(ABSENT, field):
                setattr(out, field, getattr(copy, field))
                out.payload_cut = out.payload_cut or (field == "input" and copy.payload_cut)
        out.attributes = _joined(copy.attributes, out.attributes)
    return _read_again(out) if len({copy.attributes for copy in copies if copy.attributes}) > 1 else out


def _read_again(row: SpanRow) -> SpanRow:
    """The row with the meaning of its joined attributes: half of them may not say what the other half is about. A run's
    update (LangSmith) tells an answer, and only its post that a model gave it."""
    raw = RawSpan(
        row.trace_id,
        row.span_id,
        row.parent_id,
        row.name,
        row.start_ns,
        row.end_ns,
        status=row.status,
        attributes=load(row.attributes or "{}"),
        events=[RawEvent(**event) for event in load(row.events or "[]")],
        scope=row.scope,
        scope_version=row.scope_version,
    )
    whole = normalise(raw)
    for field in SpanRow.__struct_fields__:
        if field not in (*OWN, *WINNERS, *WRITTEN) and getattr(whole, field) != getattr(ABSENT, field):
            setattr(row, field, getattr(whole, field))
    return row


def _joined(less: str | None, more: str | None) -> str | None:
    """Attributes of two copies: what only the less complete one tells is kept."""
    if less is None or more is None or less == more:
        return more or less
    return dump({**load(less), **load(more)})


def _rank(row: SpanRow) -> tuple[bool, bool, bool, int, str]:
    """How complete a copy is: closed, with a status, a span rather than log records, then by what it tells."""
    told = sum(getattr(row, field) is not None for field in SpanRow.__struct_fields__ if field not in OWN)
    content = repr([getattr(row, field) for field in SpanRow.__struct_fields__ if field not in OWN])
    return row.end_ns is not None, row.status != "unset", bool(row.name), told, content
