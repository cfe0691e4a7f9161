"""The shelf, its options, and one list out of all findings."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdbg.detectors import judge as judging
from agentdbg.detectors import shelf
from agentdbg.detectors.judge import detectors, judge
from agentdbg.errors import AgentdbgError
from agentdbg.model import SEVERITIES, Evidence, Finding, Severity
from tests.detectors.judging import judged
from tests.stores import of_files, of_sketch

BROKEN = """
trace one
workflow quote error="TypeError: None * 4"
  agent librarian
    tool find_tariff {"zone": 4} error="ConnectionError: refused"
    llm gpt-4o in=90 out=10 -> "{\\"tariff\\": []}"
  agent pricer
    llm gpt-4o in=200 out=10 -> "{\\"price\\": null}"
trace two
workflow quote
  agent librarian
    tool find_tariff {"zone": 4} error="ConnectionError: refused"
    tool find_tariff {"zone": 4} -> 12
    llm gpt-4o in=90 out=10 -> "12"
  agent pricer parent=missing
    llm gpt-4o in=200 out=10 -> "48"
"""


def test_the_shelf_is_found_by_looking() -> None:
    ids = list(shelf())
    assert ids == sorted(ids)
    assert {"cascade.root", "error.origin", "silent.empty", "token.spike", "trace.orphan"} <= set(ids)
    assert all(detector.__doc__ for detector in shelf().values())


def test_options_reach_their_detector() -> None:
    made = {type(one).__name__: one for one in detectors({"cascade.root": {"floor": 1}})}
    assert made["Root"].floor == 1.0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"cascade.rot": {}}, "no detector is called cascade.rot", "did you mean cascade.root?"),
        ({"cascade.root": {"flor": 1}}, "cascade.root has no option flor", "did you mean floor?"),
        ({"cascade.root": {"floor": "high"}}, "the option floor of cascade.root is 'high'", "its default is 0.5"),
        ({"token.spike": {"others": True}}, "the option others of token.spike is True", "its default is 5"),
    ],
)
def test_unknown_options_name_the_nearest(options: dict[str, dict[str, object]], message: str, hint: str) -> None:
    with pytest.raises(AgentdbgError, match=message) as caught:
        detectors(options)
    assert caught.value.hint == hint
    assert caught.value.exit_code == 2


def test_one_cause_is_one_finding_and_the_worst_comes_first(tmp_path: Path) -> None:
    findings = judged(tmp_path, BROKEN).findings
    assert [(f.detector, f.severity) for f in findings] == [
        ("cascade.root", "high"),
        ("trace.orphan", "medium"),
        ("error.origin", "info"),
    ]


def test_only_the_traces_asked_for_are_judged_and_all_are_looked_at(tmp_path: Path) -> None:
    with of_sketch(tmp_path, BROKEN) as store:
        first, second = store.reader().trace_ids()
        parts = [judge(store.reader([one]), {}).findings for one in (first, second)]
        whole = judge(store.reader(), {}).findings
    assert sorted(map(str, whole)) == sorted(str(finding) for part in parts for finding in part)
    assert {f.trace_id for f in parts[0]} == {first}


def finding(detector: str, span: str, severity: Severity = "high", **also: object) -> Finding:
    values = {"confidence": "likely", "title": f"{detector} at {span}", "message": "", "agent": "a", "advice": ""}
    evidence = (Evidence(span, "primary", ""), *(Evidence(s, "related", "") for s in also.pop("related", ())))  # type: ignore[attr-defined]
    return Finding(detector, severity, trace_id="t", evidence=evidence, next="", key=span, **(values | also))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Says:
    """A detector that says what it is given."""

    findings: tuple[Finding, ...]

    def find(self, reader: object) -> object:
        return iter(self.findings)


@dataclass(frozen=True)
class Spans:
    """A reader of four spans, half a second each, of one agent."""

    complete = True

    def batches(self) -> list[Spans]:
        return [self]

    def rows(self, sql: str, **args: object) -> list[tuple[object, ...]]:
        return [("t", f"s{i}", i * 10, i * 10 + 5, "a", "t") for i in range(4)]


def fold(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> list[Finding]:
    monkeypatch.setattr(judging, "detectors", lambda options: [Says(findings)])
    return list(judge(Spans(), {}).findings)  # type: ignore[arg-type]


def test_what_lies_inside_a_loop_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = finding("loop.cycle", "s0", "critical", related=["s2"])
    inside, outside = finding("silent.empty", "s1"), finding("silent.empty", "s3")
    kept = fold(monkeypatch, inside, loop, outside)
    assert [f.detector for f in kept] == ["loop.cycle", "silent.empty"]
    assert [(e.span_id, e.note) for e in kept[0].evidence][-1] == ("s1", "silent.empty at s1")
    assert kept[1].primary.span_id == "s3"


def test_faces_of_one_cause_are_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = finding("loop.cycle", "s0", "critical", related=["s2"])
    inside, same = finding("loop.retry", "s1", "high"), finding("loop.turns", "s0", "medium", related=["s1"])
    other = finding("redundant.calls", "s3", "medium")
    kept = fold(monkeypatch, same, inside, other, loop)
    assert [f.detector for f in kept] == ["loop.cycle", "redundant.calls"]
    assert [(e.span_id, e.note) for e in kept[0].evidence] == [
        ("s0", "; loop.turns at s0"), ("s2", ""), ("s1", "loop.retry at s1"),
    ]  # fmt: skip


def test_the_worse_of_two_faces_tells_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    blind, circle = finding("loop.cycle", "s0", "medium", related=["s2"]), finding("deleg.cycle", "s0", related=["s3"])
    assert [f.detector for f in fold(monkeypatch, blind, circle)] == ["deleg.cycle"]
    hint = finding("loop.cycle", "s0", "high", related=["s2"], confidence="hint")
    assert len(fold(monkeypatch, hint, finding("loop.turns", "s1", "medium"))) == 2


def test_two_causes_in_one_place_stay_two(monkeypatch: pytest.MonkeyPatch) -> None:
    circle, calls = finding("deleg.cycle", "s0", related=["s3"]), finding("redundant.calls", "s1", "medium")
    assert len(fold(monkeypatch, circle, calls)) == 2
    others = finding("loop.retry", "s1", "medium", agent="b")
    assert len(fold(monkeypatch, finding("loop.cycle", "s2", related=["s3"]), others)) == 2


def test_a_hint_or_a_milder_finding_takes_nothing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    error = finding("error.origin", "s1", "high")
    hint = finding("cascade.root", "s1", "high", confidence="hint")
    mild = finding("handoff.schema", "s1", "medium")
    assert len(fold(monkeypatch, error, hint)) == 2
    assert len(fold(monkeypatch, error, mild)) == 2
    assert len(fold(monkeypatch, error, finding("handoff.parse", "s1", "high"))) == 1


def test_the_order_is_severity_then_cost_then_time(monkeypatch: pytest.MonkeyPatch) -> None:
    late, early = finding("x.one", "s3", "medium"), finding("x.one", "s1", "medium")
    dear, high = finding("x.two", "s3", "medium", wasted_usd=2.0), finding("x.three", "s3", "high")
    shuffled = [late, early, dear, high]
    random.Random(4).shuffle(shuffled)
    assert fold(monkeypatch, *shuffled) == [high, dear, early, late]


LINES = st.sampled_from(
    [
        'tool find_tariff {"zone": 4} error="ConnectionError: refused"',
        'tool find_tariff {"zone": 4} -> []',
        'tool find_tariff {"zone": 4} -> {"eur": 12}',
        'tool send_mail {"to": "x"} open',
        'llm gpt-4o in=90 out=10 -> "{\\"tariff\\": ["',
        'llm gpt-4o -> "No tariff was found."',
        'llm gpt-4o in=60000 out=10 -> "It costs 12 EUR."',
        'llm gpt-4o error="RateLimitError: 429"',
        "llm gpt-4o",
        "agent clerk",
        "agent pricer parallel",
        "agent stray parent=missing",
        'other step error="KeyError: 4"',
        'workflow quote error="TypeError: None * 4"',
    ]
)


@st.composite
def sketches(draw: st.DrawFn) -> str:
    """Any trace of up to 14 spans, nested at will."""
    lines, depth = [], -1
    for line in draw(st.lists(LINES, min_size=1, max_size=14)):
        depth = draw(st.integers(0, depth + 1))
        lines.append("  " * depth + line)
    return "\n".join(lines)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(text=sketches())
def test_every_finding_stands_on_spans_of_its_trace(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    with of_sketch(tmp_path_factory.mktemp("any"), text) as store:
        reader = store.reader()
        judgement = judge(reader, {})
        again = judge(store.reader(), {})
        known = {row[0] for row in reader.rows("SELECT span_id FROM spans")}
    assert again == judgement
    severities = [SEVERITIES.index(one.severity) for one in judgement.findings]
    assert severities == sorted(severities, reverse=True)
    for one in judgement.findings:
        places = [evidence.span_id for evidence in one.evidence]
        assert set(places) <= known
        assert len(places) == len(set(places))
        assert [evidence.role for evidence in one.evidence].count("primary") == 1
        assert one.title
        assert one.message
        assert one.advice
        assert one.next.startswith("agentdbg ")


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    spans = [
        {
            "kind": "workflow",
            "name": "quote",
            "status": "error",
            "error_type": "TypeError",
            "error_message": "None * 4",
        },
        {"kind": "agent", "agent": "librarian", "parent_id": "s0"},
        {"kind": "tool", "tool": "find_tariff", "parent_id": "s1", "status": "error", "error_type": "OSError"},
        {"kind": "agent", "agent": "pricer", "parent_id": "s0"},
        {"kind": "llm", "model": "m", "parent_id": "s3"},
    ]
    lines = [
        {"trace_id": "t", "span_id": f"s{i}", "name": span["kind"], "start_ns": 10**18 + i * 10**9, "status": "ok"}
        | {"end_ns": 10**18 + (i * 10**9 if i else 9 * 10**9) + 10**8}
        | span
        for i, span in enumerate(spans)
    ]
    seen = set()
    for seed in range(4):
        random.Random(seed).shuffle(lines)
        file = tmp_path / f"run{seed}.jsonl"
        file.write_text("\n".join(json.dumps(line) for line in lines))
        with of_files(file) as store:
            seen.add(judge(store.reader(), {}).findings)
    assert len(seen) == 1
    assert next(iter(seen))
