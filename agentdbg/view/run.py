"""One run with everything that its rows are made of: the forest, the critical path, the sums, the handoffs."""

from __future__ import annotations

from collections.abc import Sequence

from agentdbg.model import Finding, Handoff, Span, Trace
from agentdbg.tree import Forest, Node, build
from agentdbg.view.critical import critical_path
from agentdbg.view.handoff_words import handoff_words
from agentdbg.view.ids import ShortIds
from agentdbg.view.report import severity_rank
from agentdbg.view.totals import subtree_totals


class Run:
    """A trace prepared for showing. Nothing in here changes the trace."""

    def __init__(self, trace: Trace, findings: Sequence[Finding]) -> None:
        self.trace = trace
        self.findings = sorted(
            (one for one in findings if one.status != "suppressed"),
            key=lambda one: (severity_rank(one.severity), one.detector, one.primary.span_id, one.key),
        )
        self.suppressed = len(findings) - len(self.findings)
        self.forest: Forest[Span] = build(trace.spans)
        self.by_id = trace.by_id()
        true_roots = [root for root in self.forest.roots if not root.orphan]
        self.rooted = bool(true_roots)
        self.start_ns, self.end_ns = _window(trace)
        roots = true_roots or self.forest.roots
        timed = self.start_ns is not None and self.end_ns is not None
        self.path = critical_path(roots, self.start_ns or 0, self.end_ns or 0) if timed else {}
        self.totals = subtree_totals(self.forest, trace.calls)
        self.short = ShortIds(self.forest.by_id)
        self.repeated = {span_id for call in trace.calls for span_id in call.other_span_ids}
        self.given: dict[str, Handoff] = {}
        self.never_ran: dict[str, str] = {}
        for handoff in trace.handoffs:
            if handoff.receiver_span_id:
                self.given.setdefault(handoff.receiver_span_id, handoff)
            elif handoff.via_span_id:
                self.never_ran.setdefault(handoff.via_span_id, handoff.to_agent)

    def node(self, finding: Finding) -> Node[Span] | None:
        """Where a finding stands; None where its span is not in the trace."""
        return self.forest.by_id.get(finding.primary.span_id)

    def words(self, handoff: Handoff) -> str | None:
        return handoff_words(handoff, self.by_id)


def _window(trace: Trace) -> tuple[int | None, int | None]:
    """When the run began and ended. A span that begins long before or ends long after is drawn at the edge."""
    starts = [span.start_ns for span in trace.spans if span.start_ns is not None]
    if not starts:
        return None, None
    start = trace.start_ns if trace.start_ns is not None else min(starts)
    if trace.duration_ns is not None:
        return start, start + trace.duration_ns
    return start, max([*starts, *(span.end_ns for span in trace.spans if span.end_ns is not None)])
