"""Polishing without end, and texts that are merely alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.loop.refine import Refine
from tests.detectors.judging import found, grades, judged, places

DRAFT = (
    "Our new bank account has no fees at all and can be opened from home in {} minutes, with nothing but a {} passport"
)


def drafts(*words: tuple[str, str]) -> list[str]:
    return [DRAFT.format(*pair) + " in your hand." for pair in words]


def rounds(texts: list[str], read: bool = True, agent: str = "editor") -> str:
    lines = [f"agent {agent}"]
    before = "Write a line about the account."
    for text in texts:
        prompt = json.dumps([{"role": "user", "content": f"Improve this: {before}"}])
        lines.append(
            f"  llm m {prompt if read else json.dumps('Write it.')} -> {json.dumps([{'role': 'assistant', 'content': text}])} in=200 out=30"
        )
        before = text
    return "\n".join(lines)


POLISHED = drafts(
    ("ten", "valid"), ("ten", "current"), ("ten", "valid"), ("just ten", "valid"), ("just ten", "current")
)


def test_a_word_or_two_in_each_round(tmp_path: Path) -> None:
    text = rounds(POLISHED)
    (finding,) = found(tmp_path, Refine(), text)
    assert grades([finding]) == [("medium", "likely")]
    assert finding.title == 'editor rewrote one text 4 times; the last change: "valid" became "current"'
    assert finding.wasted_tokens == 4 * 230
    assert [evidence.note for evidence in finding.evidence] == [
        "the first round that changes next to nothing", "the draft that was good enough",
        'round 4: "valid" became "current"',
    ]  # fmt: skip
    assert places(tmp_path, text, finding) == ["llm m"] * 3


@pytest.mark.parametrize(
    "text",
    [
        rounds(POLISHED[:3]),
        rounds([f"Draft {i}: " + word * 15 for i, word in enumerate(("sun ", "rain ", "snow ", "fog ", "hail "))]),
        rounds(
            [f"The parcel {i} was sent to the customer on the day that was agreed with the shop." for i in range(6)]
        ),
        rounds([POLISHED[0]] * 6),
        rounds(POLISHED, read=False),
    ],
    ids=["two rounds", "other words", "other parcels", "not a word changed", "written anew each time"],
)
def test_what_is_no_polishing(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Refine(), text) == []


def test_going_back_and_forth(tmp_path: Path) -> None:
    one = "The account is free for everybody who lives here and wants to save a little money every month of the year."
    other = (
        "Nobody who lives here and wants to save a little money every month of the year pays for the account at all."
    )
    (finding,) = found(tmp_path, Refine(), rounds([one, other, one, other, one]))
    assert finding.severity == "medium"


def test_a_cycle_of_such_rounds_is_told_once(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, rounds(POLISHED)).findings
    assert finding.detector == "loop.cycle"
    assert any("editor rewrote one text 4 times" in evidence.note for evidence in finding.evidence)
