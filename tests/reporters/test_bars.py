"""The ruler of the time axis."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.reporters.terminal.bars import Axis
from agentdbg.reporters.terminal.line import Look

MS = 1_000_000
S = 1_000 * MS


@pytest.mark.parametrize(
    ("span", "width", "ticks"),
    [
        (0, 40, "0"),
        (90 * MS, 40, "0 50ms"),
        (1_900 * MS, 50, "0 500ms 1.0s 1.5s"),
        (
            1_250 * MS,
            320,
            " ".join(["0", *(f"{ms}ms" for ms in range(50, 1_000, 50)), "1.00s 1.05s 1.10s 1.15s 1.20s"]),
        ),
        (5 * S, 60, "0 1s 2s 3s 4s"),
        (70 * S, 60, "0 15s 30s 45s 1m"),
        (130 * S, 60, "0 30s 1m 1m30s 2m"),
        (10_000 * S, 80, "0 30m 1h 1h30m 2h 2h30m"),
    ],
)
def test_ticks_are_round_and_as_fine_as_their_step(span: int, width: int, ticks: str) -> None:
    assert Axis(0, span, width, Look()).ticks().replace("╵", "").split() == ticks.split()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**16), st.integers(1, 4_000))
def test_no_two_ticks_are_equal_and_the_ruler_is_as_wide_as_the_axis(span: int, width: int) -> None:
    ruler = Axis(0, span, width, Look()).ticks()
    told = [tick.strip() for tick in ruler.split("╵")[1:]]
    assert len(told) == len(set(told))
    assert len(ruler) == width
