"""Two decisions about one task at one time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.decision.conflict import Conflict
from tests.detectors.judging import found, grades, places


def decides(name: str, answer: object, flags: str = "parallel") -> str:
    said = answer if isinstance(answer, str) else json.dumps(answer)
    return f"  agent {name} {flags}\n    llm m -> {json.dumps([{'role': 'assistant', 'content': said}])} dur=2s\n"


def desk(
    one: object, other: object, after: str = '  agent payout\n    llm m -> "Paid."\n', flags: str = "parallel"
) -> str:
    return "workflow desk\n" + decides("triage", one, "") + decides("risk", other, flags) + after


PAY, LOOK = {"task": "claim 12", "next": "payout"}, {"task": "claim 12", "next": "investigate"}


def test_two_next_steps_for_one_task(tmp_path: Path) -> None:
    text = desk(PAY, LOOK)
    (finding,) = found(tmp_path, Conflict(), text)
    assert grades([finding]) == [("medium", "likely")]
    assert finding.message == (
        'About claim 12, triage said "payout", risk "investigate" at the same time, and what triage had said was carried '
        "out without anybody deciding between them."
    )
    assert finding.agent == "risk"
    assert places(tmp_path, text, finding) == ["llm m", "llm m"]


def test_tools_that_hand_over_decide_too(tmp_path: Path) -> None:
    lines = ["workflow desk"]
    for n, (agent, to) in enumerate((("triage", "payout"), ("risk", "court"))):
        lines += [
            f'  agent {agent} "claim 12"{" parallel" if n else ""} dur=2s',
            f'    tool transfer_to_{to} {{"task": "claim 12"}}',
        ]
    assert len(found(tmp_path, Conflict(), "\n".join(lines))) == 1


JUDGE = '  agent judge {} -> "payout"\n    llm m {} -> "payout"\n'.format(
    *[json.dumps("triage says payout, risk says investigate")] * 2
)


@pytest.mark.parametrize(
    "text",
    [
        desk(PAY, PAY),
        desk(PAY, {"task": "claim 12", "next": "Payout"}),
        desk(PAY, {"task": "claim 13", "next": "investigate"}),
        desk(PAY, LOOK, JUDGE),
        desk(PAY, LOOK, flags=""),
        desk(PAY, LOOK, decides("fraud", PAY)),
        desk("I would pay claim 12 next.", "I would look into claim 12 next."),
        desk({"task": "claim 12", "verdict": "pay"}, {"task": "claim 12", "verdict": "refuse"}),
    ],
    ids=[
        "the same",
        "the same in capitals",
        "other tasks",
        "a judge",
        "one after the other",
        "a vote",
        "prose",
        "opinions",
    ],
)
def test_what_is_no_conflict(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Conflict(), text) == []
