"""Sketches as raw spans: times, ids, attributes."""

import io
import textwrap
from typing import Any

import pytest

from agentdbg.importers import sketch as importer
from agentdbg.importers.contract import Source
from agentdbg.importers.sketch import EPOCH_NS, SketchText
from agentdbg.rows import NoteRow, RawSpan

MS = 1_000_000


def read(text: str) -> list[Any]:
    return list(SketchText().read(io.BytesIO(textwrap.dedent(text).encode()), Source("t")))


def times(text: str) -> list[tuple[str, int, int | None]]:
    """Name, start and end in milliseconds since the first trace began."""
    return [
        (row.name, (row.start_ns - EPOCH_NS) // MS, None if row.end_ns is None else (row.end_ns - EPOCH_NS) // MS)
        for row in read(text)
    ]


def test_a_span_with_everything():
    [row] = read('tool search {"q": "rome"} -> [] error="TimeoutError: 30s" colour=red\n')
    assert row == RawSpan(
        row.trace_id,
        row.span_id,
        None,
        "search",
        EPOCH_NS,
        EPOCH_NS + 100 * MS,
        status="error",
        status_message="TimeoutError: 30s",
        attributes={"kind": "tool", "tool": "search", "input": {"q": "rome"}, "output": [], "colour": "red"},
        scope="agentdbg.sketch",
        line=1,
    )
    assert (len(row.trace_id), len(row.span_id)) == (32, 16)


def test_a_handoff_is_a_tool_call_that_names_the_next_agent():
    [row] = read('handoff researcher {"task": "x"}')
    assert row.attributes == {
        "kind": "tool",
        "tool": "transfer_to_researcher",
        "handoff_to": "researcher",
        "input": {"task": "x"},
    }


def test_spans_follow_one_another_and_parents_enclose_them():
    assert times("agent a\n  llm m\n  tool t dur=2s\nagent b\n") == [
        ("a", 0, 2102),
        ("m", 1, 101),
        ("t", 101, 2101),
        ("b", 2102, 2202),
    ]


def test_parallel_starts_with_the_span_before_it():
    assert times("agent a\nagent b parallel dur=1s\nagent c\n") == [("a", 0, 100), ("b", 0, 1000), ("c", 1000, 1100)]
    assert times("agent r\n  tool a\n  tool b parallel\n  tool c parallel\n")[1:] == [
        ("a", 1, 101),
        ("b", 1, 101),
        ("c", 1, 101),
    ]


def test_at_counts_from_the_start_of_the_trace():
    assert times("agent a\n  tool t at=12s\n") == [("a", 0, 12101), ("t", 12000, 12100)]


def test_an_open_span_has_no_end_and_no_status():
    [a, b] = read("agent a open\nagent b\n")
    assert (a.end_ns, a.status, b.status) == (None, "unset", "ok")
    assert b.start_ns == EPOCH_NS + 100 * MS


def test_a_repeated_line_brings_its_subtree():
    rows = read("agent a x2\n  tool t x3\n")
    assert [row.name for row in rows] == ["a", "t", "t", "t", "a", "t", "t", "t"]
    assert [row.parent_id == rows[0].span_id for row in rows[1:4]] == [True] * 3
    assert len({row.span_id for row in rows}) == 8
    assert [row.line for row in rows] == [1, 2, 2, 2, 1, 2, 2, 2]


def test_ids_are_the_same_on_every_reading_and_grow_with_the_line():
    text = "agent a\n  tool t\n  tool t\n"
    first = [row.span_id for row in read(text)]
    assert first == [row.span_id for row in read(text)] == sorted(first)
    assert len({identity[:4] for identity in first}) == 3


def test_two_sketches_are_two_traces():
    assert read("agent a")[0].trace_id != read("agent b")[0].trace_id
    first, second = read("trace\nagent a\ntrace\nagent a\n")
    assert first.trace_id != second.trace_id
    assert second.start_ns - first.start_ns == 3_600_000 * MS


def test_ids_may_be_given():
    first, second, third = read("trace id=abc\nagent a id=one\nagent b parent=one\nagent c parent=missing\n")
    assert [row.trace_id for row in (first, second, third)] == ["abc"] * 3
    assert (first.span_id, second.parent_id) == ("one", "one")
    assert third.parent_id not in (None, first.span_id, second.span_id)


def test_fields_of_a_trace_hold_for_its_spans():
    first, second = read("trace shop session=s1\nagent a\nagent b session=s2\n")
    assert (first.attributes["session_id"], second.attributes["session_id"]) == ("s1", "s2")
    assert first.resource == {"service.name": "shop"}


def test_a_bad_line_is_a_note_and_the_others_are_read():
    rows = read("agent a\nbogus\n  tool t\n")
    assert [(type(row), row.line) for row in rows] == [(NoteRow, 2), (RawSpan, 1), (RawSpan, 3)]
    assert rows[2].parent_id == rows[1].span_id


def test_repetition_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(importer, "_MAX_SPANS", 50)
    rows = read("agent a x1000000\n  tool t x1000000\n    tool u x1000000\nagent b\n")
    assert len(rows) == 51
    assert rows[-1].severity == "data_loss"


def test_deep_sketches_are_read():
    text = "\n".join(" " * depth + "tool t" for depth in range(3000))
    assert len(read(text)) == 3000


def test_values_json_cannot_hold_are_text():
    [row] = read('tool t {"a": NaN} -> "\\ud800"')
    assert row.attributes["input"] == {"a": "NaN"}
    assert row.attributes["output"] == "?"


@pytest.mark.parametrize(
    ("text", "name"),
    [("# c\n\nagent a\n", "x"), ("trace t\nllm m in=1\n", "x.txt"), ("agent a\nbogus line\n", "x.sketch")],
)
def test_sniffing_says_yes(text, name):
    assert SketchText().sniff(text.encode(), name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "x.sketch"),
        ("hello\n", "x.sketch"),
        ("agent smith said no\nto that\n", "x.txt"),
        ('{"a": 1}', "x.sketch"),
        ("tool\0", "x"),
    ],
)
def test_sniffing_says_no(text, name):
    assert not SketchText().sniff(text.encode(), name)
