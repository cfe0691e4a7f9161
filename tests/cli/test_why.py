"""`agentdbg why`, `handoffs` and `suspects` as they are typed: on files and on a store, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commandline import SAMPLES, agentdbg_here

EMPTY = SAMPLES / "empty-result"


def test_a_file_is_enough() -> None:
    done = agentdbg_here("why", EMPTY)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "\nIt entered at collector: fetch_sales answered with nothing: [].\n" in done.stdout


def test_what_it_names_next_can_be_typed() -> None:
    told = agentdbg_here("why", EMPTY, "--width", "400").stdout
    commands = [line.removeprefix("next:").split() for line in told.splitlines() if " agentdbg " in line]
    assert [command[1] for command in commands] == ["replay", "span", "handoffs"]
    assert [agentdbg_here(*command[1:]).exit_code for command in commands] == [0, 0, 0]


def test_words_alone_find_the_run_that_says_them() -> None:
    done = agentdbg_here("why", "closing the office", SAMPLES)
    assert done.exit_code == 0
    assert done.stdout.startswith("trace 371e6f59  sales-report")


def test_ids_are_as_short_as_the_run_allows(folder: Path) -> None:
    lines = [f'    llm m "go" -> "answer {n}" id=step-one-{n:04}' for n in range(30)]
    (folder / "alike.sketch").write_text("workflow w\n  agent a\n" + "\n".join(lines) + "\n", "utf-8")
    told = json.loads(agentdbg_here("why", "alike.sketch", "--json").stdout)
    assert list(told["short_ids"].values()) == ["step-one-0029"]
    assert agentdbg_here(*told["next"][0].split()[1:]).exit_code == 0


def test_words_may_hold_what_looks_like_a_pattern_and_stand_anywhere() -> None:
    agentdbg_here("ingest", EMPTY)
    told = [
        json.loads(agentdbg_here(*arguments, "--json").stdout)
        for arguments in (
            ("why", "371e6f59", "closing the office?"),
            ("why", "closing the office?", EMPTY),
            ("why", EMPTY, "371e", "closing the office?"),
        )
    ]
    assert {one["question"] for one in told} == {'"closing the office?" was said'}
    assert {one["steps"][0]["agent"] for one in told} == {"collector"}


def test_a_span_of_the_run_is_meant_before_a_word() -> None:
    agentdbg_here("ingest", EMPTY)
    told = json.loads(agentdbg_here("why", "371e6f59", "75f1", "--json").stdout)
    assert told["question"] == 'analyst said "{"growth": 0.0}"'
    assert [step["name"] for step in told["steps"]] == ["collector › fetch_sales", "collector", "analyst"]
    assert (told["schema_version"], told["entered"], told["blast"]["agents"]) == (1, 0, ["analyst", "reporter"])
    assert json.loads(agentdbg_here("why", "371e6f59", "growth", "--json").stdout)["question"] == '"growth" was said'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("why", "371e6f59", "one two", "three four"), "a run and one span or text at a time"),
        (("why", EMPTY, "no such words"), 'said "no such words"'),
        (("why", "abcd1234", EMPTY), "there is no trace abcd1234"),
        (("handoffs", "a1", "b2", EMPTY), "one run at a time, not 2: a1, b2"),
        (("suspects", "good.sketch"), "there is only one run, so there is nothing to compare"),
        (("suspects", EMPTY, "--workflow", "sale"), "no run is called sale"),
        (("suspects", EMPTY, "--bad", "@nowhere.txt"), "nowhere.txt cannot be read"),
        (("suspects", EMPTY, "--bad", "this is no sql"), "the query failed"),
    ],
)
def test_what_cannot_be_answered_exits_2_and_says_the_next_step(arguments: tuple[str | Path, ...], said: str) -> None:
    done = agentdbg_here(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "\nhint: " in done.stderr


def test_handoffs_of_a_run_among_its_like() -> None:
    drift = SAMPLES / "drifting-handoff"
    done = agentdbg_here("handoffs", "9194ae55", drift)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1] == "breaks the contract extractor → scorer: `confidence` is null"
    told = json.loads(agentdbg_here("handoffs", "9194ae55", drift, "--json").stdout)
    assert [(row["arrival"], row["verdict"]["grade"]) for row in told["rows"]] == [("never ran", "breaks")]
    agentdbg_here("ingest", drift)
    stored = json.loads(agentdbg_here("handoffs", "9194ae55", "--json").stdout)
    assert stored["rows"] == told["rows"]


def test_suspects_over_files_and_over_a_store_are_the_same() -> None:
    from_files = json.loads(agentdbg_here("suspects", SAMPLES, "--json").stdout)
    agentdbg_here("ingest", SAMPLES)
    from_store = json.loads(agentdbg_here("suspects", "--json").stdout)
    assert (from_files["bad"], from_files["ranked"]) == (from_store["bad"], from_store["ranked"])
    first = from_files["ranked"][0]
    assert {"traits", "bad_with", "good_with", "p", "corrected", "low", "high", "bad"} <= set(first)
    assert first["traits"][0].keys() == {"sort", "what"}


@pytest.mark.parametrize("command", ["why", "handoffs", "suspects"])
@pytest.mark.parametrize("width", ["72", "120"])
def test_plain_text_has_no_colour_and_keeps_its_width(command: str, width: str) -> None:
    text = agentdbg_here(command, SAMPLES, "--width", width, "--ascii").stdout
    assert text.isascii()
    assert "\x1b" not in text
    wide = [line for line in text.splitlines() if len(line) > int(width)]
    assert wide == []
    assert "\x1b[" in agentdbg_here(command, SAMPLES, "--color", "always").stdout
