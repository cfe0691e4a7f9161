"""Flat spans to a forest that never fails.

Exports are broken in every way there is: parents that were never written, two roots or none, spans that are their own
ancestors, the same id twice, children that start before their parents. Here all of it becomes a forest and a list of
what was odd. The laws, which the tests prove on random input: every span stands in the forest exactly once; any
permutation of the input gives the same forest; the work is linear but for sorting siblings; nothing recurses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

SKEW_NS = 1_000_000
"""How far a child may stand outside its parent before it is worth a word: clocks of one machine differ by less."""


MAKING = "create_agent "
"""How the names of spans begin that tell how an agent was made (OpenTelemetry's conventions): that may be long before
the run that it works in."""


class Placed(Protocol):
    """What a thing must tell to get a place in a tree. Times are nanoseconds; None where they are not recorded."""

    @property
    def span_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def start_ns(self) -> int | None: ...
    @property
    def end_ns(self) -> int | None: ...


S = TypeVar("S", bound=Placed)

ProblemKind = Literal[
    "no_root",
    "several_roots",
    "orphan",
    "cycle",
    "duplicate_id",
    "unclosed",
    "negative_duration",
    "clock_skew",
    "outlasts_parent",
]

_WORDS: dict[ProblemKind, tuple[str, str]] = {
    "no_root": ("no root: 1 span names a parent that is not here", "no root: {n} spans name parents that are not here"),
    "several_roots": ("1 root span", "{n} root spans in one trace"),
    "orphan": ("1 span names a parent that is not in the trace", "{n} spans name parents that are not in the trace"),
    "cycle": ("1 span is its own ancestor: cut there", "{n} spans are their own ancestors: cut there"),
    "duplicate_id": ("1 span repeats the id of another", "{n} spans repeat the ids of others"),
    "unclosed": ("1 span never closed", "{n} spans never closed"),
    "negative_duration": ("1 span ends before it starts", "{n} spans end before they start"),
    "clock_skew": ("1 span starts before its parent", "{n} spans start before their parents"),
    "outlasts_parent": ("1 span ends after its parent", "{n} spans end after their parents"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something odd about the shape of a trace. `span_ids` are the spans it is about, in order of (start, id)."""

    kind: ProblemKind
    span_ids: tuple[str, ...]

    @property
    def message(self) -> str:
        one, many = _WORDS[self.kind]
        return (one if len(self.span_ids) == 1 else many).format(n=len(self.span_ids))


@dataclass(slots=True, eq=False)
class Node(Generic[S]):
    """A span in its place. `start_ns` is the span's own start, else its parent's, else 0.

    orphan: the parent it names is not among the spans. cut: it was its own ancestor, and as the earliest of that circle
    became a root. Both are roots, of depth 0.
    """

    span: S
    start_ns: int = 0
    depth: int = 0
    orphan: bool = False
    cut: bool = False
    parent: Node[S] | None = field(default=None, repr=False)
    children: list[Node[S]] = field(default_factory=list, repr=False)

    def walk(self) -> Iterator[Node[S]]:
        """This node and all below it, parents before children, siblings in order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


@dataclass(slots=True, eq=False)
class Forest(Generic[S]):
    """Roots in order: true roots, then cut circles, then orphans; each group and all siblings by (start, span id)."""

    roots: list[Node[S]]
    problems: list[Problem]
    by_id: dict[str, Node[S]] = field(repr=False)

    def walk(self) -> Iterator[Node[S]]:
        """Every span exactly once, parents before children. Reversed, it is children before parents."""
        for root in self.roots:
            yield from root.walk()


def build(spans: Sequence[S]) -> Forest[S]:
    """The forest of these spans. An empty parent id is none; of spans sharing an id the earliest gets the children."""
    nodes = [Node(span) for span in spans]
    if len({span.span_id for span in spans}) < len(nodes):
        nodes.sort(key=_age)  # stable sorts below keep this order, so that even spans that share an id have one place
    by_id: dict[str, Node[S]] = {}
    duplicates = [node for node in nodes if by_id.setdefault(node.span.span_id, node) is not node]
    roots = _attach(nodes, by_id)
    roots += _cut_cycles(nodes)
    _place(roots)
    roots.sort(key=lambda root: (root.orphan, root.cut, *_order(root)))
    for node in nodes:
        if len(node.children) > 1:
            node.children.sort(key=_order)
    return Forest(roots, _problems(nodes, roots, duplicates), by_id)


def _order(node: Node[S]) -> tuple[int, str]:
    return node.start_ns, node.span.span_id


def _age(node: Node[S]) -> tuple[bool, int, str, bool, int, str]:
    """Order by recorded start, spans without one last. What follows the id only orders spans that share it."""
    span, end = node.span, node.span.end_ns
    return span.start_ns is None, span.start_ns or 0, span.span_id, end is None, end or 0, span.parent_id or ""


def _attach(nodes: list[Node[S]], by_id: dict[str, Node[S]]) -> list[Node[S]]:
    """Give every node its parent; answer those that have none. Circles are still circles afterwards."""
    roots = []
    for node in nodes:
        parent_id = node.span.parent_id
        parent = by_id.get(parent_id) if parent_id else None
        if parent is not None:
            node.parent = parent
            parent.children.append(node)
        else:
            node.orphan = bool(parent_id)
            roots.append(node)
    return roots


def _cut_cycles(nodes: list[Node[S]]) -> list[Node[S]]:
    """Open every circle at its earliest span. What is known to end is not climbed again, so all is linear."""
    known: set[int] = set()
    cuts = []
    for node in nodes:
        path: list[Node[S]] = []
        on_path: dict[int, int] = {}
        at: Node[S] | None = node
        while at is not None and id(at) not in known:
            if id(at) in on_path:
                earliest = min(path[on_path[id(at)] :], key=_age)
                assert earliest.parent is not None
                earliest.parent.children.remove(earliest)
                earliest.parent, earliest.cut = None, True
                cuts.append(earliest)
                break
            on_path[id(at)] = len(path)
            path.append(at)
            at = at.parent
        known.update(on_path)
    return cuts


def _place(roots: list[Node[S]]) -> None:
    """Set depth and effective start from the roots down."""
    stack = list(roots)
    while stack:
        node = stack.pop()
        parent = node.parent
        if parent is not None:
            node.depth = parent.depth + 1
        if node.span.start_ns is not None:
            node.start_ns = node.span.start_ns
        elif parent is not None:
            node.start_ns = parent.start_ns
        stack.extend(node.children)


def _problems(nodes: list[Node[S]], roots: list[Node[S]], duplicates: list[Node[S]]) -> list[Problem]:
    orphans = [node for node in roots if node.orphan]
    true_roots = [node for node in roots if not node.orphan and not node.cut]
    found: dict[ProblemKind, list[Node[S]]] = {
        "no_root": orphans if not true_roots else [],
        "several_roots": true_roots if len(true_roots) > 1 else [],
        "orphan": orphans if true_roots else [],
        "cycle": [node for node in roots if node.cut],
        "duplicate_id": duplicates,
    }
    for kind in ("unclosed", "negative_duration", "clock_skew", "outlasts_parent"):
        found[kind] = []
    for node in nodes:
        for kind in _time_problems(node):
            found[kind].append(node)
    return [
        Problem(kind, tuple(node.span.span_id for node in sorted(odd, key=_age))) for kind, odd in found.items() if odd
    ]


def _time_problems(node: Node[S]) -> Iterator[ProblemKind]:
    start, end = node.span.start_ns, node.span.end_ns
    if start is not None and end is None:
        yield "unclosed"
    elif start is not None and end is not None and end < start:
        yield "negative_duration"
    if node.parent is None:
        return
    parent = node.parent.span
    early = start is not None and parent.start_ns is not None and start < parent.start_ns - SKEW_NS
    if early and not node.span.name.startswith(MAKING):
        yield "clock_skew"
    if end is not None and parent.end_ns is not None and end > parent.end_ns + SKEW_NS:
        yield "outlasts_parent"
