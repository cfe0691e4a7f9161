"""What agentdbg says about the traces that come with it. Each folder of sample_traces/ is a story with a README."""

from __future__ import annotations

import json

import pytest

from tests.commandline import SAMPLES, agentdbg_here

ALARMS: dict[str, set[tuple[str, str | None]]] = {
    "cut-json": {("cascade.root", "collector")},
    "database-down": {("cascade.root", "collector")},
    "drifting-handoff": {("handoff.schema", "extractor")},
    "empty-result": {("cascade.root", "collector")},
    "endless-review": {("loop.cycle", "reviewer")},
    "healthy-team": set(),
    "killed-run": {("trace.orphan", None)},
    "ledger-timeout": {("cascade.root", "clerk")},
    "lost-update": {("race.lost_update", "worker_b")},
    "needs-more-context": {("loop.cycle", "researcher")},
    "recovered-retry": set(),
    "refund-circle": {("loop.cycle", "ledger")},
    "same-search": {("loop.cycle", "researcher")},
    "swallowed-exception": {("cascade.root", "collector")},
    "token-outlier": {("token.spike", "researcher")},
    "unauthorized-retry": {("loop.cycle", "shipper")},
}
"""Folder: (detector, agent) of every finding that is medium or worse and more than a hint."""

STORIES = sorted(folder.name for folder in SAMPLES.iterdir())


def test_every_story_is_told() -> None:
    assert sorted(ALARMS) == STORIES


def test_the_samples_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*")) < 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_check_says_what_the_story_says(story: str) -> None:
    done = agentdbg_here("check", SAMPLES / story, "--format", "json")
    findings = json.loads(done.stdout)["findings"]
    alarms = [f for f in findings if f["severity"] not in ("info", "low") and f["confidence"] != "hint"]
    assert {(finding["detector"], finding["agent"]) for finding in alarms} == ALARMS[story]
    assert done.exit_code == int(any(finding["severity"] in ("high", "critical") for finding in alarms))


@pytest.mark.parametrize("story", STORIES)
def test_the_story_names_what_is_found(story: str) -> None:
    text = (SAMPLES / story / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 3
    for detector, agent in ALARMS[story]:
        assert f"`{detector}`" in text
        assert agent is None or agent in text
    assert ALARMS[story] or "nothing" in text or "no alarm" in text
