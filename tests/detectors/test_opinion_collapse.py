"""Agreement that rests on nothing new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.opinion.collapse import Collapse
from tests.detectors.judging import found, places

LOOK_UP = '    tool read_meter {"id": 4} -> [12.5]\n'


def run(*said: str, look_up_before: int = -1) -> str:
    lines = []
    for i, text in enumerate(said):
        looked = LOOK_UP if i == look_up_before else ""
        lines.append(f"  agent {('ann', 'ben')[i % 2]}\n{looked}    llm gpt-4o -> {json.dumps(text)}")
    return "\n".join(["workflow debate", *lines])


FIELDS = (
    '{"verdict": "leak"}',
    '{"verdict": "theft"}',
    '{"verdict": "leak"}',
    '{"verdict": "Leak"}',
    '{"verdict": "leak"}',
)
NUMBERS = (
    "The loss is 12.5 tons a year.",
    "I see a loss of 30 tons a year.",
    "My figure for the loss stays 12.5 tons.",
    "Then the loss is 12.5 tons a year.",
    "The loss of 12.5 tons is settled.",
)
WORDS = (
    "It must be a leak in the main pipe.",
    "To me this looks like theft by a neighbour.",
    "A leak in the main pipe explains all of it.",
    "You are right, a leak in the main pipe explains it.",
    "As ben confirms, it is a leak in the main pipe.",
)


@pytest.mark.parametrize(
    "said", [pytest.param(FIELDS, id="fields"), pytest.param(NUMBERS, id="numbers"), pytest.param(WORDS, id="words")]
)
def test_giving_in_without_looking_anything_up_is_a_hint(said: tuple[str, ...], tmp_path: Path) -> None:
    text = run(*said)
    (finding,) = found(tmp_path, Collapse(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("medium", "hint", "ben")
    assert finding.title == "ben gave in to ann, and neither looked anything up"
    assert len(places(tmp_path, text, finding)) == 4


def test_a_name_may_be_written_as_prose_writes_it(tmp_path: Path) -> None:
    said = (*WORDS[:4], "The pipe expert confirms it: a leak in the main pipe.")
    (finding,) = found(tmp_path, Collapse(), run(*said).replace("agent ben", "agent pipe_expert"))
    assert finding.agent == "pipe_expert"
    assert 'it said "To me this looks like theft by a neighbour.", then "You are right, a leak' in finding.message


@pytest.mark.parametrize("said", [FIELDS, NUMBERS, WORDS])
@pytest.mark.parametrize("look_up_before", [0, 3])
def test_what_one_of_them_looked_up_is_a_reason(said: tuple[str, ...], look_up_before: int, tmp_path: Path) -> None:
    assert found(tmp_path, Collapse(), run(*said, look_up_before=look_up_before)) == []


@pytest.mark.parametrize(
    "said",
    [
        pytest.param((FIELDS[0],) * 5, id="they agree from the beginning"),
        pytest.param((*FIELDS[:3], FIELDS[1], FIELDS[0]), id="nobody gives in"),
        pytest.param(FIELDS[:4], id="nobody builds on it"),
        pytest.param(
            (
                '{"verdict": "rejected"}',
                '{"text": "a"}',
                '{"verdict": "rejected"}',
                '{"text": "b"}',
                '{"verdict": "ok"}',
            ),
            id="a reviewer and a writer",
        ),
        pytest.param((*WORDS[:3], "It is theft all the same.", WORDS[4]), id="in words nobody gives in"),
    ],
)
def test_what_is_no_collapse(said: tuple[str, ...], tmp_path: Path) -> None:
    assert found(tmp_path, Collapse(), run(*said)) == []
