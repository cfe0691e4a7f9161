"""Things by key and start."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentdbg.detectors.later import Later


@given(
    things=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20))),
    key=st.sampled_from("abc"),
    moment=st.integers(-1, 21),
    most=st.none() | st.integers(0, 4),
)
def test_after_is_what_a_scan_would_find(
    things: list[tuple[str, int]], key: str, moment: int, most: int | None
) -> None:
    ordered = sorted(enumerate(things), key=lambda one: one[1][1])
    later = Later((name, start, number) for number, (name, start) in ordered)
    scanned = [number for number, (name, start) in ordered if name == key]
    assert later.after(key, moment, most) == [n for n in scanned if things[n][1] >= moment][:most]
    assert later.last(key) == (scanned[-1] if scanned else None)
