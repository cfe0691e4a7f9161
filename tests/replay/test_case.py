"""A recorded run in, a case out: what stands in the file, and that it replays as the trace does."""

from __future__ import annotations

import ast
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.model import Span
from agentdbg.replay.case import Case, OneTrace, case_of
from agentdbg.replay.case_file import read, text
from agentdbg.replay.inspect import WHOLE_RUN, inspect
from agentdbg.replay.pytest_file import written
from agentdbg.replay.rerun import prepare
from agentdbg.replay.tape import Policies
from agentdbg.replay.verdict import judge
from tests.replay.recorded import agent, llm, tool, trace
from tests.replay.test_verdict import ASKED, SEARCH, TOLD, body, research, search


def case(spans: list[Span], span_id: str = "turn") -> Case:
    return case_of(trace(spans), span_id, "0.0")


def kept(one: Case, folder: Path) -> Case:
    """The case as it is read from its file."""
    file = folder / "x.case.json"
    file.write_text(text(one))
    return read(str(file))


def spans(one: Case) -> list[dict[str, Any]]:
    return list(json.loads(text(one))["spans"])


def test_a_case_is_the_agents_turn_and_all_that_stands_in_its_file_is_read_again(tmp_path: Path) -> None:
    one = case(research(), "m2")
    assert [span.span_id for span in one.trace.spans] == ["turn", "m1", "s1", "m2"]
    again = kept(one, tmp_path)
    assert text(again) == text(one)
    assert inspect(again.reader, "t", again.span_id) == inspect(OneTrace(trace(research())), "t", "turn")


@pytest.mark.parametrize("asked", [WHOLE_RUN, "root"])
def test_a_root_and_the_trace_itself_stand_for_the_whole_run(asked: str) -> None:
    run = [agent("root", "boss", 0, 20), *(replace(span, parent_id=span.parent_id or "root") for span in research())]
    one = case(run, asked)
    assert one.span_id == WHOLE_RUN
    assert len(one.trace.calls) == 3
    seen = inspect(one.reader, "t", one.span_id)
    assert (seen.subject, seen.agent, len(seen.calls)) == ("run", "boss", 3)


def test_what_a_call_repeats_is_written_once_and_texts_line_by_line() -> None:
    first, second = (span for span in spans(case(research())) if span["kind"] == "llm")
    assert second["after"] == {"span_id": "m1", "first": 2}
    assert [message["role"] for message in second["messages"]] == ["assistant", "tool"]
    long = research()
    long[1].input = json.dumps([{"role": "system", "parts": [{"type": "text", "text": "You plan.\nYou act."}]}])
    assert '"text": {"\\n": ["You plan.", "You act."]}' in text(case(long))
    assert len(first["messages"]) == 2


@pytest.mark.parametrize(
    "value", ["a\nb", "\n", "", {"\n": ["a", "b"]}, {"\n": "a"}, {"\n": [{"x": 1}]}, [{"\n": "x\ny"}], None, "\ud800"]
)
def test_every_payload_comes_back(value: Any, tmp_path: Path) -> None:
    changed = research()
    changed[0].input = json.dumps(value)
    one = case(changed)
    file = tmp_path / "x.case.json"
    with file.open("w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(text(one))
    assert inspect(read(str(file)).reader, "t", "turn").state == value


def test_a_result_that_only_another_agent_was_told_stays_in_the_case(tmp_path: Path) -> None:
    """The turn ends with a tool; what it gave back stands in the next agent's input alone."""
    ends = [
        agent("turn", "researcher", 0, 4),
        llm("m1", ASKED, SEARCH, 1, "researcher", "turn"),
        agent("other", "writer", 5, 12),
        llm("w1", TOLD, "assistant Rome, so old.", 6, "writer", "other"),
    ]
    one = kept(case(ends), tmp_path)
    (use,) = inspect(one.reader, "t", "turn").calls[0].uses
    assert (use.tool, use.result, use.result_from) == ("search", ["old"], "tool span")


def test_a_case_replays_as_the_trace_does(tmp_path: Path) -> None:
    one = kept(case(research()), tmp_path)
    for questions, verdict in (([ASKED, TOLD], "reproduced"), ([ASKED, "user new"], "diverged"), ([ASKED], "diverged")):
        told = []
        for reader in (one.reader, OneTrace(trace(research()))):
            ready = prepare(reader, "t", "turn", Policies({}))
            for question in questions:
                ready.playback.answer("/v1/chat/completions", {}, body(question))
            search(ready.playback)
            told.append(judge(ready, 0))
        assert told[0] == told[1]
        assert told[0].verdict == verdict


def test_spans_between_are_left_out_with_their_payloads_and_parents_are_those_above() -> None:
    run = research()
    chain = Span("t", "c", "turn", "chain", "workflow", 0, 9, "ok", agent="researcher", turn_id="turn", input='"big"')
    run[1] = replace(run[1], parent_id="c")
    one = case([*run, chain])
    assert [(span.span_id, span.parent_id) for span in one.trace.spans][:2] == [("turn", None), ("m1", "turn")]
    assert '"big"' not in text(one)


def test_what_is_not_recorded_stays_unknown(tmp_path: Path) -> None:
    bare = research()
    bare[1].input = None
    bare[2] = tool("s1", "search", {"q": "rome"}, None, 3, "researcher", turn_id="turn", tool_call_id="c1")
    one = kept(case(bare), tmp_path)
    assert "messages" not in spans(one)[1]
    assert one.trace.by_id()["m1"].input is None
    assert one.trace.by_id()["s1"].output is None


def test_where_no_call_is_recorded_there_is_no_case() -> None:
    with pytest.raises(AgentdbgError, match=r"no model call is recorded in invoke_agent idle, span i"):
        case([*research(), agent("i", "idle", 20, 21, parent_id="turn")], "i")


def test_where_nothing_can_be_played_back_there_is_no_case() -> None:
    failed = [*research()[:1], llm("m1", None, None, 1, "researcher", "turn", status="error", error_type="Busy")]
    with pytest.raises(AgentdbgError, match=r"no model call in this run can be played back: all that"):
        case(failed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.replace('"schema_version": 1', '"schema_version": 2'), "is a case of version 2, and this agentdbg knows up to 1"),
        (lambda told: told[: len(told) // 2], "is no whole case: Unterminated string"),
        (lambda told: told.replace('"kind": "agent"', '"kind": 7'), "is no whole case: Expected `str`, got `int` - at `$.spans[0].kind`"),
        (lambda told: told.replace('"after": {"span_id": "m1"', '"after": {"span_id": "m9"'), "span m2 refers to span m9, which does not stand before it"),
        (lambda told: told.replace('"first": 1', '"first": 9').replace('"first": 2', '"first": 9'), "span m2 repeats 9 messages of span m1, which holds"),
        (lambda told: told.replace('"messages"', '"tools": [{"title": "x"}], "messages"', 1), "tools of span m1: Object missing required field `name`"),
        (lambda told: told.replace('"messages"', '"parameters": [1], "messages"', 1), "parameters of span m1: Expected `object | null`, got `array`"),
        (lambda told: told.replace('"parts": [{"type": "text"', '"parts": [{"type": "txt"', 1), "is no whole case: messages of span m1: Invalid value 'txt' - at `$[0].parts[0].type`"),
        (lambda told: told.replace('"role": "user"', '"role": 5', 1), "messages of span m1: Expected `str`, got `int` - at `$[1].role`"),
        (lambda told: "[]", "is no whole case: Expected `object`, got `array`"),
        (lambda told: "{}", "is no case"),
        (lambda told: "", "is no whole case: Expecting value: line 1 column 1 (char 0)"),
        (lambda told: "\x00", "is no whole case: Expecting value: line 1 column 1 (char 0)"),
    ],
)  # fmt: skip
def test_files_that_are_no_case_are_told(change: Any, said: str, tmp_path: Path) -> None:
    file = tmp_path / "x.case.json"
    file.write_text(change(text(case(research()))))
    with pytest.raises(AgentdbgError) as raised:
        read(str(file))
    assert said in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    "program", [["python", "-c", 'print("\\N")\nprint("""two""")'], ["python", "a b.py", "--é=\\"]]
)
def test_a_program_of_any_words_stands_in_the_test_as_it_was_typed(program: list[str]) -> None:
    said = written(Path("tests/x.case.json"), 'the "run" of \\N """', program, None, ())
    module = ast.parse(said)
    marker = next(node for node in ast.walk(module) if isinstance(node, ast.keyword) and node.arg == "program")
    assert ast.literal_eval(marker.value) == program
    told = ast.get_docstring(module) or ""
    assert f'agentdbg replay tests/x.case.json --update --reason "why" -- {shlex.join(program)}' in told
