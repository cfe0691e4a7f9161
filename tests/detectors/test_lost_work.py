"""Messages that nobody took, tasks that nobody finished, nets that fired, people who were asked, work without spans."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.detectors.breaker.trip import Trip
from agentdbg.detectors.dlq.loss import Loss
from agentdbg.detectors.human.escalation import Escalation
from agentdbg.detectors.task.abandoned import Abandoned
from agentdbg.detectors.trace.blind import Blind
from tests.detectors.judging import found, grades, judged, places


def queue(*steps: str) -> str:
    """`billing process bills m1`: who does what with which queue and message."""
    lines = ["workflow intake"]
    for step in steps:
        agent, act, name, message, *error = step.split(" ", 4)
        told = f"messaging.operation.type={act} messaging.destination.name={name} messaging.message.id={message}"
        lines += [f"  agent {agent}", f"    other {act} {told} {' '.join(error)}"]
    return "\n".join(lines)


FAILS = 'error="ValueError: no amount"'


def test_a_message_that_ended_on_a_dead_letter_queue(tmp_path: Path) -> None:
    tries = [f"billing process bills m1 {FAILS}"] * 3
    (finding,) = judged(tmp_path, queue("intake send bills m1", *tries, "runtime send dead_letter:billing m1")).findings
    assert (finding.detector, *grades([finding])[0], finding.agent) == ("dlq.loss", "high", "certain", "billing")
    assert finding.message == (
        "1 message (m1) was sent to dead_letter:billing and nobody took it from there. 3 attempts to process it had failed."
    )


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (("a send bills m1", f"b process bills m1 {FAILS}", "b process bills m1"), []),
        (("a send orders-dlq m1",), [("high", "certain")]),
        (("a send dlq m1", "b process dlq m1"), [("info", "certain")]),
        (("a send bills m1", "a send bills m2", "b process bills m1", "a send bills m3", "b process bills m3"), [("high", "certain")]),
        (("a send bills m1", "b process bills m1", "a send bills m2"), [("medium", "likely")]),
        (("a send bills m1", "b process bills m1", "a send flags m2"), [("medium", "hint")]),
        (("a send bills m1", "a send bills m2"), []),
        (("a publish topic m1", "b receive topic.queue m1"), []),
        (("a send redline m1", "b process redline m1"), []),
    ],
    ids=[
        "third try", "a queue for the dead", "taken up again", "one is never taken", "the last one", "nobody listens", "takers are not recorded",
        "an exchange and its queue", "a name that only sounds so",
    ],
)  # fmt: skip
def test_messages_and_who_takes_them(steps: tuple[str, ...], said: list[tuple[str, str]], tmp_path: Path) -> None:
    assert grades(found(tmp_path, Loss(), queue(*steps))) == said


def test_a_push_to_a_list_of_the_dead(tmp_path: Path) -> None:
    text = 'workflow intake\n  agent billing\n    other redis db.query.text="LPUSH dead_letter:billing {1}"'
    (finding,) = found(tmp_path, Loss(), text)
    assert finding.message == "1 message was sent to dead_letter:billing and nobody took it from there."


def claims(*steps: str) -> str:
    """`adjuster processing`: who sets the task to what; an agent with `!` never ends."""
    lines = ["workflow claims"]
    for step in steps:
        agent, status = step.split()
        lines += [
            f"  agent {agent.strip('!')}{' open' if '!' in agent else ''}",
            f'    tool put {{"n": 1}} -> {{"task": "c-7", "status": "{status}"}}',
        ]
    return "\n".join([*lines, "  agent clerk", '    tool look {"n": 2} -> "nothing new" at=70s'])


def test_a_worker_that_died_left_its_task(tmp_path: Path) -> None:
    text = claims("intake pending", "adjuster! processing")
    (finding,) = (one for one in judged(tmp_path, text).findings if one.severity == "high")
    assert (finding.detector, finding.confidence, finding.agent) == ("task.abandoned", "certain", "adjuster")
    assert finding.message == (
        "Task c-7 is still processing: adjuster's span adjuster never ended, and its last sign of life is 70 s before the end of the run."
    )
    assert places(tmp_path, text, finding)[:2] == ["agent adjuster", "tool put"]
    assert "trace.orphan" not in {one.detector for one in judged(tmp_path, text).findings}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (("adjuster! processing", "watchdog pending", "other processing", "other completed"), []),
        (("adjuster! processing", "watchdog failed"), []),
        (("adjuster processing",), [("low", "likely")]),
        (("intake pending",), []),
    ],
    ids=["done by another", "failed", "the run just ended", "never begun"],
)
def test_what_becomes_of_a_task(steps: tuple[str, ...], said: list[tuple[str, str]], tmp_path: Path) -> None:
    assert grades(found(tmp_path, Abandoned(), claims(*steps))) == said


def test_a_state_tells_of_a_task_as_well(tmp_path: Path) -> None:
    text = claims("intake pending").replace(
        "  agent clerk",
        '  agent adjuster open\n    state put state.key=task:c-7 state.op=write state.value={"task": "c-7", "status": "processing"}\n  agent clerk',
    )
    assert grades(found(tmp_path, Abandoned(), text)) == [("high", "certain")]


def test_a_breaker_that_stopped_an_agent_is_told_once(tmp_path: Path) -> None:
    error = 'error="CircuitBreakerError: cost 5.20 over the limit of 5.00"'
    text = f'workflow refund {error}\n  agent clerk {error}\n    llm gpt-4o -> "Once more."'
    (finding,) = judged(tmp_path, text).findings
    assert (finding.detector, *grades([finding])[0], finding.agent) == ("breaker.trip", "high", "certain", "clerk")
    assert finding.message == (
        "A safety net fired: CircuitBreakerError stopped clerk (CircuitBreakerError: cost 5.20 over the limit of 5.00)."
    )


def test_a_breaker_above_the_failures_that_made_it_fire(tmp_path: Path) -> None:
    failed = '    tool bureau {} error="ConnectionError: refused"\n'
    text = 'workflow loan\n  agent clerk error="CircuitBreakerError: 5 failures"\n' + failed * 2
    assert [one.agent for one in found(tmp_path, Trip(), text)] == ["clerk"]


@pytest.mark.parametrize(
    ("step", "net"),
    [
        ('llm gpt-4o error="BudgetExceeded: 5.2 of 5"', "BudgetExceeded"),
        ('tool x {} error="AgentTimeoutError: 30 s"', "AgentTimeoutError"),
        ('llm gpt-4o error="MaxTurnsExceeded: 10"', "MaxTurnsExceeded"),
        ('other guard breaker.state=open breaker.limit=5 breaker.value=7', "limit 5, state open, value 7"),
        ('other guard breaker.state=closed breaker.limit=5', None),
        ('tool x {} error="RecursionError: maximum recursion depth exceeded"', None),
        ('tool x {} error="ValueError: the circuit breaker catalogue is empty"', None),
    ],
)  # fmt: skip
def test_what_is_a_safety_net(step: str, net: str | None, tmp_path: Path) -> None:
    messages = [one.message for one in found(tmp_path, Trip(), f"workflow w\n  agent clerk\n    {step}")]
    assert len(messages) == (net is not None)
    assert all(net in message for message in messages if net)


def test_what_goes_on_after_a_net_does_not_build_on_its_error(tmp_path: Path) -> None:
    text = """
workflow refund
  agent clerk
    llm gpt-4o -> "Once more."
    other guard error="BudgetExceeded: spent 6.1, limit 5"
  agent writer
    llm gpt-4o -> "A person will answer."
"""
    assert [one.detector for one in judged(tmp_path, text).findings] == ["breaker.trip"]


def test_a_ceiling_that_ended_a_loop_is_part_of_the_loop(tmp_path: Path) -> None:
    error = 'error="GraphRecursionError: Recursion limit of 25 reached"'
    laps = '    llm gpt-4o "again" -> "Let me look again."\n    tool search {"q": "a"} -> []\n' * 6
    findings = judged(tmp_path, f"workflow look {error}\n  agent scout\n{laps}").findings
    assert [one.detector for one in findings] == ["loop.cycle"]
    budget = error.replace("GraphRecursionError: Recursion limit of 25", "BudgetExceeded: limit of 5")
    findings = judged(tmp_path, f"workflow look {budget}\n  agent scout\n{laps}").findings
    assert {one.detector for one in findings} >= {"loop.cycle", "breaker.trip"}


@pytest.mark.parametrize(
    ("step", "asked"),
    [
        ('tool escalate_to_human {"why": "limit"} -> "taken over"', True), ("tool transfer_to_human_agents {}", True),
        ("other manager_approval", True), ("other interrupt", True), ('tool human_resources_lookup {"id": 1}', False),
        ('tool transfer_to_billing {"id": 1}', False), ('tool search {"q": "approve"}', False),
    ],
)  # fmt: skip
def test_when_a_person_is_asked(step: str, asked: bool, tmp_path: Path) -> None:
    said = grades(found(tmp_path, Escalation(), f"workflow w\n  agent clerk\n    {step}"))
    assert said == ([("info", "certain")] if asked else [])


PROMPT = (
    '[{"role": "user", "content": "look"}, {"role": "assistant", "content": "", "tool_calls": [{"id": "c9", "function": {"name": "read_vault", '
    '"arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c9", "content": "the code"}]'
)


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ('tool search {"q": 1} -> "a"', [("medium", "certain")]),
        ("other step", [("info", "certain")]),
        ('tool vault {} -> "the code" tool_call_id=c9', []),
        ('tool read_vault {} -> "the code"', []),
        ("other run_read_vault", []),
    ],
    ids=[
        "other tools are recorded",
        "no tools are recorded",
        "by the id of the call",
        "by its name",
        "a span of its own",
    ],
)
def test_a_tool_that_ran_without_a_span(beside: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    text = f'workflow answer\n  agent scout\n    {beside}\n    llm gpt-4o {PROMPT} -> "Done."'
    assert grades(found(tmp_path, Blind(), text)) == said


def test_tools_that_hand_over_need_no_span(tmp_path: Path) -> None:
    prompt = PROMPT.replace("read_vault", "transfer_back_to_boss")
    text = f'workflow answer\n  agent scout\n    tool search {{"q": 1}} -> "a"\n    llm gpt-4o {prompt} -> "Done."'
    assert found(tmp_path, Blind(), text) == []


def test_time_that_no_span_covers(tmp_path: Path) -> None:
    text = 'agent scout dur=20s\n  llm gpt-4o -> "a" dur=4s\n  tool look {} -> 1 at=10s dur=9s'
    (finding,) = found(tmp_path, Blind(), text)
    assert grades([finding]) == [("low", "hint")]
    assert finding.message == (
        "scout was at work for 20 s, and for 7.0 s of it (35%) no span ran. The longest such stretch is 6.0 s, 4.0 s after the turn began."
    )


@pytest.mark.parametrize(
    "text",
    [
        'agent scout dur=20s\n  llm gpt-4o -> "a" dur=18s\n  tool look {} -> 1 dur=1s',
        'agent scout dur=20s\n  llm gpt-4o error="RateLimitError: 429" dur=1s\n  llm gpt-4o -> "a" at=11s dur=9s',
        'agent scout dur=20s\n  llm gpt-4o -> "a" dur=0s\n  tool look {} -> 1 at=10s dur=9s',
        "agent scout dur=20s",
    ],
    ids=["covered", "a pause before a retry", "durations are not recorded", "nothing is recorded"],
)
def test_time_that_is_covered_or_explained(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, Blind(), text) == []
