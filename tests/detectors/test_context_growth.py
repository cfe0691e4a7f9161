"""Prompts that grow with every call of an agent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.context.growth import Growth
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, places, skipped


def calls(*tokens: int, indent: str = "  ") -> str:
    return "\n".join(f"{indent}llm m{n} in={given} out=40" for n, given in enumerate(tokens))


def growth(folder: Path, *tokens: int) -> list[Finding]:
    return found(folder, Growth(), f"agent researcher\n{calls(*tokens)}")


def test_a_history_that_is_carried_along(tmp_path: Path) -> None:
    (finding,) = growth(tmp_path, 500, 1000, 1500, 2000, 2500, 3000)
    assert grades([finding]) == [("medium", "likely")]
    assert (finding.agent, finding.wasted_tokens) == ("researcher", 7500)
    assert finding.message == (
        "The prompts of researcher grew from 500 to 3,000 tokens in 6 calls, 500 tokens a call. 71% of its 10,500 input "
        "tokens are what was carried along beyond the first prompt."
    )


def test_the_largest_step_is_named(tmp_path: Path) -> None:
    (finding,) = growth(tmp_path, 500, 800, 1100, 4100, 4400, 4700)
    text = f"agent researcher\n{calls(500, 800, 1100, 4100, 4400, 4700)}"
    assert [evidence.note for evidence in finding.evidence] == [
        "the last prompt: 4,700 tokens", "the first prompt: 500 tokens", "the largest step: 3,000 tokens more than before",
    ]  # fmt: skip
    assert places(tmp_path, text, finding) == ["llm m5", "llm m0", "llm m3"]


@pytest.mark.parametrize(
    "tokens",
    [
        (500, 1000, 1500, 2000),
        (2000, 2500, 3000, 3500, 4000, 4500),
        (100, 200, 300, 400, 500, 600),
        (500, 480, 9000, 9010, 9020, 9000, 9015),
        (500, 3000, 500, 3000, 500, 3000),
        (3000, 2500, 2000, 1500, 1000),
        (300, 5000, 400, 5200, 1300, 5100),
    ],
    ids=["four calls", "not three times", "small steps", "one document", "fresh each time", "shrinking", "up and down"],
)
def test_what_is_no_growth(tokens: tuple[int, ...], tmp_path: Path) -> None:
    assert growth(tmp_path, *tokens) == []


def prompts(*texts: str) -> str:
    """Calls of 500, 1000, … tokens; a message of the user for each word of a text."""
    lines = []
    for n, text in enumerate(texts):
        said = [{"role": "user", "parts": [{"type": "text", "text": word}]} for word in text.split()]
        lines.append(f'  llm gpt-4o in={500 + 500 * n} out=40 {json.dumps(said)} -> "ok"')
    return "agent researcher\n" + "\n".join(lines)


def test_prompts_that_are_recorded_must_repeat_what_was_said_before(tmp_path: Path) -> None:
    history = prompts("a", "a b", "a b c", "a b c d", "a b c d e")
    window = prompts("a b c", "b c d", "c d e", "d e f", "e f g")
    documents = prompts("a b", "c d", "e f", "g h", "i j")
    assert [grades(found(tmp_path, Growth(), text)) for text in (history, window, documents)] == [
        [("medium", "certain")], [("medium", "certain")], [],
    ]  # fmt: skip


def test_calls_side_by_side_carry_nothing(tmp_path: Path) -> None:
    lanes = "\n".join(f"  llm m{n} in={500 + 500 * n} out=40 parallel" for n in range(6))
    assert found(tmp_path, Growth(), f"agent researcher\n{lanes}") == []


def test_an_agent_that_begins_anew_may_grow_within_a_turn(tmp_path: Path) -> None:
    turns = "\n".join(
        f"  agent reader\n{calls(*tokens, indent='    ')}\n  agent writer\n    llm gpt-4o in=90 out=9"
        for tokens in ((400, 900, 1400, 1900, 2600), (400, 410), (400, 420))
    )
    (finding,) = found(tmp_path, Growth(), f"workflow digest\n{turns}")
    assert (finding.agent, finding.wasted_tokens) == ("reader", 5200)


def test_without_token_counts_nothing_is_judged(tmp_path: Path) -> None:
    assert [one.reason for one in skipped(tmp_path, Growth(), "agent a\n  llm gpt-4o")] == ["no token counts recorded"]
