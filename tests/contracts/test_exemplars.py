"""Many messages in, few profiles out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.contracts.exemplars import Exemplars
from agentdbg.contracts.paths import form
from agentdbg.contracts.profile import profile_of
from tests.contracts.payloads import JSON, MESSAGES, OBJECTS


@given(st.lists(MESSAGES | OBJECTS, max_size=12))
def test_looking_a_form_up_is_the_same_as_working_it_out(payloads: list[object]) -> None:
    exemplars = Exemplars()
    for payload in payloads:
        assert exemplars.form(payload) == form(payload)


@given(
    st.lists(st.tuples(st.sampled_from(['"x"', '"1"', "1", "2.5", '"yes"', '"a\\\\"b"', '"{1}"', "null"]), st.text()))
)
def test_also_where_texts_differ_in_a_value_only(values: list[tuple[str, str]]) -> None:
    exemplars = Exemplars()
    for value, words in values:
        text = f'{{"a": {value}, "b": {json.dumps(words)}, "c": [{value}]}}'
        assert exemplars.form(text) == form(text)


@given(st.lists(JSON, max_size=8))
def test_the_first_of_a_form_have_profiles_of_their_own(payloads: list[object]) -> None:
    exemplars = Exemplars()
    for i, payload in enumerate(payloads):
        assert exemplars.profile(payload, f"s{i}", i) == profile_of(payload, f"s{i}", i)


def test_later_ones_share_them() -> None:
    exemplars = Exemplars()
    profiles = [exemplars.profile(json.dumps({"n": i, "name": f"name {i}"}), f"s{i}", i) for i in range(1000)]
    assert len({id(p) for p in profiles}) == 20
    assert all(p.fields["$.n"].types == {"integer": 1} for p in profiles)
    assert exemplars.profile('{"n": "7", "name": "x"}').fields["$.n"].types == {"string": 1}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 2.5}),
        ({"a": "x"}, {"a": "some other words"}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": 3}]}),
        ({"a": "0.5"}, {"a": " 12 % "}),
    ],
)
def test_one_form(one: object, other: object) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": "x"}, {"a": "1"}),
        ({"a": "x"}, {"a": ""}),
        ({"a": "x"}, {"a": "yes"}),
        ({"a": "x"}, {"a": '{"b": 1}'}),
        ({"a": 1}, {"a": None}),
        ({"a": 1}, '```json\n{"a": 1}\n```'),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"c": 2}]}),
        ({"a": []}, {"a": [1]}),
        ("prose", {"a": 1}),
    ],
)
def test_two_forms(one: object, other: object) -> None:
    assert form(one) != form(other)
