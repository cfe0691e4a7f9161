"""Every visible place as a row that says all it has to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from statistics import median_low

from agentdbg.model import Finding, Span
from agentdbg.tree import Node
from agentdbg.view.critical import Segment, merged
from agentdbg.view.fold import alike, turn_parts, walk_without
from agentdbg.view.label import Part, attempts, label, names, tail
from agentdbg.view.layout import Place, Plan
from agentdbg.view.rows import Glyph, Row
from agentdbg.view.run import Run
from agentdbg.view.select import Selected
from agentdbg.view.totals import Totals, gather

Rails = tuple[bool, ...]


def place_rows(run: Run, plan: Plan, selected: Selected | None = None) -> tuple[Row, ...]:
    """Rows from top to bottom. selected: what a filter asked for, and what is there to tell where that stands."""
    return tuple(_Rows(run, plan, selected).rows())


def about_a_loop(finding: Finding) -> bool:
    """Whether a finding is about the turns of a cycle together and not about one span in them."""
    return finding.detector.startswith("loop.")


class _Rows:
    def __init__(self, run: Run, plan: Plan, selected: Selected | None) -> None:
        self.run = run
        self.top = plan.top
        self.begun = plan.begun
        self.selected = selected
        self.fold_ids = self._name_folds()
        self.findings = self._home_findings()
        self.attempt: dict[Node[Span], int] = {}
        self.counted: set[Node[Span]] = set()

    def rows(self) -> Iterator[Row]:
        stack: list[tuple[Place, Rails, bool]] = [(self.top, (), False)]
        while stack:
            place, rails, is_rest = stack.pop()
            if is_rest:
                yield self._rest(place, rails)
                continue
            if place is not self.top:
                yield self._span(place, rails) if place.item.kind == "span" else self._fold(place, rails)
            below: list[tuple[Place, bool]] = [(child, False) for child in place.shown]
            if below and place.hidden:
                below.append((place, True))
            for number, (child, rest) in reversed(list(enumerate(below))):
                own = () if place is self.top else (*rails, number < len(below) - 1)
                stack.append((child, own, rest))

    def _walk(self) -> Iterator[Place]:
        stack = list(reversed(self.top.shown))
        while stack:
            place = stack.pop()
            yield place
            stack.extend(reversed(place.shown))

    def _name_folds(self) -> dict[Place, str]:
        """C1, C2, … for cycles, P1, … for batches, from top to bottom."""
        names: dict[Place, str] = {}
        for letter, kinds in (("C", ("cycle", "nested")), ("P", ("parallel",))):
            folds = [place for place in self._walk() if place.item.kind in kinds]
            names |= {place: f"{letter}{number}" for number, place in enumerate(folds, 1)}
        return names

    def _home_findings(self) -> dict[Place, list[Finding]]:
        """Findings that no filter leaves out, at the row of their span, or at the nearest row above it; those about a
        loop at the row of the loop."""
        home: dict[Node[Span], Place] = {}
        fold: dict[Node[Span], Place] = {}
        for place in self._walk():
            for node in place.item.nodes:
                home[node] = place
                if place.item.kind != "span":
                    fold[node] = place
        out: dict[Place, list[Finding]] = {}
        for finding in self.run.findings:
            about = self.run.node(finding)
            if about is None or (self.selected is not None and about not in self.selected.kept):
                continue
            at = (_nearest(about, fold) if about_a_loop(finding) else None) or _nearest(about, home)
            if at is not None:
                out.setdefault(at, []).append(finding)
        return out

    def _span(self, place: Place, rails: Rails) -> Row:
        nodes, run = place.item.nodes, self.run
        first, last = nodes[0], nodes[-1]
        span = last.span
        ids = tuple(node.span.span_id for node in nodes)
        given = next((run.given[span_id] for span_id in ids if span_id in run.given), None)
        closed = not place.shown
        return Row(
            kind="span",
            id=span.span_id,
            span_ids=ids,
            short_ids=tuple(map(run.short, ids)),
            depth=place.depth,
            rails=rails,
            totals=self._totals(first),
            parts=_chain_parts(nodes),
            glyph=_glyph(first.span),
            start_ns=first.span.start_ns,
            end_ns=run.end_ns if _never_closed(first.span) else first.span.end_ns,
            below=self._count([first]) - len(nodes) if closed else 0,
            dim=self._is_context(nodes),
            orphan=first.orphan and run.rooted,
            cut=first.cut,
            never_closed=_never_closed(first.span),
            empty=span.kind in ("tool", "retriever") and span.output_empty is True,
            same_call=span.span_id in run.repeated,
            attempt=self._attempt(first),
            tail="" if _passed_on(last, place) else tail(span) or tail(first.span),
            handoff_from=given.from_agent if given else None,
            handoff_words=run.words(given) if given else None,
            never_ran=next((run.never_ran[span_id] for span_id in ids if span_id in run.never_ran), None),
            critical=self._critical(self._own(first) if closed else nodes),
            findings=tuple(self.findings.get(place, ())),
        )

    def _fold(self, place: Place, rails: Rails) -> Row:
        item, run = place.item, self.run
        ends = (item.nodes[0].span.span_id, item.nodes[-1].span.span_id)
        spans = [node.span for node in item.nodes]
        starts = [span.start_ns for span in spans if span.start_ns is not None]
        ends_ns = [run.end_ns if _never_closed(span) else span.end_ns for span in spans]
        durations = [span.duration_ns for span in spans if span.duration_ns is not None]
        parallel = item.kind == "parallel"
        totals = gather(run.totals[node] for node in place.members)
        return Row(
            kind="parallel" if parallel else "cycle",
            id=self.fold_ids[place],
            span_ids=ends,
            short_ids=tuple(map(run.short, ends)),
            depth=place.depth,
            rails=rails,
            totals=totals,
            parts=turn_parts(item),
            glyph="error" if all(node.span.status == "error" for node in item.nodes) else "ok",
            start_ns=min(starts, default=None),
            end_ns=max((end for end in ends_ns if end is not None), default=None),
            count=item.count,
            of="members" if parallel else "turns",
            below=0 if place.shown else self._count(place.members),
            nested=item.kind == "nested",
            dim=self._is_context(item.nodes),
            orphan=all(node.orphan for node in item.nodes) and run.rooted,
            alike=alike(item),
            median_ns=median_low(durations) if parallel and durations else None,
            slowest_ns=max(durations, default=None) if parallel else None,
            critical=self._critical(below for node in place.members for below in node.walk()),
            findings=tuple(self.findings.get(place, ())),
        )

    def _rest(self, place: Place, rails: Rails) -> Row:
        hidden, run = place.hidden, self.run
        totals = gather(self._totals(node) for node in hidden)
        ends = (hidden[0].span.span_id, hidden[-1].span.span_id)
        fold = self.fold_ids.get(place)
        return Row(
            kind="more",
            id=fold or (place.item.nodes[-1].span.span_id if place.item.nodes else ""),
            span_ids=ends,
            short_ids=tuple(map(run.short, ends)),
            depth=place.depth + 1,
            rails=rails,
            totals=totals,
            count=len(hidden) // place.item.period if fold else self._count(hidden),
            of="spans" if not fold else "members" if place.item.kind == "parallel" else "turns",
            nested=place.item.kind == "nested",
            orphan=all(node.orphan for node in hidden) and run.rooted,
            alike=alike(place.item) if fold else None,
        )

    def _own(self, node: Node[Span]) -> Iterator[Node[Span]]:
        """A span with all below it, but for a turn that stands beside it in its fold."""
        return walk_without(node, self.begun.get(node))

    def _totals(self, node: Node[Span]) -> Totals:
        totals = self.run.totals
        return totals[node].without(totals[self.begun[node]]) if node in self.begun else totals[node]

    def _count(self, nodes: Iterable[Node[Span]]) -> int:
        """How many spans these are with all below them; of those that a filter leaves, where there is one."""
        if self.selected is None:
            return sum(self._totals(node).spans for node in nodes)
        return sum(below in self.selected.kept for node in nodes for below in self._own(node))

    def _is_context(self, nodes: Sequence[Node[Span]]) -> bool:
        """Whether a row only tells where the spans stand that were asked for."""
        return self.selected is not None and not any(node in self.selected.matched for node in nodes)

    def _attempt(self, node: Node[Span]) -> int:
        parent = node.parent
        if parent is not None and parent not in self.counted:
            self.counted.add(parent)
            self.attempt |= attempts(parent.children)
        return self.attempt.get(node, 1)

    def _critical(self, nodes: Iterable[Node[Span]]) -> tuple[Segment, ...]:
        return tuple(merged([segment for node in nodes for segment in self.run.path.get(node, ())]))


def _nearest(node: Node[Span], places: dict[Node[Span], Place]) -> Place | None:
    at: Node[Span] | None = node
    while at is not None and at not in places:
        at = at.parent
    return None if at is None else places[at]


def _passed_on(node: Node[Span], place: Place) -> bool:
    """Whether the error of a span is just that of a span shown below it, where it stands already."""
    shown = [child.item.nodes[-1].span for child in place.shown if child.item.kind == "span"]
    told = node.span.error_message or ""
    return node.span.status == "error" and any(
        below.status == "error" and below.error_type == node.span.error_type and (below.error_message or "") in told
        for below in shown
    )


def _glyph(span: Span) -> Glyph:
    if span.status == "error":
        return "error"
    return "open" if _never_closed(span) else "ok"


def _never_closed(span: Span) -> bool:
    """It began and no end is recorded. A span without any time is not open: its format tells no times."""
    return span.start_ns is not None and span.end_ns is None


def _chain_parts(nodes: list[Node[Span]]) -> tuple[Part, ...]:
    """The names of a chain from the outermost in, equal neighbours once; of a long one the first two and the last
    two."""
    labels = [label(next(same).span) for _, same in groupby(nodes, key=lambda node: names(node.span))]
    if len(labels) > 5:
        labels[2:-2] = [(Part(f"… {len(labels) - 4} more …", "other"),)]
    return tuple(part for told in labels for part in told)
