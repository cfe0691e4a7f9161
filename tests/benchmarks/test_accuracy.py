"""What accuracy is measured with, on runs that were made up for it: labels in, figures out."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy import conversations, scores, table, trail
from benchmarks.accuracy.attribution import BASELINES, OURS
from benchmarks.accuracy.captures import captures
from benchmarks.accuracy.conversations import Run
from benchmarks.accuracy.figures import (
    NEUTRAL,
    Confidences,
    Figure,
    Group,
    Tally,
    annotated,
    attributed,
    captured,
    outcomes,
)
from benchmarks.accuracy.proof import proven
from benchmarks.accuracy.records import records
from tests.detectors.judging import found as found_in

LONG = "I go through the list of bridges line by line and write down what it says of each of them. " * 3
CHAT = [
    {"name": "Planner", "role": "assistant", "content": "# Task\nCount.\n## Constraints and conditions for completion\n- none\n"},
    {"name": "Coder", "role": "assistant", "content": f"{LONG}\n```python\nprint(open('a').read())\n```"},
    {"name": "Computer_terminal", "role": "user", "content": "exitcode: 1 (execution failed)\nCode output: no such file"},
    {"name": "Planner", "role": "assistant", "content": f"{LONG} So it is seven, which closes the task."},
]  # fmt: skip
TEAM = [
    {"role": "human", "content": "How long is the bridge?"},
    {"role": "Orchestrator (thought)", "content": "Somebody must look it up."},
    {"role": "Orchestrator (-> Surfer)", "content": "Please look up how long the bridge is."},
    {"role": "Surfer", "content": f"{LONG} It is 1280 metres long."},
    {"role": "Orchestrator (thought)", "content": "That will do."},
]
ORDER = [
    {"role": "system", "content": "Help with orders."},
    {"role": "user", "content": "Cancel my order 7."},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "cancel_order", "arguments": '{"id": 7}'}}]},
    {"role": "tool", "tool_call_id": "c1", "name": "cancel_order", "content": "cancelled"},
    {"role": "assistant", "content": "Your order is cancelled."},
]  # fmt: skip


def told(**more: Any) -> dict[str, Any]:
    return {"mistake_agent": "Coder", "mistake_step": "1", "mistake_reason": "it never looked", **more}


def span(
    number: int, name: str, kind: str | None = None, below: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    attributes = {**({"openinference.span.kind": kind} if kind else {}), **more.pop("attributes", {})}
    return {
        "trace_id": "1" * 32, "span_id": f"{number:016x}", "parent_span_id": None, "span_name": name,
        "timestamp": f"2025-03-19T16:32:{number:02d}.000000Z", "duration": "PT0.5S", "status_code": "Ok",
        "status_message": "", "span_attributes": attributes, "events": [], "child_spans": below or [], **more,
    }  # fmt: skip


def spans() -> dict[str, Any]:
    """An agent that has a tool, asks it nothing, and answers all the same."""
    answer = "Thought: I have verified through official records that it is 1280.\n```py\nfinal_answer(1280)\n```"
    call = span(3, "Model", "LLM", attributes={"llm.output_messages.0.message.content": answer,
                "llm.output_messages.0.message.role": "assistant"})  # fmt: skip
    call["parent_span_id"] = f"{2:016x}"
    names = {"smolagents.tools_names": '["search","final_answer"]', "input.value": '{"task": "How long is it?"}'}
    run = span(2, "CodeAgent.run", "AGENT", [call], attributes=names, parent_span_id=f"{1:016x}")
    return {"trace_id": "1" * 32, "spans": [span(1, "main", None, [run])]}


ERRORS = {"errors": [{"category": "goal deviation", "location": f"{3:016x}"},
                     {"category": "Resource Abuse", "location": f"{2:016x}"}]}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    def write(name: str, part: str, made: dict[str, Any]) -> None:
        file = tmp_path / name / part / "records.jsonl.gz"
        file.parent.mkdir(parents=True)
        with gzip.open(file, "wt", encoding="utf-8") as out:
            out.writelines(
                json.dumps({"id": key, "path": "", "text": value if isinstance(value, str) else json.dumps(value)})
                + "\n"
                for key, value in made.items()
            )

    write("whowhen", "unseen", {"Algorithm-Generated/1": told(history=CHAT),
                                "Hand-Crafted/1": told(history=TEAM, mistake_agent="Surfer", mistake_step="3")})  # fmt: skip
    failure = {"failure_id": 1, "step_number": 3, "failed_agent": "Assistant", "failure_category": "x"}
    label = {"failures": [failure], "root_cause": {"failure_id": "1"}}
    write("agentrx", "unseen", {"tau/1": {"label": label, "trajectory": {"traj": ORDER}}})
    write("trail", "unseen", {"GAIA/1": spans(), "GAIA/1/annotation": json.dumps(ERRORS)[:-2] + ",]}"})
    write("trail-llm", "unseen", {"model/GAIA/1": f"Here it is:\n```json\n{json.dumps(ERRORS)}\n```"})
    write("tau-airline", "unseen", {"a/1": {"reward": 1, "traj": ORDER}, "a/2": {"reward": 0, "traj": ORDER}})
    return tmp_path


def test_records_of_any_part_are_read_and_labels_with_a_comma_too_many(data: Path) -> None:
    known = {one.id: one for one in records(data, "trail")}
    assert known["GAIA/1/annotation"].value == ERRORS
    assert list(records(data, "not-there")) == []


def test_who_and_when_is_ranked_beside_trivial_baselines(data: Path) -> None:
    groups = {group.name: group for group in attributed(data, Confidences())}
    ours = groups["Who&When algorithm-generated"].methods[OURS]
    assert (ours["agent"].value, ours["step"].value, ours["top3"].value) == (1, 1, 1)
    assert groups["Who&When algorithm-generated"].methods["last to act"]["step"].value == 0
    assert groups["Who&When hand-crafted"].methods[OURS]["step"].value == 1
    assert groups["AgentRx tau-bench retail"].methods[OURS]["step"].value == 1
    assert "GPT-4o, all at once" in groups["Who&When hand-crafted"].methods


def test_a_trail_run_is_scored_in_pairs_and_spans(data: Path) -> None:
    (group,) = annotated(data, Confidences())
    ours = group.methods[NEUTRAL]
    assert (group.name, group.cases) == ("TRAIL GAIA", 1)
    assert ours["location"].value == 0.5  # the right span of two, with one right category of five
    assert (ours["pair recall"].value, ours["pair precision"].value) == (0.5, 0.2)
    assert group.methods["Gemini 2.5 Flash, the same runs"]["joint"].value == 1


def test_passing_runs_have_no_alarm_here(data: Path) -> None:
    group = outcomes(data, Confidences())
    assert group is not None
    assert (group.cases, group.methods["passing runs with an alarm"]["of any kind"].value) == (1, 0)


def test_data_that_is_not_there_gives_no_group(tmp_path: Path) -> None:
    told = Confidences()
    assert (attributed(tmp_path, told), annotated(tmp_path, told)) == ([], [])
    assert (outcomes(tmp_path, told), captured(tmp_path, told)) == (None, None)


def test_the_task_of_a_group_chat_is_not_what_its_first_agent_says(tmp_path: Path) -> None:
    run = Run("x", "g", CHAT, "Coder", 1, frozenset((1,)))
    root, first, *_ = (json.loads(line) for line in conversations.spans(run).splitlines())
    assert root["input"] == CHAT[0]["content"]
    assert first["output"]["content"] == ""


def test_a_capture_is_right_where_a_fault_was_planted(tmp_path: Path) -> None:
    spin = [{"trace_id": "t", "span_id": f"s{i}", "parent_id": "s0" if i else None, "type": "tool" if i else "agent",
             "name": "search" if i else "searcher", "start_time": f"2026-03-01T10:00:{i:02d}Z",
             "end_time": f"2026-03-01T10:00:{i:02d}.5Z", "agent": "searcher",
             **({"tool": "search", "input": {"q": "bridge"}, "output": "nothing new, try again"} if i else {})}
            for i in range(12)]  # fmt: skip
    (tmp_path / "loop.jsonl").write_text("".join(json.dumps(one) + "\n" for one in spin))
    fault = {"kind": "tool_loop", "enters_at_agent": "searcher", "trace_id": None}
    entries = [
        {"files": ["loop.jsonl"], "category": "loop", "planted_faults": [fault]},
        {"files": ["loop.jsonl"], "category": "healthy", "planted_faults": []},
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"entries": entries}))
    planted, healthy = captures(tmp_path)
    assert [(fault.found, fault.right_agent) for fault in planted.faults] == [(True, True)]
    assert {right for _, right in planted.judged} == {True}
    assert healthy.alarmed
    assert {right for _, right in healthy.judged} == {False}


def test_a_failed_span_is_proven_by_the_recording(tmp_path: Path) -> None:
    from agentdbg.detectors.error.origin import Origin

    (finding,) = found_in(tmp_path, Origin(), 'agent a\n  tool t id=x error="boom"\n  llm m -> "done"\n')
    failed = span(1, "t", "TOOL", span_id=finding.primary.span_id, status_code="Error")
    assert proven(finding, {"spans": [failed]})
    assert not proven(finding, {"spans": [failed | {"status_code": "Ok"}]})


@pytest.mark.parametrize(
    ("said", "meant"),
    [("formatting errors", "Formatting Errors"), ("Instruction Non-complience", "Instruction Non-compliance"),
     ("Formatting", "Formatting Errors"), ("TaskOrchestration", "Task Orchestration"), ("Magic", "Magic")],
)  # fmt: skip
def test_categories_however_they_are_spelt(said: str, meant: str) -> None:
    assert trail.category(said) == meant


def test_shares_have_wilsons_interval_and_sums_a_fixed_bootstrap() -> None:
    assert [round(end, 3) for end in scores.wilson(8, 10)] == [0.490, 0.943]
    assert scores.wilson(0, 0) == (0.0, 1.0)
    cases = [1.0, 0.0, 1.0, 1.0]
    mean = scores.bootstrap(cases, lambda drawn: sum(drawn) / len(drawn))
    assert mean == scores.bootstrap(cases, lambda drawn: sum(drawn) / len(drawn))
    assert mean[0] < 0.75 < mean[1]


def test_false_alarms_count_in_pairs_and_not_in_trails_own_figures() -> None:
    right: set[trail.Pair] = {("a", "x")}
    loud = right | {("b", "x"), ("a", "y")}
    assert scores.recalled([(right, loud)]) == scores.located([(right, loud)]) == 1
    assert [round(one, 2) for one in scores.pairs([(right, loud)])] == [0.33, 1.0, 0.5]
    assert [round(one, 2) for one in scores.spans([(right, loud)])] == [0.5, 1.0, 0.67]


def test_baselines_of_a_group_chat() -> None:
    assert {name: baseline(CHAT)[:1] for name, baseline in BASELINES.items()} == {
        "first to act": [0], "second to act": [1], "last to act": [3], "most frequent agent": [0],
        "first error-looking message": [1], "first worker": [], "first call that changes something": [],
    }  # fmt: skip
    assert BASELINES["first worker"](TEAM) == [3]
    assert BASELINES["first call that changes something"](ORDER) == [2]


def test_a_page_of_figures() -> None:
    told = Confidences({"certain": Tally(40, 0, 2), "likely": Tally(1, 1, 0), "hint": Tally()})
    group = Group("TRAIL SWE Bench", 8, {OURS: {"pair F1": Figure(0.4849, 0.3, 0.61)}, "o3": {"pair F1": Figure(1.0)}})
    lines = table.page("2026-01-01", [group], told).splitlines()
    assert "### TRAIL SWE Bench, 8 runs" in lines
    assert "| agentdbg | .485 (.30-.61) |" in lines
    assert "| o3 | 1.000 |" in lines
    assert "| certain | 40 | 0 | 2 | 1.000 (.91-1.00) |" in lines
    assert "| TRAIL SWE Bench: pair F1 | ≥ 0.45 | 0.485 | yes |" in lines
    assert not any("precision of likely" in line for line in lines)  # two say nothing


def test_one_command_writes_json_and_markdown(data: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "out.json", tmp_path / "out.md"
    command = [sys.executable, "-m", "benchmarks.accuracy", "--data", str(data), "--captures", str(tmp_path / "none")]
    subprocess.run([*command, "--json", str(out), "--markdown", str(page)], check=True, capture_output=True)
    figures = json.loads(out.read_text())
    assert {group["name"] for group in figures["groups"]} == {
        "Who&When algorithm-generated", "Who&When hand-crafted", "AgentRx tau-bench retail", "TRAIL GAIA",
        "tau-bench, passing runs",
    }  # fmt: skip
    assert page.read_text().startswith("Measured 20")
    nothing = subprocess.run([*command, "--data", str(tmp_path / "none")], capture_output=True, text=True)
    assert nothing.returncode == 1
    assert "name them with --data" in nothing.stderr
