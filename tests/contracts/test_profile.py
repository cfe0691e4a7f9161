"""Payloads in, counters out."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.contracts.paths import string_format
from agentdbg.contracts.profile import Example, Profile, merged, profile_of
from tests.contracts.payloads import MESSAGES


def profile(*payloads: object) -> Profile:
    return merged(profile_of(payload, f"s{i}", i) for i, payload in enumerate(payloads))


def types(p: Profile) -> dict[str, dict[str, int]]:
    return {path: dict(sorted(f.types.items())) for path, f in sorted(p.fields.items())}


@given(st.lists(MESSAGES, max_size=6), st.integers(0, 6))
def test_profiles_of_parts_add_up_to_the_profile_of_the_whole(payloads: list[object], cut: int) -> None:
    one = Profile()
    for i, payload in enumerate(payloads):
        one.see(payload, f"s{i}", i)
    first = merged(profile_of(payload, f"s{i}", i) for i, payload in enumerate(payloads) if i < cut)
    second = merged(profile_of(payload, f"s{i}", i) for i, payload in enumerate(payloads) if i >= cut)
    assert merged([first, second]) == merged([second, first]) == one


@given(st.lists(MESSAGES, max_size=6), st.randoms(use_true_random=False))
def test_order_does_not_matter(payloads: list[object], chance: random.Random) -> None:
    parts = [profile_of(payload, f"s{i}", i) for i, payload in enumerate(payloads)]
    whole = merged(parts)
    chance.shuffle(parts)
    assert merged(parts) == whole


@given(st.lists(MESSAGES, min_size=1, max_size=6))
def test_counts_agree_with_one_another(payloads: list[object]) -> None:
    p = profile(*payloads)
    assert p.envelopes.total() == p.messages == len(payloads)
    for path, f in p.fields.items():
        assert f.seen == f.types.total() > 0
        assert f.examples.keys() == f.types.keys()
        if f.parent and not path.endswith(("[]", "{*}")):
            assert f.seen <= p.fields[f.parent].objects


def test_paths_and_types() -> None:
    assert types(profile({"a": [{"b": 1}, {"b": None}], "c": {"d": True}}, {"a": [], "c": {"d": 0.5}})) == {
        "$": {"object": 2},
        "$.a": {"array": 2},
        "$.a[]": {"object": 2},
        "$.a[].b": {"integer": 1, "null": 1},
        "$.c": {"object": 2},
        "$.c.d": {"boolean": 1, "number": 1},
    }


def test_text_that_holds_json_is_looked_into() -> None:
    assert types(profile('{"raw": "{\\"score\\": 1}"}')) == {
        "$": {"object": 1},
        "$.raw": {"json-text": 1},
        "$.raw.score": {"integer": 1},
    }
    assert types(profile(json.dumps('{"score": 1}'))) == {"$": {"object": 1}, "$.score": {"integer": 1}}


def test_text_around_json_in_a_field_is_not() -> None:
    assert types(profile({"raw": 'It is {"score": 1}.'})) == {"$": {"object": 1}, "$.raw": {"json-in-prose": 1}}
    assert types(profile({"raw": "```json\n[1]\n```"}))["$.raw[]"] == {"integer": 1}


@pytest.mark.parametrize("key", ["u1", "u2", "17", "2026-01-01", "inv-2031", "Acme GmbH", "a@b.cc", "x" * 65])
def test_keys_that_are_data_are_one_path(key: str) -> None:
    assert types(profile({"by": {key: 1.5}}))["$.by.{*}"] == {"number": 1}


@pytest.mark.parametrize("key", ["vendor", "Vendor", "line1", "camelCase", "kebab-case", "_private"])
def test_keys_that_are_names_are_fields(key: str) -> None:
    assert f"$.by.{key}" in profile({"by": {key: 1.5}}).fields


def test_an_odd_key_cannot_be_mistaken_for_a_path() -> None:
    assert set(profile({"a.b": 1}).fields) == {"$", '$["a.b"]'}


def test_large_payloads_are_bounded() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"a": deep}
    assert len(profile(deep).fields) < 20
    assert profile(list(range(10_000))).fields["$[]"].seen == 200
    assert set(profile({f"k{'x' * i}": i for i in range(120)}).fields) == {"$", "$.{*}"}


def test_the_first_example_of_a_type_is_kept_by_order_then_span() -> None:
    parts = [profile_of({"a": 2}, "s2", 5), profile_of({"a": 1}, "s1", 5), profile_of({"a": "x"}, "s0", 9)]
    assert merged(parts).fields["$.a"].examples == {"integer": Example(5, "s1", "1"), "string": Example(9, "s0", '"x"')}


def test_an_enum_needs_few_values_that_are_often_seen() -> None:
    words = profile(*({"status": word} for word in ["done", "failed"] * 5)).fields["$.status"]
    assert words.enum() == frozenset({"done", "failed"})
    assert profile(*({"status": "done"} for _ in range(7))).fields["$.status"].enum() is None
    assert profile(*({"name": f"n{i}"} for i in range(40))).fields["$.name"].enum() is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("0.95", "number-text"),
        (" 1,290.50 ", "number-text"),
        ("12 %", "number-text"),
        ("1.2.3", "text"),
        ("12 euros", "text"),
        ("True", "bool-text"),
        ("2026-01-31", "date"),
        ("2026-01-31T10:00:00Z", "datetime"),
        ("9c858901-8a57-4791-81fe-4c455b099bc9", "uuid"),
        ("https://example.org", "url"),
        ("a@b.cc", "email"),
        ("  ", "blank"),
        ("plain", "text"),
    ],
)
def test_formats(text: str, form: str) -> None:
    assert string_format(text) == form
