"""Findings in, verdict out."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import pytest

from agentdbg.check.gate import Evidenced, Rules, exit_code, gate
from agentdbg.config import THRESHOLDS, Suppression
from agentdbg.errors import AgentdbgError
from agentdbg.fingerprint import fingerprint
from agentdbg.model import CONFIDENCES, SEVERITIES, Confidence, Evidence, Finding, Severity, Skipped
from agentdbg.view.report import Report, TraceSummary

TODAY = date(2026, 3, 1)
TRACE = TraceSummary("t1", "run", "ok", 0, 1, 2, ("planner",), 1, 0, 0, None, None, None)


def found(
    detector: str = "loop.cycle",
    severity: Severity = "high",
    confidence: Confidence = "certain",
    agent: str = "planner",
) -> Finding:
    return Finding(
        detector=detector,
        severity=severity,
        confidence=confidence,
        title="title",
        message="message",
        trace_id="t1",
        agent=agent,
        evidence=(Evidence("s1", "primary", "here"),),
        advice="advice",
        next="agentdbg show t1",
        key="key",
    )


def judged(*findings: Finding, unread: tuple[str, ...] = (), cut_short: str = "", rules: Rules | None = None) -> Report:
    return gate(Evidenced((TRACE,), findings, unread=unread, cut_short=cut_short), rules or Rules(TODAY))


def accepted(expires: date, agent: str | None = None, detector: str = "loop.cycle") -> Suppression:
    return Suppression(detector, "known", expires, "agentdbg.toml: suppress[1]", agent)


def test_a_finding_counts_from_the_threshold_on_unless_it_is_a_hint() -> None:
    for severity, confidence, threshold in itertools.product(SEVERITIES, CONFIDENCES, THRESHOLDS):
        report = judged(found(severity=severity, confidence=confidence), rules=Rules(TODAY, threshold))
        fails = (
            threshold != "never" and confidence != "hint" and SEVERITIES.index(severity) >= SEVERITIES.index(threshold)
        )
        assert exit_code(report) == (1 if fails else 0), (severity, confidence, threshold)
        assert len(report.findings) == 1  # told, whether it counts or not


def test_what_the_baseline_knows_is_told_and_fails_nothing() -> None:
    rules = Rules(TODAY, known={fingerprint(found()): "high"})
    report = judged(found(), rules=rules)
    assert (exit_code(report), [one.status for one in report.findings]) == (0, ["known"])
    report = judged(found(), found(agent="writer"), rules=rules)
    assert (exit_code(report), sorted(one.status for one in report.findings)) == (1, ["known", "new"])


def test_a_known_finding_that_is_worse_than_before_is_new() -> None:
    rules = Rules(TODAY, known={fingerprint(found()): "medium"})
    assert exit_code(judged(found(severity="medium"), rules=rules)) == 0
    assert exit_code(judged(found(severity="high"), rules=rules)) == 1


def test_nothing_found_is_clean_and_nothing_judged_is_not() -> None:
    assert (exit_code(judged()), judged().verdict) == (0, "clean")
    empty = gate(Evidenced((), ()), Rules(TODAY))
    assert (exit_code(empty), empty.verdict, empty.reason) == (2, "not_judged", "no trace was found")


def test_findings_go_before_what_could_not_be_read() -> None:
    assert (judged(unread=("bad.jsonl",)).verdict, judged(unread=("bad.jsonl",)).reason) == (
        "not_judged",
        "no trace in bad.jsonl",
    )
    both = judged(found(), unread=("bad.jsonl",))
    assert (exit_code(both), both.reason) == (1, "no trace in bad.jsonl")
    assert exit_code(judged(found(severity="low"), unread=("bad.jsonl",))) == 2


def test_a_judging_that_was_cut_short_is_not_judged_whatever_it_found() -> None:
    report = judged(found(), cut_short="interrupted while judging")
    assert (exit_code(report), report.reason) == (2, "interrupted while judging")
    assert len(report.findings) == 1


def test_a_suppression_holds_to_its_last_day_for_its_detector_and_agent() -> None:
    for suppression, code in (
        (accepted(TODAY), 0),
        (accepted(date(2026, 2, 28)), 1),
        (accepted(TODAY, "PLANNER"), 0),
        (accepted(TODAY, "writer"), 1),
        (accepted(TODAY, detector="silent.empty"), 1),
    ):
        report = judged(found(), rules=Rules(TODAY, suppressions=(suppression,)))
        assert (exit_code(report), report.suppressed) == (code, 1 - code), suppression


def test_suppressions_that_expired_or_do_nothing_are_told() -> None:
    old = judged(found(), rules=Rules(TODAY, suppressions=(accepted(date(2026, 2, 28), "planner"),)))
    assert [(note.source, note.message) for note in old.notes] == [
        (
            "agentdbg.toml: suppress[1]",
            "the suppression of loop.cycle of planner expired on 2026-02-28: its findings count again",
        )
    ]
    idle = judged(rules=Rules(TODAY, suppressions=(accepted(TODAY),)))
    assert [note.message for note in idle.notes] == ["the suppression of loop.cycle had nothing to suppress"]
    used = judged(found(), rules=Rules(TODAY, suppressions=(accepted(TODAY),)))
    assert used.notes == ()


def test_ignored_detectors_are_counted_as_suppressed() -> None:
    report = judged(found(), found("silent.empty"), rules=Rules(TODAY, ignored=frozenset({"loop.cycle"})))
    assert ([one.detector for one in report.findings], report.suppressed) == (["silent.empty"], 1)


def test_detectors_that_do_not_exist_cannot_be_suppressed() -> None:
    with pytest.raises(AgentdbgError) as caught:
        Rules(TODAY, ignored=frozenset({"loop.cicle"}))
    assert (caught.value.message, caught.value.hint) == ("no detector is called loop.cicle", "did you mean loop.cycle?")
    with pytest.raises(AgentdbgError, match=r"agentdbg\.toml: suppress\[1\]: no detector is called nothing\.at_all"):
        Rules(TODAY, suppressions=(accepted(TODAY, detector="nothing.at_all"),))


def test_the_worst_comes_first_whatever_the_order_they_were_found_in() -> None:
    dear = replace(found(severity="medium"), wasted_usd=2.0)
    findings = (found(severity="critical"), dear, found("silent.empty", "medium"), found(severity="low"))
    for order in itertools.permutations(findings):
        assert judged(*order).findings == findings


def test_what_was_skipped_is_told_once_and_sorted() -> None:
    skipped = (Skipped("b", "t1", "no payloads recorded"), Skipped("a", None, "why"), Skipped("a", None, "why"))
    report = gate(Evidenced((TRACE,), (), skipped), Rules(TODAY))
    assert report.skipped == (Skipped("a", None, "why"), Skipped("b", "t1", "no payloads recorded"))
