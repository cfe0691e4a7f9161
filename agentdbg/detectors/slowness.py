"""Calls that did the work of a run, and how long they took: what detectors of time share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentdbg.model import Reader

_CALLS = """
    SELECT s.trace_id, s.span_id, s.kind, coalesce(s.tool, s.model, s.name), s.agent, s.status, s.error_type,
           s.error_message, s.start_ns, s.duration_ns, CASE WHEN s.is_call THEN s.output_tokens END
    FROM spans s
    WHERE (s.is_call OR s.kind IN ('tool', 'retriever')) AND s.duration_ns IS NOT NULL AND s.handoff_to IS NULL
        AND s.trace_id IN (SELECT unnest($traces))
        AND NOT EXISTS (FROM spans c WHERE c.trace_id = s.trace_id AND c.parent_id = s.span_id
                        AND c.kind IN ('agent', 'llm', 'tool', 'retriever'))
    ORDER BY s.trace_id, s.start_ns, s.span_id
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model or a tool that called nothing itself. name: of the tool, else of the model."""

    trace_id: str
    span_id: str
    kind: str
    name: str
    agent: str | None
    status: str
    error_type: str | None
    error_message: str | None
    start_ns: int
    duration_ns: int
    output_tokens: int | None

    @property
    def seconds(self) -> float:
        return self.duration_ns / 1e9


def calls(reader: Reader, traces: Sequence[str]) -> list[Call]:
    """Those of some traces, by trace, start and id. Tools behind which an agent or a model works are left out."""
    return [Call(*row) for row in reader.rows(_CALLS, traces=traces)] if traces else []
