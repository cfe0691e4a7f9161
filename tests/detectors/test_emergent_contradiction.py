"""Values that contradict each other and come out as their mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.detectors.emergent.contradiction import Contradiction
from tests.detectors.judging import found, places


def run(*said: str) -> str:
    lines = [f"  agent {'abcdef'[i]}\n    llm gpt-4o -> {json.dumps(text)}" for i, text in enumerate(said)]
    return "\n".join(["workflow survey", *lines])


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(
            ('{"site": "Ulm", "load": 310}', '{"site": "Ulm", "load": 450}', "The load in Ulm is 380."), id="records"
        ),
        pytest.param(
            (
                '{"site": "Ulm", "load": 310, "source": "meter"}',
                '{"site": "Ulm", "load": 450, "source": "bill"}',
                '{"site": "Ulm", "load": 380, "summary": "as measured"}',
            ),
            id="records with their sources",
        ),
        pytest.param(
            ("The tank holds 12.4 tons of fuel.", "Fuel in the tank: 17.8 tons.", "The tank holds 15.1 tons of fuel."),
            id="prose",
        ),
        pytest.param(
            (
                "We expect demand of 1,200 units.",
                "Demand will be 1,500 units.",
                "Demand reaches 2,100 units.",
                "Plan for a demand of 1,600 units.",
            ),
            id="three",
        ),
    ],
)
def test_the_mean_of_a_contradiction(said: tuple[str, ...], tmp_path: Path) -> None:
    text = run(*said)
    (finding,) = found(tmp_path, Contradiction(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "likely", "abcdef"[len(said) - 1])
    assert "equals the mean of values that contradict each other: a says" in finding.message
    assert places(tmp_path, text, finding) == ["llm gpt-4o"] * len(said)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(
            ("In 2030 the load is 310 MW.", "In 2035 the load is 450 MW.", "On average the load is 380 MW."), id="times"
        ),
        pytest.param(
            ('{"site": "Ulm", "load": 310}', '{"site": "Bonn", "load": 450}', "The mean load is 380."), id="two things"
        ),
        pytest.param(
            ("The load is 310 MW.", "The load is 450 MW.", "Between 310 MW and 450 MW: the load is 380 MW."), id="named"
        ),
        pytest.param(("The load is 310 MW.", "The load is 450 MW.", "The load is 450 MW."), id="one of them is chosen"),
        pytest.param(("The load is 375 MW.", "The load is 385 MW.", "The load is 380 MW."), id="they hardly differ"),
        pytest.param(("The load is 310 MW.", "The price is 450 EUR.", "The load is 380 MW."), id="other units"),
        pytest.param(("The load is 310 MW.", "The load is 450 MW.", "The mean load is 380 MW."), id="told as a mean"),
        pytest.param(('{"score": 7.5}', '{"score": 8.4}', '{"score": 7.95}'), id="marks of judges"),
        pytest.param(("It takes 3 steps.", "It takes 5 steps.", "It takes 4 steps."), id="small counts"),
        pytest.param(
            ("The load is 310 MW.", "The load is 450 MW, no, 380 MW.", "The load is 380 MW."), id="somebody said it"
        ),
    ],
)
def test_values_that_may_stand_beside_each_other(said: tuple[str, ...], tmp_path: Path) -> None:
    assert found(tmp_path, Contradiction(), run(*said)) == []


def test_one_agent_that_changes_its_mind_contradicts_nobody(tmp_path: Path) -> None:
    text = run("The load is 310 MW.", "The load is 450 MW.", "The load is 380 MW.").replace("agent b", "agent a")
    assert found(tmp_path, Contradiction(), text + '\n  agent z\n    llm gpt-4o -> "Thanks."') == []
