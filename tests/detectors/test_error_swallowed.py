"""Failures that nobody passed on: found where the answer is silent about them, silent where it is not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from agentdbg.detectors.error.swallowed import Swallowed
from tests.detectors.judging import found, judged, places

FAILED = 'tool get_balance {"account": "A-12"} error="TimeoutError: no answer in 30 s"'
SAYS_NOTHING = 'llm gpt-4o -> "The account is in order."'


def run(body: str) -> str:
    return f"workflow bank\n  agent clerk\n    llm gpt-4o\n{indent(dedent(body), '    ')}"


@pytest.mark.parametrize(
    ("body", "severity"),
    [
        pytest.param(f"{FAILED}\n{SAYS_NOTHING}", "high", id="the answer rests on nothing"),
        pytest.param(
            f'{FAILED}\ntool get_name {{"id": "B-7"}} -> "Ann"\n{SAYS_NOTHING}', "medium", id="with other results"
        ),
        pytest.param(f'other load_profile error="OSError: disk"\n{SAYS_NOTHING}', "medium", id="a step of the program"),
    ],
)
def test_an_error_that_nobody_mentions(body: str, severity: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Swallowed(), run(body))
    assert (finding.severity, finding.confidence, finding.agent) == (severity, "likely", "clerk")
    assert 'Its answer: "The account is in order."' in finding.message


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f'{FAILED}\nllm gpt-4o -> "The bank did not answer, please try later."', id="said"),
        pytest.param(f'{FAILED}\ntool get_balance {{"account": "A-12"}} -> 310\n{SAYS_NOTHING}', id="tried again"),
        pytest.param(f'{FAILED}\ntool read_ledger {{"account": "A-12"}} -> 310\n{SAYS_NOTHING}', id="another tool"),
        pytest.param(f"{FAILED}\nllm gpt-4o", id="no answer recorded"),
        pytest.param(FAILED, id="nothing came after it"),
        pytest.param(f'tool get_balance {{"account": "A-12"}} -> 310\n{SAYS_NOTHING}', id="nothing failed"),
    ],
)
def test_what_was_mended_said_or_not_recorded_is_not_swallowed(body: str, tmp_path: Path) -> None:
    assert found(tmp_path, Swallowed(), run(body)) == []


def test_a_run_that_failed_with_the_error_swallowed_nothing(tmp_path: Path) -> None:
    text = run(f"{FAILED}\n{SAYS_NOTHING}").replace("workflow bank", 'workflow bank error="TimeoutError: no answer"')
    text = text.replace("agent clerk", 'agent clerk error="TimeoutError: no answer in 30 s"')
    assert found(tmp_path, Swallowed(), text) == []


def test_failures_of_one_kind_are_one_finding(tmp_path: Path) -> None:
    text = run("\n".join(FAILED.replace("A-12", f"A-{i}") for i in range(4)) + f"\n{SAYS_NOTHING}")
    (finding,) = found(tmp_path, Swallowed(), text)
    assert finding.title == "clerk swallowed the failure of get_balance 4 times"
    assert places(tmp_path, text, finding) == [*["tool get_balance"] * 4, "llm gpt-4o"]


def test_one_cause_is_told_once(tmp_path: Path) -> None:
    alone = judged(tmp_path, run(f"{FAILED}\n{SAYS_NOTHING}"))
    assert [one.detector for one in alone.findings] == ["error.swallowed"]
    built_on = run(f"{FAILED}\n{SAYS_NOTHING}") + '\n  agent lender\n    llm gpt-4o -> "The loan is granted."'
    assert [one.detector for one in judged(tmp_path, built_on).findings] == ["cascade.root"]
