"""What a span records in, how faithfully its call can be replayed out."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.model import Grade
from agentdbg.resolve.grading import grade

WHOLE = {
    "has_input": True,
    "has_output": True,
    "has_tools": True,
    "has_parameters": True,
    "records_tools": True,
    "records_parameters": True,
    "calls_tools": False,
    "payload_cut": False,
    "failed": False,
}


def graded(dropped: int = 0, **changes: bool) -> str:
    """`grade: reason` of a call that records everything but for the changes."""
    return ": ".join(grade(**{**WHOLE, **changes}, dropped=dropped))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "exact: all that was sent and answered is recorded"),
        ({"has_tools": False, "has_parameters": False}, "exact: all that was sent and answered is recorded"),
        ({"records_tools": False}, "exact: all that was sent and answered is recorded"),
        ({"has_tools": False, "records_tools": False}, "content: tool definitions are not recorded"),
        ({"has_tools": False, "calls_tools": True}, "content: tool definitions are not recorded"),
        ({"records_parameters": False}, "content: not all parameters are recorded"),
        ({"has_parameters": False, "records_parameters": False}, "content: parameters are not recorded"),
        ({"has_input": False}, "partial: the messages are not recorded, only the answer"),
        ({"has_output": False}, "partial: no answer is recorded, only the messages"),
        ({"payload_cut": True}, "partial: part of the messages is missing"),
        ({"has_input": False, "has_output": False}, "no: neither the messages nor the answer are recorded"),
    ],
)
def test_a_grade_has_its_reason(changes: dict[str, bool], expected: str) -> None:
    assert graded(**changes) == expected


def test_the_answer_of_a_failed_call_is_its_error() -> None:
    assert graded(failed=True, has_output=False) == (
        "exact: all that was sent is recorded; the answer is the recorded error"
    )
    assert graded(failed=True, has_output=False, records_parameters=False).startswith("content: ")
    assert graded(failed=True, has_output=False, has_input=False) == "no: only the error is recorded"


def test_dropped_attributes_may_have_held_anything() -> None:
    assert graded(dropped=1) == "partial: the SDK dropped 1 attribute of this span"
    assert graded(dropped=71, payload_cut=True, records_parameters=False) == (
        "partial: the SDK dropped 71 attributes of this span; part of the messages is missing;"
        " not all parameters are recorded"
    )


@given(facts=st.fixed_dictionaries({name: st.booleans() for name in WHOLE}), dropped=st.integers(0, 3))
def test_recording_more_never_grades_worse(facts: dict[str, bool], dropped: int) -> None:
    order = get_args(Grade)
    before = order.index(grade(**facts, dropped=dropped)[0])
    for name in ("has_input", "has_output", "has_tools", "records_tools", "records_parameters"):
        assert order.index(grade(**{**facts, name: True}, dropped=dropped)[0]) <= before
    assert order.index(grade(**{**facts, "payload_cut": False}, dropped=0)[0]) <= before
