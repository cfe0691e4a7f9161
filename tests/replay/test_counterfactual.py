"""A recorded run, what is supposed otherwise, and what a program made of it. The program is a list of questions."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.replay.replayed import Replayed
from agentdbg.replay.rerun import prepare
from agentdbg.replay.tape import Policies
from agentdbg.replay.verdict import judge
from agentdbg.reporters.rerun import text
from agentdbg.reporters.terminal.line import Look
from tests.replay.recorded import OneTrace, trace
from tests.replay.test_verdict import ASKED, TOLD, body, own, research, search

OSLO = '[{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "oslo"}}]'
ROME = '[{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "rome"}}]'
WRITER = "system You write.\nuser Rome is old."


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def written(content: str) -> str:
        place = tmp_path / "given"
        place.write_text(content, "utf-8")
        return str(place)

    return written


def replay(*steps: str, exit_code: int = 0, **how: Any) -> Replayed:
    """A step is a question, or `tool NAME Q`, or `returned JSON`."""
    ready = prepare(OneTrace(trace(research())), "t", "turn", Policies({}), **how)
    for step in steps:
        word, _, rest = step.partition(" ")
        if word == "tool":
            search(ready.playback, rest.split()[1], rest.split()[0])
        elif word == "returned":
            own(ready.playback, word, json.loads(rest))
        else:
            ready.playback.answer("/v1/chat/completions", {}, body(step))
    return judge(ready, exit_code)


def told(done: Replayed) -> str:
    return f"{done.verdict}: {done.reason} {[one.detector for one in done.findings]}"


def test_another_answer_is_served_and_where_nobody_recorded_how_it_goes_on_evidence_ends(file: Any) -> None:
    outputs = [f"call[1]={file(OSLO)}"]
    done = replay(ASKED, "tool search oslo", outputs=outputs)
    assert told(done) == (
        'evidence_ends: at a tool: the tool search was called with {"q":"oslo"}, recorded with {"q":"rome"} []'
    )
    assert done.hint == (
        "to go on, let the tool run (--tool search=live) or say what it gives back (--tool search=stub:FILE)"
    )


def test_a_question_that_nobody_recorded_is_where_evidence_ends_and_no_failure(file: Any) -> None:
    done = replay(ASKED, "tool search rome", TOLD.replace("old", "new"), outputs=[f"s1={file('new')}"])
    assert told(done) == ("evidence_ends: at call 2 of researcher: nobody recorded what a model answers to that []")
    assert done.ends is not None
    assert done.ends.endswith(
        "first difference at $.messages[3].parts[0].result[0], character 0: recorded 'old', now 'new'"
    )
    assert done.hint == "to go on, say what the model answers there: --override-output m2=FILE"
    assert done.tools == (("search", "override", 1),)


def test_an_answer_that_is_supposed_is_given_to_the_question_most_like_its_own(tmp_path: Path) -> None:
    (tmp_path / "result").write_text("new")
    (tmp_path / "answer").write_text("Rome is new.")
    outputs = [f"c1={tmp_path / 'result'}", f"m2={tmp_path / 'answer'}"]
    done = replay(
        ASKED, "tool search rome", TOLD.replace("old", "new"), "system You write.\nuser Rome is new.", outputs=outputs
    )
    assert told(done) == ("evidence_ends: at call 3 of writer: nobody recorded what a model answers to that []")
    assert [one.outcome == "served" for one in done.asked] == [True, True, False]
    assert done.asked[1].assumed is not None


def test_a_change_that_makes_no_difference_and_one_that_does(file: Any) -> None:
    outputs = [f"m2={file('Rome is rather old.')}"]
    done = replay(ASKED, "tool search rome", TOLD, WRITER, outputs=outputs)
    assert told(done) == ("unchanged: with the change, the program asked all 3 calls as recorded []")
    early = replay(ASKED, outputs=[f"call[1]={file('Nothing to look up.')}"])
    assert told(early) == "changed: with the change, the recorded call of researcher was never asked for []"
    failed = replay(ASKED, "tool search rome", TOLD, WRITER, exit_code=3, outputs=outputs)
    assert told(failed) == "changed: with the change, the program failed with exit code 3 []"


def test_a_program_that_went_another_way_before_has_diverged(file: Any) -> None:
    done = replay(ASKED.replace("rome", "oslo"), outputs=[f"m2={file('x')}"])
    assert told(done) == "diverged: call 1 of researcher asks something else than recorded ['replay.diverged']"
    unheard = replay(outputs=[f"m2={file('x')}"])
    assert told(unheard).startswith("not_judged: not exercised")


def test_a_change_that_nothing_asked_for_took_no_effect(file: Any) -> None:
    done = replay(ASKED, "tool search rome", TOLD, outputs=[f"w1={file('x')}"])
    assert (
        told(done) == "not_judged: the change took no effect: the answer of the call in span w1 was never asked for []"
    )


def test_the_input_of_a_function_is_changed_and_every_question_is_the_functions_own() -> None:
    how: dict[str, Any] = {"alone": True, "sets": ["input.task=find oslo"]}
    ready = prepare(OneTrace(trace(research())), "t", "turn", Policies({}), **how)
    assert ready.playback.answer("/agentdbg/given", {}, b"null").body == {
        "given": {"task": "find oslo", "cities": ["rome"]}
    }
    done = replay(ASKED.replace("rome", "oslo"), **how)
    assert told(done).startswith("evidence_ends: at call 1 of researcher")
    same = replay(ASKED, "tool search rome", TOLD, 'returned "Rome is old."', **how)
    assert told(same).startswith("unchanged: ")
    other = replay(ASKED, "tool search rome", TOLD, 'returned "Oslo is old."', **how)
    assert told(other) == "changed: with the change, the output differs from the recorded one at $.output []"


def test_in_recorded_order_everything_is_served_and_evidence_ends_where_the_question_differs(file: Any) -> None:
    done = replay(ASKED, TOLD.replace("old", "new"), WRITER, mode="ordered", outputs=[f"call[1]={file(ROME)}"])
    assert told(done) == (
        "evidence_ends: at call 2 of researcher: what was served from there on answers other questions []"
    )


@pytest.mark.parametrize(
    ("how", "said"),
    [({"sets": ["call[1].system=x"]}, "a program asks its own questions"), ({"sets": ["input.task=x"]}, "is given its input by whoever starts it"),
     ({"sets": ["task"]}, "--set task changes nothing"), ({"sets": ["call[9].system=x"]}, "there is no call 9 among 2"),
     ({"sets": ["system=x"]}, r"there are 2 calls here: name one, as call\[1\].system"), ({"sets": ["call[1].colour=x"]}, "and no colour"),
     ({"sets": ["call[1].messages[7].text=x"]}, "there is no 7 in 2 items"), ({"sets": ["call[1].messages[1]=7"]}, "no question any more"),
     ({"sets": ["input.city.name=x"], "alone": True}, "there is no city in task, cities"), ({"sets": ["input.task=@/nowhere"], "alone": True}, "/nowhere cannot be read"),
     ({"outputs": ["search=pyproject.toml"]}, "names a tool, and not which of its calls"), ({"outputs": ["zzzz=pyproject.toml"]}, "no model call or tool is called zzzz"),
     ({"outputs": ["call[1]"]}, "names no file"), ({"outputs": ["call[1].text=pyproject.toml"]}, "holds a whole answer")],
)  # fmt: skip
def test_what_cannot_be_supposed_is_told(how: dict[str, Any], said: str) -> None:
    with pytest.raises(AgentdbgError, match=said):
        replay(**how)


PAGE = """\
replay  researcher  trace t  span turn
  what if  the result of search
           - ["old"]
           + new
  call  agent       recorded in  what came of it
  1     researcher  m1           served
  2     researcher  m2           not recorded: asks something that no r…
  tool  search  override ×1
  ends  call 2 over OpenAI Chat Completions asks something that no
        recorded call asked; the nearest is the call of researcher in
        span m2, first difference at $.messages[3].parts[0].result[0],
        character 0: recorded 'old', now 'new'

hint:   to go on, say what the model answers there: --override-output
        m2=FILE
evidence ends: at call 2 of researcher: nobody recorded what a model
  answers to that
"""


def test_the_page(file: Any) -> None:
    out = io.StringIO()
    done = replay(ASKED, "tool search rome", TOLD.replace("old", "new"), outputs=[f"s1={file('new')}"])
    text(done, out, Look(width=72))
    assert out.getvalue() == PAGE
