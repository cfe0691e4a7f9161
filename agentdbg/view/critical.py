"""The critical path: what the run was waiting for at every moment."""

from __future__ import annotations

from collections.abc import Sequence

from agentdbg.model import Span
from agentdbg.tree import Node

Segment = tuple[int, int]
Path = dict[Node[Span], list[Segment]]


def critical_path(roots: Sequence[Node[Span]], start_ns: int, end_ns: int) -> Path:
    """Who the run waited for between two moments: windows of own time (ns, ascending) of every span on the path.

    Walk back from the end to the child that finished last, clip it to its parent, go on before its start, and do the
    same inside it (Zhang et al., CRISP, USENIX ATC 2022). Children that overlap what was walked are off the path; what
    no child covers is the parent's own. With one root from start to end the windows of all spans tile it exactly. A
    span that never closed runs to `end_ns`. O(n log n).
    """
    path: Path = {}
    for child, low, high in _covered(roots, start_ns, end_ns, end_ns)[0]:
        stack = [(child, low, high)]
        while stack:
            node, low, high = stack.pop()
            if not node.children:
                path[node] = [(low, high)]
                continue
            below, own = _covered(node.children, low, high, end_ns)
            if own:
                path[node] = own
            stack.extend(below)
    return path


def _covered(
    children: Sequence[Node[Span]], low: int, high: int, trace_end: int
) -> tuple[list[tuple[Node[Span], int, int]], list[Segment]]:
    """Which children the window [low, high] was spent in, and the windows that are left."""
    timed = sorted(
        ((_end(child, trace_end), child.start_ns, child.span.span_id, child) for child in children),
        key=lambda one: one[:3],
        reverse=True,
    )
    inside: list[tuple[Node[Span], int, int]] = []
    own: list[Segment] = []
    cursor = high
    for end, start, _, child in timed:
        child_end, child_start = min(end, high), max(start, low)
        if child_end > cursor or child_end <= child_start:
            continue  # it overlaps what was walked, or stands outside its parent: it must not move the cursor
        if child_end < cursor:
            own.append((child_end, cursor))
        inside.append((child, child_start, child_end))
        cursor = child_start
    if low < cursor:
        own.append((low, cursor))
    own.reverse()
    return inside, own


def _end(node: Node[Span], trace_end: int) -> int:
    return trace_end if node.span.end_ns is None else node.span.end_ns


def merged(segments: Sequence[Segment]) -> list[Segment]:
    """The same time in as few windows as can be, ascending."""
    out: list[Segment] = []
    for low, high in sorted(segments):
        if out and low <= out[-1][1]:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return out
