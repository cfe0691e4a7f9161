"""From a trace and its findings to the rows that are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agentdbg.model import Finding, Span, Trace
from agentdbg.tree import Node
from agentdbg.view.ids import ShortIds
from agentdbg.view.label import work_name
from agentdbg.view.layout import ROWS, Wanted, lay_out
from agentdbg.view.place_rows import about_a_loop, place_rows
from agentdbg.view.report import summarise
from agentdbg.view.rows import Row, View
from agentdbg.view.run import Run
from agentdbg.view.select import Filter, select
from agentdbg.view.totals import gather

ON_THE_PATH = 20
"""A span that the run waited for at least one 20th of its time is always shown."""

MOST_ERRORS = 40
OF_A_SORT = 5
"""Up to 40 errors have their own row each; of more than that, 5 of each operation and error type."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much to show. expand: folds (`C1`), spans, or `all`; depth: levels of the tree, None for what fits in
    `rows`."""

    rows: int = ROWS
    depth: int | None = None
    fold: bool = True
    expand: frozenset[str] = frozenset()
    filter: Filter | None = None


def show(trace: Trace, findings: Sequence[Finding], options: Options | None = None) -> View:
    """The run as rows. Suppressed findings are counted, not shown. Linear in the number of spans but for sorting."""
    options = options or Options()
    run = Run(trace, findings)
    marked = frozenset(node for finding in run.findings if (node := run.node(finding)))
    selected = None if options.filter is None else select(run.forest, options.filter, run.path, marked)
    wanted = Wanted(
        size=lambda node: run.totals[node].spans,
        important=list(_important(run)),
        marked=marked,
        loops=frozenset(node for one in run.findings if about_a_loop(one) and (node := run.node(one))),
        kept=None if selected is None else selected.kept,
        everything="all" in options.expand or not options.fold,
        fold=options.fold,
        depth=options.depth,
        rows=options.rows,
    )
    rows = place_rows(run, lay_out(run.forest, wanted), selected)
    opened, unknown = _named(run, rows, sorted(options.expand - {"all"}))
    if opened:
        rows = place_rows(run, lay_out(run.forest, replace(wanted, opened=opened)), selected)
    return View(
        trace=summarise(trace),
        rows=rows,
        findings=tuple(run.findings),
        suppressed=run.suppressed,
        problems=tuple(run.forest.problems),
        totals=gather(run.totals[root] for root in run.forest.roots),
        start_ns=run.start_ns,
        end_ns=run.end_ns,
        next=_next(run),
        loose=tuple(finding for finding in run.findings if run.node(finding) is None),
        unknown=unknown,
        matched=None if selected is None else len(selected.matched),
    )


def _important(run: Run) -> Iterator[Node[Span]]:
    """What must be seen, the weightiest first: findings, errors from where they began, orphans, what never closed, the
    critical path."""
    for finding in run.findings:
        if (node := run.node(finding)) is not None:
            yield node
    failed = [node for node in run.forest.walk() if node.span.status == "error"]
    origins = [node for node in failed if not any(child.span.status == "error" for child in node.children)]
    yield from _examples(origins)
    yield from (root for root in run.forest.roots if root.orphan or root.cut)
    yield from (node for node in run.forest.walk() if node.span.start_ns is not None and node.span.end_ns is None)
    yield from _examples(failed)
    whole = (run.end_ns or 0) - (run.start_ns or 0)
    for node, segments in run.path.items():
        if sum(end - start for start, end in segments) * ON_THE_PATH >= whole:
            yield node


def _examples(failed: Sequence[Node[Span]]) -> Iterator[Node[Span]]:
    """All errors, where they are so many that they would be all there is to see, a few of each sort."""
    seen: Counter[tuple[str, str | None]] = Counter()
    for node in failed:
        sort = work_name(node.span), node.span.error_type
        seen[sort] += 1
        if len(failed) <= MOST_ERRORS or seen[sort] <= OF_A_SORT:
            yield node


def _named(run: Run, rows: Sequence[Row], names: Sequence[str]) -> tuple[list[Node[Span]], tuple[str, ...]]:
    """The spans that `expand` names: the first of a fold, or the one span whose id begins so. And the names nobody
    knows."""
    folds = {row.id: row.span_ids[0] for row in rows if row.kind in ("cycle", "parallel")}
    found: list[Node[Span]] = []
    unknown = []
    for name in names:
        ids = [folds[name]] if name in folds else [span_id for span_id in run.forest.by_id if span_id.startswith(name)]
        if len(ids) == 1 or name in ids:
            found.append(run.forest.by_id[name if name in ids else ids[0]])
        else:
            unknown.append(name)
    return found, tuple(unknown)


def _next(run: Run) -> str:
    """The command to type next: the worst finding's, else to its first span, what failed first, the longest call."""
    worst = run.findings[0] if run.findings else None
    if worst and worst.next and worst.next != f"agentdbg show {run.trace.trace_id}":  # which has just been typed
        return worst.next
    failed = [span for span in run.trace.spans if span.status == "error"]
    slow = sorted(run.trace.calls, key=lambda call: (-(call.duration_ns or 0), call.span_id))
    named = [one.span_id for one in worst.evidence if one.span_id in run.forest.by_id] if worst else []
    named += [span.span_id for span in failed] + [call.span_id for call in slow]
    named += [span.span_id for span in run.trace.spans[:1]]
    return f"agentdbg span {ShortIds(run.forest.by_id)(named[0])}" if named else "agentdbg traces"
