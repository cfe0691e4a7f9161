"""What a story must say and what its repaired twin must be silent about, and whether agentdbg does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentdbg.check.judging import judgement
from agentdbg.model import CONFIDENCES, SEVERITIES, Finding
from tests.stores import of_files
from tests.stories.conventions import Convention
from tests.stories.recording import Recording, Step


@dataclass(frozen=True)
class Say:
    """One finding that fits all of this. ids and agents: alternatives, with spaces between. told: patterns that stand in
    title, message or evidence. at: evidence points at one of these steps, chosen from the recording."""

    ids: str
    severity: str
    confidence: str
    agents: str = ""
    told: tuple[str, ...] = ()
    at: Callable[[Step], bool] | None = None

    def lacks(self, finding: Finding, recording: Recording) -> list[str]:
        """What is wrong with the finding, nothing where it says all."""
        text = "\n".join([finding.title, finding.message, *(one.note for one in finding.evidence)])
        lacks = [f"{pattern!r} not told" for pattern in self.told if not re.search(pattern, text)]
        if SEVERITIES.index(finding.severity) < SEVERITIES.index(self.severity):
            lacks.append(f"only {finding.severity}")
        if CONFIDENCES.index(finding.confidence) < CONFIDENCES.index(self.confidence):
            lacks.append(f"only {finding.confidence}")
        if self.agents and finding.agent not in self.agents.split():
            lacks.append(f"agent {finding.agent}")
        if self.at:
            named = {one.span_id.replace("-", "")[-12:] for one in finding.evidence}
            if not any(self.at(step) and step.id[-12:] in named for step in recording.steps):
                lacks.append("other spans")
        return lacks


@dataclass(frozen=True)
class Story:
    """fault and repaired write the recording; fault None where a second twin stands alone. silent: the families that the twin is free of, by default those of what is
    said. most: findings of those families that the fault may have. unfound, flagged: why a test is expected to fail."""

    name: str
    convention: Convention
    fault: Callable[[Recording], None] | None
    repaired: Callable[[Recording], None]
    say: tuple[Say, ...]
    silent: str = ""
    most: int | None = None
    unfound: str = ""
    flagged: str = ""
    slow: bool = False

    @property
    def families(self) -> set[str]:
        return {one.partition(".")[0] for say in self.say for one in say.ids.split()}


def findings(
    write: Callable[[Recording], None], convention: Convention, folder: Path
) -> tuple[Recording, list[Finding]]:
    recording = Recording()
    write(recording)
    found, _ = judgement(of_files(convention(recording, folder)), {})
    return recording, list(found.findings)


def listed(found: list[Finding]) -> str:
    return (
        "\n".join(f"{one.severity} {one.confidence} {one.detector} [{one.agent}] {one.message}" for one in found)
        or "nothing is said"
    )


def check_found(story: Story, folder: Path) -> None:
    assert story.fault
    recording, found = findings(story.fault, story.convention, folder)
    for say in story.say:
        candidates = {one: say.lacks(one, recording) for one in found if one.detector in say.ids.split()}
        assert [] in candidates.values(), f"{say.ids}: {list(candidates.values())}\n{listed(found)}"
    if story.most is not None:
        assert len([one for one in found if one.detector.partition(".")[0] in story.families]) <= story.most, listed(
            found
        )


def check_silent(story: Story, folder: Path) -> None:
    _, found = findings(story.repaired, story.convention, folder)
    families = set(story.silent.split()) or story.families
    severity = min(["medium", *(say.severity for say in story.say if say.severity != "info")], key=SEVERITIES.index)
    surer = min(["likely", *(say.confidence for say in story.say)], key=CONFIDENCES.index)
    loud = [
        one
        for one in found
        if one.detector.partition(".")[0] in families
        and SEVERITIES.index(one.severity) >= SEVERITIES.index(severity)
        and CONFIDENCES.index(one.confidence) >= CONFIDENCES.index(surer)
    ]
    assert loud == [], listed(loud)


def faults(stories: list[Story]) -> Any:
    return pytest.mark.parametrize("story", [_marked(one, one.unfound) for one in stories if one.fault])


def twins(stories: list[Story]) -> Any:
    return pytest.mark.parametrize("story", [_marked(one, one.flagged) for one in stories])


def _marked(story: Story, gap: str) -> Any:
    marks = [pytest.mark.xfail(strict=True, raises=AssertionError, reason=gap)] if gap else []
    marks += [pytest.mark.slow] if story.slow else []
    return pytest.param(story, id=story.name, marks=marks)
