"""The baseline file: written and read back, renewed, pruned, and refused where it is something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agentdbg.check.baseline import MOST, Known, known, pruned, read, renewed, text, told_now
from agentdbg.check.judging import judge_and_keep, stale
from agentdbg.detectors.figures import ok_runs
from agentdbg.errors import AgentdbgError
from agentdbg.fingerprint import fingerprint
from agentdbg.model import AgentFigures, Finding, RunFigures
from tests.stores import of_sketch

RUN = RunFigures("t1", "memo [clerk]", 5, 7, 1, 90, 10, None, 0.01, 1, 0, (AgentFigures("clerk", 7, 100, 0.01),))


def test_what_is_kept_of_runs_that_ended_well(tmp_path: Path) -> None:
    sketch = """\
trace good
workflow memo
  agent reader parallel dur=2s
    llm gpt-4o in=90 out=10 cost=0.01 dur=1s
  agent reader parallel dur=3s
    llm gpt-4o in=80 out=10 cost=0.02
  agent writer
    llm my-own-model in=10 out=1
trace bad
workflow memo error
  agent reader
"""
    with of_sketch(tmp_path, sketch) as store:
        (run,) = ok_runs(store.reader())
    assert (run.workflow, run.calls, run.input_tokens, run.cost_usd, run.peak) == (
        "memo [reader, writer]",
        3,
        180,
        None,
        2,
    )
    assert run.agents == (
        AgentFigures("reader", 3_000_000_000, 190, 0.03),
        AgentFigures("writer", run.agents[1].longest_ns, 11, None),
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    runs = (RUN, replace(RUN, trace_id="t2", start_ns=None, cost_usd=None, agents=()))
    (tmp_path / "b.json").write_text(text(runs), "utf-8")
    assert set(read(tmp_path / "b.json")) == set(runs)
    assert text(reversed(runs)) == text(runs)
    assert text(runs).count("\n") == 4  # a run a line


def test_findings_are_kept_by_what_makes_them_the_same_in_every_run(tmp_path: Path) -> None:
    finding = Finding("loop.cycle", "high", "certain", "×3", "", "t1", "clerk", (), "", "", "a loop")
    kept = told_now(
        [
            finding,
            replace(finding, trace_id="t2", title="×9"),
            replace(finding, severity="low"),
            replace(finding, confidence="hint", key="b"),
        ]
    )
    assert kept == {Known("loop.cycle", "clerk", fingerprint(finding), finding.severity)}
    (tmp_path / "b.json").write_text(text([RUN], kept), "utf-8")
    assert (known(tmp_path / "b.json"), read(tmp_path / "b.json")) == (kept, (RUN,))
    (tmp_path / "old.json").write_text(text([RUN]), "utf-8")
    assert known(tmp_path / "old.json") == frozenset()


def test_the_latest_runs_of_each_workflow_are_kept() -> None:
    before = [replace(RUN, trace_id=f"a{n}", start_ns=n) for n in range(MOST)]
    other = replace(RUN, trace_id="b", workflow="audit", start_ns=0)
    after = renewed(
        [*before, other], [replace(RUN, trace_id="new", start_ns=99), replace(RUN, trace_id="a9", start_ns=9, calls=4)]
    )
    assert len(after) == MOST + 1
    assert {"new", "b", "a9"} <= {run.trace_id for run in after}
    assert "a0" not in {run.trace_id for run in after}
    assert next(run for run in after if run.trace_id == "a9").calls == 4


def test_workflows_that_are_gone_are_pruned() -> None:
    assert pruned([RUN, replace(RUN, workflow="old")], ["memo [clerk]", "another"]) == (RUN,)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"schema_version": 2, "runs": []}', '{"schema_version": 1, "runs": [{}]}', '{"schema_version": 1, "runs": 3}',
     text([RUN]).replace('"t1"', "7"), text([RUN]).replace('"calls": 1', '"calls": "1"'),
     text([RUN], [Known("d", "a", "f", "low")]).replace('"agent"', '"who"')],
)  # fmt: skip
def test_another_file_is_refused_with_the_next_step(content: str, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(content, "utf-8")
    with pytest.raises(AgentdbgError) as told:
        read(tmp_path / "b.json")
    assert told.value.exit_code == 2
    assert "agentdbg baseline create" in (told.value.hint or "")


def test_another_baseline_makes_kept_findings_stale(tmp_path: Path) -> None:
    with of_sketch(tmp_path, "agent clerk\n  llm gpt-4o in=9 out=1") as store:
        judge_and_keep(store, {})
        assert stale(store, {}) == []
        store.baseline = (RUN,)
        assert len(stale(store, {})) == 1
