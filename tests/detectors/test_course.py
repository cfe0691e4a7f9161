"""The course of a run: turns, calls, what was said, who came after whom."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agentdbg.detectors.course import Course, answer, totals
from agentdbg.detectors.results import results
from agentdbg.model import Span, Trace
from tests.stores import of_sketch

RUN = """
workflow tour
  agent guide
    llm gpt-4o in=10 out=5 "where to?" -> "Bari"
    tool find_train {"to": "Bari"} -> ["9:40"] id=t1
  agent cook
    llm gpt-4o in=20 out=5 cost=0.5 -> "Orecchiette"
    tool transfer_to_guide handoff_to=guide
  agent guide
    llm gpt-4o in=30 out=5 -> "All set."
"""


def course(folder: Path, text: str) -> Course:
    with of_sketch(folder, text) as store:
        reader = store.reader()
        return Course(reader.trace(reader.trace_ids()[0]))


def test_calls_tools_and_the_last_word(tmp_path: Path) -> None:
    run = course(tmp_path, RUN)
    assert [run.agent(model) for model in run.models] == ["guide", "cook", "guide"]
    assert [tool.tool for tool in run.tools] == ["find_train"]
    assert run.final is not None
    said = run.said(run.final)
    assert said is not None
    assert said.text == "All set."


def test_who_came_after(tmp_path: Path) -> None:
    run = course(tmp_path, RUN)
    hops = run.after(run.tools[0])
    assert [(hop.agent, hop.calls, hop.tokens, hop.usd) for hop in hops] == [("cook", 1, 25, 0.5)]
    assert totals(hops) == (1, 25, 0.5)
    assert totals([]) == (0, None, None)


def test_answers() -> None:
    call = '{"type": "tool_call", "id": "x", "name": "%s", "arguments": {"text": "Bari"}}'
    assert answer(None) is None
    assert answer('[{"role": "assistant", "parts": []}]') is None
    asked = answer(f'[{{"role": "assistant", "parts": [{call % "find_train"}]}}]')
    assert asked is not None
    assert (asked.text, asked.asks_for) == ("", ("find_train",))
    final = answer(f'[{{"role": "assistant", "parts": [{call % "final_answer"}]}}]')
    assert final is not None
    assert (final.text, final.asks_for) == ("Bari", ())


def test_a_result_in_two_places_is_one(tmp_path: Path) -> None:
    run = course(
        tmp_path,
        """
agent guide
  llm gpt-4o
  tool find_train {"to": "Bari"} tool_call_id=c1
  llm gpt-4o [{"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "name": "find_train", "result": "[]"}]}] -> "ok"
""",
    )
    (result,) = results(run)
    assert (result.tool, result.value, result.known, result.own_span) == ("find_train", [], True, True)


def test_a_result_without_a_span_is_told_by_its_reader(tmp_path: Path) -> None:
    run = course(
        tmp_path,
        """
agent guide
  llm gpt-4o
  llm gpt-4o [{"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "name": "find_train", "result": "[]"}]}] -> "ok"
  llm gpt-4o [{"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "name": "find_train", "result": "[]"}]}] -> "ok"
""",
    )
    (result,) = results(run)
    assert (result.span, result.own_span) == (run.models[1], False)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Up to 12 spans of three agents, each below an earlier one or none."""
    spans = []
    for number in range(draw(st.integers(1, 12))):
        parent = draw(st.none() | st.integers(0, number - 1)) if number else None
        start = draw(st.integers(0, 30))
        kind = draw(st.sampled_from(["agent", "llm", "tool", "other"]))
        one = Span("t", f"s{number}", None if parent is None else f"s{parent}", "x", kind, start, start + 3, "ok")  # type: ignore[arg-type]
        one.agent = draw(st.sampled_from([None, "a", "b"]))
        spans.append(one)
    return Trace("t", "x", "ok", 0, 40, spans)


@given(traces(), st.integers(0, 30), st.integers(0, 30), st.sampled_from([None, "a", "b"]))
def test_indices_answer_as_scans_would(trace: Trace, start: int, end: int, agent: str | None) -> None:
    run = Course(trace)
    for one in run.spans:
        ancestors = list(run.above(one))
        assert [upper for upper in run.spans if run.encloses(upper, one)] == [
            upper for upper in run.spans if upper is one or any(upper is above for above in ancestors)
        ]
        assert run.agent(one) == next((s.agent for s in (one, *ancestors) if s.agent), None)
    others = [
        s for s in run.spans if s.kind in ("llm", "tool") and start <= run.start(s) < end and run.agent(s) != agent
    ]
    assert run.others_between(agent, start, end) is bool(others)
