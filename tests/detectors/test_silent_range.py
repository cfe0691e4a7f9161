"""Values that a threshold takes for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.silent.range import Range
from agentdbg.errors import AgentdbgError
from tests.detectors.judging import found, judged

USUAL = ("0.91", "0.4", "0.77", "0.6", "0.88")


def run(*values: str, field: str = "risk_score") -> str:
    calls = [f'  tool rate_claim {{"id": {i}}} -> {{"{field}": {value}}}' for i, value in enumerate(values)]
    return "\n".join(["agent triage", *calls])


@pytest.mark.parametrize(
    ("value", "severity", "why"),
    [
        pytest.param("93", "high", "5 of 5 other values lie between 0 and 1", id="another scale"),
        pytest.param("-0.2", "high", "5 of 5 other values lie between 0 and 1", id="below"),
        pytest.param('"0.93"', "medium", "5 of 5 other values are numbers", id="text"),
    ],
)
def test_a_score_that_is_not_as_usual(value: str, severity: str, why: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Range(), run(*USUAL, value))
    assert (finding.severity, finding.confidence, finding.agent) == (severity, "likely", "triage")
    assert why in finding.message


@pytest.mark.parametrize(
    "values",
    [
        pytest.param((*USUAL, "1"), id="a whole number within"),
        pytest.param((*USUAL, "-1"), id="the sign for none"),
        pytest.param((*USUAL, '"high"'), id="a word"),
        pytest.param((*USUAL, "true"), id="a flag"),
        pytest.param(("0.4", "0.6", "93"), id="too few others"),
        pytest.param(("40", "60", "93", "12", "77", "1"), id="a scale to 100"),
        pytest.param(("0", "1", "0", "0", "1", "3"), id="points"),
        pytest.param(("0.4", "60", "0.2", "12", "0.7", "93"), id="both scales in use"),
    ],
)
def test_scores_that_may_be_right(values: tuple[str, ...], tmp_path: Path) -> None:
    assert found(tmp_path, Range(), run(*values)) == []


def test_a_probability_has_limits_without_any_others(tmp_path: Path) -> None:
    assert [one.severity for one in found(tmp_path, Range(), run("140", field="probability"))] == ["high"]
    assert found(tmp_path, Range(), run("40", field="probability")) == []
    assert found(tmp_path, Range(), run("140", field="score")) == []


def test_answers_of_models_count_as_well_and_other_runs(tmp_path: Path) -> None:
    answers = [f'trace\nagent judge\n  llm gpt-4o -> "{{\\"confidence\\": {value}}}"' for value in (*USUAL, "93")]
    (finding,) = found(tmp_path, Range(), "\n".join(answers))
    assert finding.title == "`confidence` of judge is 93"


def test_a_rule_of_ones_own(tmp_path: Path) -> None:
    rule = Range(expect=("margin in [0, 0.5]",))
    (finding,) = found(tmp_path, rule, run("0.2", "0.7", field="margin"))
    assert (finding.severity, finding.confidence) == ("high", "certain")
    assert "the configuration expects 0 to 0.5" in finding.message
    with pytest.raises(AgentdbgError, match="cannot read the rule 'margin < 1'"):
        found(tmp_path, Range(expect=("margin < 1",)), run("0.2"))


def test_what_the_contract_tells_is_told_once(tmp_path: Path) -> None:
    lines = [
        f'trace\nworkflow claims\n  agent judge -> {{"score": {value}}}\n  agent desk -> "ok"'
        for value in (*USUAL, '"0.93"')
    ]
    assert [one.detector for one in judged(tmp_path, "\n".join(lines)).findings] == ["handoff.schema"]
