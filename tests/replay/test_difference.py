"""Where two recorded values part."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.replay.difference import Difference, first_difference, parting

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, Difference("$.a[1]", "2", "3")),
        ({"a": 1}, {"a": 1, "b": 2}, Difference("$.b", None, "2")),
        ([1, 2], [1], Difference("$[1]", "2", None)),
        ("Koeln: 4 degrees", "Koeln: 99 degrees", Difference("$", "Koeln: 4 degrees", "Koeln: 99 degrees", 7)),
        ({"two words": "x"}, {"two words": "y"}, Difference('$["two words"]', "x", "y", 0)),
        (1, True, Difference("$", "1", "true")),
        ([], {}, Difference("$", "[]", "{}")),
        (None, "", Difference("$", "null", "")),
        ("a b\n c", "a  b c", None),
    ],
)
def test_the_first_difference_says_where_and_what(before: Any, after: Any, expected: Difference | None) -> None:
    assert first_difference(before, after) == expected


def test_deep_values_do_not_overflow() -> None:
    deep: Any = 1
    other: Any = 2
    for _ in range(20_000):
        deep, other = [deep], [other]
    found = first_difference(deep, other)
    assert found is not None
    assert (found.before, found.after) == ("1", "2")


@given(VALUES)
def test_a_value_is_equal_to_itself(value: Any) -> None:
    assert first_difference(value, value) is None


@given(VALUES, VALUES)
def test_there_is_a_difference_one_way_where_there_is_one_the_other_way(a: Any, b: Any) -> None:
    there, back = first_difference(a, b), first_difference(b, a)
    assert (there is None) == (back is None)


@given(st.text(max_size=12), st.text(max_size=12))
def test_texts_part_where_they_differ_in_more_than_white_space(a: str, b: str) -> None:
    at = parting(a, b)
    assert (at is None) == ("".join(a.split()) == "".join(b.split()))
    if at is not None:
        assert "".join(b.split()).startswith("".join(a[:at].split()))
