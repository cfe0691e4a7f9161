"""Token outliers: among the runs of a workflow, and within one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.token.spike import Spike
from agentdbg.model import Finding
from tests.detectors.judging import found, grades, places, skipped

USUAL = (980, 1010, 1000, 1040, 990, 1005, 970)


def run(number: int, reads: int, writes: int = 40, calls: int = 1, reasoning: int = 0) -> str:
    """One run of a workflow of two agents; the reader's tokens are given, the writer's are always 150."""
    call = f"llm gpt-4o in={reads} out={writes}" + (f" reasoning={reasoning}" if reasoning else "")
    calls_text = "\n".join(f"    {call}" for _ in range(calls))
    return (
        f"trace r{number}\nworkflow digest\n  agent reader\n{calls_text}\n  agent writer\n    llm gpt-4o in=100 out=50"
    )


def spikes(folder: Path, *runs: str) -> list[Finding]:
    return found(folder, Spike(), "\n".join(runs))


def usual() -> list[str]:
    return [run(i, tokens) for i, tokens in enumerate(USUAL)]


def test_a_run_that_stands_out(tmp_path: Path) -> None:
    runs = [*usual(), run(9, 12_000)]
    (finding,) = spikes(tmp_path, *runs)
    assert (finding.severity, finding.confidence, finding.agent) == ("high", "likely", "reader")
    assert "12,190 tokens" in finding.message
    assert "of the 7 other runs" in finding.message
    assert "more input per call" in finding.message
    assert places(tmp_path, "\n".join(runs), finding) == ["llm gpt-4o"]
    assert 10_000 < (finding.wasted_tokens or 0) < 12_000


@pytest.mark.parametrize(
    ("odd", "cause"),
    [
        (run(9, 1000, calls=12), "more calls"),
        (run(9, 12_000), "more input per call"),
        (run(9, 1000, writes=9000), "more output per call"),
        (run(9, 1000, writes=9000, reasoning=8900), "more reasoning per call"),
    ],
)
def test_the_largest_part_of_the_excess_is_named(odd: str, cause: str, tmp_path: Path) -> None:
    (finding,) = spikes(tmp_path, *usual(), odd)
    assert finding.key == cause
    assert cause in finding.title


def test_noise_is_no_spike(tmp_path: Path) -> None:
    assert spikes(tmp_path, *usual()) == []


def test_less_than_twice_the_median_is_no_spike_however_even_the_others_are(tmp_path: Path) -> None:
    assert spikes(tmp_path, *(run(i, 1000) for i in range(9)), run(9, 1900)) == []


def test_another_workflow_is_no_yardstick(tmp_path: Path) -> None:
    other = "trace big\nworkflow audit\n  agent auditor\n    llm gpt-4o in=12000 out=40"
    assert spikes(tmp_path, *usual(), other) == []


def test_with_too_few_other_runs_nothing_is_compared(tmp_path: Path) -> None:
    assert spikes(tmp_path, *usual()[:4], run(9, 12_000)) == []
    assert len(spikes(tmp_path, *usual()[:5], run(9, 12_000))) == 1


CALLS = "agent reader\n" + "\n".join(f"  llm gpt-4o in={n} out=50" for n in (900, 1000, 1100, 950))


def test_one_call_that_dwarfs_the_others_of_its_run(tmp_path: Path) -> None:
    (finding,) = spikes(tmp_path, CALLS + "\n  llm gpt-4o in=30000 out=100")
    assert (finding.severity, finding.confidence) == ("medium", "likely")
    assert "30,100 tokens" in finding.message
    assert finding.key == "more input per call"


def test_neither_a_small_call_nor_a_run_of_large_ones_dwarfs_anything(tmp_path: Path) -> None:
    assert spikes(tmp_path, CALLS + "\n  llm gpt-4o in=15000 out=100") == []
    assert spikes(tmp_path, "agent reader\n" + "  llm gpt-4o in=9000 out=100\n" * 5) == []


def test_a_large_run_alone_is_a_hint(tmp_path: Path) -> None:
    (finding,) = spikes(tmp_path, "agent reader\n" + "  llm gpt-4o in=9000 out=100\n" * 6)
    assert (finding.severity, finding.confidence) == ("low", "hint")


def test_the_numbers_are_options(tmp_path: Path) -> None:
    few = "\n".join([*usual()[:3], run(9, 12_000)])
    assert grades(found(tmp_path, Spike(others=3), few)) == [("high", "likely")]
    assert found(tmp_path, Spike(others=3, factor=50.0), few) == []


def test_without_token_counts_it_says_so(tmp_path: Path) -> None:
    (one,) = skipped(tmp_path, Spike(), "agent reader\n  llm gpt-4o")
    assert one.reason == "no token counts recorded"
