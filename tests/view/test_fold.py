"""What stands together in one row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.model import Span
from agentdbg.tree import Node, build
from agentdbg.view.fold import Folding, Item, alike, items, turn_parts
from agentdbg.view.repeats import Repeat, repeats


def tools(*told: tuple[str, int, int] | str) -> list[Node[Span]]:
    """Siblings: a name alone is a step of one second after the step before, else name, start and end."""
    spans = []
    for number, one in enumerate(told):
        name, start, end = (one, number, number + 1) if isinstance(one, str) else one
        spans.append(Span("t", f"{number:03}", None, name, "tool", start * 10, end * 10, "ok", tool=name))
    return build(spans).roots


def fold(nodes: list[Node[Span]], spared: int = 1) -> list[Item]:
    return items(
        nodes, Folding(spared, frozenset(), lambda node: node.children, lambda node: sum(1 for _ in node.walk()))
    )


def told(found: list[Item]) -> str:
    marks = {"span": "", "cycle": "×", "parallel": "∥"}
    names = [[node.span.name for node in item.nodes[: item.period]] for item in found]
    return " ".join(
        f"{marks[item.kind]}{item.count if item.kind != 'span' else ''}{''.join(name)}"
        for item, name in zip(found, names, strict=True)
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("abababab", "×4ab"),
        ("xabcabcabcy", "x ×3abc y"),
        ("aaaa", "×4a"),
        ("aab", "a a b"),
        ("abababa", "×3ab a"),
        ("aabaabaab", "×3aab"),
        ("ababab cdcdcd", "×3ab ×3cd"),
        ("", ""),
    ],
)
def test_turns_that_repeat_are_one_row(steps: str, expected: str) -> None:
    assert told(fold(tools(*steps.replace(" ", "")))) == expected


def test_a_fold_has_to_spare_rows() -> None:
    assert told(fold(tools(*"ababab"), spared=2)) == "×3ab"
    assert told(fold(tools(*"ababab"), spared=3)) == "a b a b a b"


def test_what_runs_beside_a_cycle_does_not_break_it() -> None:
    steps = [("a", 0, 1), ("b", 1, 2), ("long", 2, 9), ("a", 2, 3), ("b", 3, 4), ("a", 4, 5), ("b", 5, 6)]
    assert told(fold(tools(*steps))) == "×3ab long"


def test_spans_of_one_name_that_overlap_are_a_batch() -> None:
    assert told(fold(tools(*[("w", n, n + 5) for n in range(6)], ("end", 20, 21)))) == "∥6w end"
    assert told(fold(tools(*[("w", n, n + 1) for n in range(6)]))) == "×6w"


def test_two_kinds_side_by_side_are_two_batches() -> None:
    steps = [(name, n, n + 9) for n in range(5) for name in ("a", "b")]
    assert told(fold(tools(*steps))) == "∥5a ∥5b"


def test_numbered_steps_are_turns_of_one_cycle() -> None:
    spans = [Span("t", f"{n}", None, f"Step {n}", "other", n * 10, n * 10 + 9, "ok") for n in range(1, 7)]
    (cycle,) = fold(build(spans).roots)
    assert (cycle.kind, cycle.count, [part.text for part in turn_parts(cycle)]) == ("cycle", 6, ["Step #"])
    versions = [Span("t", f"{n}", None, f"v{n}", "other", n * 10, n * 10 + 9, "ok") for n in range(1, 7)]
    assert len(fold(build(versions).roots)) == 6


def test_orphans_do_not_fold_with_roots() -> None:
    spans = [Span("t", f"{n}", None if n < 4 else "gone", "x", "tool", n, n, "ok") for n in range(8)]
    assert told(fold(build(spans).roots)) == "×4x ×4x"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [([(1, 2)] * 4, True), ([(1, 2), (1, 2), (1, 2), (1, 3)], False), ([(None, None)] * 4, None)],
)
def test_turns_are_alike_if_every_input_and_output_is(
    keys: list[tuple[int | None, int | None]], expected: bool | None
) -> None:
    nodes = tools(*"aaaa")
    for node, (asked, out) in zip(nodes, keys, strict=True):
        node.span.input_key, node.span.output_key = asked, out
    assert alike(Item("cycle", nodes, 1, 4)) is expected


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(0, 6))
def test_repeats_are_repeats_and_do_not_overlap(sequence: list[int], spared: int) -> None:
    end = 0
    for found in repeats(sequence, spared):
        assert found.start >= end
        end = found.start + found.size
        turns = {tuple(sequence[at : at + found.period]) for at in range(found.start, end, found.period)}
        assert len(turns) == 1
        assert found.count >= 3
        assert found.size - found.period - 2 >= spared


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(12, 40))
def test_a_sequence_that_only_repeats_is_found_whole(turn: list[int], count: int) -> None:
    found = repeats(turn * count, 1)
    assert sum(one.size for one in found) == len(turn) * count


def test_of_nested_repeats_the_longest_wins() -> None:
    assert repeats([1, 1, 1, 1, 2] * 4, 1) == [Repeat(0, 5, 4)]
