"""Captures of real frameworks: every planted drift is found, at its sender, and nothing in the conforming runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentdbg.detectors.handoff.schema import Schema
from agentdbg.model import Finding
from tests.stores import of_files

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.json"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MANIFEST.is_file(), reason="needs the captures in ../shared/corpus"),
]


def entries() -> list[Any]:
    every = json.loads(MANIFEST.read_text("utf-8"))["entries"] if MANIFEST.is_file() else []
    drifting = [entry for entry in every if entry["scenario"] == "drift"]
    return [pytest.param(entry, id=entry["files"][0].split("/")[0]) for entry in drifting]


@pytest.mark.parametrize("entry", entries())
def test_planted_drift(entry: dict[str, Any]) -> None:
    files = [CORPUS / name for name in entry["files"] if name.endswith(".jsonl")]
    with of_files(*files) as store:
        found = list(Schema().find(store.reader()))
    alarms = [f for f in found if isinstance(f, Finding) and f.severity in ("medium", "high")]
    if not any(isinstance(f, Finding) for f in found):
        assert {f.reason for f in found if not isinstance(f, Finding)} == {"no payloads recorded"}
        pytest.skip("this instrumentation records no payloads")
    planted = {(fault["trace_id"], fault["enters_at_agent"]) for fault in entry["planted_faults"]}
    assert {(f.trace_id, f.agent) for f in alarms} == planted
    assert len(alarms) == len(planted)
