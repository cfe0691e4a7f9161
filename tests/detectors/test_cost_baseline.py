"""Runs that cost more than their like: against the other runs, and against the project's baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.check.baseline import renewed
from agentdbg.detectors.cost.baseline import Baseline
from agentdbg.detectors.figures import ok_runs
from agentdbg.detectors.judge import judge
from agentdbg.detectors.token.spike import Spike
from agentdbg.model import Finding
from tests.detectors.judging import found, judged, places, skipped
from tests.stores import of_sketch

USUAL = (0.0040, 0.0041, 0.0039, 0.0042, 0.0040, 0.0038)


def run(name: object, cost: float, model: str = "gpt-4o", tokens: int = 900) -> str:
    return (
        f"trace {name}\nworkflow digest\n  agent reader\n    llm {model} in={tokens} out=40 cost={cost}\n"
        "  agent writer\n    llm gpt-4o in=100 out=50 cost=0.001"
    )


def usual(runs: int = len(USUAL)) -> list[str]:
    return [run(f"r{n}", cost) for n, cost in enumerate(USUAL[:runs])]


def test_the_same_tokens_from_a_dearer_model(tmp_path: Path) -> None:
    text = "\n".join([*usual(), run("odd", 0.05, "gpt-4-32k")])
    (finding,) = found(tmp_path, Baseline(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "likely", "reader")
    assert finding.key == "dearer tokens"
    assert "10.2× the median of the 6 other runs" in finding.message
    assert "It used gpt-4-32k, which most other runs do not." in finding.message
    assert places(tmp_path, text, finding) == ["llm gpt-4-32k"]
    assert finding.wasted_usd == pytest.approx(0.046)


def test_twice_the_median_exactly_is_not_yet_told(tmp_path: Path) -> None:
    text = [f"trace r{n}\nagent reader\n  llm gpt-4o cost=0.004" for n in range(6)]
    assert found(tmp_path, Baseline(), "\n".join([*text, "trace odd\nagent reader\n  llm gpt-4o cost=0.008"])) == []
    assert (
        len(found(tmp_path, Baseline(), "\n".join([*text, "trace odd\nagent reader\n  llm gpt-4o cost=0.0081"]))) == 1
    )


@pytest.mark.parametrize(("cost", "findings"), [(0.0010, 0), (0.0012, 1)])
def test_less_than_a_tenth_of_a_cent_is_no_matter(cost: float, findings: int, tmp_path: Path) -> None:
    text = [f"trace r{n}\nagent reader\n  llm gpt-4o cost=0.0001" for n in range(6)]
    odd = f"trace odd\nagent reader\n  llm gpt-4o cost={cost}"
    assert len(found(tmp_path, Baseline(), "\n".join([*text, odd]))) == findings


@pytest.mark.parametrize(("others", "findings"), [(4, 0), (5, 1)])
def test_with_too_few_other_runs_nothing_is_compared(others: int, findings: int, tmp_path: Path) -> None:
    assert len(found(tmp_path, Baseline(), "\n".join([*usual(others), run("odd", 0.05)]))) == findings


def test_a_run_with_a_call_of_unknown_price_is_not_compared(tmp_path: Path) -> None:
    odd = run("odd", 0.05) + "\n    llm my-own-model in=10 out=1"
    assert found(tmp_path, Baseline(), "\n".join([*usual(), odd])) == []


def test_without_prices_it_says_so(tmp_path: Path) -> None:
    (one,) = skipped(tmp_path, Baseline(), "agent reader\n  llm my-own-model in=9 out=1")
    assert one.reason == "no price of any model call is known"


def test_what_a_token_spike_tells_is_not_told_again(tmp_path: Path) -> None:
    both = judged(tmp_path, "\n".join([*usual(), run("odd", 0.05, tokens=14_000)]))
    assert [one.detector for one in both.findings if one.severity != "info"] == ["token.spike"]
    dear = judged(tmp_path, "\n".join([*usual(), run("odd", 0.05)]))
    assert [one.detector for one in dear.findings if one.severity != "info"] == ["cost.baseline"]


def beside(folder: Path, kept: str, text: str, detector: Baseline | Spike) -> list[Finding]:
    """What a detector finds in a trace when the runs of another are the baseline."""
    (folder / "kept").mkdir()
    with of_sketch(folder / "kept", kept) as store:
        baseline = renewed((), ok_runs(store.reader()))
    with of_sketch(folder, text) as store:
        store.baseline = baseline
        return [one for one in detector.find(store.reader()) if isinstance(one, Finding)]


def test_one_run_is_enough_with_a_baseline(tmp_path: Path) -> None:
    (finding,) = beside(tmp_path, "\n".join(usual()), run("new", 0.05), Baseline())
    assert "10.2× the median of the 6 runs of its workflow in the baseline" in finding.message
    assert finding.agent == "reader"


def test_a_baseline_goes_before_the_other_runs_at_hand(tmp_path: Path) -> None:
    dear = "\n".join(run(f"n{n}", 0.05) for n in range(9))
    assert len(beside(tmp_path, "\n".join(usual()), dear, Baseline())) == 9
    assert found(tmp_path, Baseline(), dear) == []


def test_a_baseline_of_another_workflow_is_no_yardstick(tmp_path: Path) -> None:
    kept = "\n".join(usual()).replace("workflow digest", "workflow audit")
    assert beside(tmp_path, kept, run("new", 0.05), Baseline()) == []


def test_token_spike_takes_the_baseline_as_well(tmp_path: Path) -> None:
    (finding,) = beside(tmp_path, "\n".join(usual()), run("new", 0.05, tokens=60_000), Spike())
    assert (finding.severity, finding.key) == ("high", "more input per call")
    assert "the 6 runs of its workflow in the baseline" in finding.message
    assert "reader used 60,040, 59,100 more than usual" in finding.message


def test_with_a_baseline_a_large_run_that_is_usual_is_no_hint(tmp_path: Path) -> None:
    large = [run(f"k{n}", 0.05, tokens=60_000 + n) for n in range(6)]
    assert beside(tmp_path, "\n".join(large), run("new", 0.05, tokens=60_500), Spike()) == []
    assert len(found(tmp_path, Spike(), run("new", 0.05, tokens=60_500))) == 1


def test_runs_of_the_baseline_are_judged_without_themselves(tmp_path: Path) -> None:
    text = "\n".join([*usual(), run("odd", 0.05)])
    with of_sketch(tmp_path, text) as store:
        store.baseline = renewed((), ok_runs(store.reader()))
        told = [one.message for one in judge(store.reader(), {}).findings if one.detector == "cost.baseline"]
    assert len(told) == 1
    assert "the 6 runs of its workflow in the baseline" in told[0]
