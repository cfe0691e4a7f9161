"""Whether what repeats are laps of one run, or runs that share a trace id."""

from __future__ import annotations

from collections.abc import Sequence

from agentdbg.model import Trace
from agentdbg.tree import build


def runs_apart(trace: Trace, laps: Sequence[Sequence[str]]) -> bool:
    """Whether each lap, given as the ids of its spans, lies wholly below a true root of its own, or in a trace of its
    own that was joined to the run.

    Exporters whose context leaks, programs that use the id of a conversation for its trace, and jobs of a queue that
    link to one producer are written so; a loop in code with no span around it looks alike."""
    tops: dict[str, str | None] = {}
    for root in build(trace.spans).roots:
        whole = not root.orphan and not root.cut
        for node in root.walk():
            tops[node.span.span_id] = root.span.span_id if whole and node is not root else None
            if node.span.recorded_trace_id not in (None, trace.trace_id):
                tops[node.span.span_id] = node.span.recorded_trace_id
    owners = [{tops.get(span_id) for span_id in lap} for lap in laps]
    alone = [owner.pop() for owner in owners if len(owner) == 1]
    return len(alone) == len(laps) == len(set(alone)) and None not in alone
