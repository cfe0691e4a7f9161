"""Captures of real frameworks: `why` ends at the agent where the fault was planted, `handoffs` shows the drift at once,
and neither accuses anybody in a healthy run."""

from __future__ import annotations

from typing import Any

import pytest

from agentdbg.analysis.handoffs import exchanges
from agentdbg.reporters.terminal import Look
from agentdbg.store import Store
from tests.analysis.pages import explained_run, handoffs_text
from tests.analysis.test_coverage_captures import entries, files
from tests.commandline import CORPUS
from tests.stores import of_files

pytestmark = [pytest.mark.skipif(not CORPUS.is_dir(), reason="needs ../shared/corpus"), pytest.mark.slow]
SHOWN = {"fenced_json": "fence", "prose": "prose", "extra_nesting": "`result`"}


def plain(agent: str | None) -> str:
    return (agent or "").strip().lower().replace(" ", "_")


def run_of(store: Store, trace_id: str) -> str:
    """The run that a recorded trace belongs to."""
    rows = store.reader().rows("SELECT DISTINCT trace_id FROM spans WHERE recorded_trace_id = $t", t=trace_id)
    return str(rows[0][0])


def captures(category: str) -> list[dict[str, Any]]:
    return [entry for entry in entries().values() if entry["category"] == category]


def test_why_ends_at_the_agent_where_the_fault_was_planted() -> None:
    right, wrong, by_words = [], [], []
    for entry in captures("cascade"):
        with of_files(*files(entry)) as store:
            for fault in entry["planted_faults"]:
                run, name = run_of(store, fault["trace_id"]), entry["files"][0]
                found = explained_run(store, run)
                agent = found.steps[0].agent if found.steps else None
                is_right = plain(agent) == plain(fault["enters_at_agent"])
                (right if is_right else wrong).append(name)
                if is_right and (symptom := fault.get("symptom")):
                    asked = explained_run(store, run, symptom)
                    by_words.append(plain(asked.steps[0].agent) == plain(agent))
    assert len(right) >= 0.95 * (len(right) + len(wrong)), wrong
    assert len(by_words) > 60
    assert sum(by_words) >= 0.95 * len(by_words)


@pytest.mark.parametrize("entry", [pytest.param(e, id=e["files"][0].split("/")[0]) for e in captures("schema_drift")])
def test_a_drift_shows_in_the_first_lines(entry: dict[str, Any]) -> None:
    with of_files(*files(entry)) as store:
        for fault in entry["planted_faults"]:
            run = run_of(store, fault["trace_id"])
            found = exchanges(store.reader([run]), run)
            if all(row.sent is None for row in found.rows):
                pytest.skip("this instrumentation records no payloads")
            for width in (72, 120):
                first = handoffs_text(found, Look(width)).splitlines()[:20]
                told = " ".join(line for line in first if line.startswith("breaks the contract"))
                assert SHOWN.get(fault["drift"], "confidence") in told + " ".join(first[:4]), fault["drift"]
        conforming = set(entry["trace_ids"]) - {fault["trace_id"] for fault in entry["planted_faults"]}
        for trace_id in conforming:
            run = run_of(store, trace_id)
            assert not [row for row in exchanges(store.reader([run]), run).rows if row.verdict.grade == "breaks"]


def test_nobody_is_accused_in_a_healthy_run() -> None:
    for entry in captures("healthy"):
        with of_files(*files(entry)) as store:
            for run in store.reader().trace_ids():
                assert not [step for step in explained_run(store, run).steps if step.role == "trouble"], entry["files"]
