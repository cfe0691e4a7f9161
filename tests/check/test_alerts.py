"""Every alert: silent at its limit, heard beyond it, and told apart from what cannot be judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.check.alerts import RULES, alerts
from agentdbg.check.baseline import renewed
from agentdbg.check.judging import judgement
from agentdbg.detectors.figures import ok_runs
from agentdbg.errors import AgentdbgError
from agentdbg.model import Finding, RunFigures, Skipped
from tests.commandline import agentdbg_here
from tests.stores import of_sketch


def heard(folder: Path, text: str, kept: str = "", **limits: float) -> tuple[list[Finding], list[Skipped]]:
    """What the rules find in a sketch, and what they could not judge; kept: the runs of the baseline."""
    baseline: tuple[RunFigures, ...] = ()
    if kept:
        with of_sketch(folder, kept) as store:
            baseline = renewed((), ok_runs(store.reader()))
    with of_sketch(folder, text) as store:
        store.baseline = baseline
        findings = judgement(store, {})[0].findings if "loops" in limits else ()
        return alerts(store.reader(), findings, limits, "high")


def turns(good: int, bad: int) -> str:
    return "workflow memo\n" + "  agent clerk\n" * good + "  agent clerk error\n" * bad


def calls(good: int, bad: int) -> str:
    lines = [
        f'    tool post {{"n": "item {chr(97 + n)}"}}{" error" if n < bad else " -> 1"}' for n in range(good + bad)
    ]
    return "workflow memo\n  agent clerk\n" + "\n".join(lines)


def writes(good: int, bad: int) -> str:
    lines = ["  state write"] * good + ['  state write error="VersionConflictError: 3"'] * bad
    return "workflow memo\n" + "\n".join(lines)


def runs(good: int, bad: int) -> str:
    return "\n".join(
        f"trace r{n}\nworkflow memo{' error' if n < bad else ''}\n  agent clerk" for n in range(good + bad)
    )


def asking(alone: int, asked: int) -> str:
    return "\n".join(
        f"trace r{n}\nworkflow memo\n  agent clerk" + '\n    tool request_approval {"n": 1} -> 1' * (n < asked)
        for n in range(alone + asked)
    )


def recorded(whole: int, bare: int) -> str:
    lines = ['  llm m "a" -> "b" in=9 out=1'] * whole + ['  llm m "a" in=9 out=1', '  llm m "a" -> "b"'] * bare
    return "agent clerk\n" + "\n".join(lines[: whole + bare])


def priced(*costs: float) -> str:
    return "\n".join(f"trace r{n}\nagent clerk\n  llm gpt-4o cost={cost}" for n, cost in enumerate(costs))


def passed(count: int) -> str:
    return "workflow memo\n" + "".join(f"  agent {'clerk' if n % 2 else 'desk'}\n" for n in range(count + 1))


def circle(laps: int) -> str:
    asked = '    llm gpt-4o in=90 out=9 "more context please" -> "the file of case 7"\n'
    return "workflow memo\n" + f"  agent clerk\n{asked}" * laps


CASES = {
    # rule: (limit, silent at it, heard beyond it, what is said)
    "success_rate": (0.8, turns(8, 2), turns(7, 3), "7 of 10 turns of clerk ended well, less than 80%"),
    "error_rate": (0.2, calls(8, 2), calls(7, 3), "3 of 10 calls of clerk failed for good, more than 20%"),
    "latency_s": (30, "agent clerk dur=30s", "agent clerk dur=30.1s", "A run of clerk took 30.1 s, more than 30"),
    "turn_latency_s": (30, "agent clerk dur=30s", "agent clerk dur=30.1s", "A turn of clerk took 30.1 s, more than 30"),
    "iterations": (
        5, "agent clerk\n" + "  llm gpt-4o\n" * 5, "agent clerk\n" + "  llm gpt-4o\n" * 6,
        "clerk called the model 6 times in one turn, more than 5",
    ),
    "conflict_rate": (0.01, writes(198, 2), writes(197, 3), "3 of 200 state writes were refused, more than 1.0%"),
    "completion_rate": (0.95, runs(19, 1), runs(18, 2), "18 of 20 runs of memo ended well with an answer, less than 95%"),
    "escalation_rate": (0.1, asking(9, 1), asking(8, 2), "2 of 10 runs of memo asked a person, more than 10%"),
    "coverage": (
        0.8, recorded(8, 2), recorded(7, 3),
        "7 of 10 model calls of clerk are recorded with prompt, answer and tokens, less than 80%",
    ),
    "cost_factor": (2, priced(0.02), priced(0.021), "The cost of a run of clerk: $0.021, more than 2× the $0.01 of the baseline"),
    "handoffs_factor": (2, passed(4), passed(5), "The handoffs of a run of memo: 5, more than 2× the 2 of the baseline"),
    "loops": (0, circle(2), circle(6), "1 stuck loop in these runs, more than 0"),
    "breaker_trips": (
        0, 'agent clerk error="ValueError: 1"', 'agent clerk error="CircuitBreakerError: open"',
        "1 tripped breaker in these runs, more than 0",
    ),
    "dead_letters": (0, "agent clerk\n  tool publish", "agent clerk\n  tool dead_letter", "1 dead letter in these runs, more than 0"),
}  # fmt: skip
KEPT = {"cost_factor": priced(*[0.01] * 5), "handoffs_factor": "\n".join(f"trace k{n}\n{passed(2)}" for n in range(5))}


@pytest.mark.parametrize("rule", RULES)
def test_silent_at_the_limit(rule: str, tmp_path: Path) -> None:
    limit, silent, _, _ = CASES[rule]
    assert heard(tmp_path, silent, KEPT.get(rule, ""), **{rule: limit}) == ([], [])


@pytest.mark.parametrize("rule", RULES)
def test_heard_beyond_it(rule: str, tmp_path: Path) -> None:
    limit, _, loud, said = CASES[rule]
    broken, unjudged = heard(tmp_path, loud, KEPT.get(rule, ""), **{rule: limit})
    assert [one.message.partition(". ")[0].rstrip(".") for one in broken][:1] == [said]
    assert {(one.detector, one.severity) for one in broken} == {(f"alert.{rule}", "high")}
    assert unjudged == []


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_acts_that_is_not_written(rule: str, tmp_path: Path) -> None:
    assert heard(tmp_path, CASES[rule][2]) == ([], [])


FEW = {
    "success_rate": (turns(1, 3), "clerk: 4 turns, fewer than 5"),
    "error_rate": (calls(1, 3), "clerk: 4 calls, fewer than 5"),
    "conflict_rate": (writes(98, 1), "99 state writes, fewer than 100"),
    "completion_rate": (runs(1, 3), "memo: 4 runs, fewer than 5"),
    "escalation_rate": (asking(1, 3), "memo: 4 runs, fewer than 5"),
    "coverage": (recorded(1, 3), "clerk: 4 model calls, fewer than 5"),
    "cost_factor": (priced(0.5), "clerk: the baseline has fewer than 5 runs of it (`agentdbg baseline`)"),
    "handoffs_factor": (passed(9), "memo: the baseline has fewer than 5 runs of it (`agentdbg baseline`)"),
}


@pytest.mark.parametrize("rule", FEW)
def test_too_few_cases_are_neither_passed_nor_failed(rule: str, tmp_path: Path) -> None:
    text, reason = FEW[rule]
    broken, unjudged = heard(tmp_path, text, **{rule: CASES[rule][0]})
    assert broken == []
    assert Skipped(f"alert.{rule}", None, reason) in unjudged


def test_a_rate_is_certain_only_where_chance_cannot_make_it(tmp_path: Path) -> None:
    few, _ = heard(tmp_path, turns(7, 3), success_rate=0.8)
    many, _ = heard(tmp_path, turns(70, 50), success_rate=0.8)
    assert [one.confidence for one in (*few, *many)] == ["likely", "certain"]


def test_a_retry_that_made_it_good_is_no_error(tmp_path: Path) -> None:
    again = "workflow memo\n  agent clerk\n" + '    tool post {"n": 1} error\n    tool post {"n": 1} -> 1\n' * 3
    assert heard(tmp_path, again, error_rate=0.2) == ([], [])


def test_a_tool_is_told_apart_from_whoever_calls_it(tmp_path: Path) -> None:
    lines = [f'    tool post {{"n": "item {chr(97 + n)}"}} error' for n in range(5)]
    text = "workflow memo\n  agent clerk\n" + "\n".join(lines) + "\n    llm gpt-4o\n" * 20
    broken, _ = heard(tmp_path, text, error_rate=0.2)
    assert [one.message for one in broken] == ["5 of 5 calls of post failed for good, more than 20%."]
    assert broken[0].agent is None


def test_the_first_of_them_is_what_to_look_at(tmp_path: Path) -> None:
    (one,), _ = heard(tmp_path, runs(3, 3), completion_rate=0.95)
    assert one.trace_id.startswith("0001")
    assert one.next == f"agentdbg show {one.trace_id}"


def test_every_rule_is_explained() -> None:
    for name, rule in RULES.items():
        text = " ".join(agentdbg_here("explain", f"alert.{name}").stdout.split())
        assert f"Fires where {rule.fires} than its limit." in text
        assert f"{name} = {rule.usual:g}" in text


def test_a_misspelt_rule_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AgentdbgError, match="no alert is called success_rat") as told:
        heard(tmp_path, "agent clerk", success_rat=0.8)
    assert told.value.hint == "did you mean success_rate?"
