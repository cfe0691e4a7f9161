"""Gaps in the shape of runs: what `tree` finds odd, counted by run and instrumentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from agentdbg.model import Reader
from agentdbg.tree import SKEW_NS, Forest, build

# Every run in which something can be odd, and some others: among spans that are their own ancestors, one starts no
# later than its child.
_SPANS = f"""
    WITH odd AS (
        SELECT s.trace_id
        FROM spans s LEFT JOIN spans p ON p.trace_id = s.trace_id AND p.span_id = s.parent_id
        GROUP BY s.trace_id
        HAVING bool_or(s.start_ns IS NULL OR s.end_ns IS NULL OR s.end_ns < s.start_ns)
            OR count(*) FILTER (s.parent_id IS NULL) <> 1 OR count(*) > count(DISTINCT s.span_id)
            OR bool_or(s.parent_id IS NOT NULL AND (p.span_id IS NULL OR p.start_ns IS NULL
                OR p.start_ns >= s.start_ns OR s.end_ns > p.end_ns + {SKEW_NS}))
    )
    SELECT trace_id, span_id, name, parent_id, start_ns, end_ns, scope, convention
    FROM spans SEMI JOIN odd USING (trace_id) ORDER BY trace_id, start_ns, span_id
"""
_SAME = {
    "cycle": "cycle", "duplicate_id": "same_id", "unclosed": "unclosed", "negative_duration": "backwards",
    "clock_skew": "clock_skew", "outlasts_parent": "outlasting", "orphan": "orphan",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shaped:
    """A span, as far as its place and its instrumentation go."""

    trace_id: str
    span_id: str
    name: str
    parent_id: str | None
    start_ns: int | None
    end_ns: int | None
    scope: str | None
    convention: str


def odd_spans(reader: Reader) -> Iterator[tuple[str, list[Shaped]]]:
    """(kind of gap, its spans) of every run, in order of the runs."""
    for _, rows in groupby(reader.rows(_SPANS), key=lambda row: row[0]):
        spans = [Shaped(*row) for row in rows]
        forest = build(spans)
        for problem in forest.problems:
            if kind := _SAME.get(problem.kind):
                yield kind, _spans(forest, problem.span_ids)
        yield from _tops(forest, len(spans))


def _spans(forest: Forest[Shaped], span_ids: Sequence[str]) -> list[Shaped]:
    return [forest.by_id[span_id].span for span_id in span_ids]


def _tops(forest: Forest[Shaped], spans: int) -> Iterator[tuple[str, list[Shaped]]]:
    """What is odd about the top of a run: no root, or several, which may be worse than it looks."""
    orphans = [node.span for node in forest.roots if node.orphan]
    roots = [node.span for node in forest.roots if not node.orphan and not node.cut]
    if orphans and not roots:
        yield ("remote_parent" if len(orphans) == 1 else "no_root"), orphans
    if len(roots) < 2:
        return
    if len(roots) == spans:
        yield "flat", roots
        return
    ends = accumulate((_end(root) for root in roots), max)  # roots come by start
    inside = [root for root, ended in zip(roots[1:], ends, strict=False) if (root.start_ns or 0) < ended]
    yield ("lost_context", inside) if inside else ("roots", roots)


def _end(span: Shaped) -> int:
    return span.end_ns or span.start_ns or 0
