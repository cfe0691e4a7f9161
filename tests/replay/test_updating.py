"""A case and what a changed program asked in, the case that holds the change out; or why there can be none."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.replay.case import Case, case_of
from agentdbg.replay.inspect import inspect
from agentdbg.replay.rerun import Rerun, prepare
from agentdbg.replay.tape import Policies
from agentdbg.replay.updating import Update, update
from agentdbg.replay.verdict import judge
from agentdbg.reporters import updated
from agentdbg.reporters.terminal import Look
from tests.replay.recorded import trace
from tests.replay.test_verdict import ASKED, TOLD, body, own, research, search


def case() -> Case:
    return case_of(trace(research()), "turn", "0.0")


def run(one: Case, *questions: str, accept: bool = False, tools: list[Any] | None = None) -> Rerun:
    """A question is a conversation; `tool NAME Q` and `returned JSON` are what their names say."""
    ready = prepare(one.reader, "t", one.span_id, Policies({}), accept=accept)
    for question in questions:
        word, _, rest = question.partition(" ")
        if word == "tool":
            search(ready.playback, rest.split()[1], rest.split()[0])
        elif word == "returned":
            own(ready.playback, word, json.loads(rest))
        else:
            content = (
                body(question) if tools is None else json.dumps(json.loads(body(question)) | {"tools": tools}).encode()
            )
            ready.playback.answer("/v1/chat/completions", {}, content)
    return ready


def accepted(*questions: str, **more: Any) -> tuple[Case, Update]:
    ready = run(case(), *questions, accept=True, **more)
    return update(case(), ready.playback.journal, judge(ready, 0), "prompt v7", "x.case.json")


NEW = [text.replace("careful", "bold") for text in (ASKED, TOLD)]


def test_a_changed_prompt_is_accepted_and_then_reproduced() -> None:
    new, told = accepted(NEW[0], "tool search rome", NEW[1])
    assert (told.calls, told.of) == ((1, 2), 2)
    changes = [line for line in told.diff if "careful" in line or "bold" in line]
    assert [line[0] for line in changes] == ["-", "+"]
    assert new.accepted == ("prompt v7",)
    done = judge(run(new, NEW[0], "tool search rome", NEW[1]), 0)
    assert done.verdict == "reproduced"
    assert done.unreal == ("2 answers were given to earlier questions; the new ones are accepted: prompt v7",)
    assert inspect(new.reader, "t", "turn").reason == "answered an earlier question; the new one is accepted: prompt v7"
    assert judge(run(new, ASKED), 0).verdict == "diverged"


def test_what_the_case_holds_already_is_not_written_again() -> None:
    same, told = accepted(ASKED, "tool search rome", TOLD)
    assert (same, told.calls, told.diff) == (case(), (), ())


def test_other_tools_and_another_output_are_accepted_as_well() -> None:
    spans = research()
    spans[1].tools = spans[3].tools = json.dumps([{"name": "search", "parameters": {}}])
    one = case_of(trace(spans), "turn", "0.0")
    offered = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]
    ready = run(one, ASKED, "tool search rome", TOLD, 'returned "Rome!"', accept=True, tools=offered)
    new, told = update(one, ready.playback.journal, judge(ready, 0), "typed", "x.case.json")
    assert told.calls == (1, 2)
    seen = inspect(new.reader, "t", "turn")
    assert (seen.result, seen.calls[0].call.tools) == (
        "Rome!",
        ({"name": "search", "description": None, "parameters": {"type": "object"}},),
    )
    assert seen.reason == "all that was sent and answered is recorded"  # the answers are to these very questions


@pytest.mark.parametrize(
    ("questions", "why"),
    [
        ([*NEW, "user and now?"], "call 3 of researcher is one more than recorded"),
        ([NEW[0]], "the recorded call of researcher was never asked for"),
        ([NEW[0], "tool search oslo"], "the tool search was called with"),
        ([], "not exercised: no model call of the program arrived"),
    ],
)
def test_what_only_a_model_or_a_tool_could_answer_is_not_accepted(questions: list[str], why: str) -> None:
    with pytest.raises(AgentdbgError) as raised:
        accepted(*questions)
    assert raised.value.message.startswith(f"the case stays as it is, since {why}")
    assert raised.value.hint


def test_the_page_shows_the_file_as_it_is_indented() -> None:
    _, told = accepted(NEW[0], "tool search rome", NEW[1])
    page = io.StringIO()
    updated.text(told, page, Look(width=100))
    assert [line for line in told.diff if line.startswith(("+   ", "-   "))]
    assert [line for line in told.diff if line.rstrip() not in page.getvalue().splitlines()] == []
