"""Messages on queues, as OpenTelemetry's messaging spans tell, and what is put onto a queue by a database command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agentdbg.detectors import database
from agentdbg.detectors.recorded import facts, first
from agentdbg.model import Reader

Act = Literal["send", "take"]

_SPANS = """
    SELECT trace_id, span_id, parent_id, agent, name, status, start_ns, end_ns, attributes, links FROM spans
    WHERE kind <> 'llm' AND start_ns IS NOT NULL AND (contains(attributes, 'messaging.destination')
        OR (contains(attributes, 'db.query.text') OR contains(attributes, 'db.statement'))
            AND regexp_matches(attributes, '(?i)dead_?letter|dlq'))
    ORDER BY trace_id, start_ns, span_id
"""
_ACTS: dict[str, Act] = {
    "send": "send", "publish": "send", "create": "send", "receive": "take", "process": "take", "deliver": "take",
    "consume": "take", "settle": "take", "ack": "take",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """What a span did with a message. queue: its destination, by name. id: None where it is not recorded."""

    trace_id: str
    span_id: str
    parent_id: str | None
    agent: str | None
    act: Act
    queue: str
    id: str | None
    ok: bool
    start_ns: int
    end_ns: int | None
    links: str


def messages(reader: Reader) -> Iterator[Message]:
    """By trace and start. Spans that do not say what they did with the message are left out."""
    for trace_id, span_id, parent_id, agent, name, status, start_ns, end_ns, attributes, links in reader.rows(_SPANS):
        told = facts(attributes)
        act, queue = _act(told, name), first(told, ("messaging.destination.name", "messaging.destination"))
        if queue is None and (put := database.query(told)) is not None and put.verb != "read":
            act, queue = "send", put.key
        message_id = first(told, ("messaging.message.id", "messaging.message_id"))
        if act is not None and queue is not None:
            yield Message(
                trace_id, span_id, parent_id, agent, act, str(queue), None if message_id is None else str(message_id),
                status != "error", start_ns, end_ns, links or "",
            )  # fmt: skip


def _act(told: dict[str, object], name: str) -> Act | None:
    said = first(told, ("messaging.operation.type", "messaging.operation", "messaging.operation.name"))
    words = [str(said).lower()] if said is not None else name.lower().split()
    return next((_ACTS[word] for word in words if word in _ACTS), None)
