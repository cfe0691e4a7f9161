"""Captures of real frameworks with planted faults: found where they were planted, silent where nothing was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agentdbg.detectors.cascade.root import Root
from agentdbg.detectors.error.origin import Origin
from agentdbg.detectors.silent.empty import Empty
from agentdbg.detectors.token.spike import Spike
from agentdbg.detectors.trace.orphan import Orphan
from agentdbg.model import CONFIDENCES, SEVERITIES, Detector, Finding
from tests.stores import of_files

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = [pytest.mark.skipif(not CORPUS.is_dir(), reason="needs ../shared/corpus"), pytest.mark.slow]

DETECTORS: tuple[Detector, ...] = (Root(), Origin(), Empty(), Spike(), Orphan())


@cache
def manifest() -> list[dict[str, Any]]:
    return list(json.loads((CORPUS / "manifest.json").read_text())["entries"]) if CORPUS.is_dir() else []


def files(entry: dict[str, Any]) -> list[Path]:
    """The JSON lines of an entry, with its log records where it has them."""
    names = [name for name in entry["files"] if name.endswith(".jsonl") and not name.endswith(".headers.json")]
    stem = re.sub(r"\.(\d{3}|logs)(?=\.)", "", names[0]) if names else ""
    return [CORPUS / name for name in names if re.sub(r"\.(\d{3}|logs)(?=\.)", "", name) == stem]


def findings(entry: dict[str, Any]) -> list[Finding]:
    with of_files(*files(entry)) as store:
        reader = store.reader()
        return [one for detector in DETECTORS for one in detector.find(reader) if isinstance(one, Finding)]


def judged(*scenarios: str) -> Iterator[tuple[dict[str, Any], list[Finding]]]:
    """(entry, findings) of every capture of these scenarios that is there as JSON lines."""
    for entry in manifest():
        if entry["scenario"] in scenarios and files(entry):
            yield entry, findings(entry)


def at_least(finding: Finding, severity: str) -> bool:
    enough = SEVERITIES.index(finding.severity) >= SEVERITIES.index(severity)
    return enough and finding.confidence in CONFIDENCES[1:]


def same(one: str | None, other: str) -> bool:
    return (one or "").lower().replace(" ", "_") == other.lower().replace(" ", "_")


def test_cascades_are_found_at_the_agent_where_they_entered() -> None:
    found = right = total = 0
    kinds = ("empty", "tool_exception", "http_429", "http_500", "timeout", "json_decode", "bad_body")
    for entry, every in judged(*(f"cascade_{kind}" for kind in kinds)):
        fault = entry["planted_faults"][0]
        total += 1
        found += any(at_least(one, "medium") for one in every)
        roots = [one for one in every if one.detector == "cascade.root"]
        right += any(same(one.agent, fault["enters_at_agent"]) for one in roots[:1])
    assert total > 80
    assert found >= 0.95 * total
    assert right >= 0.9 * total


def test_healthy_runs_raise_no_alarm() -> None:
    alarms = [
        (entry["files"][0], one.detector, one.message)
        for entry, every in judged("healthy")
        for one in every
        if at_least(one, "medium")
    ]
    assert alarms == []


def test_what_was_tried_again_with_success_raises_no_high_alarm() -> None:
    alarmed = [
        entry["framework"]
        for entry, every in judged("retry_success", "retry_hidden")
        if any(at_least(one, "high") for one in every)
    ]
    # in one capture the program gave up after two timeouts and went on without rows: there the alarm is right
    assert len(alarmed) <= 1, alarmed


def test_the_outlier_among_eight_runs_is_found_and_no_other() -> None:
    for entry, every in judged("spike_outlier"):
        alarms = {one.trace_id for one in every if one.detector == "token.spike" and at_least(one, "medium")}
        if entry["llm_calls"] and entry["instrumentation"] != "native OTel":  # the latter records no tokens
            assert alarms == {entry["planted_faults"][0]["trace_id"]}, entry["files"][0]
        else:
            assert alarms == set()


def test_killed_processes_leave_a_mark() -> None:
    for entry, every in judged("killed"):
        assert any(one.detector == "trace.orphan" and at_least(one, "medium") for one in every), entry["files"][0]
