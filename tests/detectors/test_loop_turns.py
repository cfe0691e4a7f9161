"""Turns without end: told from work that takes many calls, from polling, and from what a person asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.loop.turns import Turns
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, judged

PLACES = ("registry", "press", "unions", "chamber", "archive", "courts", "museum", "bank", "port", "mill", "school")
NEWS = [
    f"The {place} of {town} keeps {what}, says its keeper {who}."
    for place, town, what, who in zip(
        PLACES * 4,
        ("Ulm", "Graz", "Lyon", "Turin", "Porto", "Delft", "Bergen") * 7,
        ("deeds", "maps", "letters", "coins", "seals") * 9,
        ("Ada", "Ben", "Cy", "Dot", "Eve", "Fay", "Gus", "Hal", "Ida") * 5,
        strict=False,
    )
]


def searches(count: int, result: str | None = "[]", tool: str = "search") -> str:
    lines = ["agent researcher"]
    for i in range(count):
        given = json.dumps(NEWS[i]) if result is None else result
        lines += [
            f'  llm m in=100 out=10 -> "Now I ask the {PLACES[i % 11]}."',
            f'  {"tool"} {tool} {{"q": "{PLACES[i % 11]} {i}"}} -> {given}',
        ]
    return "\n".join(lines)


def turns(folder: Path, text: str) -> list[Finding]:
    return found(folder, Turns(), text)


def test_searches_that_find_nothing(tmp_path: Path) -> None:
    (finding,) = turns(tmp_path, searches(12))
    assert grades([finding]) == [("high", "likely")]
    assert finding.title == "researcher called its model 12 times for one task; 11 of them brought nothing new"
    assert [evidence.note for evidence in finding.evidence] == [
        "call 1 of 12", "a limit of 5 turns would stop here", "the last call",
    ]  # fmt: skip
    assert finding.wasted_tokens == 7 * 110


@pytest.mark.parametrize(("count", "expected"), [(5, []), (8, [("medium", "likely")]), (9, [("high", "likely")])])
def test_the_two_limits(count: int, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert grades(turns(tmp_path, searches(count))) == expected


@pytest.mark.parametrize(("count", "expected"), [(20, []), (31, [("low", "likely")])])
def test_work_that_moves_on_may_take_long(count: int, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert grades(turns(tmp_path, searches(count, None))) == expected


def test_asking_a_job_for_its_status_is_no_work_in_vain(tmp_path: Path) -> None:
    assert turns(tmp_path, searches(12, '"still running"', "job_status")) == []


@pytest.mark.parametrize(
    ("tool", "result"), [("send_mail", '"sent"'), ("bash", '""'), ("str_replace_editor", '"The file was edited."')]
)
def test_doing_one_thing_after_another_is_no_work_in_vain(tool: str, result: str, tmp_path: Path) -> None:
    assert turns(tmp_path, searches(12, result, tool)) == []


def test_code_that_maps_over_items_is_no_agent_without_end(tmp_path: Path) -> None:
    asked = [f"Sum up chapter {i} of the book: {NEWS[i]}" for i in range(14)]
    text = "agent reader\n" + "".join(
        f'  llm m {json.dumps(ask)} -> "The chapter with number {i} is about a keeper and his keys."\n'
        for i, ask in enumerate(asked)
    )
    assert turns(tmp_path, text) == []


def test_what_came_at_last_was_waited_for(tmp_path: Path) -> None:
    again = '  llm m -> "Is it there?"\n  tool load {"id": 4} -> []\n'
    text = "agent clerk\n" + again * 9 + '  llm m -> "Is it there?"\n  tool load {"id": 4} -> ["the report of May"]\n'
    assert turns(tmp_path, text) == []
    assert [one.detector for one in judged(tmp_path, text).findings if one.severity != "info"] == []


@pytest.mark.parametrize(
    "error",
    [
        "GraphRecursionError: Recursion limit of 25 reached without hitting a stop condition.",
        "MaxTurnsExceeded: Max turns (10) exceeded",
        "UsageLimitExceeded: The next request would exceed the request_limit of 50",
    ],
)
def test_a_limit_that_ended_it_is_quoted(error: str, tmp_path: Path) -> None:
    text = f'workflow w error="{error}"\n  agent planner error="{error}"\n    llm m -> "On I go."\n'
    (finding,) = turns(tmp_path, text)
    assert grades([finding]) == [("high", "certain")]
    assert error.split(": ", 1)[1] in finding.message
    assert [one.detector for one in judged(tmp_path, text).findings] == ["loop.turns"]


def test_words_of_a_framework_that_gave_up(tmp_path: Path) -> None:
    (finding,) = turns(tmp_path, 'agent planner\n  llm m -> "Sorry, need more steps to process this request."')
    assert grades([finding]) == [("high", "certain")]


def test_each_message_of_a_person_begins_anew(tmp_path: Path) -> None:
    said: list[dict[str, str]] = []
    lines = ["agent clerk"]
    for i in range(12):
        said.append({"role": "user", "content": f"{NEWS[i]} What do you say to that?"})
        lines.append(f'  llm m {json.dumps(said)} -> "I do not know, I am afraid."')
        said.append({"role": "assistant", "content": "I do not know, I am afraid."})
    assert turns(tmp_path, "\n".join(lines)) == []
