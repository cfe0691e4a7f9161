"""Answers that come back to their agent, and questions that are answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.handoff.ambiguous import Ambiguous
from tests.detectors.judging import found, grades, judged, places

MORE = '{"status": "needs_more_context"}'
TASK = "parse the request of the mill"


def turn(name: str, asked: str, said: str, work: str = "") -> str:
    return f"  agent {name} {json.dumps(asked)} -> {json.dumps(said)}\n{work}    llm m in=90 out=10 cost=0.2\n"


def desk(*parses: tuple[str, str], boss: str = '{"next": "parser"}', between: str = "") -> str:
    """A supervisor that gives its parser these tasks and gets these answers."""
    lines = [turn("boss", "a request of forty lines", boss) + turn("parser", *parses[0])]
    lines += [
        turn("boss", f"parser says: {parses[i][1]}", boss) + between + turn("parser", *parse)
        for i, parse in enumerate(parses[1:])
    ]
    return "workflow intake\n" + "".join(lines)


def test_the_same_demand_twice_with_nothing_between(tmp_path: Path) -> None:
    text = desk((TASK, MORE), (TASK, MORE))
    (finding,) = found(tmp_path, Ambiguous(), text)
    assert grades([finding]) == [("high", "likely")]
    assert finding.title == "parser answered 2 times in a row that it needs the same"
    assert finding.message.endswith("Lap 2 took 100 tokens ($0.20).")
    assert places(tmp_path, text, finding) == ["agent parser", "agent parser"]
    assert [one.detector for one in judged(tmp_path, text).findings] == ["handoff.ambiguous"]


def test_other_words_for_the_same_demand(tmp_path: Path) -> None:
    said = ("I need more context before I can parse this.", "More context is needed to parse the request.")
    again = f"Please {TASK} again."
    assert grades(found(tmp_path, Ambiguous(), desk((TASK, said[0]), (again, said[1])))) == [("high", "likely")]


def test_what_the_laps_cost(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Ambiguous(), desk(*[(TASK, MORE)] * 20))
    assert "20 times in a row" in finding.message
    assert finding.wasted_usd == pytest.approx(0.2 * 37)


FETCHED = turn("archivist", "find the contract", "The contract names Miller Ltd as the buyer of the mill in 2019.")


@pytest.mark.parametrize(
    "text",
    [
        desk((TASK, MORE), (f"{TASK}; the buyer is Miller Ltd, 2019", '{"status": "complete"}'), between=FETCHED),
        desk((TASK, MORE), (f"{TASK}; the buyer is Miller Ltd, contract of 2019", MORE), between=FETCHED),
        desk((TASK, "I need the name of the buyer."), (TASK, "I need the date of the sale.")),
        desk((TASK, '{"rows": 4}'), (TASK, '{"rows": 4}')),
        desk(*[(f"parse page {i}", "a table with the prices of grain and flour") for i in range(5)]),
        desk(*[(TASK, '{"status": "complete", "rows": 4}')] * 4),
        f"workflow chat\n  agent parser {json.dumps(TASK)} -> {json.dumps(MORE)}\n    llm m\n" * 3,
    ],
    ids=[
        "answered", "something new between", "another demand", "twice only", "other tasks", "a status each time",
        "one agent and a person",
    ],
)  # fmt: skip
def test_what_is_clear_enough(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Ambiguous(), text) == []


def test_answers_that_do_not_say_whether_it_is_done(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Ambiguous(), desk(*[(TASK, "a table with the prices of grain and flour")] * 3))
    assert grades([finding]) == [("medium", "likely")]
    assert finding.title == "parser got the same task 3 times"
