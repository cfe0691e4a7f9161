"""Answers that ask for more, and whether they ask for the same again."""

from __future__ import annotations

import pytest

from agentdbg.steps.demand import demanded, nothing_new

GENERIC = [
    "I need more context before I can assess this.",
    "More context is needed to assess this document.",
    "Insufficient information; please provide additional details.",
    "This is not enough. I cannot proceed.",
    '{"status": "needs_more_context", "facts": []}',
]


@pytest.mark.parametrize("answer", GENERIC)
def test_asking_for_more_names_nothing(answer: str) -> None:
    assert demanded(answer, None) == frozenset()


@pytest.mark.parametrize(
    "answer",
    [
        "Acme sells batteries in 40 countries.",
        "complete",
        '{"status": "complete", "score": 0.4}',
        "Here is the report. " + "It covers revenue, margin and outlook. " * 20 + "You may need more data.",
    ],
)
def test_an_answer_that_gives_something_is_no_demand(answer: str) -> None:
    assert demanded(answer, None) is None


def test_the_same_demand_in_other_words() -> None:
    assert nothing_new([demanded(answer, None) for answer in GENERIC]) == len(GENERIC) - 1


def test_another_missing_thing_each_time_is_progress() -> None:
    items = ["the headcount", "the churn rate", "the lease terms"]
    assert nothing_new([demanded(f"I also need {item} to decide.", None) for item in items]) == 0


def test_the_name_of_what_was_read_is_not_what_is_missing() -> None:
    read = [
        demanded(f"Filing {i} is not enough, I need more context.", f'[{{"said":"Filing {i}: assets"}}]')
        for i in range(4)
    ]
    assert nothing_new(read) == 3
