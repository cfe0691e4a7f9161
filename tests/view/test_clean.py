"""Hostile text in, harmless text out; text in, text of at most so many cells out."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.view.clean import ascii_only, cells, clean, cut, one_line, wrap

ANY_TEXT = st.text(st.characters(), max_size=80)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]8;;http://x\x1b\\link", "\\x1b]8;;http://x\\x1b\\link"),
        ("a\rb", r"a\x0db"),
        ("a\r\nb", "a\nb"),
        ("a\x08\x08b", r"a\x08\x08b"),
        ("\x9b2J", r"\x9b2J"),
        ("abc\u202edef", r"abc\u202edef"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("pass\u200bword", r"pass\u200bword"),
        ("\U000e0041\U000e0042", r"\U000e0041\U000e0042"),
        ("\ufeffbom", r"\ufeffbom"),
        ("\ud83d", r"\ud83d"),
        ("a\u2028b", r"a\u2028b"),
        ("[red]markup[/red]", "[red]markup[/red]"),
        ("tab\tand\nnewline stay", "tab\tand\nnewline stay"),
        ("Grüße, 北京, שלום, 👍🏽, é", "Grüße, 北京, שלום, 👍🏽, é"),
    ],
)
def test_commands_become_visible(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


def test_a_pile_of_marks_cannot_paint_over_other_lines() -> None:
    assert clean("z" + "\u0301" * 100) == "z" + "\u0301" * 4 + r"\u0301×96"


@given(ANY_TEXT)
def test_nothing_that_is_shown_is_a_command(text: str) -> None:
    shown = clean(text)
    assert clean(shown) == shown
    for char in shown:
        assert char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(char) not in ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI")
    shown.encode("utf-8")


@given(ANY_TEXT)
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert one_line(text) == one_line(text).strip()


@given(ANY_TEXT)
def test_ascii_only_is_ascii(text: str) -> None:
    assert ascii_only(clean(text)).isascii()


def test_our_own_signs_are_spelt_out() -> None:
    assert ascii_only("Researcher⇄Analyst 47× → ≥ $2 …") == "Researcher<=>Analyst 47x -> >= $2 ..."


@given(ANY_TEXT, st.integers(0, 40), st.sampled_from(["…", "..."]))
def test_cut_text_fits_and_says_that_it_is_cut(text: str, width: int, ellipsis: str) -> None:
    text = one_line(text)
    short = cut(text, width, ellipsis)
    assert cells(short) <= width
    assert short == text or short.endswith(ellipsis[:width])


def test_cells_are_counted_not_characters() -> None:
    assert cut("北京北京", 7) == "北京北…"
    assert cut("北京北京", 6) == "北京…"
    assert cut("北京", 4) == "北京"


@given(ANY_TEXT, st.integers(2, 30), st.one_of(st.none(), st.integers(-3, 30)))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int, first: int | None) -> None:
    text = one_line(text)
    lines = wrap(text, width, first)
    for number, line in enumerate(lines):
        assert cells(line) <= (max(first, 0) if first is not None and number == 0 else width)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_lines_break_at_blanks_and_only_long_words_inside() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap("wide wide", 20, 3) == ["", "wide wide"]
    assert wrap("abcdefghij", 4, 2) == ["ab", "cdef", "ghij"]
    assert wrap("", 10) == []
