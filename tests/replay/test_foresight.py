"""What is known of a changed recording without running anything."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from agentdbg.replay.foresight import Foresight, foresee
from agentdbg.reporters.foresight import text
from agentdbg.reporters.terminal.line import Look
from agentdbg.view.clean import cells
from tests.replay.recorded import OneTrace, trace
from tests.replay.test_verdict import research


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def foreseen(*sets: str, span: str = "turn", **outputs: str) -> Foresight:
    """`outputs`: by the name of the call, what it is to answer."""
    for name, content in outputs.items():
        Path(name).write_text(content, "utf-8")
    named = [f"{name.replace('call_', 'call')}={name}" for name in outputs]
    return foresee(OneTrace(trace(research())), "t", span, sets, named)


def told(seen: Foresight) -> list[str]:
    return [f"{one.number} {one.outcome}: {one.words}" for one in seen.calls]


@pytest.mark.usefixtures("desk")
def test_the_same_tools_lead_to_the_next_question_and_others_to_where_nothing_is_known() -> None:
    same = '[{"type": "tool_call", "id": "c9", "name": "search", "arguments": {"q": "rome"}}]'
    assert told(foreseen(m1=same)) == [
        "1 supposed: answers what is supposed",
        "2 known: is asked and answers as recorded",
    ]
    other = same.replace("rome", "oslo")
    assert told(foreseen(m1=other))[1] == '2 open: what search {"q":"oslo"} gives back is recorded nowhere'
    none = "2 open: the answer supposed asks for no tool: whether the program asks on is its code"
    assert told(foreseen(m1="I know it."))[1] == none


@pytest.mark.usefixtures("desk")
def test_another_result_of_a_tool_changes_the_question_that_holds_it() -> None:
    seen = foreseen(c1='["new"]')
    assert told(seen) == [
        "1 known: is asked and answers as recorded",
        "2 asked: is asked something else, its answer is not known",
    ]
    parted = seen.calls[1].difference
    assert parted is not None
    assert (parted.path, parted.before, parted.after) == ("$.messages[3].parts[0].result[0]", "old", "new")
    assert seen.not_known == (
        "what the program does with the result: that is its code (-- PROGRAM runs it)",
        "what becomes of later calls of the run that are not shown here: 1",
    )


def test_from_a_changed_question_on_nothing_is_known() -> None:
    assert told(foreseen("call[1].system=You are bold.")) == [
        "1 asked: is asked something else, its answer is not known",
        "2 open: goes on from call 1, whose answer is not known",
    ]


def test_a_changed_input_is_looked_for_in_the_questions() -> None:
    assert told(foreseen("input.task=find oslo"))[0] == "1 open: $.messages[1].parts[0] holds what the input had there"
    assert {one.outcome for one in foreseen("input.cities[0]=oslo").calls} == {"open"}


@pytest.mark.parametrize(
    ("change", "path", "after"),
    [("system=You are bold.", "$.messages[0].parts[0].text", "You are bold."), ("messages[-1].text=7", "$.messages[1].parts[0].text", "7"),
     ('messages[1].parts[0].text="7"', "$.messages[1].parts[0].text", "7"), ("parameters.temperature=0", "$.parameters.temperature", "0"),
     ("model=gpt-5", "$.model", "gpt-5"), ('messages=[{"role": "user", "content": "hi"}]', "$.messages[0].role", "user")],
)  # fmt: skip
def test_places_of_a_question(change: str, path: str, after: str) -> None:
    parted = foreseen(change, span="m1").changes[0].difference
    assert parted is not None
    assert (parted.path, parted.after) == (path, after)


def test_a_prompt_comes_from_a_file(desk: Path) -> None:
    (desk / "prompt.txt").write_text("You are bold.\nAnd quick.\n", "utf-8")
    assert foreseen("system=@prompt.txt", span="m1").changes[0].after == "You are bold.\nAnd quick."


PAGE = """\
replay  researcher  trace t  span turn
  what if  call 1  $.messages[0].parts[0].text, character 8
           - You are careful.
           + You are bold.

  call 1  m1  is asked something else, its answer is not known
        at $.messages[0].parts[0].text, character 8: recorded 'You are
        careful.', now 'You are bold.'
  call 2  m2  goes on from call 1, whose answer is not known

not known  what a model answers to the changed question: nobody asked it
             (--live asks one)
           what becomes of later calls of the run that are not shown
             here: 1
"""


def test_the_page() -> None:
    for width in (40, 72, 120):
        out = io.StringIO()
        text(foreseen("call[1].system=You are bold."), out, Look(width=width, ascii=True))
        assert max(map(cells, out.getvalue().splitlines())) <= width
        assert width != 72 or out.getvalue() == PAGE
