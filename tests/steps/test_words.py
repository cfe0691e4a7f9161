"""What of one text stands in another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.steps.words import around, carried, is_value, texts, words


def test_words_are_the_same_however_they_are_written() -> None:
    assert words('{"total": 120000, "by": "a@b.org"}') == words("Total: 120,000 by a@b.org")
    assert words('{\\"rows\\": \\n[]}') == ["rows"]
    assert words("growth was 0.0. Next") == ["growth", "was", "0.0", "next"]
    assert words("売上は3件") == ["売", "上", "は", "3", "件"]


@pytest.mark.parametrize(
    ("word", "rare"),
    [
        ("0.93", True),
        ("214", True),
        ("c-17", True),
        ("a@b.org", True),
        ("2026", False),
        ("17", False),
        ("growth", False),
    ],
)
def test_values_are_rare_by_themselves(word: str, rare: bool) -> None:
    assert is_value(word) == rare


def test_stretches_and_values_are_carried() -> None:
    found = carried(
        "Order 48213: the goods left Rome on Monday.", "We heard that the goods left Rome on foot; order 48213."
    )
    assert (found.words, found.of, found.values) == (6, 8, ("48213",))
    assert found.quote == "48213: the goods left Rome on"


def test_a_short_text_is_carried_whole_or_not_at_all() -> None:
    assert carried('{"growth": null}', 'Headline: {"growth": null} percent').words == 2
    assert carried("yes indeed", "indeed, yes").words == 0
    assert carried("", "anything").of == 0


def test_boilerplate_of_three_words_is_nothing() -> None:
    assert carried("please find attached our offer", "please find attached the bill").words == 0


@given(st.text(), st.text(), st.text())
def test_a_text_is_carried_whole_into_whatever_holds_it(before: str, text: str, after: str) -> None:
    found = carried(text, f"{before} \n {text} \n {after}")
    assert found.words == found.of == len(words(text))


def test_messages_are_read_part_by_part_without_reasoning() -> None:
    payload = (
        '[{"role":"assistant","parts":[{"type":"reasoning","text":"hm"},{"type":"text","text":"A"},'
        '{"type":"tool_call","id":null,"name":"pay","arguments":{"eur":5}}]},'
        '{"role":"tool","parts":[{"type":"tool_result","id":null,"result":{"ok":true}}]}]'
    )
    assert texts(payload) == ["A", 'pay {"eur": 5}', '{"ok": true}']
    assert texts(None) == []


def test_the_part_around_what_is_asked() -> None:
    assert around("one two three four", "TWO three", room=5) == "one two three four"
    assert around("x " * 50 + "here it is" + " y" * 50, "here it is", room=4) == "…x here it is y y…"
    assert around("one two", "three") == ""
