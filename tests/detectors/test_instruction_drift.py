"""Limits of a task that do not reach the agent that does the work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.instruction.drift import Drift
from tests.detectors.judging import found, places

TASK = "Order flowers: under 60 euros, without lilies, delivered before 10:00, never by post, only from a shop in Graz."
KEEPS_ONE = "Find a shop in Graz that sells flowers."
KEEPS_ALL = "Flowers under 60 euros, no lilies, before 10:00, never by post, only a shop in Graz."


def run(*told: str, answer: str = "Ordered.", task: str = TASK) -> str:
    lines = [f"agent boss {json.dumps(task)}", "  llm gpt-4o"]
    for i, text in enumerate(told):
        lines += [f"  agent helper{i} {json.dumps(text)}", '    llm gpt-4o -> "Done."']
    return "\n".join([*lines, f"  llm gpt-4o -> {json.dumps(answer)}"])


def test_a_delegation_that_drops_the_limits_is_a_hint(tmp_path: Path) -> None:
    text = run(KEEPS_ONE)
    (finding,) = found(tmp_path, Drift(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("medium", "hint", "boss")
    assert finding.title == "boss passed on 1 of 5 limits of its task"
    assert '"under 60 euros"; "without lilies"; "delivered before 10:00"; "never by post"' in finding.message
    assert places(tmp_path, text, finding) == ["agent helper0", "agent boss"]


@pytest.mark.parametrize(
    ("task", "limits"),
    [
        ("The hall must seat 80, have a stage, be warm, and include a kitchen.", 4),
        ("The hall must seat 80. Have a look at the prices and be quick.", 0),
        ("The hall must seat 80, I have a list of them, the owners are friendly.", 0),
    ],
    ids=["what a sentence obliges to", "other sentences", "what it tells"],
)
def test_limits_that_share_one_must(task: str, limits: int, tmp_path: Path) -> None:
    told = [finding.title for finding in found(tmp_path, Drift(), run("Find a nice place.", task=task))]
    assert told == [f"boss passed on 0 of {limits} limits of its task"] * bool(limits)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(run(KEEPS_ALL), id="all limits are quoted"),
        pytest.param(run("Flowers under 60 euros, no lilies.", "Before 10:00, never by post, Graz."), id="shared out"),
        pytest.param(run(KEEPS_ONE, answer=f"As you asked: {KEEPS_ALL}"), id="the answer shows them"),
        pytest.param(run(KEEPS_ONE, task="Order flowers under 60 euros, not by post."), id="two limits"),
        pytest.param(run(KEEPS_ONE, task="I have 3 cats, 2 dogs, 14 birds, 5 mice."), id="numbers that limit nothing"),
        pytest.param(
            f'agent boss {json.dumps(TASK)}\n  llm gpt-4o -> "go"\nagent writer\n  llm gpt-4o -> "A poem."',
            id="a follower",
        ),
    ],
)
def test_limits_that_arrive_or_are_not_to_arrive(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Drift(), text) == []


def test_what_an_agent_was_told_must_be_recorded(tmp_path: Path) -> None:
    assert found(tmp_path, Drift(), run(KEEPS_ONE).replace(f" {json.dumps(KEEPS_ONE)}", "")) == []
