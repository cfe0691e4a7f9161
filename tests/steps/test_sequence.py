"""Traces to steps: which spans count, in which order, and what is known of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.model import Span, Trace
from agentdbg.steps.sequence import Step, lanes_of, steps_of, turns_of
from tests.stores import of_sketch


def trace(folder: Path, sketch: str) -> Trace:
    with of_sketch(folder, sketch) as store:
        reader = store.reader()
        (trace_id,) = reader.trace_ids()
        return reader.trace(trace_id)


def names(steps: list[Step]) -> list[str]:
    return [f"{step.agent} {step.name or step.op}" for step in steps]


def test_wrappers_and_agents_as_tools_are_no_steps(tmp_path: Path) -> None:
    sketch = """
        workflow memo
          agent boss
            llm gpt-4o "task" -> "ask the clerk"
            tool ask_clerk {"q": 1} -> "done"
              agent clerk
                tool lookup {"k": 1} -> "v"
                  other socket
                llm gpt-4o "v" -> "done"
    """
    assert names(steps_of(trace(tmp_path, sketch))) == ["boss llm", "clerk lookup", "clerk llm"]


def test_what_is_asked_and_answered(tmp_path: Path) -> None:
    sketch = """
        agent clerk
          llm gpt-4o [{"role": "user", "content": "find  rome"}] -> "on it" in=9 out=2 finish=stop
          tool lookup {"k": 1.0, "request_id": "r1"} -> {"b": 1, "a": 2}
          tool lookup {"k": 2} error="TimeoutError: 30s"
          tool note
          llm gpt-4o
    """
    said, found, failed, blind, silent = steps_of(trace(tmp_path, sketch))
    assert said.answered is not None
    assert found.asked is not None
    assert found.answered is not None
    assert failed.answered is not None
    assert (said.answered.exact, said.input_tokens, said.output_tokens) == ("on it", 9, 2)
    assert (found.asked.exact, found.asked.masked) == ('{"k":1,"request_id":"r1"}', '{"k":1}')
    assert (found.answered.exact, found.arguments) == ('{"a":2,"b":1}', ("k", "request_id"))
    assert (failed.error, failed.answered.exact) == ("TimeoutError: 30s", "error TimeoutError: 30s")
    assert (blind.asked, blind.answered, silent.asked, silent.answered) == (None, None, None, None)


def test_results_that_are_never_recorded_are_not_empty(tmp_path: Path) -> None:
    some = 'agent a\n  tool f {"k": 1} -> {}\n  tool f {"k": 2} -> {}\n'
    assert all(step.answered for step in steps_of(trace(tmp_path, some)))
    assert not any(step.answered for step in steps_of(trace(tmp_path, some + '  tool f {"k": 3} -> {}\n')))


def test_parallel_siblings_are_one_step_without_an_order(tmp_path: Path) -> None:
    def batch(first: str, second: str) -> Step:
        lines = f"agent a\n  tool before {{}} -> 0\n  tool {first} dur=2s\n  tool {second} dur=2s parallel\n  tool after {{}} -> 0\n"
        before, both, after = steps_of(trace(tmp_path, lines))
        assert (before.name, after.name, both.op, len(both.span_ids)) == ("before", "after", "batch", 2)
        return both

    one, other = batch('f {"k": 1} -> 1', 'g {"k": 2} -> 2'), batch('g {"k": 2} -> 2', 'f {"k": 1} -> 1')
    assert (one.shape, one.asked, one.answered) == (other.shape, other.asked, other.answered)
    assert batch('f {"k": 1} -> 1', "g").asked is None


def test_branches_side_by_side_are_lanes_of_their_own(tmp_path: Path) -> None:
    sketch = """
        workflow w
          agent a
            llm m "x" -> "y"
            tool f {} -> 1
            llm m "y" -> "z"
          agent b parallel
            llm m "x" -> "y" dur=250ms
    """
    main, branch = lanes_of(trace(tmp_path, sketch))
    assert names(main) == ["None a f + a llm + a llm + b llm"]
    assert names(branch) == ["a llm", "a f", "a llm"]


def test_a_clock_that_counts_milliseconds_makes_nothing_parallel(tmp_path: Path) -> None:
    sketch = (
        'agent a\n  llm m -> "x" at=0s dur=2500us\n  tool f {} -> 1 at=2ms dur=300us\n  llm m -> "y" at=2ms dur=50ms\n'
    )
    assert [step.op for step in steps_of(trace(tmp_path, sketch))] == ["llm", "tool", "llm"]


def test_a_model_call_that_stays_open_over_its_tools_comes_first_and_ends_with_them(tmp_path: Path) -> None:
    call, tool = steps_of(trace(tmp_path, 'agent a\n  llm m -> "x"\n    tool f {} -> 1\n'))
    assert (call.op, tool.op) == ("llm", "tool")
    assert call.end_ns == tool.start_ns


def test_pieces_of_one_stream_are_put_together(tmp_path: Path) -> None:
    pieces = "".join(f'  llm m -> "w{i}" at={i * 3}ms dur=1ms\n' for i in range(5))
    (whole,) = steps_of(trace(tmp_path, f"agent a\n{pieces}"))
    assert whole.answered
    assert (len(whole.span_ids), whole.answered.exact) == (5, "w0 w1 w2 w3 w4")
    with_usage = "".join(f'  llm m -> "w{i}" at={i * 3}ms dur=1ms in=5 out=1\n' for i in range(5))
    assert len(steps_of(trace(tmp_path, f"agent a\n{with_usage}"))) == 5


def test_turns_that_enclose_no_other_turn(tmp_path: Path) -> None:
    sketch = """
        agent boss "task" -> "done"
          agent clerk "look" -> "found"
          agent scribe "write" -> "text"
    """
    turns = turns_of(trace(tmp_path, sketch))
    assert [(turn.agent, turn.told_by and turn.told_by.exact) for turn in turns] == [
        ("clerk", "found"),
        ("scribe", "text"),
    ]


def bare(span_id: str, parent_id: str | None, start_ns: int | None = None) -> Span:
    return Span("t", span_id, parent_id, "f", "tool", start_ns, start_ns, "ok", tool="f", input="{}")


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param([bare("a", "b"), bare("b", "a")], id="a ring of parents"),
        pytest.param([bare("a", "a")], id="its own parent"),
        pytest.param([bare("a", "gone", 5), bare("b", None, 3)], id="an orphan"),
        pytest.param([bare("a", None), bare("b", None)], id="no times"),
        pytest.param([bare(str(i), str(i - 1), i) for i in range(5000)], id="deep"),
        pytest.param([], id="nothing"),
    ],
)
def test_no_shape_of_a_trace_is_too_odd(spans: list[Span]) -> None:
    steps = steps_of(Trace("t", "t", "ok", None, None, spans))
    assert len(steps) <= len(spans)
