"""Keys: what counts as the same again, at three levels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.steps.emptiness import cut_off, error_in_body, is_empty
from agentdbg.steps.keys import canonical, key, masked, masked_arguments, near_clusters

ID, OTHER_ID = "7f1c2a9e-54d0-4b6f-9c1d-2f6f8a0b1c2d", "00000000-1111-2222-3333-444444444444"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"b": 1, "a": [1.0, 2.5]}, '{"a":[1,2.5],"b":1}', id="sorted keys, whole numbers"),
        pytest.param('{"b": 1,\n "a": 2}', '{"a":2,"b":1}', id="JSON text"),
        pytest.param({"a": '{"c": [1]}'}, '{"a":{"c":[1]}}', id="JSON inside a string"),
        pytest.param("  two   words\n", "two words", id="whitespace"),
        pytest.param('"quoted"', "quoted", id="JSON text of a string"),
        pytest.param("{not json", "{not json", id="no JSON"),
        pytest.param(None, "null", id="null"),
        pytest.param({"a": 2**70}, '{"a":1180591620717411303424}', id="beyond 64 bits"),
        pytest.param("[" * 5000 + "]" * 5000, None, id="deep"),
        pytest.param("\ud800", "\ud800", id="lone surrogate"),
    ],
)
def test_canonical(value: object, text: str | None) -> None:
    assert text is None or canonical(value) == text
    assert canonical(canonical(value)) == canonical(value)


@given(JSON)
def test_canonical_is_the_same_for_a_container_and_its_text(value: object) -> None:
    assert canonical(json.dumps([value])) == canonical([value])


@given(JSON | st.text())
def test_canonical_masked_and_keys_never_fail_and_canonical_is_idempotent(value: object) -> None:
    assert canonical(canonical(value)) == canonical(value)
    assert 0 <= key(masked(value), masked_arguments(value)) < 2**63


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"q": "x", "request_id": "a"}, {"q": "x", "request_id": "b"}),
        ({"q": "x", "traceId": "a", "attempt": 1}, {"q": "x", "traceId": "b", "attempt": 2}),
        ("now 2026-11-20T08:31:02Z", "now 2026-11-20 09:00:00.123+01:00"),
        ("try again (attempt 3 of 5)", "try again (attempt 4 of 5)"),
        ("at 0x7f00deadbeef", "at 0x7f00deadbee0"),
    ],
)
def test_what_changes_from_attempt_to_attempt_is_masked_on_both_sides(one: object, other: object) -> None:
    assert masked(one) == masked(other)
    assert masked_arguments(one) == masked_arguments(other)
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"id": ID}, {"id": OTHER_ID}),
        ({"message_id": "m1", "ok": True}, {"message_id": "m2", "ok": True}),
        ({"start": "2026-11-20T08:00"}, {"start": "2026-11-20T09:00"}),
        (f"document {ID}", f"document {OTHER_ID}"),
        ("call_Ab12345678", "call_Cd12345678"),
        ("epoch 1763625600", "epoch 1763629999"),
    ],
)
def test_an_id_in_an_answer_is_masked_but_in_arguments_it_names_the_thing(one: object, other: object) -> None:
    assert masked(one) == masked(other)
    assert masked_arguments(one) != masked_arguments(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"page": 2}, {"page": 3}),
        ("filing of C1", "filing of C2"),
        ({"date": "2026-11-20"}, {"date": "2026-11-21"}),
        ("costs 1500 dollars", "costs 1600 dollars"),
    ],
)
def test_ordinary_numbers_stay(one: object, other: object) -> None:
    assert masked(one) != masked(other)
    assert masked_arguments(one) != masked_arguments(other)


def test_ids_that_are_all_there_is_stay() -> None:
    assert masked_arguments({"request_id": "a"}) != masked_arguments({"request_id": "b"})


def test_keys_are_stable_and_depend_on_the_parts() -> None:
    assert key("a", "b") == 8945880261400226312
    assert key("ab") != key("a", "b") != key("b", "a")


@pytest.mark.parametrize(
    "text",
    ["call_" * 20_000, "1" * 100_000, "1.1" * 30_000, "a-1111-2222-" * 9000, "[" * 100_000, "A.b" * 30_000 + ":"],
)
def test_hostile_texts_take_no_longer_than_others(text: str) -> None:
    begun = time.process_time()
    masked(text), masked_arguments(text), is_empty(text), error_in_body(text), cut_off(text), near_clusters([text])
    assert time.process_time() - begun < 2


PARAPHRASES = [
    "Search quarterly revenue for Acme Corp",
    "please find the quarterly revenues of Acme Corp",
    "look up Acme Corp quarterly revenue again",
    '{"query":"get quarterly revenue about Acme Corp now"}',
]


def test_near_copies_are_one_cluster() -> None:
    assert len(set(near_clusters(PARAPHRASES).values())) == 1


@pytest.mark.parametrize(
    "texts",
    [
        ["Summarise the filing of company C1", "Summarise the filing of company C2"],
        ["the revenue of Acme this year", "the revenue of Globex this year"],
        ['{"city": "rome", "unit": "celsius degrees please"}', '{"city": "oslo", "unit": "celsius degrees please"}'],
        ["read src/a.py to the end", "read src/b.py to the end"],
        ["acme profit", "acme headcount"],
        ["", " "],
        ["検索してください東京の天気", "検索してください大阪の人口統計"],
    ],
)
def test_texts_about_different_things_are_not(texts: list[str]) -> None:
    assert len(set(near_clusters(texts).values())) == len(set(texts))


@given(st.lists(st.sampled_from([*PARAPHRASES, "no results for Rome", "", "no result found for Rome today"])))
def test_clusters_do_not_depend_on_order(texts: list[str]) -> None:
    assert near_clusters(texts) == near_clusters(texts[::-1]) == near_clusters(sorted(set(texts)))
    assert set(near_clusters(texts)) == set(texts)


def test_the_same_under_every_hash_seed() -> None:
    program = (
        f"from agentdbg.steps.keys import *; print(near_clusters({PARAPHRASES!r}), key('a'), masked('x 0x7f00dead'))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
