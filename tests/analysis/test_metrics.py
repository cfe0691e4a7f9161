"""A sketch in, figures out."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.analysis.metrics import AgentMetrics, Metrics, Times, metrics
from agentdbg.check.judging import judgement
from tests.stores import of_files, of_sketch, otlp

SECOND = 1_000_000_000
TEAM = """\
trace one
workflow memo
  agent planner dur=3s
    llm gpt-4o in=100 out=10 cached=60 cost=0.01 dur=2s
  agent researcher dur=10s
    llm gpt-4o in=200 out=20 cost=0.02 dur=1s
    tool search {"q": "rome"} error dur=1s
    tool search {"q": "rome"} -> [] dur=2s
    llm my-own in=50 out=5 dur=1s
    tool send {"to": "ann"} error dur=1s
trace two
workflow memo error="ValueError: 1"
  agent planner error="ValueError: 1" dur=5s
    llm gpt-4o in=100 out=10 cost=0.01
"""


def of_text(folder: Path, text: str, trace_id: str | None = None) -> Metrics:
    with of_sketch(folder, text) as store:
        return metrics(store.reader(), judgement(store, {})[0].findings, trace_id)


def agent(found: Metrics, name: str) -> AgentMetrics:
    return next(one for one in found.agents if one.agent == name)


@pytest.fixture
def team(tmp_path: Path) -> Metrics:
    return of_text(tmp_path, TEAM)


def test_how_well_an_agent_did(team: Metrics) -> None:
    planner, researcher = agent(team, "planner"), agent(team, "researcher")
    assert (planner.runs, planner.turns, planner.closed, planner.succeeded) == (2, 2, 2, 1)
    assert (researcher.operations, researcher.errors, researcher.recovered, researcher.tool_calls) == (5, 2, 1, 3)
    assert (researcher.rounds, researcher.handed_in, planner.handed_out) == (2, 1, 1)


def test_how_long_it_took(team: Metrics) -> None:
    assert agent(team, "planner").times == Times(2, 4 * SECOND, 4 * SECOND, 4_900_000_000, 4_980_000_000, 5 * SECOND)
    researcher = agent(team, "researcher")
    assert (researcher.own_ns, researcher.blind_ns) == (10 * SECOND, 4 * SECOND)  # 6 of its 10 seconds are told of
    assert researcher.path_ns is None


def test_what_it_used_and_of_how_many_calls_that_is_known(team: Metrics) -> None:
    used = agent(team, "researcher").usage
    assert (used.calls, used.counted, used.priced, used.tokens, used.cost_usd) == (2, 2, 1, 275, 0.02)
    assert used.partial
    assert agent(team, "planner").usage.cached_tokens == 60
    assert (team.usage.calls, team.usage.priced, team.usage.tokens, team.usage.cost_usd) == (4, 3, 495, 0.04)


def test_unknown_is_none_and_not_nothing(tmp_path: Path) -> None:
    clerk = agent(of_text(tmp_path, "agent clerk open\n  llm my-own-model"), "clerk")
    assert (clerk.closed, clerk.times.p95_ns, clerk.usage.tokens, clerk.usage.cost_usd) == (0, None, None, None)


def test_tools(team: Metrics) -> None:
    told = [(one.tool, one.calls, one.errors, one.recovered, one.empty, one.times.longest_ns) for one in team.tools]
    assert told == [("search", 2, 1, 1, 1, 2 * SECOND), ("send", 1, 1, 0, 0, SECOND)]


def test_workflows(team: Metrics) -> None:
    told = [(one.workflow, one.runs, one.completed, one.usage.tokens, one.usage.cost_usd) for one in team.workflows]
    assert told == [("memo [planner, researcher]", 1, 1, 385, 0.03), ("memo [planner]", 1, 0, 110, 0.01)]


def test_an_empty_answer_does_not_complete_a_run(tmp_path: Path) -> None:
    found = of_text(
        tmp_path, 'trace a\nworkflow memo "ask" -> "done"\ntrace b\nworkflow memo "ask" -> ""\ntrace c\nworkflow memo'
    )
    assert [(one.runs, one.completed) for one in found.workflows] == [(3, 2)]


def test_people_breakers_dead_letters_and_conflicts_are_counted(tmp_path: Path) -> None:
    found = of_text(
        tmp_path,
        """\
workflow memo
  agent clerk
    tool escalate_to_human {"why": "limit"}
    tool dead_letter {"task": 1}
    llm gpt-4o error="CircuitBreakerError: open"
    state write
    state write error="VersionConflictError: 3"
    state read
""",
    )
    both = found.coordination
    assert (found.workflows[0].escalated, both.breaker_trips, both.dead_letters) == (1, 1, 1)
    assert (both.state_writes, both.state_conflicts) == (2, 1)


def test_the_busiest_minute_is_a_window_and_not_a_calendar(tmp_path: Path) -> None:
    calls = "\n".join(f"  llm gpt-4o in=100 at={at}s dur=1s" for at in (0, 50, 55, 65, 70, 130))
    both = of_text(tmp_path, f"workflow memo\n{calls}").coordination
    assert (both.peak_tokens, both.peak_calls, both.usual_tokens) == (400, 4, 200)


def test_a_stuck_loop_is_counted_with_its_agent(tmp_path: Path) -> None:
    lap = '  agent clerk\n    llm gpt-4o in=90 out=9 "more context please" -> "the file of case 7"\n'
    found = of_text(tmp_path, "workflow memo\n" + lap * 6)
    assert (found.coordination.loops, agent(found, "clerk").loops, agent(found, "clerk").findings) == (1, 1, 1)


def test_handoffs_are_edges_and_say_how_the_receiver_fared(tmp_path: Path) -> None:
    found = of_text(
        tmp_path,
        "workflow memo\n"
        + "  agent reader\n  agent writer dur=2s\n" * 2
        + "  agent reader\n  agent writer error dur=1s",
    )
    told = [(one.from_agent, one.to_agent, one.count, one.failed) for one in found.edges]
    assert told == [("reader", "writer", 3, 1), ("writer", "reader", 2, 0)]
    assert found.edges[0].took_ns == 5 * SECOND


def test_one_run_has_its_own_figures_and_a_critical_path(tmp_path: Path) -> None:
    with of_sketch(tmp_path, TEAM) as store:
        first = store.reader().trace_ids()[0]
        found = metrics(store.reader(), [], first)
    assert (agent(found, "planner").runs, found.coordination.runs, found.usage.calls) == (1, 1, 3)
    assert agent(found, "researcher").path_ns == 10 * SECOND


def span(name: str, span_id: str, parent: str = "", status: int = 0, **more: object) -> dict[str, object]:
    kind = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"} if not parent else {}
    return {
        "name": name,
        "id": span_id,
        "parent": parent,
        "status": {"code": status} if status else {},
        "attributes": kind,
        **more,
    }


@pytest.mark.parametrize(
    ("children", "succeeded", "closed"),
    [
        ([], 1, 1),
        ([span("look", "b1", "a1", 2, start=1, end=10), span("look", "b2", "a1", start=20, end=30)], 1, 1),
        ([span("look", "b1", "a1", start=1, end=10), span("look", "b2", "a1", 2, start=20, end=30)], 0, 1),
    ],
)
def test_a_turn_that_does_not_say_how_it_ended_did_as_the_last_thing_in_it(
    children: list[dict[str, object]], succeeded: int, closed: int, tmp_path: Path
) -> None:
    with of_files(otlp(tmp_path, [span("invoke_agent clerk", "a1"), *children])) as store:
        clerk = agent(metrics(store.reader(), []), "clerk")
    assert (clerk.succeeded, clerk.closed) == (succeeded, closed)


def test_a_cancelled_turn_is_neither_success_nor_failure(tmp_path: Path) -> None:
    clerk = agent(
        of_text(tmp_path, 'workflow memo\n  agent clerk error="CancelledError: stop"\n  agent clerk'), "clerk"
    )
    assert (clerk.turns, clerk.closed, clerk.succeeded) == (2, 1, 1)


def test_parallel_children_are_not_counted_twice(tmp_path: Path) -> None:
    clerk = agent(of_text(tmp_path, "agent clerk dur=3s\n  tool a dur=2s at=0s\n  tool b dur=2s parallel"), "clerk")
    assert clerk.blind_ns == SECOND
