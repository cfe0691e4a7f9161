"""Refused writes and state that grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.race.conflicts import Conflicts
from agentdbg.detectors.state.growth import Growth
from agentdbg.statistics import kendall_tau
from tests.detectors.judging import found, grades, judged

REFUSED = ' error="VersionConflictError: expected 3, found 4"'


def writes(count: int, *refused: int, error: str = REFUSED) -> str:
    spans = (f"    state save state.key=total state.op=write{error if i in refused else ''}" for i in range(count))
    return "\n".join(["workflow ledger", "  agent north", *spans])


def test_more_than_one_in_a_hundred_writes_refused(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Conflicts(), writes(120, 5, 40, 41, 99))
    assert (*grades([finding])[0], finding.agent) == ("medium", "certain", "north")
    assert finding.message == (
        "4 of 120 writes (3.3%) were refused because another agent had written first (VersionConflictError); 4 of them at total. "
        "The guard works, the design of the state does not: several agents own one key."
    )


def test_one_refusal_among_many_writes_is_the_guard_at_work(tmp_path: Path) -> None:
    assert found(tmp_path, Conflicts(), writes(120, 5)) == []
    assert found(tmp_path, Conflicts(), writes(400, 5, 9)) == []


def test_over_several_runs_the_share_counts(tmp_path: Path) -> None:
    runs = [writes(20, *([3] if i % 2 else [])) for i in range(6)]
    (finding,) = found(tmp_path, Conflicts(), "\n".join(f"trace run{i}\n{text}" for i, text in enumerate(runs)))
    assert finding.title == "3 of 120 writes refused as outdated, most at total"
    assert " in 3 runs because" in finding.message


def test_two_nodes_without_a_reducer_fail_the_run_and_that_is_told_once(tmp_path: Path) -> None:
    error = "error=\"InvalidUpdateError: At key 'plan': Can receive only one value per step.\""
    (finding,) = judged(tmp_path, f'workflow graph {error}\n  agent north\n    llm gpt-4o -> "x"').findings
    assert (finding.detector, *grades([finding])[0]) == ("race.conflicts", "high", "certain")
    assert finding.advice == "Add a reducer to the key, so that both updates are kept."


def test_a_conflict_of_another_call_is_none_of_the_state(tmp_path: Path) -> None:
    text = "workflow w\n  agent north\n" + '    tool reserve {"seat": 1} error="ConflictError: seat taken"\n' * 3
    assert found(tmp_path, Conflicts(), text) == []


def growing(*kilobytes: int, key: str = "history") -> str:
    saves = (f'    state save state.key=plan state.op=write state.value={{"step": {i}, "{key}": "{"x" * (1000 * size)}"}}' for i, size in enumerate(kilobytes))  # fmt: skip
    return "\n".join(["workflow research", "  agent scout", *saves])


def test_state_that_grows_with_every_write(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Growth(), growing(*range(1, 21)))
    assert (*grades([finding])[0], finding.agent) == ("medium", "certain", "scout")
    assert finding.message == (
        "plan grew from 1.0 KB to 20.0 KB in 20 writes, 1,000 bytes a write; what grows most in it is history."
    )


def test_state_that_is_large_at_once(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, Growth(), growing(150))
    assert finding.message == "plan is 150.0 KB in 1 write; what grows most in it is history."


@pytest.mark.parametrize(
    "sizes",
    [(1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5), (1, 4, 8, 12), (9, 1, 8, 2, 20, 3, 15, 1, 30, 2, 9, 40), (10,) * 20],
    ids=["the last few kept", "few writes", "up and down", "flat"],
)
def test_state_that_does_not_only_grow(sizes: tuple[int, ...], tmp_path: Path) -> None:
    assert found(tmp_path, Growth(), growing(*sizes)) == []


def test_kendalls_tau() -> None:
    assert kendall_tau([1, 2, 3, 4]) == 1
    assert kendall_tau([4, 3, 2, 1]) == -1
    assert kendall_tau([1, 1, 1]) == 0
    assert kendall_tau([1, 3, 2]) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="two values"):
        kendall_tau([1])


def test_what_a_node_gives_back_counts_by_its_size_alone(tmp_path: Path) -> None:
    def node(size: int) -> str:
        return f'  agent scout metadata.langgraph_step=1 {{"plan": ""}} -> {{"plan": "{"x" * size}"}}\n    llm gpt-4o -> "a"'

    (finding,) = found(tmp_path, Growth(), f"workflow graph\n{node(120_000)}")
    assert finding.title == "plan is 120.0 KB large"
    assert found(tmp_path, Growth(), "\n".join(["workflow graph", *(node(1000 * i) for i in range(1, 30))])) == []
