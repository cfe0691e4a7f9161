"""The sketch: text to nodes and a trace to text."""

import io
import json
import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentdbg.sketch
from agentdbg.conventions import normalise
from agentdbg.errors import AgentdbgError
from agentdbg.importers.contract import Source
from agentdbg.importers.sketch import SketchText
from agentdbg.model import Span, Trace
from agentdbg.rows import RawSpan, SpanRow
from agentdbg.sketch import Node, parse, read, write


def node(line: str) -> Node:
    [sketch] = parse(line)
    [root] = sketch.roots
    return root


def tree(text: str) -> Any:
    def shape(found: Node) -> Any:
        return (found.name, [shape(child) for child in found.children]) if found.children else found.name

    return [[shape(root) for root in sketch.roots] for sketch in parse(textwrap.dedent(text))]


def test_indentation_is_parentage():
    assert tree(
        """
        workflow w
          agent a

            llm m1   # deeper
          agent b
              tool t
          tool u
        agent c
        """
    ) == [[("w", [("a", ["m1"]), ("b", ["t"]), "u"]), "c"]]


def test_a_trace_line_starts_one_more_trace():
    first, second = parse("trace one session=s1\nagent a\ntrace two\nagent b\n")
    assert (first.name, first.fields, first.roots[0].name) == ("one", {"session_id": "s1"}, "a")
    assert (second.name, second.roots[0].name) == ("two", "b")


@pytest.mark.parametrize(
    ("line", "kind", "name", "fields"),
    [
        ("agent planner", "agent", "planner", {"agent": "planner"}),
        ('agent "Data Analyst"', "agent", "Data Analyst", {"agent": "Data Analyst"}),
        ("llm gpt-4o in=900 out=40 cost=0.01", "llm", "gpt-4o", {"model": "gpt-4o", "input_tokens": 900, "output_tokens": 40, "cost_usd": 0.01}),
        ('llm gpt-4o "hi"', "llm", "gpt-4o", {"model": "gpt-4o", "output": "hi"}),
        ('llm "hi"', "llm", "llm", {"output": "hi"}),
        ("llm - in=5", "llm", "llm", {"input_tokens": 5}),
        ("llm in=5", "llm", "llm", {"input_tokens": 5}),
        ('llm gpt-4o "hi" -> "ho"', "llm", "gpt-4o", {"model": "gpt-4o", "input": "hi", "output": "ho"}),
        ('tool search {"q": "rome"} -> []', "tool", "search", {"tool": "search", "input": {"q": "rome"}, "output": []}),
        ("tool search -> null", "tool", "search", {"tool": "search", "output": None}),
        ("tool count 3 -> 4.5", "tool", "count", {"tool": "count", "input": 3, "output": 4.5}),
        ('handoff researcher {"task": "x"}', "handoff", "transfer_to_researcher", {"handoff_to": "researcher", "input": {"task": "x"}}),
        ("workflow credit-memo", "workflow", "credit-memo", {}),
        ("retriever docs", "retriever", "docs", {}),
        ('tool "open" open', "tool", "open", {"tool": "open"}),
        ("other name=\"a b\" colour=red deep={\"a\": [1]} on=true", "other", "a b", {"colour": "red", "deep": {"a": [1]}, "on": True}),
        ("tool t session=s finish=stop cached=1 reasoning=2", "tool", "t",
         {"tool": "t", "session_id": "s", "finish_reason": "stop", "cached_tokens": 1, "reasoning_tokens": 2}),
    ],
)  # fmt: skip
def test_lines(line, kind, name, fields):
    found = node(line)
    assert (found.kind, found.name, found.fields) == (kind, name, fields)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tool t open", {"open": True}), ("tool t parallel", {"parallel": True}), ("tool t x47", {"times": 47}),
        ("tool t dur=2s", {"duration_ns": 2_000_000_000}), ("tool t dur=1m30s at=150ms", {"duration_ns": 90_000_000_000, "at_ns": 150_000_000}),
        ('tool t error="TimeoutError: 30s"', {"error": "TimeoutError: 30s", "status": "error"}), ("tool t error", {"error": None, "status": "error"}),
        ("tool t status=unset", {"status": "unset"}), ("tool t id=abc parent=missing", {"span_id": "abc", "parent_id": "missing"}),
    ],
)  # fmt: skip
def test_flags_and_reserved_keys(line, expected):
    found = node(line)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("agnt planner", "expected trace or a kind of span"),
        ("agent planner does", "expected key=value, a JSON value, open, parallel, error or xN, found 'does'"),
        ('tool t {"q": }', "this is no JSON"),
        ("tool t -> nothing", "expected a JSON value after ->"),
        ("tool t 1 2", "at most two values"),
        ("tool t dur=soon", "expected a time such as 2s"),
        ("tool t status=bad", "expected ok, error or unset"),
        ("trace a open", "a trace takes only key=value"),
    ],
)
def test_lines_that_are_not_understood(line, message):
    with pytest.raises(AgentdbgError, match="sketch line 2") as caught:
        parse(f"agent a\n{line}")
    assert message in caught.value.message


def test_reading_goes_on_after_a_bad_line():
    [sketch], [problem] = read("agent a\n  bogus\n    tool t\n")
    assert problem.line == 2
    assert [child.name for child in sketch.roots[0].children] == ["t"]


def test_the_grammar_in_the_docstring_is_one_that_is_read():
    example = (agentdbg.sketch.__doc__ or "").partition("\n\n")[2].partition("\nKIND")[0]
    assert len(parse(textwrap.dedent(example))[0].roots[0].children) == 3


# Reading what was written: the same spans by kind, name, agent, model, tool, tokens, payloads, errors and parentage.

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10).filter(
    lambda text: text.lstrip()[:1] not in ("{", "[")
)
NAMES = st.sampled_from(
    ["a", "gpt-4o", "Data Analyst", "open", "x5", 'qu"ote', "-", "true", "3", "ünï", "a=b", "# no", "->"]
) | TEXT.filter(bool)
TOKENS = st.none() | st.integers(0, 10**9)
PAYLOADS = st.none() | st.recursive(TEXT | st.integers(-(10**9), 10**9) | st.booleans(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5).map(json.dumps)  # fmt: skip
PART = TEXT.filter(bool).map(lambda text: {"type": "text", "text": text})
CALL = st.builds(
    lambda name, given: {"type": "tool_call", "id": "c1", "name": name, "arguments": given},
    NAMES,
    st.dictionaries(TEXT, TEXT, max_size=2),
)


def messages(role: str, *parts: Any) -> Any:
    message = st.builds(lambda found: {"role": role, "parts": [found]}, st.one_of(*parts))
    return st.none() | message.map(lambda found: json.dumps([found]))


@st.composite
def span(draw: Any, number: int, parents: list[Span]) -> Span:
    parent = draw(st.none() | st.sampled_from(parents)) if parents else None
    kind = draw(st.sampled_from(["workflow", "agent", "llm", "tool", "retriever", "state", "guard", "other"]))
    agent = draw(NAMES) if kind == "agent" else draw(st.none() | NAMES) or (parent.agent if parent else None)
    start = (parent.start_ns or 0) if parent else 0
    found = Span(
        "t",
        f"{number:04}",
        parent.span_id if parent else None,
        draw(NAMES),
        kind,
        start + number,
        start + number + 1,
        "ok",
        agent=agent,
    )
    found.status = draw(st.sampled_from(["ok", "error", "unset"]))
    if found.status == "error":
        found.error_type = draw(st.none() | st.sampled_from(["TimeoutError", "KeyError", "Odd"]))
        found.error_message = draw(st.none() | st.sampled_from(["30s", "a: b", "call(x)", "quota"]))
    if draw(st.booleans()):
        found.end_ns = None
    if kind == "llm":
        found.model, found.provider, found.finish_reason = (
            draw(st.none() | NAMES),
            draw(st.none() | NAMES),
            draw(st.none() | NAMES),
        )
        counts = st.tuples(TOKENS, TOKENS).filter(lambda two: any(two) or 0 not in two)  # zeros are read as not told
        found.input_tokens, found.output_tokens = draw(counts)
        found.cached_tokens = draw(TOKENS)
        found.input, found.output = draw(messages("user", PART)), draw(messages("assistant", PART, CALL))
    else:
        found.input, found.output = draw(PAYLOADS), draw(PAYLOADS)
    if kind == "tool":
        found.tool, found.handoff_to = draw(st.none() | NAMES), draw(st.none() | NAMES)
    return found


@st.composite
def traces(draw: Any) -> Trace:
    spans: list[Span] = []
    for number in range(draw(st.integers(1, 6))):
        spans.append(draw(span(number, spans)))
    return Trace("t", "t", "ok", None, None, spans)


def reread(text: str) -> list[tuple[SpanRow, RawSpan]]:
    rows = list(SketchText().read(io.BytesIO(text.encode()), Source("t")))
    assert all(isinstance(row, RawSpan) for row in rows), rows
    return [(normalise(row), row) for row in rows if isinstance(row, RawSpan)]


def in_order(spans: list[Span]) -> list[Span]:
    """Parents before children, siblings as given: the order of lines."""
    below: dict[str | None, list[Span]] = {}
    for found in spans:
        below.setdefault(found.parent_id, []).append(found)
    out: list[Span] = []
    todo = below.get(None, [])[::-1]
    while todo:
        out.append(todo.pop())
        todo += below.get(out[-1].span_id, [])[::-1]
    return out


def loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


@given(trace=traces())
@settings(max_examples=200, deadline=None)
def test_reading_what_was_written_gives_the_same_spans(trace):
    before = in_order(trace.spans)
    after = reread(write(trace))
    assert len(after) == len(before)
    number = {found.span_id: place for place, found in enumerate(before)}
    again = {row.span_id: place for place, (row, _) in enumerate(after)}
    agents: dict[str, str | None] = {}
    for was, (row, raw) in zip(before, after, strict=True):
        agents[row.span_id] = row.agent_hint or agents.get(row.parent_id or "")
        assert (row.kind, row.name, agents[row.span_id]) == (was.kind, was.name, was.agent)
        assert (row.model, row.provider, row.finish_reason) == (was.model, was.provider, was.finish_reason)
        assert (row.tool, row.handoff_to) == (was.tool, was.handoff_to)
        assert (row.input_tokens, row.output_tokens, row.cached_tokens) == (
            was.input_tokens,
            was.output_tokens,
            was.cached_tokens,
        )
        assert (loaded(row.input), loaded(row.output)) == (loaded(was.input), loaded(was.output))
        assert (row.status, row.error_type, row.error_message) == (was.status, was.error_type, was.error_message)
        assert (raw.end_ns is None) == (was.end_ns is None)
        assert (number.get(was.parent_id or ""), was.parent_id is None) == (
            again.get(row.parent_id or ""),
            row.parent_id is None,
        )


def make(*lines: tuple[Any, ...]) -> Trace:
    spans = [
        Span("t", span_id, parent, span_id, "tool", start, end, "ok", tool=span_id)
        for span_id, parent, start, end in lines
    ]
    return Trace("t", "t", "ok", None, None, spans)


def test_orphans_overlaps_and_circles_are_written():
    trace = make(
        ("a", None, 0, 9), ("b", "a", 1, 5), ("c", "a", 2, 6), ("d", "gone", 7, 8), ("e", "f", 8, 9), ("f", "e", 8, 9)
    )
    assert (
        write(trace) == "tool a\n  tool b\n  tool c parallel\ntool d parent=missing\ntool e parent=missing\n  tool f\n"
    )


def test_spans_that_share_an_id_are_all_written():
    assert write(make(("a", None, 0, 9), ("b", "a", 1, 2), ("a", None, 3, 4))).count("tool a") == 2


def test_an_empty_trace_is_an_empty_text():
    assert write(make()) == ""
