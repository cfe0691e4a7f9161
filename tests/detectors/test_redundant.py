"""Calls and texts that are paid for again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.redundant.calls import Calls
from agentdbg.detectors.redundant.reading import Reading
from tests.detectors.judging import found, grades, judged, places

RATES = 'tool get_rates {"day": "05-04"} -> {"EUR": 1.08, "GBP": 0.86}'


def calls(*lines: str) -> str:
    return "agent analyst\n" + "".join(
        f'  {line} dur=2s\n  llm m -> "Step {i} is done: {i * 7}."\n' for i, line in enumerate(lines)
    )


def test_a_look_up_that_is_made_again_to_be_sure(tmp_path: Path) -> None:
    text = calls(
        RATES, 'tool search {"q": "miller"} -> ["a mill"]', RATES, 'tool search {"q": "mill"} -> ["a river"]', RATES
    )
    (finding,) = found(tmp_path, Calls(), text)
    assert grades([finding]) == [("medium", "certain")]
    assert finding.message == (
        'analyst called get_rates 3 times with the same arguments ({"day":"05-04"}) and got the same result each time. The '
        "copies took 4.0 s, and about 10 tokens of results that were there already."
    )
    assert places(tmp_path, text, finding) == ["tool get_rates"] * 3


@pytest.mark.parametrize(
    "text",
    [
        calls(RATES, RATES),
        calls(*(f'tool get_rates {{"page": {i}}} -> ["row {i}"]' for i in range(5))),
        calls(RATES, 'tool set_rates {"EUR": 2} -> "ok"', RATES, 'tool set_rates {"EUR": 3} -> "ok"', RATES),
        calls(RATES, 'tool bash {"cmd": "make rates"} -> "done"', RATES, RATES),
        calls(*['tool send_mail {"to": "x"} -> "sent"'] * 4),
        calls(*['tool job_status {"id": 4} -> "still running"'] * 5),
        calls(*['tool get_job {"id": 4} -> "still running"'] * 4, 'tool get_job {"id": 4} -> "done"'),
        calls(*["tool get_rates {} -> {}"] * 4),
        calls(*['tool get_rates {"day": 4} error="TimeoutError: 30 s"'] * 4),
        "agent analyst\n" + "".join(f"  {RATES} parallel\n" for _ in range(4)),
        "workflow w\n" + "".join(f"  agent worker{i}\n    {RATES}\n" for i in range(4)),
    ],
    ids=[
        "once more", "pages", "changed between", "perhaps changed between", "effects", "polling", "came at last",
        "not recorded", "errors", "side by side", "several agents",
    ],
)  # fmt: skip
def test_calls_that_are_not_redundant(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Calls(), text) == []


def test_a_loop_of_look_ups_is_told_as_a_loop(tmp_path: Path) -> None:
    text = "agent analyst\n" + f'  llm m -> "I look again."\n  {RATES}\n' * 6
    assert [one.detector for one in judged(tmp_path, text).findings] == ["loop.cycle"]


SUMMARY = " ".join(
    f"Sentence {i} of the summary tells what was found in place number {i * 37} of the old archive." for i in range(20)
)


def article(
    text: str, readers: tuple[str, ...] = ("writer", "reviewer", "editor"), author: str = "tool read_archive {} -> {}"
) -> str:
    lines = ["workflow article", "  agent reader", f"    {author.format('{}', json.dumps(text))}"]
    for name in readers:
        lines += [
            f"  agent {name}",
            f'    llm m {json.dumps(f"You are the {name}. Work with this: {text}")} -> "Done."',
        ]
    return "\n".join(lines)


def test_one_summary_in_three_prompts(tmp_path: Path) -> None:
    text = article(SUMMARY)
    (finding,) = found(tmp_path, Reading(), text)
    assert grades([finding]) == [("low", "certain")]
    assert finding.title == "3 agents each read the same 410 tokens of reader"
    assert finding.wasted_tokens == 820
    assert [evidence.note for evidence in finding.evidence] == [
        "written here, about 410 tokens", "read by writer", "read by reviewer", "read by editor",
    ]  # fmt: skip


def test_many_tokens_make_it_medium(tmp_path: Path) -> None:
    book = " ".join(f"Page {i} of the report says that the mill of town {i} ground {i * 3} tons." for i in range(3000))
    assert grades(found(tmp_path, Reading(), article(book))) == [("medium", "certain")]


@pytest.mark.parametrize(
    "text",
    [
        article(SUMMARY, ("writer", "reviewer")),
        article(SUMMARY[:900]),
        article(SUMMARY, author='llm m -> "I have read it."'),
        article(SUMMARY, ("writer", "writer", "writer")),
    ],
    ids=["two readers", "a gist", "the user's own text", "one agent's history"],
)
def test_reading_that_is_needed(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Reading(), text) == []
