"""A recorded run and what a program asked in, verdict, findings and page out. The program is a list of questions."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from agentdbg.model import Span
from agentdbg.replay.playback import Playback
from agentdbg.replay.replayed import Replayed
from agentdbg.replay.rerun import prepare
from agentdbg.replay.tape import Policies
from agentdbg.replay.verdict import judge
from agentdbg.reporters.rerun import as_json, text
from agentdbg.reporters.terminal.line import Look
from agentdbg.view.clean import cells
from tests.replay.recorded import OneTrace, agent, llm, messages, tool, trace

ASKED = "system You are careful.\nuser find rome\n"
SEARCH = 'call c1 search {"q": "rome"}'
TOLD = f'{ASKED}{SEARCH}\nresult c1 ["old"]'


def research(**first: Any) -> list[Span]:
    """An agent that asks for one search and then answers, and another whose call is none of its."""
    return [
        agent("turn", "researcher", 0, 8, input='{"task": "find rome", "cities": ["rome"]}', output='"Rome is old."'),
        llm("m1", ASKED, SEARCH, 1, "researcher", "turn", **first),
        tool("s1", "search", {"q": "rome"}, ["old"], 3, "researcher", turn_id="turn", tool_call_id="c1"),
        llm("m2", TOLD, "assistant Rome is old.", 5, "researcher", "turn"),
        agent("other", "writer", 9, 12),
        llm("w1", "system You write.\nuser Rome is old.", "assistant Rome, so old.", 10, "writer", "other"),
    ]


def body(said: str) -> bytes:
    """The lines of a conversation as a request of Chat Completions."""
    out: list[dict[str, Any]] = []
    for message in messages(said):
        part = message["parts"][0]
        if part["type"] == "tool_call":
            function = {"name": part["name"], "arguments": json.dumps(part["arguments"])}
            out.append(
                {"role": "assistant", "tool_calls": [{"id": part["id"], "type": "function", "function": function}]}
            )
        elif part["type"] == "tool_result":
            out.append({"role": "tool", "tool_call_id": part["id"], "content": part["result"]})
        else:
            out.append({"role": message["role"], "content": part["text"]})
    return json.dumps({"model": "gpt-4o", "messages": out}).encode()


def own(playback: Playback, word: str, told: Any) -> None:
    playback.answer(f"/agentdbg/{word}", {}, json.dumps(told).encode())


def search(playback: Playback, q: str = "rome", name: str = "search") -> None:
    own(playback, "tool", {"tool": name, "arguments": {"q": q}, "call_id": None, "hands_over": False})


def replay(
    *questions: str, spans: list[Span] | None = None, span: str = "turn", exit_code: int = 0, **how: Any
) -> Replayed:
    """A question is a conversation; `tool NAME Q`, `refused HOST` and `returned JSON` are what their names say."""
    ready = prepare(OneTrace(trace(spans or research())), "t", span, Policies({}), **how)
    for question in questions:
        word, _, rest = question.partition(" ")
        if word == "tool":
            search(ready.playback, rest.split()[1], rest.split()[0])
        elif word in ("armed", "refused", "returned"):
            own(ready.playback, word, json.loads(rest))
        else:
            ready.playback.answer("/v1/chat/completions", {}, body(question))
    return judge(ready, exit_code)


def told(done: Replayed) -> str:
    return f"{done.verdict}: {done.reason} {[one.detector for one in done.findings]}"


def test_the_agent_alone_or_the_whole_program_may_run() -> None:
    assert (
        told(replay(ASKED, "tool search rome", TOLD))
        == "reproduced: the program asked what was recorded: 2 of 2 calls []"
    )
    whole = replay(ASKED, "tool search rome", TOLD, "system You write.\nuser Rome is old.")
    assert told(whole) == "reproduced: the program asked what was recorded: 3 of 3 calls []"


def test_a_program_that_goes_beyond_the_agent_is_to_go_to_the_end() -> None:
    done = replay(ASKED, "system You write.\nuser Rome is old.")
    assert told(done) == "diverged: the recorded call of researcher was never asked for ['replay.missing_call']"
    assert done.findings[0].evidence[0].span_id == "m2"


def test_the_first_difference_is_the_finding_and_what_follows_is_counted() -> None:
    done = replay(ASKED, TOLD.replace("old", "new"), "user x")
    assert told(done) == "diverged: call 2 of researcher asks something else than recorded ['replay.diverged']"
    assert done.findings[0].message.endswith(
        "recorded 'old', now 'new'. Later questions without a recorded answer, as a consequence or not: 1."
    )


def test_more_than_was_recorded() -> None:
    assert (
        told(replay(ASKED, ASKED, TOLD))
        == "diverged: call 2 of researcher is one more than recorded ['replay.extra_call']"
    )


def test_a_tool_that_is_called_otherwise() -> None:
    assert told(replay(ASKED, "tool search oslo")) == (
        'diverged: the tool search was called with {"q":"oslo"}, recorded with {"q":"rome"} [\'replay.tool\']'
    )


def test_what_the_recording_or_the_replay_lacks_is_no_divergence() -> None:
    lost = research(finish_reason=None)
    lost[2] = tool("s1", "search", {"q": "rome"}, None, 3, "researcher", turn_id="turn", tool_call_id="c1")
    lost[3] = llm("m2", "user something else", "assistant ok", 5, "researcher", "turn")
    done = replay(ASKED, "tool search rome", spans=lost)
    assert told(done) == "not_judged: the result of search is recorded nowhere; --tool search=live runs it []"
    done = replay(ASKED, 'refused "api.embeddings.com"')
    assert (
        told(done) == "not_judged: the program tried to reach api.embeddings.com, which was refused, and ended early []"
    )
    assert told(replay()) == "not_judged: not exercised: no model call of the program arrived []"


@pytest.mark.parametrize(
    ("exit_code", "said"),
    [
        (0, "it ran, but sent no request"),
        (1, "it ended with exit code 1 before it asked a model; what it printed says"),
    ],
)
def test_a_program_that_fails_before_it_asks_is_not_taken_for_the_wrong_one(exit_code: int, said: str) -> None:
    done = replay('armed ""', exit_code=exit_code)
    assert (done.verdict, (done.hint or "")[: len(said)]) == ("not_judged", said)


def test_a_run_that_was_cut_short_says_nothing_about_what_came_later() -> None:
    cut = trace(research())
    cut.status = "incomplete"
    ready = prepare(OneTrace(cut), "t", "turn", Policies({}))
    for question in (ASKED, TOLD, "system You write.\nuser Rome is old.", "user and now?"):
        ready.playback.answer("/v1/chat/completions", {}, body(question))
    assert told(judge(ready, 0)) == "not_judged: the recording ends after 3 calls, and the program went on []"


def test_an_agent_behind_a_tool_that_does_not_run_is_not_missed() -> None:
    asks = 'call c1 ask_writer {"task": "write"}'
    spans = [
        llm("m1", ASKED, asks, 1, "researcher"),
        llm("w1", "system You write.\nuser write", "assistant Rome, so old.", 3, "writer"),
        llm("m2", f"{ASKED}{asks}\nresult c1 Rome, so old.", "assistant done", 5, "researcher"),
    ]
    ready = prepare(OneTrace(trace(spans)), "t", "m1", Policies({}))
    ready.playback.answer("/v1/chat/completions", {}, body(ASKED))
    own(
        ready.playback,
        "tool",
        {"tool": "ask_writer", "arguments": {"task": "write"}, "call_id": "c1", "hands_over": False},
    )
    ready.playback.answer("/v1/chat/completions", {}, body(f"{ASKED}{asks}\nresult c1 Rome, so old."))
    done = judge(ready, 0)
    assert told(done) == "reproduced: the program asked what was recorded: 2 of 2 calls []"
    assert done.unreal == (
        "calls recorded while ask_writer ran, and not asked for: 1; --tool ask_writer=live replays these as well",
    )


def test_a_target_has_its_own_calls_its_input_and_its_output() -> None:
    ready = prepare(OneTrace(trace(research())), "t", "turn", Policies({}), alone=True)
    reply = ready.playback.answer("/agentdbg/given", {}, b"null")
    assert reply.body == {"given": {"task": "find rome", "cities": ["rome"]}}
    assert (
        told(replay(ASKED, TOLD, 'returned "Rome is old."', alone=True))
        == "reproduced: the program asked what was recorded: 2 of 2 calls []"
    )
    assert told(replay(ASKED, TOLD, 'returned "Rome is new."', alone=True)) == (
        "diverged: the output differs from the recorded one at $.output ['replay.output']"
    )
    picked = prepare(
        OneTrace(trace(research())), "t", "turn", Policies({}), alone=True, arguments=["city=input.cities[0]"]
    )
    assert picked.playback.answer("/agentdbg/given", {}, b"null").body == {"given": {"city": "rome"}}


def test_a_program_that_fails_though_all_was_as_recorded() -> None:
    assert told(replay(ASKED, TOLD, exit_code=3)) == "diverged: the program failed with exit code 3 ['replay.failed']"


def test_identical_calls_at_the_same_time_are_told_and_change_no_verdict() -> None:
    both = [
        agent("turn", "a", 0, 9),
        llm("m1", ASKED, "assistant one", 1, turn="turn"),
        llm("m2", ASKED, "assistant two", 1, turn="turn"),
    ]
    assert (
        told(replay(ASKED, ASKED, spans=both))
        == "reproduced: the program asked what was recorded: 2 of 2 calls ['replay.ambiguous']"
    )


PAGE = """\
replay  researcher  trace t  span turn
  call  agent       recorded in  what came of it
  1     researcher  m1           served; masked date
  2     researcher  m2           MISS: asks something that no recorded call asked
  soft  $.model: recorded 'gpt-4', now 'gpt-4o' (call 1)
  tool  search  recorded ×1
  note  masked to recognise questions: date

HIGH replay.diverged call 2 of researcher asks something else than recorded
  Call 2 over OpenAI Chat Completions asks something that no recorded call asked; the nearest is
  the call of researcher in span m2, first difference at $.messages[3].parts[0].result[0],
  character 0: recorded 'old', now 'new'.
  span   m2  the recording
  trace  t, agent researcher
  advice if the change is meant, record the run anew; if it is not, the difference says what now
         reaches the model
  next:  agentdbg span m2

diverged: call 2 of researcher asks something else than recorded
"""


def diverged() -> Replayed:
    spans = research()
    spans[1] = llm("m1", ASKED + "user Today is 2026-03-01.", SEARCH, 1, "researcher", "turn")
    spans[1].model = "gpt-4"
    return replay(ASKED + "user Today is 2026-11-20.", "tool search rome", TOLD.replace("old", "new"), spans=spans)


def test_the_page() -> None:
    out = io.StringIO()
    text(diverged(), out, Look(width=98))
    assert out.getvalue() == PAGE


def test_no_line_is_wider_than_the_page() -> None:
    for width in (40, 60, 80, 120):
        out = io.StringIO()
        text(diverged(), out, Look(width=width, ascii=True))
        assert max(map(cells, out.getvalue().splitlines())) <= width
        assert out.getvalue().isascii()


def test_json_for_programs() -> None:
    out = io.StringIO()
    as_json(diverged(), out)
    found = json.loads(out.getvalue())
    assert (found["schema_version"], found["verdict"], found["served"], found["recorded"]) == (1, "diverged", 1, 2)
    assert [one["detector"] for one in found["findings"]] == ["replay.diverged"]
    assert found["tools"] == [{"tool": "search", "done": "recorded", "count": 1}]
