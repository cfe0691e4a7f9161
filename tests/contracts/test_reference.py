"""Messages of one edge in, those that deviate out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentdbg.contracts.profile import profile_of
from agentdbg.contracts.reference import Deviation, deviations, shape
from agentdbg.contracts.union import split
from tests.contracts.payloads import MESSAGES

A = {"vendor": "Acme", "amount": 1.5}
TEXT = {"vendor": "Acme", "amount": "1.5"}
LESS = {"vendor": "Acme"}
FENCED = '```json\n{"vendor": "Acme", "amount": 1.5}\n```'
PROSE = "It is from Acme."


def found(*messages: object, doubtful: Sequence[int] = ()) -> list[Deviation]:
    return [d for d in deviations([profile_of(m) for m in messages], doubtful) if d.breaking]


def odd(*messages: object, doubtful: Sequence[int] = ()) -> list[int]:
    return [d.index for d in found(*messages, doubtful=doubtful)]


@given(MESSAGES, st.integers(1, 8))
def test_equal_messages_never_deviate(message: object, count: int) -> None:
    assert deviations([profile_of(message)] * count) == []


@given(st.lists(MESSAGES, max_size=10))
def test_references_and_deviations_are_apart(messages: list[object]) -> None:
    for d in deviations([profile_of(m) for m in messages]):
        assert d.index not in d.members
        assert d.index in d.sharing
        assert d.differences


def test_a_reference_takes_three_that_agree() -> None:
    assert odd(A, A, TEXT) == []
    assert odd(A, A, A, TEXT) == [3]
    assert odd(PROSE, PROSE, PROSE, A) == []


def test_whoever_deviates_in_the_same_way_shares_the_cause() -> None:
    first, _, third = found(A, TEXT, A, LESS, A, A, TEXT)
    assert (first.members, first.sharing, third.sharing) == ((0, 2, 4, 5), (1, 6), (1, 6))


def test_a_field_that_comes_and_goes_is_optional() -> None:
    assert odd(A, LESS, A, A, LESS, A) == []
    assert odd(A, A, A, A, LESS, LESS) == [4, 5]
    assert odd(A, A, LESS, A, A, A, A, A, A, A, A) == [2]


def test_a_number_as_text_is_drift_however_often_it_comes() -> None:
    assert odd(A, TEXT, A, TEXT, A, TEXT, A, A) == [1, 3, 5]


def test_fences_that_come_and_go_often_are_a_habit() -> None:
    assert odd(A, FENCED, A, FENCED, A, FENCED, A) == []
    assert odd(A, FENCED, A, A, A, A, A, A) == [1]


def test_equally_common_shapes() -> None:
    assert odd(A, A, A, LESS, LESS, LESS) == [3, 4, 5]  # what came first was usual
    assert odd(A, LESS, A, LESS, A, LESS) == []
    assert odd(A, A, A, FENCED, FENCED, FENCED, FENCED) == [3, 4, 5, 6]
    assert odd(FENCED, FENCED, FENCED, A, A, A, A) == []


def test_a_change_for_the_worse_may_have_had_forerunners() -> None:
    messages = [TEXT if i == 7 or i > 20 else A for i in range(60)]
    assert odd(*messages) == [7, *range(21, 60)]


def test_doubtful_messages_are_judged_but_prove_nothing() -> None:
    assert odd(A, A, TEXT, doubtful=[0, 1]) == []
    assert odd(A, A, A, TEXT, doubtful=[3]) == [3]
    assert odd(A, A, A, TEXT, TEXT, TEXT, TEXT, doubtful=[3, 4, 5, 6]) == [3, 4, 5, 6]


def test_without_a_common_shape_types_and_envelopes_still_count() -> None:
    def varied(i: int) -> dict[str, Any]:
        return {"n": i} | {key: "x" for bit, key in enumerate("abcde") if i + 1 >> bit & 1}

    many: list[object] = [varied(i) for i in range(12)]
    assert odd(*many) == []
    assert odd(*many, {"n": "7", "a": "x"}) == [12]
    assert odd(*many, PROSE) == [12]
    assert odd(*many, {"a": "x"}) == []


def test_shape_leaves_out_what_varies_with_the_data() -> None:
    one, two = {"n": 1, "rows": [{"a": 1}]}, {"n": 1.5, "rows": []}
    assert shape(profile_of(one)) == shape(profile_of(two))
    assert shape(profile_of(one)) != shape(profile_of({"n": 1, "rows": {}}))


def groups(*messages: object) -> list[list[int]]:
    return split([profile_of(m) for m in messages])


def test_kinds_are_told_apart_by_a_status() -> None:
    done, failed = {"status": "done", "result": 1}, {"status": "failed", "reason": "x"}
    assert groups(done, done, failed, done) == [[0, 1, 3], [2]]
    assert groups({"ok": True, "result": 1}, {"ok": False, "reason": "x"}) == [[0], [1]]
    assert groups({"eventType": "a", "x": 1}, {"eventType": "b", "y": 1}) == [[0], [1]]


def test_null_is_as_good_as_absent_for_a_kind() -> None:
    assert groups({"status": "done", "result": 1}, {"status": "failed", "result": None}) == [[0], [1]]


def test_a_status_beside_the_same_fields_tells_nothing_apart() -> None:
    assert groups({"status": "done", "n": 1}, {"status": "failed", "n": 2}) == [[0, 1]]


def test_a_field_with_another_name_has_to_take_turns() -> None:
    x, y = {"source": "crm", "id": 1}, {"source": "mail", "sender": "a"}
    assert groups(x, y, x, y) == [[0, 2], [1, 3]]
    assert groups(x, x, y, y) == [[0, 1, 2, 3]]  # two versions, or drift: no two kinds
    assert groups(x, y, x, x) == [[0, 1, 2, 3]]


def test_many_values_tell_no_kinds_apart() -> None:
    assert len(groups(*({"status": f"s{i}", f"k{'x' * i}": 1} for i in range(6)))) == 1


def test_messages_without_the_field_go_with_the_largest_kind() -> None:
    done, failed = {"status": "done", "result": 1}, {"status": "failed", "reason": "x"}
    assert groups(PROSE, done, failed, done) == [[0, 1, 3], [2]]
