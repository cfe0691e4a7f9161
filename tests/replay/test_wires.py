"""A recorded call in, what each provider's API would have been sent and would have answered out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.replay.answering import PIECE
from agentdbg.replay.asked import recorded
from agentdbg.replay.call import Call
from agentdbg.replay.question import LAYERS, difference, question
from agentdbg.replay.wires import Wire, wire_of, wires
from agentdbg.vocabulary.responses import answers
from tests.replay.recorded import call, llm

GIVEN = """
system You are careful.
user find rome and oslo
call c1 search {"q": "rome"}
call c2 search {"q": "oslo"}
result c1 ["old"]
result c2 {"n": 2}
user Ann: and now?
"""
TOOLS = [
    {
        "name": "search",
        "description": "Find.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    }
]
LONG = "Rome is old, and Oslo is newer than that: " + "é" * PIECE
NAMES = [wire.api for wire in wires()]


def asked(answer: str, **more: Any) -> Call:
    more.setdefault("tools", json.dumps(TOOLS))
    return call(llm("s1", GIVEN, answer, 1, parameters='{"temperature": 0.2, "seed": 7}', **more))


def api(name: str) -> Wire:
    return next(wire for wire in wires() if wire.api == name)


def test_the_four_apis_are_served() -> None:
    assert NAMES == ["Anthropic Messages", "Gemini generateContent", "OpenAI Chat Completions", "OpenAI Responses"]


@pytest.mark.parametrize("name", NAMES)
def test_a_request_read_back_asks_what_the_call_asked(name: str) -> None:
    one = asked("assistant Rome is old.")
    path, body = api(name).request(one)
    assert wire_of(path) is api(name)
    read = question(api(name).read(path, json.loads(json.dumps(body))))
    told = question(recorded(one))
    assert [difference(told, read, layer) for layer in LAYERS] == [None] * len(LAYERS)
    assert read.keys == told.keys


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "answer", [f"assistant {LONG}", 'call c3 search {"q": "bern"}\ncall c4 search {"q": "Ünna", "n": [1, {"x": null}]}']
)
def test_a_response_says_what_was_answered(name: str, answer: str) -> None:
    one = asked(answer)
    body = api(name).answer(one, {})
    assert [part for message in answers(body) or () for part in message["parts"]] == list(one.answer or ())


def events(name: str, one: Call, body: dict[str, Any] | None = None) -> list[Any]:
    return [data for _, data in api(name).events(one, body or {})]


def test_chat_completions_stream() -> None:
    told = events("OpenAI Chat Completions", asked('call c3 search {"q": "bern"}'))
    assert told[-1] == "[DONE]"
    assert [chunk["choices"][0]["delta"] for chunk in told[:-1]] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"tool_calls": [{"id": "c3", "type": "function", "function": {"name": "search", "arguments": ""}, "index": 0}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"q": "bern"}'}}]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in told[:-1]] == [None, None, None, "tool_calls"]


def test_usage_is_streamed_to_those_who_ask_for_it() -> None:
    one = asked("assistant Rome.")
    assert all("usage" not in chunk for chunk in events("OpenAI Chat Completions", one)[:-1])
    told = events("OpenAI Chat Completions", one, {"stream_options": {"include_usage": True}})
    assert (told[-2]["choices"], told[-2]["usage"]["total_tokens"], told[0]["usage"]) == ([], 940, None)


def test_responses_stream_items_that_begin_empty() -> None:
    told = events("OpenAI Responses", asked('call c3 search {"q": "bern"}'))
    assert [event["type"].removeprefix("response.") for event in told] == [
        "created", "in_progress", "output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
        "output_item.done", "completed",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in told] == list(range(7))
    assert (told[2]["item"]["arguments"], told[5]["item"]["call_id"]) == ("", "c3")


def test_messages_stream() -> None:
    told = events("Anthropic Messages", asked(f"assistant {LONG}"))
    assert told[0]["message"]["content"] == []
    assert "".join(event["delta"]["text"] for event in told if event["type"] == "content_block_delta") == LONG
    assert (told[-2]["delta"]["stop_reason"], told[-1]["type"]) == ("end_turn", "message_stop")


def test_gemini_streams_a_function_call_in_one_piece() -> None:
    told = events("Gemini generateContent", asked(f'call c3 search {{"q": "{"x" * 2 * PIECE}"}}'))
    assert [len(chunk["candidates"][0]["content"]["parts"]) for chunk in told] == [1]
    assert told[0]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("finish", "told"),
    [("stop", ["stop", "completed", "end_turn", "STOP"]), ("max_tokens", ["length", "incomplete", "max_tokens", "MAX_TOKENS"]),
     ("refusal", ["content_filter", "incomplete", "refusal", "SAFETY"])],
)  # fmt: skip
def test_the_end_of_an_answer_has_the_word_of_each_api(finish: str, told: list[str]) -> None:
    one = asked("assistant Rome", finish_reason=finish)
    chat, response = api("OpenAI Chat Completions").answer(one, {}), api("OpenAI Responses").answer(one, {})
    message, content = api("Anthropic Messages").answer(one, {}), api("Gemini generateContent").answer(one, {})
    assert [
        chat["choices"][0]["finish_reason"], response["status"], message["stop_reason"], content["candidates"][0]["finishReason"],
    ] == told  # fmt: skip


def test_arguments_that_are_no_json_reach_the_program_as_they_were() -> None:
    one = asked("assistant x")
    one = Call(
        **{name: getattr(one, name) for name in one.__dataclass_fields__}
        | {"answer": ({"type": "tool_call", "id": "c", "name": "f", "arguments": '{"q": '},)}
    )
    assert (
        api("OpenAI Chat Completions").answer(one, {})["choices"][0]["message"]["tool_calls"][0]["function"][
            "arguments"
        ]
        == '{"q": '
    )
    assert api("Anthropic Messages").answer(one, {})["content"][0]["input"] == {"arguments": '{"q": '}
