"""Requests in, replies and a journal out, without a network."""

from __future__ import annotations

import json
import sys
import time
from http.client import HTTPConnection
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.replay.asking import ADDRESS, MODEL_PATHS, TOKEN, is_model_call, tell
from agentdbg.replay.call import Call
from agentdbg.replay.matching import Matcher
from agentdbg.replay.playback import MISSED, Playback, Reply, status_of
from agentdbg.replay.server import served
from agentdbg.replay.tape import Policies, Tape
from agentdbg.replay.wires import wire_of, wires
from tests.replay.recorded import call, llm

ROME = "system You are careful.\nuser find rome"
CHAT = "/v1/chat/completions"


def said(
    span_id: str, given: str = ROME, answer: str | None = "assistant Rome is old.", at: int = 1, **more: Any
) -> Call:
    return call(llm(span_id, given, answer, at, **more))


def playing(*calls: Call) -> Playback:
    return Playback(Matcher(calls), Tape((), Policies({})))


def ask(
    playback: Playback, task: str = "find rome", path: str = CHAT, headers: dict[str, str] | None = None, **more: Any
) -> Reply:
    messages = [{"role": "system", "content": "You are careful."}, {"role": "user", "content": task}]
    body = json.dumps({"model": "gpt-4o", "messages": messages, **more}).encode()
    return playback.answer(path, headers or {}, body)


def test_a_question_is_answered_as_recorded() -> None:
    reply = ask(playing(said("a")))
    assert (reply.status, reply.body["choices"][0]["message"]["content"]) == (200, "Rome is old.")
    streamed = ask(playing(said("a")), stream=True)
    assert streamed.events is not None
    assert streamed.events[-1] == (None, "[DONE]")


def test_a_miss_is_an_error_that_nobody_repeats_and_names_the_nearest_recording() -> None:
    reply = ask(playing(said("a", agent="planner")), "find oslo")
    assert (reply.status, reply.headers) == (MISSED, {"x-should-retry": "false"})
    assert reply.body["error"]["message"] == (
        "agentdbg replay: call 1 asks something that no recorded call asked; the nearest is the call of planner in span a,"
        " first difference at $.messages[1].parts[0].text, character 5: recorded 'find rome', now 'find oslo'"
    )


def test_what_a_client_sends_again_by_itself_takes_no_second_recording() -> None:
    playback = playing(said("a"), said("b", at=2))
    again = {"x-stainless-retry-count": "1"}
    assert [ask(playback, headers=headers).body["id"] for headers in ({}, again, {})] == [
        "chatcmpl-a",
        "chatcmpl-a",
        "chatcmpl-b",
    ]
    assert [(one.number, one.repeats) for one in playback.journal.requests] == [(1, 1), (2, 0)]


def test_a_miss_that_is_tried_again_is_one_miss() -> None:
    playback = playing(said("a"))
    assert {ask(playback, "find oslo").status for _ in range(3)} == {MISSED}
    assert [(one.match.miss, one.repeats) for one in playback.journal.requests] == [("changed", 2)]


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_the_line_that_installs_it_is_told(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(AgentdbgError, match=missing) as raised, served(playing(said("a"))):
        pass
    assert raised.value.hint == "pip install 'agentdbg-traces[replay]'"


@pytest.mark.parametrize(
    ("error", "status"),
    [({"error_type": "openai.RateLimitError", "error_message": "Error code: 429 - slow down"}, 429),
     ({"error_type": "RateLimitError"}, 429), ({"error_message": "HTTP 503 from upstream"}, 503),
     ({"error_type": "AuthenticationError"}, 401), ({"error_type": "ValueError", "error_message": "order 4290 is odd"}, 500)],
)  # fmt: skip
def test_a_recorded_failure_fails_again_with_its_status(error: dict[str, str], status: int) -> None:
    failed = said("a", answer=None, status="error", **error)
    assert status_of(failed)[0] == status
    reply = ask(playing(failed))
    assert (reply.status, reply.body["error"]["message"]) == (status, failed.error)


def test_a_path_of_no_model_api_is_journaled_and_not_guessed_at() -> None:
    playback = playing(said("a"))
    assert ask(playback, path="/v1/embeddings").status == MISSED
    assert (playback.journal.unknown, playback.journal.requests) == (["/v1/embeddings"], [])


def test_a_body_that_is_no_json() -> None:
    playback = playing(said("a"))
    assert playback.answer(CHAT, {}, b"{").status == 400
    assert playback.journal.requests == []


def test_the_program_and_the_server_agree_on_what_is_a_model_call() -> None:
    paths = [wire.request(said("a"))[0] for wire in wires()] + ["/v1beta/models/g:streamGenerateContent"]
    assert all(is_model_call(path) for path in paths)
    assert all(wire_of(f"/gateway{end}") for end in MODEL_PATHS)
    assert not is_model_call("/v1/models")


def test_ids_of_tool_calls_are_served_verbatim_and_made_where_there_are_none() -> None:
    asked = ask(playing(said("a", answer='call toolu_01X search {"q": "rome"}'))).body
    assert asked["choices"][0]["message"]["tool_calls"][0]["id"] == "toolu_01X"
    bare = said("a", answer='call c1 search {"q": "rome"}')
    part = {**(bare.answer or ())[0], "id": None}
    without = Call(**{name: getattr(bare, name) for name in Call.__dataclass_fields__} | {"answer": (part,)})
    assert ask(playing(without)).body["choices"][0]["message"]["tool_calls"][0]["id"] == "call_a_0"


def test_what_is_no_models_answer_is_told_to_the_replayed_program_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvicorn", reason="the extra `replay` is not installed")
    playback = playing(said("a"))
    for token, shown in ((None, ""), ("secret", ""), ("secret", "guessed"), ("secret", "secret")):
        with served(playback, token) as address:
            monkeypatch.setenv(ADDRESS, address)
            monkeypatch.setenv(TOKEN, shown)
            told = tell("armed", None)
        assert (told == {}) == (token == shown)
    assert playback.journal.armed == 1


def test_no_answer_waits_for_a_packet_to_be_confirmed() -> None:
    """Headers and body go in two packets; where the second waits for the first, every answer takes 40 ms at least."""
    pytest.importorskip("uvicorn", reason="the extra `replay` is not installed")
    took = []
    with served(playing(*(said(f"{n}", f"user ask {n}") for n in range(9)))) as address:
        connection = HTTPConnection(address.removeprefix("http://"))
        for n in range(9):
            body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": f"ask {n}"}]})
            began = time.perf_counter()
            connection.request("POST", CHAT, body)
            assert connection.getresponse().read()
            took.append(time.perf_counter() - began)
        connection.close()
    assert min(took) < 0.035
