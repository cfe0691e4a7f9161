"""Which files traces were read from."""

from __future__ import annotations

from collections.abc import Sequence

from agentdbg.model import Reader


def files_of(reader: Reader, trace_ids: Sequence[str]) -> dict[str, list[str]]:
    """Trace id → the files that hold its spans, sorted, as they were named when they were read."""
    rows = reader.rows(
        "SELECT trace_id, list_sort(list(DISTINCT regexp_replace(source, ':[0-9]+$', ''))) FROM spans"
        " WHERE trace_id IN (SELECT unnest($ids)) AND source IS NOT NULL GROUP BY trace_id ORDER BY trace_id",
        ids=list(trace_ids),
    )
    return {trace_id: list(files) for trace_id, files in rows}
