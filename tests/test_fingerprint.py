"""Findings of different runs that are the same finding."""

from __future__ import annotations

from dataclasses import replace

from agentdbg.fingerprint import fingerprint
from tests.view.runs import credit_memo_findings


def test_ids_times_counts_and_words_are_not_in_it() -> None:
    finding = credit_memo_findings()[0]
    other = replace(finding, trace_id="x", title="30×", message="", evidence=(), wasted_usd=1.0, severity="low")
    assert fingerprint(other) == fingerprint(finding) == "73a7f80525da330f"


def test_detector_agent_and_key_are() -> None:
    finding = credit_memo_findings()[0]
    others = [replace(finding, detector="x"), replace(finding, agent=None), replace(finding, key="x\ud83d")]
    assert len({fingerprint(one) for one in [finding, *others]}) == 4
