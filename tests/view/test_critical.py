"""The critical path tiles the run."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.model import Span
from agentdbg.tree import build
from agentdbg.view.critical import critical_path, merged


def span(span_id: str, parent: str | None, start: int, end: int | None) -> Span:
    return Span("t", span_id, parent, span_id, "other", start, end, "ok")


def path(spans: list[Span], start: int, end: int) -> dict[str, list[tuple[int, int]]]:
    forest = build(spans)
    return {node.span.span_id: told for node, told in critical_path(forest.roots, start, end).items()}


def test_the_last_to_finish_is_what_was_waited_for() -> None:
    spans = [span("r", None, 0, 10), span("fast", "r", 1, 4), span("slow", "r", 1, 8), span("after", "r", 8, 9)]
    assert path(spans, 0, 10) == {"r": [(0, 1), (9, 10)], "slow": [(1, 8)], "after": [(8, 9)]}


def test_a_child_outside_its_parent_does_not_move_the_cursor() -> None:
    spans = [span("r", None, 0, 10), span("p", "r", 2, 6), span("late", "p", 7, 9), span("in", "p", 3, 5)]
    assert path(spans, 0, 10) == {"r": [(0, 2), (6, 10)], "p": [(2, 3), (5, 6)], "in": [(3, 5)]}


def test_a_span_that_never_closed_was_waited_for_until_the_end() -> None:
    assert path([span("r", None, 0, 10), span("open", "r", 4, None)], 0, 10) == {"r": [(0, 4)], "open": [(4, 10)]}


def test_of_several_roots_the_gaps_are_nobodys() -> None:
    assert path([span("a", None, 0, 3), span("b", None, 5, 9)], 0, 9) == {"a": [(0, 3)], "b": [(5, 9)]}


TREES = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 120), st.one_of(st.none(), st.integers(0, 120))), max_size=25
)


@settings(max_examples=400)
@given(TREES)
def test_segments_tile_the_root_exactly(shape: list[tuple[int, int, int | None]]) -> None:
    spans = [span("root", None, 0, 100)]
    for number, (parent, start, end) in enumerate(shape):
        spans.append(span(f"s{number}", spans[parent % len(spans)].span_id, start, end))
    segments = sorted(one for told in path(spans, 0, 100).values() for one in told)
    assert sum(end - start for start, end in segments) == 100
    assert all(before[1] == after[0] for before, after in pairwise(segments))
    assert merged(segments) == [(0, 100)]


def test_a_deep_chain_does_not_recurse() -> None:
    spans = [span(f"{n:06}", f"{n - 1:06}" if n else None, n, 200_000 - n) for n in range(50_000)]
    assert len(path(spans, 0, 200_000)) == 50_000
