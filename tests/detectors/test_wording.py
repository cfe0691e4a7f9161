"""Ids, numbers and quotes in findings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentdbg.detectors.wording import clipped, counted, listed, money, short, usage


def test_numbers_with_units() -> None:
    assert [counted(1, "call"), counted(1200, "call"), counted(2, "was", "were")] == ["1 call", "1,200 calls", "2 were"]
    assert [money(0), money(3.2), money(0.0041), money(0.0000123)] == ["$0.00", "$3.20", "$0.0041", "$0.000012"]
    assert [usage(12, 0.5), usage(12, None), usage(None, 0.5), usage(None, None)] == [
        "12 tokens ($0.50)",
        "12 tokens",
        "$0.50",
        "",
    ]
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@given(st.sets(st.text("0123456789abcdef-", min_size=1, max_size=36), min_size=1))
def test_a_short_id_means_one_span(ids: set[str]) -> None:
    for one in ids:
        brief = short(one, ids)
        assert one.startswith(brief)
        if len(brief) < len(one):
            assert [other for other in ids if other.startswith(brief)] == [one]


@given(st.text(), st.integers(10, 80))
def test_clipped_text_stays_on_one_line(text: str, width: int) -> None:
    line = clipped(text, width)
    assert len(line) <= width
    assert line.splitlines() in ([], [line])
