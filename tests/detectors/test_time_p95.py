"""Runs and agents that took far longer than nearly all of their like."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.check.baseline import renewed
from agentdbg.detectors.figures import ok_runs
from agentdbg.detectors.time.p95 import P95
from agentdbg.model import Finding
from tests.detectors.judging import found, places
from tests.stores import of_sketch


def run(name: object, reader: float, writer: float = 1.0) -> str:
    return f"trace {name}\nworkflow digest\n  agent reader dur={reader}s\n  agent writer dur={writer}s"


def usual(count: int = 8) -> list[str]:
    return [run(f"r{n}", 2 + n / 20) for n in range(count)]


def test_a_slow_run_names_the_agent_that_made_it_so(tmp_path: Path) -> None:
    text = "\n".join([*usual(), run("odd", 14)])
    (finding,) = found(tmp_path, P95(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("medium", "likely", "reader")
    assert finding.title == "The run took 15.0 s, 4.5× the slowest of 8 others"
    assert "The longest turn of reader took 14.0 s, 2.4 s elsewhere." in finding.message
    assert places(tmp_path, text, finding) == ["agent reader"]


def test_an_agent_may_be_slow_in_a_run_that_is_not(tmp_path: Path) -> None:
    runs = [run(f"r{n}", 20 + n / 10, 1 + n / 100) for n in range(8)]
    (finding,) = found(tmp_path, P95(), "\n".join([*runs, run("odd", 20, 6)]))
    assert finding.agent == "writer"
    assert finding.title.startswith("The longest turn of writer took 6.0 s")


def test_of_many_runs_it_is_the_percentile(tmp_path: Path) -> None:
    runs = [*usual(30), run("slow", 6)]
    (finding,) = found(tmp_path, P95(), "\n".join([*runs, run("odd", 14)]))
    assert "the 95th percentile of the 31 other runs" in finding.message


@pytest.mark.parametrize(("others", "findings"), [(7, 0), (8, 1)])
def test_it_takes_eight_others(others: int, findings: int, tmp_path: Path) -> None:
    assert len(found(tmp_path, P95(), "\n".join([*usual(others), run("odd", 14)]))) == findings


def test_noise_twice_the_usual_and_parts_of_a_second_are_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, P95(), "\n".join(usual())) == []
    assert found(tmp_path, P95(), "\n".join([*usual(), run("odd", 3.5)])) == []
    quick = [f"trace r{n}\nagent clerk dur={100 + n}ms" for n in range(8)]
    assert found(tmp_path, P95(), "\n".join([*quick, "trace odd\nagent clerk dur=900ms"])) == []
    assert len(found(tmp_path, P95(), "\n".join([*quick, "trace odd\nagent clerk dur=1300ms"]))) == 1


def test_one_run_is_enough_with_a_baseline(tmp_path: Path) -> None:
    with of_sketch(tmp_path, "\n".join(usual())) as store:
        baseline = renewed((), ok_runs(store.reader()))
    with of_sketch(tmp_path, run("new", 14)) as store:
        assert list(P95().find(store.reader())) == []
        store.baseline = baseline
        told = [one for one in P95().find(store.reader()) if isinstance(one, Finding)]
    assert [one.agent for one in told] == ["reader"]
    assert "of the 8 runs of its workflow in the baseline" in told[0].message
