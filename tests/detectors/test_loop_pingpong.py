"""Two agents to and fro: with words, without words, and what only looks like it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdbg.detectors.loop.pingpong import Pingpong
from tests.detectors.judging import found, grades, judged, places


def says(text: str) -> str:
    return json.dumps([{"role": "assistant", "content": text}])


def turns(count: int, said: Callable[[int], str | None], names: tuple[str, ...] = ("writer", "critic")) -> str:
    lines = ["workflow review"]
    for i in range(count):
        words = said(i)
        lines += [
            f"  agent {names[i % len(names)]}",
            f"    llm m in=100 out=20 -> {says(words)}" if words else "    llm m",
        ]
    return "\n".join(lines)


def polite(i: int) -> str:
    """The same remarks with a word or two changed, so that no two laps are equal."""
    grade = ("a little", "slightly", "somewhat", "rather", "quite", "very", "really", "truly", "ever so", "much")[
        i % 10
    ]
    if i % 2:
        return f"The paragraph on pricing is {grade} better now, but please go over the wording of the introduction once more."
    return f"I went over the wording of the introduction once more and made it {grade} clearer, the paragraph stays as it is."


ARGUMENTS = [
    "Trains carry more people for less energy.",
    "Roads cost less where few people live.",
    "Towns grow along the lines that a state builds.",
    "That takes forty years while buses start next month.",
    "Buses stand in the same jam as everybody else does.",
    "A lane of their own solves that at a tenth of the price.",
    "Then drivers vote against whoever took their lane away.",
    "Not where the bus came first, as Bogota has shown.",
]


def test_agents_that_say_the_same_to_each_other(tmp_path: Path) -> None:
    text = turns(10, polite)
    (finding,) = found(tmp_path, Pingpong(), text)
    assert grades([finding]) == [("high", "likely")]
    assert (finding.agent, finding.wasted_tokens) == ("critic", 960)
    assert finding.title == "writer ⇄ critic: 10 turns to and fro, 2 of 10 turns say anything new"
    assert finding.message.endswith("2 of 10 turns say anything new. Turns 3 to 10 took 960 tokens and 816 ms.")
    assert places(tmp_path, text, finding)[0] == "agent writer"


@pytest.mark.parametrize(
    "text",
    [
        turns(5, polite),
        turns(8, lambda i: ARGUMENTS[i]),
        turns(9, polite, ("writer", "critic", "editor")),
        "agent writer\n" + "  llm m -> \"the same words again and again\"\n" * 9,
        "workflow w\n" + "".join(f"  agent {'ab'[i % 2]} parallel\n    llm m -> {says(polite(i))}\n" for i in range(8)),
    ],
    ids=["five turns", "a debate", "three agents", "one agent", "side by side"],
)  # fmt: skip
def test_what_is_no_ping_pong(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Pingpong(), text) == []


def test_a_tool_that_brings_something_new_is_progress(tmp_path: Path) -> None:
    lines = ["workflow w"]
    for i in range(8):
        lines += [
            f"  agent {'ab'[i % 2]}",
            f'    tool read {{"n": {i}}} -> {json.dumps(ARGUMENTS[i])}',
            f"    llm m -> {says(polite(i))}",
        ]
    assert found(tmp_path, Pingpong(), "\n".join(lines)) == []


def test_a_planner_and_an_agent_that_does_things(tmp_path: Path) -> None:
    lines = ["workflow w"]
    for i in range(6):
        lines += ["  agent planner", f"    llm m -> {says('Go on with the next step, please.')}", "  agent executor"]
        lines += [
            f'    tool bash {{"cmd": "mv {i}.txt done"}} -> ""',
            f"    llm m -> {says('That is done, what is next?')}",
        ]
    assert found(tmp_path, Pingpong(), "\n".join(lines)) == []


@pytest.mark.parametrize(("count", "expected"), [(10, [("medium", "hint")]), (40, [("medium", "likely")])])
def test_without_words_only_many_turns_are_more_than_a_hint(
    count: int, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert grades(found(tmp_path, Pingpong(), turns(count, lambda i: None))) == expected


def test_equal_laps_are_told_once_as_a_cycle(tmp_path: Path) -> None:
    text = turns(
        14, lambda i: ("Please make the introduction of the text better.", "I made the introduction better.")[i % 2]
    )
    assert [one.detector for one in judged(tmp_path, text).findings] == ["loop.cycle"]


STEPS = ["Find hotels in Lucca.", "Compare trains to Pisa.", "Look up museums of Siena.", "Ask for menus in Arezzo."]


@pytest.mark.parametrize(("steps", "count"), [(STEPS, 0), (STEPS[:1] * 4, 1)], ids=["each another", "one again"])
def test_a_worker_that_answers_done_is_as_far_as_what_it_was_asked(
    steps: list[str], count: int, tmp_path: Path
) -> None:
    text = "workflow tour\n" + "\n".join(
        f"  agent boss\n    llm m -> {says(f'worker: {step}')}\n  agent worker\n    llm m {json.dumps(step)} -> {says('Done.')}"
        for step in steps
    )
    assert len(found(tmp_path, Pingpong(), text)) == count
