"""Two sets of messages in, differences out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.contracts.difference import headline, sentence
from agentdbg.contracts.drift import differences
from agentdbg.contracts.profile import Profile, merged, profile_of
from tests.contracts.payloads import MESSAGES


def profile(*payloads: object) -> Profile:
    return merged(profile_of(payload, f"s{i}", i) for i, payload in enumerate(payloads))


def claim(i: int) -> dict[str, Any]:
    return {
        "status": ["complete", "failed", "review"][i % 3],
        "fraud_score": 1 if i % 10 == 9 else round(0.05 + (i % 19) / 20, 2),
        "reason": f"because of {i}",
        "filed": f"2026-01-{1 + i % 28:02}",
        "evidence": [{"doc": f"D-{i}", "page": i}] * (1 + i % 3),
        "by_id": {str(1000 + i): 1.0},
        **({"note": "optional"} if i % 3 == 0 else {}),
    }


USUAL = profile(*(claim(i) for i in range(60)))


def drift(*payloads: object, of: Profile = USUAL) -> list[tuple[str, str, str]]:
    return [(d.grade, d.kind, d.path) for d in differences(of, profile(*payloads))]


def without(*keys: str, **more: object) -> dict[str, Any]:
    return {k: v for k, v in claim(7).items() if k not in keys} | more


@given(st.lists(MESSAGES, max_size=8))
def test_nothing_drifts_from_itself(payloads: list[object]) -> None:
    assert differences(profile(*payloads), profile(*payloads)) == []


@given(st.lists(MESSAGES, min_size=1, max_size=6), MESSAGES)
def test_any_message_can_be_compared_and_differences_are_in_order(payloads: list[object], other: object) -> None:
    found = differences(profile(*payloads), profile(other))
    assert [d.grade for d in found] == sorted((d.grade for d in found), key=["breaking", "risky", "compatible"].index)
    assert len({d.identity for d in found}) == len(found)
    assert all(0 <= d.expected <= d.of and 0 < d.odd <= d.seen for d in found)
    assert all(headline(d) and sentence(d) for d in found)


@given(st.lists(MESSAGES, max_size=6))
def test_what_one_of_the_usual_messages_is_like_breaks_nothing(payloads: list[object]) -> None:
    many = profile(*payloads)
    breaking = [
        d for p in payloads for d in differences(many, profile(p)) if d.grade == "breaking" and d.kind != "envelope"
    ]
    assert breaking == []


@pytest.mark.parametrize("count", [1, 20])
def test_more_of_the_same_is_no_drift(count: int) -> None:
    assert drift(*(claim(i) for i in range(60, 60 + count))) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (without(fraud_score="0.95"), ("breaking", "type", "$.fraud_score")),
        (without(fraud_score=True), ("breaking", "type", "$.fraud_score")),
        (without(reason=["a", "b"]), ("breaking", "type", "$.reason")),
        (without("fraud_score", risk_score=0.5), ("breaking", "rename", "$.fraud_score")),
        (without("fraud_score", fraudScore=0.5), ("breaking", "rename", "$.fraud_score")),
        (without("evidence"), ("breaking", "removed", "$.evidence")),
        (without(reason=None), ("breaking", "null", "$.reason")),
        (without(evidence=[{"doc": "D-1"}]), ("breaking", "removed", "$.evidence[].page")),
        (without(evidence=[{"doc": "D-1", "page": "3"}]), ("breaking", "type", "$.evidence[].page")),
        ({"result": claim(7)}, ("breaking", "nesting", "$")),
        ("```json\n" + '{"a": 1}' + "\n```", ("breaking", "envelope", "$")),
        ("I think the answer is 42.", ("breaking", "envelope", "$")),
        (without(status="COMPLETE"), ("risky", "enum", "$.status")),
        (without(filed="yesterday"), ("risky", "format", "$.filed")),
        (without(fraud_score=95), ("risky", "range", "$.fraud_score")),
        (without(evidence=[]), ("risky", "empty-array", "$.evidence")),
        ({"error": "unreadable"}, ("risky", "error-reply", "$")),
        ("", ("risky", "envelope", "$")),
        (without(confidence=0.5), ("compatible", "added", "$.confidence")),
    ],
)
def test_grade_and_kind(message: object, expected: tuple[str, str, str]) -> None:
    assert drift(message)[0] == expected


@pytest.mark.parametrize(
    "message", [without(fraud_score=1), without(fraud_score=0.5), without("note"), without(note="optional")]
)
def test_whole_numbers_and_optional_fields_are_no_difference(message: object) -> None:
    assert drift(message) == []


def test_one_cause_is_told_once() -> None:
    assert drift({"result": claim(7)}) == [("breaking", "nesting", "$")]
    assert drift("I think so.") == [("breaking", "envelope", "$")]
    assert drift(without("fraud_score", risk_score=0.5)) == [("breaking", "rename", "$.fraud_score")]


def test_an_object_that_lost_its_wrapper() -> None:
    usual = profile(*({"result": {"a": i, "b": "x"}} for i in range(4)))
    assert drift({"a": 1, "b": "x"}, of=usual) == [("breaking", "nesting", "$")]


def test_the_same_inside_text_that_holds_json() -> None:
    usual = profile(*({"raw": f'{{"a": {i}, "b": "x"}}'} for i in range(4)))
    assert drift({"raw": "It is one."}, of=usual) == [("breaking", "envelope", "$.raw")]
    assert drift({"raw": '```json\n{"a": 1, "b": "x"}\n```'}, of=usual) == [("breaking", "envelope", "$.raw")]
    assert drift({"raw": {"a": 1, "b": "x"}}, of=usual) == [("breaking", "type", "$.raw")]
    assert drift({"raw": '{"out": {"a": 1, "b": "x"}}'}, of=usual) == [("breaking", "nesting", "$.raw")]
    assert drift({"raw": ""}, of=usual) == [("risky", "envelope", "$.raw")]


def test_text_may_hold_anything() -> None:
    usual = profile(*({"note": f"some words {i}"} for i in range(4)))
    assert drift({"note": '{"a": 1}'}, of=usual) == [("compatible", "added", "$.note.a")]
    assert drift({"note": "see ```json\n[1]\n``` here"}, of=usual) == []


def test_keys_that_may_be_data_are_risky_at_most() -> None:
    usual = profile(*({"prices": {"Acme": i, "Bolt": 2}} for i in range(4)))
    assert drift({"prices": {"Acme": 1, "Cobalt": 3}}, of=usual)[0] == ("risky", "removed", "$.prices.Bolt")


def test_below_three_messages_nothing_is_firm() -> None:
    usual = profile({"a": 1}, {"a": 2})
    assert drift({"a": "x"}, of=usual) == [("risky", "type", "$.a")]
    assert drift({"b": 1}, of=usual) == [("compatible", "added", "$.b")]


def test_many_messages_against_many() -> None:
    now = profile(*(claim(i) | {"fraud_score": "0.9"} if i % 2 else claim(i) for i in range(20)))
    [found] = differences(USUAL, now)
    assert (found.grade, found.kind, found.path) == ("breaking", "type", "$.fraud_score")
    assert (found.expected, found.of, found.odd, found.seen) == (60, 60, 10, 20)
    assert (found.before, found.after) == ("a number", "a number as text")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            without(fraud_score="0.95"),
            '`$.fraud_score` is a number as text ("0.95"), a number (0.05) in 60 of 60 usual messages',
        ),
        (without("reason"), '`$.reason` is missing, present ("because of 0") in 60 of 60 usual messages'),
        (without(reason=None), '`$.reason` is null, text ("because of 0") in 60 of 60 usual messages'),
        ({"result": claim(7)}, "its fields moved under `result`, at the usual level in 60 of 60 usual messages"),
        (
            without("fraud_score", risk_score=0.5),
            "`$.fraud_score` is now `risk_score` (0.5), `fraud_score` (0.05) in 60 of 60 usual messages",
        ),
        (without(confidence=0.5), "`$.confidence` is new (0.5), not there in 60 of 60 usual messages"),
    ],
)
def test_words(message: object, words: str) -> None:
    assert sentence(differences(USUAL, profile(message))[0]) == words
