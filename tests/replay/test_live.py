"""A recorded question asked of a scripted endpoint: what was sent, what is counted, and what is concluded."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.replay.answering import openai_error
from agentdbg.replay.call import Part
from agentdbg.replay.endpoint import SPEECHES, api_of, endpoint
from agentdbg.replay.live import How, measure, prepare
from agentdbg.replay.measured import Measured, to_json, verdict
from agentdbg.replay.playback import Reply
from agentdbg.replay.predicate import predicate
from agentdbg.replay.server import served
from agentdbg.replay.wires import wire_of
from agentdbg.reporters.live import text
from agentdbg.reporters.terminal.line import Look
from agentdbg.view.clean import cells
from tests.replay.recorded import OneTrace, answer, call, llm, trace

for needed in ("httpx2", "uvicorn", "starlette"):
    pytest.importorskip(needed, reason="the extra `replay` is not installed")

ASKED = "system You help.\nuser Stop my plan."
REFUND = 'call c1 refund {"order": 5}'
CANCEL = 'call c1 cancel {"plan": 5}'


class Scripted:
    """An endpoint that gives these answers in turn, as what was recorded would be served; `then` is done to each."""

    def __init__(self, *script: str | Reply, then: Callable[[int], None] | None = None) -> None:
        self.script = script
        self.asked: list[tuple[str, Mapping[str, str], dict[str, Any]]] = []
        self._then = then

    def answer(self, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        self.asked.append((path, headers, json.loads(content)))
        number = len(self.asked)
        if self._then is not None:
            self._then(number)
        said = self.script[(number - 1) % len(self.script)]
        if isinstance(said, Reply):
            return said
        wire = wire_of(path)
        assert wire is not None
        return Reply(200, wire.answer(call(replace(llm("live", ASKED, said, 1), model="m-2")), self.asked[-1][2]))


class Reader(OneTrace):
    """One call whose answer had this id."""

    response_id: str | None = None

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        return [(self.response_id,)]


def ask(
    *script: str | Reply,
    sets: Sequence[str] = (),
    predicates: Sequence[str] = (),
    recorded: str | None = REFUND,
    server: Scripted | None = None,
    base: str = "/v1",
    response_id: str | None = None,
    more: Mapping[str, Any] | None = None,
    **how: Any,
) -> tuple[Measured, Scripted]:
    there = server or Scripted(*script)
    reader = Reader(trace([replace(llm("m1", ASKED, recorded, 1, **(more or {})))]))
    reader.response_id = response_id
    with served(there) as address:
        asked = prepare(reader, "t", "m1", How(f"{address}{base}", **how), sets)
        return measure(asked, predicate(predicates) if predicates else None), there


def told(done: Measured) -> list[str]:
    return [
        f"{'*' if one.counted else ' '} {one.count} {one.words}{' (recorded)' if one.recorded else ''}"
        for one in done.clusters
    ]


def test_always_the_same_decision_is_no_chance() -> None:
    done, there = ask(REFUND)
    assert (done.verdict, done.counted, done.answered, done.wanted) == ("prompt", 20, 20, 20)
    assert (round(done.low, 2), done.high) == (0.84, 1.0)
    assert told(done) == ['* 20 asks for refund {"order":5} (recorded)']
    path, headers, body = there.asked[0]
    assert path == "/v1/chat/completions"
    assert "authorization" not in headers
    assert body == {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "You help."}, {"role": "user", "content": "Stop my plan."}],
    }
    assert (done.input_tokens, done.output_tokens) == (20 * 900, 20 * 40)


def test_now_this_and_now_that_is_sampling() -> None:
    done, _ = ask(REFUND, CANCEL, CANCEL, count=30)
    assert (done.verdict, done.counted, done.answered) == ("sampling", 10, 30)
    assert told(done) == ['  20 asks for cancel {"plan":5}', '* 10 asks for refund {"order":5} (recorded)']


def test_what_never_comes_back_has_an_upper_bound() -> None:
    done, _ = ask(CANCEL)
    assert (done.verdict, done.reason) == ("not_seen", "it was not seen: it comes in at most 16% of answers")
    assert done.notes == ("recorded with gpt-4o, answered by m-2",)


def test_a_changed_prompt_is_measured_the_same_way() -> None:
    done, there = ask(CANCEL, sets=["system=You cancel."], predicates=["tool==refund"])
    assert there.asked[0][2]["messages"][0]["content"] == "You cancel."
    assert (done.verdict, done.looked_for, done.counted) == ("not_seen", "tool==refund", 0)
    assert done.reason.startswith("with the change, ")


@pytest.mark.parametrize(
    ("response_id", "base", "path", "key", "header"),
    [("chatcmpl-1", "/v1", "/v1/chat/completions", "OPENAI_API_KEY", ("authorization", "Bearer secret")), ("chatcmpl-1", "", "/v1/chat/completions", "OPENAI_API_KEY", ("authorization", "Bearer secret")),
     ("resp_1", "/openai/v1/", "/openai/v1/responses", "OPENAI_API_KEY", ("authorization", "Bearer secret")), ("resp_1", "/api/v1/chat/completions", "/api/v1/chat/completions", "OPENAI_API_KEY", ("authorization", "Bearer secret")),
     ("msg_1", "", "/v1/messages", "ANTHROPIC_API_KEY", ("x-api-key", "secret")), ("msg_1", "/anthropic/v1", "/anthropic/v1/messages", "ANTHROPIC_API_KEY", ("x-api-key", "secret")),
     ("msg_1", "/anthropic", "/anthropic/v1/messages", "ANTHROPIC_API_KEY", ("x-api-key", "secret"))],
)  # fmt: skip
def test_every_api_at_the_place_where_it_is_wont_to_be(
    response_id: str, base: str, path: str, key: str, header: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key, "secret")
    done, there = ask(REFUND, response_id=response_id, base=base, count=5)
    assert {one[0] for one in there.asked} == {path}
    assert there.asked[0][1][header[0]] == header[1]
    assert (done.verdict, done.counted) == ("prompt", 5)
    assert "secret" not in json.dumps(to_json(done))
    assert any("4096 were allowed" in note for note in done.notes) == (response_id == "msg_1")


def test_gemini_has_the_model_in_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "secret")
    there = endpoint("https://g.example/v1beta", "gemini", "chat", call(llm("m1", ASKED, REFUND, 1)), None)
    assert there.url == "https://g.example/v1beta/models/gpt-4o:generateContent"


def test_an_endpoint_that_is_busy_is_waited_for_and_that_is_told() -> None:
    busy = Reply(429, openai_error("rate_limit", "slow down"), headers={"retry-after": "0"})
    done, there = ask(server=Scripted(busy, REFUND, REFUND, busy, *[REFUND] * 9), count=6)
    assert (done.answered, done.waited, done.failed, len(there.asked)) == (6, 2, (), 8)


def test_what_fails_for_good_is_counted_and_no_answer() -> None:
    broken = Reply(503, openai_error("overloaded", "no room"), headers={"retry-after": "0"})
    done, _ = ask(server=Scripted(broken))
    assert (done.answered, done.failed, done.waited) == (0, (("HTTP 503: no room", 20),), 40)
    assert (done.verdict, done.reason) == ("not_judged", "no answer came")


def test_a_question_that_is_refused_is_sent_once_and_no_key_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    wrong = Reply(401, openai_error("invalid", "Incorrect API key provided: sk-secret"))
    done, there = ask(server=Scripted(wrong), key_name="MY_KEY")
    assert (len(there.asked), done.failed) == (1, (("HTTP 401: Incorrect API key provided: (key)", 1),))


@pytest.mark.parametrize("key", ["sk-secret\n", "sk-secret\r\n", " sk-secret"])
def test_a_key_out_of_a_file_is_sent_without_its_line_break(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    done, there = ask(REFUND, count=1)
    assert (done.failed, there.asked[0][1]["authorization"]) == ((), "Bearer sk-secret")


@pytest.mark.parametrize("key", ["sk-se\ncret", "sk-se\u00e4cret"])
def test_a_key_that_no_header_takes_is_told_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(AgentdbgError, match="the key in OPENAI_API_KEY") as raised:
        ask(REFUND, count=1)
    assert "cret" not in raised.value.message


@pytest.mark.parametrize(
    "base", ["http://ann:s3cret@127.0.0.1:99999/v1", "http://[::1/v1", "ftp://ann:s3cret@x", "x:80"]
)
def test_what_is_no_address_is_told_without_its_password(base: str) -> None:
    reader = Reader(trace([llm("m1", ASKED, REFUND, 1)]))
    with pytest.raises(AgentdbgError, match="is no address") as raised:
        prepare(reader, "t", "m1", How(base), ())
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"detail": "hello"}),
        Reply(200, [1]),
        Reply(404, "nothing here"),
        Reply(200, {"choices": []}),
        Reply(200, {"choices": "x"}),
        Reply(200, {"error": {"message": "no quota"}, "choices": None}),
    ],
)
def test_what_is_no_model_api_is_told(reply: Reply) -> None:
    done, there = ask(server=Scripted(reply))
    assert (len(there.asked), done.answered, len(done.failed)) == (1, 0, 1)


def test_where_nobody_listens() -> None:
    done, _ = ask(REFUND, base="")
    reader = Reader(trace([llm("m1", ASKED, REFUND, 1)]))
    done = measure(prepare(reader, "t", "m1", How("http://user:pass@127.0.0.1:9/v1"), ()), None)
    assert (done.answered, done.url) == (0, "http://127.0.0.1:9/v1/chat/completions")
    assert done.failed[0][0].startswith("ConnectError")


@pytest.fixture
def hearing() -> Iterator[None]:
    """Ctrl-C is heard, also by a job in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hearing")
def test_ctrl_c_keeps_what_was_had() -> None:
    def stop(number: int) -> None:
        if number == 12:
            os.kill(os.getpid(), signal.SIGINT)

    done, _ = ask(server=Scripted(REFUND, then=stop), count=500)
    assert done.interrupted
    assert 5 <= done.answered < 50
    assert (done.verdict, done.counted) == ("prompt", done.answered)


def test_a_seed_is_another_one_each_time() -> None:
    done, there = ask(REFUND, more={"parameters": '{"seed": 7, "temperature": 0}'}, count=6)
    assert sorted(one[2]["seed"] for one in there.asked) == [7, 8, 9, 10, 11, 12]
    assert any(note.startswith("sent with seeds 7 to 12") for note in done.notes)
    assert any(note.startswith("temperature 0") for note in done.notes)
    _, there = ask(REFUND, seed=100, count=2)
    assert sorted(one[2]["seed"] for one in there.asked) == [100, 101]


def test_prose_that_says_nearly_the_same_is_one_kind() -> None:
    done, _ = ask(
        "assistant Your plan is stopped.",
        "assistant your plan is now stopped",
        "assistant I cannot do that, ask Ann.",
        recorded="assistant Your plan is stopped.",
        count=6,
    )
    assert [(one.count, one.counted) for one in done.clusters] == [(4, True), (2, False)]
    assert any(note.startswith("the recorded answer is prose") for note in done.notes)


@pytest.mark.parametrize(
    ("test", "holds"),
    [("tool==refund", True), ("tool!=refund", False), ("tool==cancel", False), ("tool==", False), ("tool~=^ref", True), ("arguments.order==5", True),
     ("arguments.order!=5", False), ("arguments.plan==5", False), ("arguments.items[0].n~=two", True), ("arguments~=two", True), ("text~=SORRY", True), ("text==sorry", True), ("text!=sorry", False)],
)  # fmt: skip
def test_predicates(test: str, holds: bool) -> None:
    said: list[Part] = [
        *answer("assistant sorry")[0]["parts"],
        {"type": "tool_call", "id": "c", "name": "refund", "arguments": '{"order": 5, "items": [{"n": "two"}]}'},
    ]
    assert predicate([test]).holds(said) is holds
    assert predicate([test, "text~=nowhere"]).holds(said) is False


@pytest.mark.parametrize("test", ["refund", "colour==red", "text~=(", "tool=refund"])
def test_what_is_no_predicate_is_told(test: str) -> None:
    with pytest.raises(AgentdbgError, match="--predicate"):
        predicate([test])


@pytest.mark.parametrize(
    ("counted", "answered", "judged"),
    [(0, 0, "not_judged"), (4, 4, "not_judged"), (5, 5, "prompt"), (20, 20, "prompt"), (15, 20, "prompt"), (14, 20, "sampling"), (1, 20, "sampling"), (0, 20, "not_seen")],
)  # fmt: skip
def test_what_is_concluded(counted: int, answered: int, judged: str) -> None:
    assert verdict(counted, answered, False)[0] == judged


@pytest.mark.parametrize(
    ("how", "said"),
    [({"base": "ftp"}, "is no address"), ({"key_name": "NO_SUCH_KEY"}, "the environment has no NO_SUCH_KEY"), ({"sets": ["input.x=1"]}, "is not recorded"),
     ({"recorded": None}, "no answer to compare with")],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(how: dict[str, Any], said: str) -> None:
    reader = Reader(trace([llm("m1", ASKED, how.get("recorded", REFUND), 1)]))
    base = "ftp://x" if "base" in how else "http://127.0.0.1:9"
    with pytest.raises(AgentdbgError, match=said):
        measure(prepare(reader, "t", "m1", How(base, key_name=how.get("key_name")), how.get("sets", ())), None)


def test_the_api_is_that_of_the_recording() -> None:
    assert [api_of(None, provider) for provider in ("anthropic", "google_genai", "openai", None)] == [
        "messages", "gemini", "chat", "chat",
    ]  # fmt: skip
    assert {speech.name for speech in SPEECHES.values()} == {
        wire.api
        for wire in (wire_of(p) for p in ("/chat/completions", "/responses", "/v1/messages", ":generateContent"))
        if wire
    }


PAGE = """\
replay --live  a  trace t  span m1
  asked     http://127.0.0.1:PORT/v1/chat/completions, OpenAI Chat
            Completions, model gpt-4o
  recorded  asks for refund {"order":5}
  what if  call 1  $.messages[0].parts[0].text, character 4
           - You help.
           + You cancel.
  counted   the recorded decision

    8  asks for cancel {"plan":5}
  → 8  asks for refund {"order":5} (as recorded)
  failed    ×4 HTTP 400: no
  note      recorded with gpt-4o, answered by m-2
  tokens    14,400 in, 640 out

sampling: 8 of 16 answers (28 to 72 %). With the change, sampling: the
  same question leads here at times, and elsewhere otherwise; the prompt
  leaves it open
"""


def test_the_page() -> None:
    no = Reply(400, openai_error("bad", "no"))
    done, _ = ask(server=Scripted(REFUND, CANCEL, REFUND, CANCEL, no), sets=["system=You cancel."])
    done = replace(done, url="http://127.0.0.1:PORT/v1/chat/completions")
    for width in (40, 72, 120):
        out = io.StringIO()
        text(done, out, Look(width=width))
        assert max(map(cells, out.getvalue().splitlines())) <= width
        assert width != 72 or out.getvalue() == PAGE
