"""Rows of cells: nothing is wider than the page, and what fits is not cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.reporters.terminal.columns import Column, columns
from agentdbg.reporters.terminal.line import Look
from agentdbg.view.clean import cells

TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=60)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(TEXT, min_size=n, max_size=n), min_size=1, max_size=5)),
    st.integers(20, 140),
    st.integers(0, 4),
)
def test_no_line_is_wider_than_the_page(rows: list[list[str]], width: int, indent: int) -> None:
    look = Look(width=width)
    shape = [Column(f"head {n}", right=n % 2 == 1) for n in range(len(rows[0]))]
    shown = [[look.text(cell) for cell in row] for row in rows]
    lines = list(columns(shape, shown, look, indent))
    assert len(lines) == len(rows) + 1
    assert all(line.width <= width for line in lines)
    needed = [max(cells(row[n]) for row in [[one.title for one in shape], *shown]) for n in range(len(shape))]
    if indent + sum(needed) + 2 * (len(needed) - 1) <= width:
        assert all(cell in line.plain for row, line in zip(shown, lines[1:], strict=True) for cell in row)


def test_columns_stand_below_one_another() -> None:
    shape = [Column("tool"), Column("calls", right=True), Column("last words")]
    rows = [["search", "12", "nothing found"], ["pay", "3", ""]]
    assert [line.plain.rstrip() for line in columns(shape, rows, Look(width=60))] == [
        "tool    calls  last words",
        "search     12  nothing found",
        "pay         3",
    ]
    assert [line.plain.rstrip() for line in columns(shape, rows, Look(width=24))] == [
        "tool    calls  last wor…",
        "search     12  nothing…",
        "pay         3",
    ]
