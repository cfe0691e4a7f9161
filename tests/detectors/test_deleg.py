"""Delegation too deep or in a circle, and organisations that function."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentdbg.detectors.deleg.cycle import Cycle
from agentdbg.detectors.deleg.depth import Depth
from tests.detectors.judging import found, grades, judged, places

CLAIM = "settle the claim of the miller for the broken water wheel"
SMALLER = [
    "settle the claim of the miller for the broken water wheel",
    "what does the policy of the miller cover",
    "find the clause about water damage",
    "is flood named in clause nine",
    "read page four of the annex",
    "which year was the annex signed",
    "look up the signature date",
]


def nest(names: str, tasks: Sequence[str] | None, leaf: str = 'llm m -> "I pass this on to the next desk."') -> str:
    """Agents, one letter each, inside one another."""
    lines = []
    for depth, name in enumerate(names):
        task = f" {json.dumps(tasks[depth])}" if tasks else ""
        lines.append("  " * depth + f"agent desk_{name}{task}")
    return "\n".join([*lines, "  " * len(names) + leaf])


WORK = 'tool read_page {"page": 4} -> "signed in 1987"'


def test_a_task_that_comes_back_again_and_again(tmp_path: Path) -> None:
    text = nest("ababab", [CLAIM] * 6)
    (finding,) = found(tmp_path, Cycle(), text)
    assert grades([finding]) == [("high", "certain")]
    assert finding.agent == "desk_a"
    assert finding.message.startswith(
        "In a chain of 6 turns, desk_a → desk_b → desk_a → desk_b → desk_a → desk_b, desk_a got the work back 2 times; 5 "
        "hops passed the task on unchanged, and no work was done on the way."
    )
    assert places(tmp_path, text, finding)[0] == "agent desk_a"
    assert finding.evidence[0].note == f'hop 3: desk_a, told "{CLAIM}"'


def test_a_task_that_everyone_passes_on(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Cycle(), nest("abcd", [CLAIM, f"Please {CLAIM}.", f"Please {CLAIM} now.", CLAIM]))
    assert grades([finding]) == [("high", "likely")]
    assert "everyone passes the task on and nobody works on it" in finding.title


def test_transfers_are_no_work(tmp_path: Path) -> None:
    lines = []
    for depth, (name, target) in enumerate(zip("ababa", "babac", strict=True)):
        lines += ["  " * depth + f"agent desk_{name} {json.dumps(CLAIM)}"]
        lines += ["  " * (depth + 1) + f'tool transfer_to_desk_{target} {{"task": "{CLAIM}"}} -> "Transferred."']
    text = "\n".join([*lines, "  " * 5 + 'llm m -> "Another department should deal with the water wheel."'])
    (finding,) = found(tmp_path, Cycle(), text)
    assert "no work was done on the way" in finding.message
    (finding,) = found(tmp_path, Cycle(), text.replace("tool transfer_to_desk_c", "tool transfer_funds"))
    assert "some work was done on the way" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        nest("abc", SMALLER, WORK),
        nest("aba", [CLAIM] * 3),
        nest("abab", SMALLER, WORK),
        nest("ababab", SMALLER, WORK),
        nest("abcd", [CLAIM] * 4, 'llm m -> "The claim is settled with a payment of 300 EUR to the miller."'),
        nest("abcd", [CLAIM] * 4, WORK),
    ],
    ids=["three levels", "back once", "smaller tasks", "recursion", "the last one answers", "the last one works"],
)
def test_what_is_no_circle(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Cycle(), text) == []


def test_a_circle_is_seen_without_words(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Cycle(), nest("ababa", None))
    assert finding.severity == "high"
    assert "not every task is recorded" in finding.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (nest("abcde", [CLAIM] * 5), []),
        (nest("abcdef", [CLAIM] * 6), [("high", "certain")]),
        (nest("abcdef", SMALLER, WORK), [("medium", "certain")]),
        (nest("abcdef", None), [("high", "certain")]),
    ],
    ids=["five levels", "six levels", "six levels that work", "no words"],
)
def test_depth(text: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert grades(found(tmp_path, Depth(), text)) == expected


def test_a_deep_circle_is_one_finding(tmp_path: Path) -> None:
    deleg = [one for one in judged(tmp_path, nest("ababababab", [CLAIM] * 10)).findings if one.severity != "info"]
    assert [one.detector for one in deleg] == ["deleg.cycle"]
    assert "Delegated 10 levels deep" in " ".join(evidence.note for evidence in deleg[0].evidence)
