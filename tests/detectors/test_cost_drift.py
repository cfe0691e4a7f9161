"""Workflows that become dearer: a creep, a step, noise, and a baseline."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentdbg.check.baseline import renewed
from agentdbg.detectors.cost.drift import Drift
from agentdbg.detectors.figures import ok_runs
from agentdbg.model import Finding
from tests.detectors.judging import found, skipped
from tests.stores import of_sketch


def runs(costs: Sequence[float], name: str = "r", model: str = "gpt-4o") -> str:
    """Runs of two agents in their order; the reader's cost is given, the writer's is always $0.001."""
    return "\n".join(
        f"trace {name}{n:03}\nworkflow digest\n  agent reader\n    llm {model} in=900 out=40 cost={cost:.6f}\n"
        "  agent writer\n    llm gpt-4o in=100 out=50 cost=0.001"
        for n, cost in enumerate(costs)
    )


def number(finding: Finding) -> int:
    """Which run of the sketch it is told at, from 1."""
    return int(finding.trace_id[:4], 16)


def noisy(count: int, seed: int, spread: float = 0.06) -> list[float]:
    chance = random.Random(seed)
    return [0.01 * (1 + chance.uniform(-spread, spread)) for _ in range(count)]


def test_a_creep_to_twice_the_cost(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Drift(), runs([x * (1 + n / 29) for n, x in enumerate(noisy(30, 1))]))
    assert (finding.severity, finding.confidence, finding.agent) == ("medium", "likely", "reader")
    assert finding.title == "A run of digest costs 1.7× what it did: $0.012 → $0.021"
    assert "the part of reader has grown most" in finding.message
    assert number(finding) == 8


def test_a_step_is_told_at_the_first_run_after_it(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Drift(), runs([*noisy(20, 2), *(2 * x for x in noisy(20, 3))]))
    assert number(finding) == 21
    assert "The change began 20 runs ago" in finding.message
    assert finding.wasted_usd == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", [0.06, 0.6])
def test_noise_is_no_drift(seed: int, spread: float, tmp_path: Path) -> None:
    assert found(tmp_path, Drift(), runs(noisy(40, seed, spread))) == []


def test_what_went_down_again_is_no_drift(tmp_path: Path) -> None:
    assert found(tmp_path, Drift(), runs([*noisy(15, 4), *(2 * x for x in noisy(10, 5)), *noisy(15, 6)])) == []


def test_a_third_more_is_no_drift(tmp_path: Path) -> None:
    assert found(tmp_path, Drift(), runs([*noisy(20, 7), *(1.33 * x for x in noisy(20, 8))])) == []


def test_a_few_runs_are_no_trend(tmp_path: Path) -> None:
    assert found(tmp_path, Drift(), runs([0.01 * (1 + n / 5) for n in range(11)])) == []
    assert len(found(tmp_path, Drift(), runs([0.01 * (1 + n / 5) for n in range(12)]))) == 1


def test_the_model_that_came_with_it_is_named(tmp_path: Path) -> None:
    text = runs(noisy(20, 2), "a") + "\n" + runs([2 * x for x in noisy(20, 3)], "b", model="gpt-4-32k")
    (finding,) = found(tmp_path, Drift(), text)
    assert "Since then it uses gpt-4-32k." in finding.message
    assert "A run takes 1.0× the tokens." in finding.message


def since(folder: Path, kept: str, text: str) -> list[Finding]:
    (folder / "kept").mkdir()
    with of_sketch(folder / "kept", kept) as store:
        baseline = renewed((), ok_runs(store.reader()))
    with of_sketch(folder, text) as store:
        store.baseline = baseline
        return [one for one in Drift().find(store.reader()) if isinstance(one, Finding)]


def test_a_few_runs_against_a_baseline(tmp_path: Path) -> None:
    (finding,) = since(tmp_path, runs(noisy(20, 1), "k"), runs([1.7 * x for x in noisy(6, 2)], "n"))
    assert number(finding) == 1
    assert "in the baseline and costs" in finding.message


def test_four_runs_or_noise_against_a_baseline_are_no_drift(tmp_path: Path) -> None:
    kept = runs(noisy(20, 1), "k")
    assert since(tmp_path, kept, runs([1.7 * x for x in noisy(4, 2)], "n")) == []
    (tmp_path / "two").mkdir()
    assert since(tmp_path / "two", kept, runs(noisy(30, 9), "n")) == []


def test_without_prices_there_is_nothing_to_say(tmp_path: Path) -> None:
    text = runs(noisy(12, 1)).replace(" cost=0.001", "")
    assert found(tmp_path, Drift(), text.replace("gpt-4o in=100", "own in=100")) == []
    assert skipped(tmp_path, Drift(), text) == []
