"""Traces with holes."""

from __future__ import annotations

from pathlib import Path
from time import process_time

from agentdbg.detectors.trace.orphan import Orphan
from agentdbg.model import Finding
from tests.detectors.judging import found, places
from tests.stores import of_files, otlp

WHOLE = """
workflow sorting
  agent reader
    llm gpt-4o
  agent judge
    tool weigh {"stone": 3} -> 4
"""


def holes(folder: Path, spans: list[dict[str, object]]) -> list[Finding]:
    with of_files(otlp(folder, spans)) as store:
        return [one for one in Orphan().find(store.reader()) if isinstance(one, Finding)]


def test_a_whole_trace_has_none(tmp_path: Path) -> None:
    assert found(tmp_path, Orphan(), WHOLE) == []


def test_a_parent_that_was_never_written(tmp_path: Path) -> None:
    text = WHOLE + "  agent lost parent=missing\n    llm gpt-4o\n"
    (finding,) = found(tmp_path, Orphan(), text)
    assert (finding.severity, finding.confidence, finding.agent) == ("medium", "certain", "lost")
    assert "1 span names 1 parent that is missing." in finding.message
    assert places(tmp_path, text, finding) == ["agent lost"]


def test_a_killed_process_leaves_children_without_a_root(tmp_path: Path) -> None:
    (finding,) = holes(
        tmp_path,
        [
            {"name": "reader", "id": "a1", "parent": "f0", "start": 0, "end": 10},
            {"name": "chat", "id": "a2", "parent": "a1", "start": 1, "end": 9},
            {"name": "chat", "id": "b2", "parent": "b1", "start": 12, "end": 20},
        ],
    )
    assert (finding.severity, finding.confidence) == ("medium", "certain")
    assert "2 spans name 2 parents that are missing, the root among them" in finding.message
    assert finding.primary.span_id == "b2"  # the last sign of life


def test_a_single_top_span_with_a_parent_elsewhere_is_a_caller_upstream(tmp_path: Path) -> None:
    (finding,) = holes(
        tmp_path,
        [
            {"name": "run", "id": "a1", "parent": "f0", "start": 0, "end": 10},
            {"name": "chat", "id": "a2", "parent": "a1", "start": 1, "end": 9},
        ],
    )
    assert (finding.severity, finding.confidence) == ("low", "likely")
    assert "a service upstream" in finding.message


def test_a_span_that_never_ended(tmp_path: Path) -> None:
    text = """
workflow sorting
  agent judge open
    tool weigh {"stone": 3} open
  agent writer
    llm gpt-4o dur=4s
"""
    (finding,) = found(tmp_path, Orphan(), text)
    assert (finding.severity, finding.agent) == ("medium", "judge")
    assert "2 spans never ended" in finding.message
    assert "others went on for" in finding.message
    assert places(tmp_path, text, finding) == ["tool weigh", "agent judge"]


def test_a_root_begun_while_another_ran_lost_its_context(tmp_path: Path) -> None:
    inside = "agent reader\n  llm gpt-4o dur=9s\nagent judge at=2s\n  llm gpt-4o"
    after = "agent reader\n  llm gpt-4o\nagent judge\n  llm gpt-4o"
    assert [f.severity for f in found(tmp_path, Orphan(), inside)] == ["medium"]
    assert [f.severity for f in found(tmp_path, Orphan(), after)] == ["low"]


def test_a_root_may_have_begun_while_one_ran_that_is_not_the_last_before_it(tmp_path: Path) -> None:
    (finding,) = holes(
        tmp_path,
        [
            {"name": "long", "id": "a1", "start": 0, "end": 90},
            {"name": "inside", "id": "b1", "parent": "a1", "start": 1, "end": 2},
            {"name": "short", "id": "c1", "start": 10, "end": 20},
            {"name": "stray", "id": "d1", "start": 30, "end": 40},
            {"name": "after", "id": "e1", "start": 95, "end": 99},
        ],
    )
    assert "4 roots in one trace, 2 of them begun while another ran" in finding.message
    assert [evidence.span_id for evidence in finding.evidence] == ["c1", "d1"]


def test_a_source_that_records_no_parents_is_flat_and_has_no_holes(tmp_path: Path) -> None:
    agents = [{"name": f"agent {i}", "id": f"a{i}", "start": i, "end": i + 50} for i in range(5)]
    (finding,) = holes(tmp_path, agents)
    assert (finding.severity, finding.title) == (
        "info",
        "The trace is flat: None of 5 spans names a parent",
    )
    open_one: dict[str, object] = {"name": "hangs", "id": "b1", "start": 9, "end": None}
    assert [one.severity for one in holes(tmp_path, [*agents, open_one])] == ["medium"]


def test_a_trace_of_ten_thousand_roots_is_judged_in_a_moment(tmp_path: Path) -> None:
    """Comparing each root with all before it is quadratic; the span with a child keeps the trace from being flat."""
    roots = [{"name": "r", "id": f"a{i:05}", "start": 2 * i, "end": 2 * i + 1} for i in range(10_000)]
    with of_files(
        otlp(tmp_path, [*roots, {"name": "c", "id": "b", "parent": "a00000", "start": 0, "end": 1}])
    ) as store:
        begun = process_time()
        (finding,) = Orphan().find(store.reader())
    assert isinstance(finding, Finding)
    assert finding.severity == "low"
    assert process_time() - begun < 5


def test_spans_that_are_their_own_ancestors(tmp_path: Path) -> None:
    (finding,) = holes(
        tmp_path,
        [
            {"name": "root", "id": "a1", "start": 0, "end": 30},
            {"name": "one", "id": "b1", "parent": "b2", "start": 1, "end": 9},
            {"name": "two", "id": "b2", "parent": "b1", "start": 2, "end": 8},
        ],
    )
    assert finding.severity == "medium"
    assert "own ancestor" in finding.message


def test_what_an_instrumentation_leaves_out_every_time_is_its_habit(tmp_path: Path) -> None:
    broken = "workflow sorting\n  llm gpt-4o\nagent stray parent=missing\n  llm gpt-4o\n"

    def severities(count: int) -> list[str]:
        text = "".join(f"trace t{i}\n{broken}" for i in range(count))
        return [f.severity for f in found(tmp_path, Orphan(), text)]

    assert severities(4) == ["medium"] * 4
    assert severities(5) == ["low"] * 5


def test_one_finding_for_all_holes_of_a_trace(tmp_path: Path) -> None:
    text = "workflow sorting\n  tool weigh open\nagent stray parent=missing\n  llm gpt-4o\n"
    (finding,) = found(tmp_path, Orphan(), text)
    assert finding.key == "lost parents never ended"
    assert len(finding.evidence) == 2
