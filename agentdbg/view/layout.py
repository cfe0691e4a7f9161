"""Which spans get a row: findings, errors, orphans and the critical path first; then, level by level, as much as
fits."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from agentdbg.model import Span
from agentdbg.tree import Forest, Node
from agentdbg.view.fold import Folding, Item, between, items
from agentdbg.view.label import label

ROWS = 60
"""How many rows a run gets by default: a screen and a half."""

MOST_ROWS = 200
"""No trace gets more rows than this unless it is asked for, whatever must be seen in it."""

MOST_ODD = 5
"""Turns of a cycle or members of a batch that are shown beside the first, because something happened in them."""

Nodes = frozenset[Node[Span]]


@dataclass(slots=True, eq=False)
class Place:
    """A row, or what is folded into one. `children` is None until somebody looked what is below.
    left_out: turns or members of a fold that get no row of their own."""

    item: Item
    depth: int
    visible: bool = False
    children: list[Place] | None = None
    left_out: list[Node[Span]] = field(default_factory=list)

    @property
    def shown(self) -> list[Place]:
        return [child for child in self.children or () if child.visible]

    @property
    def hidden(self) -> list[Node[Span]]:
        """Spans directly below that share one row, `+ 37 spans`, because others beside them have their own."""
        hidden = [node for child in self.children or () if not child.visible for node in child.members]
        return hidden + self.left_out

    @property
    def members(self) -> list[Node[Span]]:
        """The spans that stand side by side here: of a chain of wrappers and of nested turns only the outermost."""
        return self.item.nodes[:1] if self.item.kind in ("span", "nested") else self.item.nodes

    @property
    def duration_ns(self) -> int:
        return sum(node.span.duration_ns or 0 for node in self.members)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be seen.

    size: how many spans a span is with all below it. important: findings' spans, errors, orphans, critical spans, the
    weightiest first. marked: spans of findings, which keep their own row; loops: those of them whose finding is about
    the whole cycle they are in. kept: what a filter leaves, None for all. opened: spans whose fold or subtree is asked
    for in full; everything: all of it.
    """

    size: Callable[[Node[Span]], int]
    important: Sequence[Node[Span]]
    marked: Nodes
    loops: Nodes = frozenset()
    kept: Nodes | None = None
    opened: Sequence[Node[Span]] = ()
    everything: bool = False
    fold: bool = True
    depth: int | None = None
    rows: int = ROWS


@dataclass(frozen=True, slots=True)
class Plan:
    """top: a place above all roots, itself no row, with all that is to be seen below it made visible.
    begun: for a nested turn and what is on the way down in it the turn that it began, which stands beside it in its
    fold and not below."""

    top: Place
    begun: dict[Node[Span], Node[Span]]


def lay_out(forest: Forest[Span], wanted: Wanted) -> Plan:
    """Who gets a row."""
    layout = _Layout(forest, wanted)
    top = Place(Item("span", []), depth=-1, visible=True)
    if wanted.everything:
        layout.open_fully(top)
    else:
        layout.reveal(top)
        layout.fill(top)
    return Plan(top, layout.begun)


class _Layout:
    def __init__(self, forest: Forest[Span], wanted: Wanted) -> None:
        self.forest = forest
        self.wanted = wanted
        self.opened = frozenset(wanted.opened)
        self.rows = 0
        self.most = max(MOST_ROWS, wanted.rows)
        # Where all fits anyway, a short loop reads better step by step.
        spared = 6 if len(forest.by_id) <= wanted.rows else 3
        self.folding = Folding(spared, wanted.marked, self.below, wanted.size) if wanted.fold else None
        self.begun: dict[Node[Span], Node[Span]] = {}
        self.beside: set[Node[Span]] = set()

    def reveal(self, top: Place) -> None:
        """Show what must be seen, with all that stands above it."""
        seen = self._with_ancestors([*self.wanted.opened, *self.wanted.important])
        stack = [top]
        while stack:
            place = stack.pop()
            children = self.look_below(place)
            if place.item.kind == "span":
                children = [child for child in children if not seen.isdisjoint(child.item.nodes)]
            if self.rows + len(children) + 1 > self.most:
                continue
            self.show(place, children)
            for child in reversed(children):
                if not self.opened.isdisjoint(child.item.nodes):
                    self.open_fully(child)
                elif child.item.kind != "span" or any(below in seen for below in self.below(child.item.nodes[-1])):
                    stack.append(child)

    def _with_ancestors(self, wanted: Iterable[Node[Span]]) -> set[Node[Span]]:
        """As many of them as there is room for together with all that stands above them, the first ones first."""
        seen: set[Node[Span]] = set()
        room = self.most // 2
        for node in wanted:
            path: list[Node[Span]] = []
            at: Node[Span] | None = node
            while at is not None and at not in seen and len(seen) + len(path) <= room:
                path.append(at)
                at = at.parent
            if len(seen) + len(path) <= room:
                seen.update(path)
        return seen

    def fill(self, top: Place) -> None:
        """Show more while there is room: upper levels first, on a level what took longest."""
        waiting = [(top.depth, -top.duration_ns, 0, top)]
        stack = [top]
        while stack:
            for child in stack.pop().shown:
                waiting.append((child.depth, -child.duration_ns, len(waiting), child))
                stack.append(child)
        heapq.heapify(waiting)
        number = len(waiting)
        while waiting:
            place = heapq.heappop(waiting)[3]
            if self.wanted.depth is not None and place.depth + 1 >= self.wanted.depth:
                continue
            for child in self._widen(place):
                number += 1
                heapq.heappush(waiting, (child.depth, -child.duration_ns, number, child))

    def _widen(self, place: Place) -> list[Place]:
        """Show all that is directly below if it fits, of many siblings the longest; answer what became visible."""
        closed = [child for child in self.look_below(place) if not child.visible]
        room = self.wanted.rows - self.rows
        if len(closed) + bool(place.left_out) > room:
            if place.item.kind != "span" or room < 6:
                return []
            closed = sorted(closed, key=lambda child: -child.duration_ns)[: room // 2]
        self.show(place, closed)
        return closed

    def show(self, place: Place, children: Iterable[Place]) -> None:
        before = len(place.shown) + bool(place.shown and place.hidden)
        for child in children:
            child.visible = True
        self.rows += len(place.shown) + bool(place.shown and place.hidden) - before

    def open_fully(self, place: Place) -> None:
        """Show all that is below, which takes no room from others: it was asked for."""
        rows = self.rows
        stack = [place]
        while stack:
            place = stack.pop()
            children = self.look_below(place, everything=True)
            self.show(place, children)
            stack.extend(children)
        self.rows = rows

    def look_below(self, place: Place, everything: bool = False) -> list[Place]:
        """The places below; of a fold only those worth a row, the rest is left out."""
        if place.children is not None:
            return place.children
        if place.item.kind == "span":
            siblings = self.below(place.item.nodes[-1]) if place.item.nodes else self._roots()
            found = items(siblings, self.folding)
        else:
            if place.item.kind == "nested":
                self.beside.update(place.item.nodes[1:])
                for outer, inner in pairwise(place.item.nodes):
                    self.begun.update(dict.fromkeys(between(outer, inner), inner))
            worth = place.item.nodes if everything else self._worth_a_row(place.item)
            rows = frozenset(worth)
            place.left_out = [node for node in place.item.nodes if node not in rows]
            found = [item for node in worth for item in items([node], self.folding)]
        place.children = [Place(item, place.depth + 1) for item in found]
        return place.children

    def below(self, node: Node[Span]) -> Sequence[Node[Span]]:
        kept, beside = self.wanted.kept, self.beside
        if kept is None and not beside:
            return node.children
        return [child for child in node.children if child not in beside and (kept is None or child in kept)]

    def _roots(self) -> Sequence[Node[Span]]:
        kept = self.wanted.kept
        return self.forest.roots if kept is None else [root for root in self.forest.roots if root in kept]

    def _worth_a_row(self, item: Item) -> list[Node[Span]]:
        """The first turn of a cycle, the longest member of a batch, and those in which something else happened."""
        turns = list(zip(item.turns(), item.whole_turns(), strict=True))
        if item.kind == "parallel":
            turns.sort(key=lambda turn: -(turn[0][0].span.duration_ns or 0))
        shown = [turns[0][0]]
        known = self._events(turns[0][1])
        for tops, nodes in turns[1:]:
            events = self._events(nodes)
            if len(shown) <= MOST_ODD and (events if item.kind == "parallel" else events - known):
                shown.append(tops)
                known |= events
        if (len(turns) - len(shown)) * item.period <= 1:
            shown = [tops for tops, _ in turns]  # a row that says `1 more` is no shorter
        shown.sort(key=lambda tops: (tops[0].start_ns, tops[0].depth, tops[0].span.span_id))
        return [node for tops in shown for node in tops]

    def _events(self, nodes: Iterable[Node[Span]]) -> set[object]:
        """What a reader must not miss in a turn: errors by place and type, findings each for itself."""
        events: set[object] = set()
        for node in nodes:
            if node.span.status == "error":
                events.add((label(node.span), node.span.error_type))
            if node in self.wanted.marked and node not in self.wanted.loops:
                events.add(node)
        return events
