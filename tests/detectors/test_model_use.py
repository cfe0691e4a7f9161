"""Which calls a team makes: hidden ones, dear ones for one word, and those that only coordinate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.calls.hidden import Hidden
from agentdbg.detectors.loop.degenerate import Degenerate
from agentdbg.detectors.loop.refine import Refine
from agentdbg.detectors.model.routing import Routing
from agentdbg.detectors.redundant.calls import Calls
from agentdbg.detectors.redundant.reading import Reading
from agentdbg.detectors.token.overhead import Overhead
from agentdbg.model import Detector
from tests.detectors.judging import found, grades, places, skipped


def turn(*prompts: str) -> str:
    said = "".join(f'    llm m {json.dumps(text)} -> "Very well." in=100 out=5\n' for text in prompts)
    return f"  agent concierge\n{said}"


ASIDE = (
    "Classify the intent of: book a room",
    "Extract the dates as JSON: book a room",
    "Summarise the talk for the memory",
)
TALK = "You are a concierge. The guest says: book me a room"


def test_calls_that_nobody_sees(tmp_path: Path) -> None:
    text = "workflow hotel\n" + (turn(*ASIDE[:2], TALK, ASIDE[2]) + "  agent porter\n    llm m\n") * 3
    (finding,) = found(tmp_path, Hidden(), text)
    assert grades([finding]) == [("low", "certain")]
    assert finding.message == (
        "concierge makes 4 model calls a turn in 3 turns; beside the conversation itself are 3 parsing, 3 routing and 3 "
        "summary, which took 945 tokens."
    )
    assert places(tmp_path, text, finding) == ["llm m"] * 3


def test_purposes_that_no_word_tells(tmp_path: Path) -> None:
    aside = ("Who takes this one?", "Fill in the fields", "Keep the gist of it")
    text = "workflow hotel\n" + "".join(
        turn(*(f"{words}: {i}" for words in aside), f"{TALK} {i}") + "  agent porter\n    llm m\n" for i in range(3)
    )
    assert grades(found(tmp_path, Hidden(), text)) == [("low", "certain")]


@pytest.mark.parametrize(
    "text",
    [
        "workflow w\n" + turn(ASIDE[0], TALK),
        "workflow w\n" + turn(*(f"Summarise page {i} of the report, please" for i in range(9))),
        "agent a\n" + "  llm m in=10 out=4\n" * 9,
        "agent a\n"
        + "".join(
            f'  llm m {json.dumps(TALK)} -> "I look."\n  tool find {{"n": {i}}} -> "room {i}"\n' for i in range(6)
        ),
    ],
    ids=["two calls", "a map over pages", "nothing recorded", "a conversation with tools"],
)
def test_calls_in_the_open(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Hidden(), text) == []


def sorting(count: int, dear: float = 0.004, cheap: float = 0.0001, answer: str = "refund", out: int = 2) -> str:
    lap = f'    agent triage\n      llm big in=400 out={out} cost={dear} -> "{answer}"\n'
    lap += f'    agent writer\n      llm small in=400 out=2 cost={cheap} -> "Dear customer."\n'
    return f"workflow desk\n  other ticket x{count}\n{lap}"


def test_a_dear_model_that_only_sorts(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Routing(), sorting(25))
    assert grades([finding]) == [("low", "likely")]
    assert finding.message == (
        "triage asked big 25 times in 1 run and got no more than 1 different short answer. small is in use at 1/40 of the price: "
        "about $0.098 of $0.10 could be saved."
    )
    assert finding.wasted_usd == pytest.approx(0.0975)


@pytest.mark.parametrize(
    "text",
    [sorting(19), sorting(25, dear=0.0004), sorting(25, out=60)],
    ids=["too few calls", "not that dear", "long answers"],
)
def test_models_that_fit_their_work(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Routing(), text) == []


def test_it_is_told_in_the_latest_run_only(tmp_path: Path) -> None:
    runs = "\n".join(f"trace run{i}\n" + sorting(5) for i in range(6))
    assert len(found(tmp_path, Routing(), runs)) == 1


def team(router_tokens: int) -> str:
    worker = "The invoice of March was paid twice, and 40 EUR are owed to the customer of the mill."
    return "workflow desk\n" + (
        f'  agent boss\n    llm m in={router_tokens} out=5 -> "worker"\n'
        f'  agent worker\n    llm m in=3000 out=300 -> "{worker}"\n'
    ) * 3  # fmt: skip


def test_tokens_that_only_coordinate(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Overhead(), team(9000))
    assert grades([finding]) == [("info", "hint")]
    assert finding.title == "Coordination took 73% of the run's 36,915 tokens"
    assert found(tmp_path, Overhead(), team(900)) == []


@pytest.mark.parametrize(
    ("detector", "reason"),
    [
        (Refine(), "no payloads of model calls"),
        (Degenerate(), "no payloads of model calls"),
        (Calls(), "no results of tools recorded"),
        (Reading(), "no payloads of model calls"),
        (Hidden(), "no payloads of model calls"),
    ],
)
def test_what_is_not_recorded_is_not_judged(detector: Detector, reason: str, tmp_path: Path) -> None:
    bare = "agent a\n" + "  llm m in=9 out=9\n  tool t\n" * 9
    assert [one.reason for one in skipped(tmp_path, detector, bare)] == [reason]
    told = 'agent a\n  llm m "hello" -> "yes"\n  tool t {} -> 1'
    assert skipped(tmp_path, detector, told) == []
