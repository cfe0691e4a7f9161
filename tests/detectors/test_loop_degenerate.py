"""Chanting in one output, and texts that repeat themselves for a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.loop.degenerate import Degenerate
from tests.detectors.judging import found, grades

CHANT = "I will look at the invoice once more, one moment please. "


def answer(text: str, finish: str = "stop") -> str:
    said = json.dumps([{"role": "assistant", "content": text}])
    return f"agent clerk\n  llm m in=100 out=400 finish={finish} -> {said}"


def test_a_sentence_that_does_not_end(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Degenerate(), answer("The sum is 12 EUR. " + CHANT * 30, "length"))
    assert grades([finding]) == [("medium", "likely")]
    assert finding.message.startswith('In one answer of 1,728 characters, clerk said "')
    assert "cut off at its limit of tokens" in finding.message
    assert 300 < (finding.wasted_tokens or 0) < 400


@pytest.mark.parametrize(
    "text",
    [
        CHANT * 9,
        "```\n" + "for row in rows: total = total + row.amount * row.rate  # as agreed\n" * 20 + "```",
        "| region north | the same value in each of the rows | 12 |\n" * 20,
        "\n".join(
            f"- Customer {i} of the northern branch of the bank pays {i * 17 + 3} EUR a month, says record {i * i}."
            for i in range(30)
        ),
        "-" * 2000,
        " ".join(f"{n}. The clerk of town {n} keeps the book {n + 7} for the year {1900 + n}." for n in range(40)),
    ],
    ids=["nine times", "code", "a table", "a list of alike entries", "a ruler", "numbered sentences"],
)
def test_what_is_no_chant(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Degenerate(), answer(text)) == []
