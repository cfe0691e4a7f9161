"""What stands together in one row: chains of wrappers, batches that ran side by side, cycles that ran one after the
other.

Only siblings are compared, by what they are called (agent, operation): what differs inside them is counted and told,
not hidden. Linear in the number of siblings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from agentdbg.model import Span
from agentdbg.tree import Node
from agentdbg.view.label import Part, label, names
from agentdbg.view.repeats import HEAD_AND_REST, repeats

FoldKind = Literal["span", "cycle", "nested", "parallel"]
Key = tuple[object, ...]

_NUMBER = re.compile(r"(?<![^\W\d])\d+(?![^\W\d])")  # not in `gpt4` or `v2`, which are names
_DEEPEST = 4_096
"""Levels that are looked down for turns that stand inside one another."""


@dataclass(slots=True, eq=False)
class Item:
    """What a row shows.

    span: one span, or a chain of wrappers from the outermost in. cycle: whole turns, one after the other, `period`
    spans each. nested: turns of which each began the next, by their top spans; the last holds all that is left.
    parallel: spans that ran side by side. `nodes` are the spans of the row itself, not those below. count: turns of a
    cycle, members of a batch.
    """

    kind: FoldKind
    nodes: list[Node[Span]]
    period: int = 1
    count: int = 1

    def turns(self) -> list[list[Node[Span]]]:
        """The top spans of every turn or member."""
        return [self.nodes[first : first + self.period] for first in range(0, len(self.nodes), self.period)]

    def whole_turns(self) -> list[list[Node[Span]]]:
        """Every span of every turn or member, a nested turn without those it began."""
        if self.kind != "nested":
            return [[node for top in turn for node in top.walk()] for turn in self.turns()]
        inner = [*self.nodes[1:], None]
        return [list(walk_without(top, begun)) for top, begun in zip(self.nodes, inner, strict=True)]


@dataclass(frozen=True, slots=True)
class Folding:
    """How to fold. spared: how many rows a fold must spare to be worth it. alone: spans that keep their own row and
    hide no other (a finding is theirs). children: what is below a span, after filters; size: how many spans it is with
    all below."""

    spared: int
    alone: frozenset[Node[Span]]
    children: Callable[[Node[Span]], Sequence[Node[Span]]]
    size: Callable[[Node[Span]], int]


def walk_without(top: Node[Span], left_out: Node[Span] | None) -> Iterator[Node[Span]]:
    """A span and all below it, but for one that stands below with all of its own."""
    stack = [top]
    while stack:
        node = stack.pop()
        if node is not left_out:
            yield node
            stack.extend(reversed(node.children))


def items(siblings: Sequence[Node[Span]], how: Folding | None) -> list[Item]:
    """The rows of these siblings, in their order; each stands in exactly one. With `how` None nothing is folded."""
    if how is None:
        return [Item("span", [node]) for node in siblings]
    found: dict[int, Item] = {}  # by the place of its first sibling
    numbers: dict[Key, int] = {}
    keys = [numbers.setdefault(key_of(node), len(numbers)) for node in siblings]
    batched = _batches(siblings, keys, how.spared, found)
    rest = [place for place in range(len(siblings)) if place not in batched]
    after = dict(pairwise(rest))
    steps = [place for place in rest if not _runs_beside(siblings, place, after.get(place))]
    in_cycle: set[int] = set()
    for cycle in repeats([keys[place] for place in steps], how.spared):
        places = steps[cycle.start : cycle.start + cycle.size]
        found[places[0]] = Item("cycle", [siblings[place] for place in places], cycle.period, cycle.count)
        in_cycle.update(places)
    for place in rest:
        if place not in in_cycle:
            found[place] = _nested(siblings[place], how) or Item("span", _chain(siblings[place], how))
    return [found[place] for place in sorted(found)]


def key_of(node: Node[Span]) -> Key:
    """What makes two siblings alike: whether their parent is missing, what they are called, and what they wrap."""
    return node.orphan, _unnumbered(node.span), _unnumbered(subject(node).span)


def turn_parts(item: Item) -> tuple[Part, ...]:
    """The names of one turn of a fold: of its agents, or of its work where no agent is named; of many the first and
    the last."""
    tops = item.nodes[: item.period] if item.kind != "nested" else between(item.nodes[0], item.nodes[1])
    parts = [_unnumbered(subject(node).span if item.kind != "nested" else node.span)[0] for node in tops]
    parts = [part for part in parts if part.kind == "agent"] or parts
    return tuple(parts) if len(parts) <= 4 else (parts[0], parts[1], Part("…", "other"), parts[-1])


def between(outer: Node[Span], inner: Node[Span]) -> list[Node[Span]]:
    """The spans on the way down from one to another, the first with them, the last not."""
    path = []
    at = inner.parent
    while at is not None and at is not outer:
        path.append(at)
        at = at.parent
    return [outer, *reversed(path)]


def _unnumbered(span: Span) -> tuple[Part, ...]:
    """A label without the count of a step: `Step 7` is `Step #`. Names of agents, models and tools are left alone."""
    return tuple(
        part._replace(text=_NUMBER.sub("#", part.text)) if part.kind in ("workflow", "other") else part
        for part in label(span)
    )


def subject(node: Node[Span]) -> Node[Span]:
    """What a row is about: the agent or the work inside wrappers that hold nothing else, at most 8 levels down."""
    for _ in range(8):
        if len(node.children) != 1 or not _may_wrap(node.span):
            break
        node = node.children[0]
    return node


def alike(item: Item) -> bool | None:
    """Whether all turns or members had equal inputs and outputs at every step; None where too little of them is
    recorded to tell."""
    told = [[_keys(node.span) for node in turn] for turn in item.whole_turns()]
    if any(turn != told[0] for turn in told):
        return False
    return True if any(key is not None for keys in told[0] for key in keys[1:]) else None


def _keys(span: Span) -> tuple[object, ...]:
    return _unnumbered(span), span.input_key, span.output_key


def _batches(siblings: Sequence[Node[Span]], keys: Sequence[int], spared: int, found: dict[int, Item]) -> set[int]:
    """Siblings of one name of which each starts while an earlier one still runs."""
    running: dict[int, list[int]] = {}
    until: dict[int, int] = {}
    closed: list[list[int]] = []
    for place, node in enumerate(siblings):
        key, start = keys[place], node.start_ns
        end = node.span.end_ns if node.span.end_ns is not None else start
        if key in running and start < until[key]:
            running[key].append(place)
            until[key] = max(until[key], end)
        else:
            closed.append(running.get(key, []))
            running[key], until[key] = [place], end
    batched: set[int] = set()
    for places in [*closed, *running.values()]:
        if len(places) - 3 >= spared:  # drawn as a head, the longest and `more`
            found[places[0]] = Item("parallel", [siblings[place] for place in places], 1, len(places))
            batched.update(places)
    return batched


def _runs_beside(siblings: Sequence[Node[Span]], place: int, after: int | None) -> bool:
    """Whether a span lasts longer than the sibling after it: it runs beside what the others do and is no step of
    theirs."""
    if after is None:
        return False
    end, next_end = siblings[place].span.end_ns, siblings[after].span.end_ns
    return end is not None and next_end is not None and end > next_end


def _nested(top: Node[Span], how: Folding) -> Item | None:
    """Turns that stand inside one another: the way down, always to what holds most spans, repeats from here on."""
    if how.size(top) - HEAD_AND_REST < how.spared:
        return None
    way = [top]
    while len(way) < _DEEPEST and (children := how.children(way[-1])):
        way.append(max(children, key=how.size))
    numbers: dict[Key, int] = {}
    found = repeats([numbers.setdefault(_unnumbered(node.span), len(numbers)) for node in way], how.spared)
    if not found or found[0].start > 0:
        return None
    return Item("nested", way[: found[0].size : found[0].period], 1, found[0].count)


def _chain(node: Node[Span], how: Folding) -> list[Node[Span]]:
    """A span and the wrappers' contents below it, as long as each wraps just the next and has nothing of its own to
    say."""
    chain = [node]
    while True:
        children = how.children(node)
        if len(children) != 1 or not _wraps(node, children[0]) or {node, children[0]} & how.alone:
            break
        node = children[0]
        chain.append(node)
    if len(chain) > 1 and _nested(chain[-1], how):
        chain.pop()
    return chain


def _wraps(outer: Node[Span], inner: Node[Span]) -> bool:
    """Whether the outer span has nothing of its own to say: it ended as the inner one did, all but a tenth of its time
    is the inner one's, and it is a mere wrapper by its kind or bears the same name. A run's root is no wrapper of an
    agent: it is what all agents work for."""
    one, other = outer.span, inner.span
    if (one.status == "error") != (other.status == "error"):
        return False
    at_root = outer.parent is None and other.turn_id == other.span_id
    if names(one) != names(other) and (at_root or not _may_wrap(one)):
        return False
    if one.duration_ns is None or other.duration_ns is None:
        return one.end_ns is None and other.end_ns is None
    return one.duration_ns - other.duration_ns <= max(one.duration_ns // 10, 1_000_000)


def _may_wrap(span: Span) -> bool:
    """No work by its kind, and no agent's turn begins with it."""
    return span.kind in ("workflow", "other") and span.turn_id != span.span_id
