"""Attributes by table."""

from __future__ import annotations

from typing import Any

import pytest

from agentdbg.vocabulary.fields import count, number, unflattened


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (7, 7),
        ("7", 7),
        (7.0, 7),
        (-1, None),
        (True, None),
        ("many", None),
        (1e300, None),
        (None, None),
        (2**53 - 1, 2**53 - 1),
        (2**62, None),
    ],
)
def test_a_token_count(value: Any, told: int | None) -> None:
    assert count(value) == told


@pytest.mark.parametrize(("value", "told"), [("0.5", 0.5), (float("nan"), None), (float("inf"), None), (10**400, None)])
def test_money_is_a_finite_number(value: Any, told: float | None) -> None:
    assert number(value) == told


def test_indices_sort_as_numbers() -> None:
    attributes = {f"m.{index}.role": str(index) for index in (10, 2, 0, 1, 3, 4, 5, 6, 7, 8, 9)}
    assert [item["role"] for item in unflattened(attributes, "m.")[0]] == [str(index) for index in range(11)]


def test_missing_indices_are_told() -> None:
    assert unflattened({"m.5.role": "user", "m.6.role": "tool"}, "m.")[1] is True
