"""Agents that wait in a circle, runs in which nothing runs, and waits that are as they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.wait.deadlock import Deadlock
from agentdbg.detectors.wait.stall import Stall
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, judged, places, skipped


def waits(*edges: tuple[str, str, int, int]) -> str:
    """Agents side by side: (who, for whom, from second, to second)."""
    lines = ["workflow settlement"]
    for n, (agent, target, start, end) in enumerate(edges):
        lines += [
            f"  agent {agent}{' parallel' if n else ''}",
            f"    other wait wait.for={target} at={start}s dur={end - start}s",
        ]
    return "\n".join(lines)


def speaks(*turns: tuple[str, str]) -> str:
    lines = ["workflow settlement"]
    for n, (agent, text) in enumerate(turns):
        said = json.dumps([{"role": "assistant", "content": text}])
        lines += [f"  agent {agent} at={n}s dur={60 - n}s", f"    llm m -> {said} at={n}s dur=1s"]
    return "\n".join(lines)


def deadlocks(folder: Path, text: str) -> list[Finding]:
    return found(folder, Deadlock(), text)


def test_waits_that_close_a_circle(tmp_path: Path) -> None:
    text = waits(("ledger", "auditor", 1, 61), ("auditor", "counsel", 2, 61), ("counsel", "ledger", 3, 61))
    (finding,) = deadlocks(tmp_path, text)
    assert grades([finding]) == [("critical", "certain")]
    assert finding.title == "ledger → auditor → counsel → ledger: each waits for the next, 58 s lost"
    assert [evidence.note for evidence in finding.evidence] == [
        "ledger waits for auditor", "auditor waits for counsel", "counsel waits for ledger",
    ]  # fmt: skip
    assert places(tmp_path, text, finding) == ["other wait"] * 3


def test_words_that_close_a_circle(tmp_path: Path) -> None:
    text = speaks(
        ("ledger", "I am waiting for the auditor to sign the balance."),
        ("auditor", "I cannot sign until counsel has confirmed the contract."),
        ("counsel", "Before I confirm I need the final figures from Ledger."),
    )
    (finding,) = deadlocks(tmp_path, text)
    assert grades([finding]) == [("high", "likely")]
    assert finding.title.startswith("ledger → auditor → counsel → ledger")


def test_words_beside_the_waits_that_spans_record_make_them_no_less_certain(tmp_path: Path) -> None:
    lines = ["workflow settlement"]
    for who, whom in (("ledger", "auditor"), ("auditor", "counsel"), ("counsel", "ledger")):
        said = json.dumps([{"role": "assistant", "content": f"I am waiting for {whom}."}])
        lines += [f"  agent {who} at=0s dur=60s", f"    llm m -> {said} at=0s dur=1s"]
        lines += [f"    other wait wait.for={whom} at=1s dur=58s"]
    (finding,) = deadlocks(tmp_path, "\n".join(lines))
    assert grades([finding]) == [("critical", "certain")]


def test_queues_that_are_read_before_they_are_filled(tmp_path: Path) -> None:
    lines = [
        "workflow w",
        "  agent a",
        '    tool RPUSH "RPUSH to_b hello" -> 1',
        '    tool BLPOP "BLPOP to_a 0" at=5s dur=30s',
    ]
    lines += [
        "  agent b parallel",
        '    tool RPUSH "RPUSH to_a hello" -> 1',
        '    tool BLPOP "BLPOP to_b 0" at=6s dur=30s',
    ]
    (finding,) = deadlocks(tmp_path, "\n".join(lines))
    assert grades([finding]) == [("critical", "certain")]


@pytest.mark.parametrize(
    "text",
    [
        waits(("ledger", "auditor", 1, 9), ("auditor", "counsel", 2, 6)) + "\n  agent counsel parallel\n    llm m",
        waits(("ledger", "auditor", 1, 3), ("auditor", "ledger", 4, 6)),
        waits(("ledger", "nobody", 1, 60)),
        speaks(
            ("ledger", "I am waiting for the auditor to sign the balance."),
            ("auditor", "I cannot sign until counsel has confirmed the contract."),
            ("counsel", "The contract is confirmed."),
        ),
        speaks(
            ("ledger", "I am waiting for the auditor."),
            ("auditor", "I am waiting for ledger."),
            ("ledger", "Here are the figures: 12 and 40."),
        ),
        speaks(("ledger", "The auditor was kind."), ("auditor", "The ledger is in order.")),
    ],
    ids=["a chain", "one after the other", "for a stranger", "a chain of words", "resolved", "no waiting"],
)
def test_what_is_no_deadlock(text: str, tmp_path: Path) -> None:
    assert deadlocks(tmp_path, text) == []


def run(gap: str = "", start: int = 50, first: str = 'llm m -> "Sales are 4 and 8." at=3s dur=2s') -> str:
    """A collector that is done after 5 s, a gap with this in it, a writer that starts at some second."""
    return f"""
workflow report
  agent collector
    tool fetch {{"q": "sales"}} -> [4, 8] at=1s dur=2s
    {first}
{gap}
  agent writer at=6s
    llm m -> "Sales doubled." at={start}s dur=2s
"""


def stalls(folder: Path, text: str) -> list[Finding]:
    return found(folder, Stall(), text)


def test_nothing_runs_for_most_of_the_time(tmp_path: Path) -> None:
    text = run()
    (finding,) = stalls(tmp_path, text)
    assert grades([finding]) == [("high", "likely")]
    assert finding.title == "Nothing ran for 45 s of 52 s, after collector"
    assert "busy for 13% of its time" in finding.message
    assert places(tmp_path, text, finding) == ["llm m", "llm m"]


def test_a_wait_for_a_lock_is_no_work(tmp_path: Path) -> None:
    text = run('  agent writer\n    other "acquire lock" at=6s dur=43s')
    (finding,) = stalls(tmp_path, text)
    assert "acquire lock was open meanwhile" in [evidence.note for evidence in finding.evidence]


@pytest.mark.parametrize(
    "text",
    [
        run(start=12),
        run('  tool transform {"rows": 9} -> "ok" at=6s dur=43s'),
        run('  tool ask_human_approval {"what": "send"} -> "yes" at=20s dur=1s'),
        run('  other "backoff sleep" at=6s dur=40s'),
        run(first='llm m -> [{"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "train", "arguments": {}}]}] at=3s dur=2s'),
        "agent a\n  llm m at=0s dur=1s\nagent a\n  llm m at=90s dur=1s",
    ],
    ids=["a short gap", "a slow tool", "a person is asked", "a backoff", "a tool without a span", "two runs of a trace"],
)  # fmt: skip
def test_time_that_is_accounted_for(text: str, tmp_path: Path) -> None:
    assert stalls(tmp_path, text) == []


def test_a_message_of_a_person_ends_the_gap(tmp_path: Path) -> None:
    first, reply = "What do you want to know about the sales of the mill?", "Tell me the sum of May, please."
    prompt = [
        {"role": "user", "content": "Hello there."},
        {"role": "assistant", "content": first},
        {"role": "user", "content": reply},
    ]
    text = "agent clerk\n" + "".join(
        f"  llm m {json.dumps(given)} -> {json.dumps([{'role': 'assistant', 'content': said}])} at={at}s dur=2s\n"
        for given, said, at in ((prompt[:1], first, 0), (prompt, "It is 12.", 90))
    )
    assert stalls(tmp_path, text) == []


def test_the_same_agent_after_a_pause_is_a_hint(tmp_path: Path) -> None:
    text = "workflow chat\n" + "".join(
        f"  agent clerk at={at}s\n    llm m at={at}s dur=2s\n    tool t at={at + 2}s dur=1s\n" for at in (0, 90)
    )
    assert grades(stalls(tmp_path, text)) == [("high", "hint")]


def test_spans_without_durations_are_not_judged(tmp_path: Path) -> None:
    text = "workflow w\n" + "".join(f"  tool t{i} {{}} -> 1 at={i * 9}s dur=0s\n" for i in range(6))
    assert [one.reason for one in skipped(tmp_path, Stall(), text)] == ["fewer than half of the spans have a duration"]


def test_a_deadlock_explains_the_gap(tmp_path: Path) -> None:
    text = (
        'workflow w\n  agent a\n    llm m -> "I begin." dur=1s\n'
        + waits(("a", "b", 2, 60), ("b", "a", 3, 60)).split("\n", 1)[1]
    )
    text += '\n  agent b at=61s\n    llm m -> "Cancelled." at=61s dur=1s'
    assert [one.detector for one in judged(tmp_path, text).findings if one.severity != "info"] == ["wait.deadlock"]
