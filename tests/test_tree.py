"""Laws and cases of the forest."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.model import Span
from agentdbg.tree import Forest, Node, Problem, build

MS = 1_000_000


def span(span_id: str, parent_id: str | None = None, start: int | None = 0, end: int | None = 100) -> Span:
    """A span whose times are milliseconds."""
    return Span(
        "t",
        span_id,
        parent_id,
        span_id,
        "other",
        None if start is None else start * MS,
        None if end is None else end * MS,
        "ok",
    )


def sketch(forest: Forest[Span]) -> str:
    """One span a line, indented by depth, with what the forest says of it."""
    lines = []
    for node in forest.walk():
        marks = (" orphan" if node.orphan else "") + (" cut" if node.cut else "")
        lines.append("  " * node.depth + node.span.span_id + marks)
    return "\n".join(lines)


def kinds(forest: Forest[Span]) -> dict[str, tuple[str, ...]]:
    return {problem.kind: problem.span_ids for problem in forest.problems}


def test_children_stand_in_order_of_start_then_id() -> None:
    forest = build([span("late", "r", 5), span("b", "r", 1), span("a", "r", 1), span("r"), span("deep", "a", 2)])
    assert sketch(forest) == "r\n  a\n    deep\n  b\n  late"
    assert forest.problems == []


def test_orphans_come_last_and_are_marked() -> None:
    forest = build([span("o", "gone", 1), span("x", "o", 2), span("r", None, 3)])
    assert sketch(forest) == "r\no orphan\n  x"
    assert kinds(forest) == {"orphan": ("o",)}


def test_without_a_root_the_orphans_are_what_there_is() -> None:
    forest = build([span("a", "remote"), span("b", "a")])
    assert sketch(forest) == "a orphan\n  b"
    assert forest.problems == [Problem("no_root", ("a",))]
    assert forest.problems[0].message == "no root: 1 span names a parent that is not here"


def test_a_circle_is_cut_at_its_earliest_span() -> None:
    forest = build([span("a", "c", 3), span("b", "a", 1), span("c", "b", 2), span("under", "c", 9)])
    assert sketch(forest) == "b cut\n  c\n    a\n    under"
    assert kinds(forest)["cycle"] == ("b",)


def test_a_span_that_is_its_own_parent_is_a_root() -> None:
    forest = build([span("a", "a"), span("b", "a")])
    assert sketch(forest) == "a cut\n  b"


def test_several_roots_are_told() -> None:
    forest = build([span("b", None, 2), span("a", "", 2)])
    assert sketch(forest) == "a\nb"
    assert [problem.message for problem in forest.problems] == ["2 root spans in one trace"]


def test_of_spans_with_one_id_both_stay_and_the_earliest_gets_the_children() -> None:
    forest = build([span("a", "r", 5), span("a", "r", 2), span("x", "a", 6), span("r")])
    assert [(n.span.span_id, n.span.start_ns, len(n.children)) for n in forest.walk()] == [
        ("r", 0, 2),
        ("a", 2 * MS, 1),
        ("x", 6 * MS, 0),
        ("a", 5 * MS, 0),
    ]
    assert kinds(forest)["duplicate_id"] == ("a",)


def test_a_span_without_start_stands_where_its_parent_starts() -> None:
    forest = build([span("r"), span("early", "r", 10), span("p", "r", 20), span("late", "r", 30), span("x", "p", None)])
    assert forest.by_id["x"].start_ns == 20 * MS
    assert build([]).roots == []


def test_odd_times_are_told_but_a_millisecond_is_not() -> None:
    forest = build(
        [
            span("r", None, 10, 100),
            span("fine", "r", 9, 101),
            span("skewed", "r", 7, 50),
            span("async", "r", 20, 103),
            span("open", "r", 20, None),
            span("backwards", "r", 60, 59),
            span("no times at all", "r", None, None),
        ]
    )
    assert kinds(forest) == {
        "unclosed": ("open",),
        "negative_duration": ("backwards",),
        "clock_skew": ("skewed",),
        "outlasts_parent": ("async",),
    }


IDS = [f"s{i}" for i in range(9)]
PARENTS = st.one_of(st.none(), st.sampled_from([*IDS, "gone"]))
TIMES = st.one_of(st.none(), st.integers(0, 20))
SPANS = st.lists(st.builds(span, st.sampled_from(IDS), PARENTS, TIMES, TIMES), max_size=14)


def shape(forest: Forest[Span]) -> list[object]:
    return [(n.span, n.depth, n.orphan, n.cut, n.start_ns) for n in forest.walk()] + list(forest.problems)


@settings(max_examples=300, deadline=None)
@given(SPANS, st.randoms(use_true_random=False))
def test_every_span_once_and_any_order_gives_the_same_forest(spans: list[Span], rnd: random.Random) -> None:
    forest = build(spans)
    assert sorted(id(node.span) for node in forest.walk()) == sorted(id(s) for s in spans)
    for node in forest.walk():
        assert all(child.parent is node and child.depth == node.depth + 1 for child in node.children)
        starts = [child.start_ns for child in node.children]
        assert starts == sorted(starts)
    shuffled = spans[:]
    rnd.shuffle(shuffled)
    assert shape(build(shuffled)) == shape(forest)


def test_all_permutations_of_a_nasty_trace_agree() -> None:
    spans = [
        span("a", "b", 1),
        span("b", "a", 1),
        span("a", "b", 2),
        span("o", "gone"),
        span("r"),
        span("x", "r", None),
    ]
    assert len({repr(shape(build(order))) for order in itertools.permutations(spans)}) == 1


@pytest.mark.slow
def test_a_chain_of_200_000_is_linear_and_does_not_recurse() -> None:
    size = 200_000
    spans = [span(f"{i:07}", f"{i - 1:07}" if i else None, i, 2 * size - i) for i in reversed(range(size))]
    started = time.process_time()
    forest = build(spans)
    deepest: Node[Span] = max(forest.walk(), key=lambda node: node.depth)
    assert time.process_time() - started < 8  # about 1 s; the limit only catches what is not linear
    assert deepest.depth == size - 1
    assert forest.problems == []


def test_a_circle_of_100_000_with_a_star_on_it() -> None:
    size = 50_000
    ring = [span(f"c{i:06}", f"c{(i - 1) % size:06}", i + 1) for i in range(size)]
    star = [span(f"x{i:06}", "c000000", i) for i in range(size)]
    forest = build(ring + star)
    assert sum(1 for _ in forest.walk()) == 2 * size
    assert [root.span.span_id for root in forest.roots] == ["c000000"]
