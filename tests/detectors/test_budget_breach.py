"""Budgets: 75 % is a warning, more than all of it a breach, and the span that did it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.budget.breach import Breach
from tests.detectors.judging import found, grades, places, skipped


def spent(*costs: float, agent: str = "researcher") -> str:
    return f"agent {agent}\n" + "\n".join(f"  llm gpt-4o name=call{n} cost={cost}" for n, cost in enumerate(costs))


def test_the_call_that_crossed_and_what_came_after(tmp_path: Path) -> None:
    text = spent(2.0, 2.0, 2.0, 1.5)
    (finding,) = found(tmp_path, Breach(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("critical", "certain", "researcher")
    assert finding.message == (
        "The budget of the run was $5.00, and $7.50 was spent. It was used up by a call of researcher; 1 call and $1.50 "
        "came after it."
    )
    assert places(tmp_path, text, finding) == ["llm call2", "llm call1"]
    assert finding.wasted_usd == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ((1.0, 1.0, 1.74), []),
        ((1.0, 1.0, 1.75), [("medium", "certain")]),
        ((2.5, 2.5), [("medium", "certain")]),
        ((2.5, 2.51), [("critical", "certain")]),
        ((0.1,) * 50, [("medium", "certain")]),
        ((0.5, 1.0, 0.5), []),
    ],
)
def test_the_exact_limits(costs: tuple[float, ...], expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert grades(found(tmp_path, Breach(), spent(*costs))) == expected


def test_budgets_of_agents_and_tokens_are_options(tmp_path: Path) -> None:
    text = "workflow memo\n  agent reader\n    llm gpt-4o in=900 out=100 cost=0.4\n  agent writer\n    llm gpt-4o in=90 out=10 cost=0.1"
    assert found(tmp_path, Breach(), text) == []
    (by_agent,) = found(tmp_path, Breach(agent_usd=0.3), text)
    assert (by_agent.agent, by_agent.title) == (
        "reader",
        "The budget of reader in this run was $0.30, and $0.40 was spent",
    )
    (by_tokens,) = found(tmp_path, Breach(run_tokens=1000), text)
    assert by_tokens.title == "The budget of the run was 1,000 tokens, and 1,100 tokens was spent"
    assert by_tokens.wasted_tokens == 0


def test_an_unknown_price_is_not_free(tmp_path: Path) -> None:
    (one,) = skipped(tmp_path, Breach(), "agent reader\n  llm my-own-model in=9 out=1")
    assert one.reason == "no price of any model call is known"
