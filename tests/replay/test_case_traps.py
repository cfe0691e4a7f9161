"""What a case must not lose or blur on its way through the file, and what an old case must bear with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentdbg.model import Span
from agentdbg.replay.call import calls_of
from agentdbg.replay.case import Case, case_of
from agentdbg.replay.case_file import read, text
from agentdbg.replay.inspect import WHOLE_RUN, inspect
from agentdbg.replay.replayed import Replayed
from agentdbg.replay.rerun import prepare
from agentdbg.replay.tape import Policies
from agentdbg.replay.verdict import judge
from tests.replay.recorded import llm, messages, told, tool, trace
from tests.replay.test_verdict import ASKED, SEARCH, TOLD, body, own, research

CHAT = "/v1/chat/completions"


def kept(folder: Path, spans: list[Span], **grades: Any) -> Case:
    """The case of all of it, as it is read from its file."""
    calls = [told(span, **grades) for span in spans if span.kind == "llm"]
    file = folder / "x.case.json"
    file.write_text(text(case_of(trace(spans, calls), WHOLE_RUN, "0.0")))
    return read(str(file))


def asked(one: Case, *requests: bytes, tools: tuple[dict[str, Any], ...] = ()) -> tuple[list[Any], Replayed]:
    """(what each request was answered, the verdict)."""
    ready = prepare(one.reader, "t", one.span_id, Policies({}))
    replies = [ready.playback.answer(CHAT, {}, request).body for request in requests]
    for use in tools:
        own(ready.playback, "tool", {"call_id": None, "hands_over": False, **use})
    return replies, judge(ready, 0)


def test_arguments_that_are_no_json_and_ids_that_are_none_stay_so(tmp_path: Path) -> None:
    said = [
        {"role": "assistant", "parts": [{"type": "tool_call", "id": None, "name": "search", "arguments": '{"q": ro'}]}
    ]
    spans = [replace(llm("m1", ASKED, None, 1), output=json.dumps(said))]
    one = kept(tmp_path, spans)
    (part,) = calls_of(one.trace)[0].answer or ()
    assert (part["id"], part["arguments"]) == (None, '{"q": ro')
    replies, _ = asked(one, body(ASKED))
    assert replies[0]["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"q": ro'


def test_parallel_calls_of_one_tool_get_their_own_results(tmp_path: Path) -> None:
    both = 'call a search {"q": "rome"}\ncall b search {"q": "oslo"}'
    spans = [
        llm("m1", ASKED, both, 1),
        tool("s2", "search", {"q": "oslo"}, "cold", 3, tool_call_id="b"),
        tool("s1", "search", {"q": "rome"}, "old", 4, tool_call_id="a"),
    ]
    uses = inspect(kept(tmp_path, spans).reader, "t", WHOLE_RUN).calls[0].uses
    assert {use.call_id: use.result for use in uses} == {"a": "old", "b": "cold"}


def test_a_newer_sdk_sends_more_and_another_spelling_of_the_model(tmp_path: Path) -> None:
    spans = research()
    for span in spans:
        span.model = "gpt-4o-2024-08-06" if span.kind == "llm" else None
    one = kept(tmp_path, spans[:4])
    new = {
        "model": "gpt-4o",
        "store": False,
        "reasoning_effort": "low",
        "metadata": {"sdk": "9"},
        "parallel_tool_calls": True,
    }
    requests = [json.dumps({**json.loads(body(question)), **new}).encode() for question in (ASKED, TOLD)]
    _, done = asked(one, *requests)
    assert (done.verdict, [row.soft for row in done.asked]) == ("reproduced", [(), ()])


def test_the_same_question_to_a_fallback_model_is_one_too_many(tmp_path: Path) -> None:
    one = kept(tmp_path, research()[:4])
    again = json.dumps({**json.loads(body(ASKED)), "model": "claude-opus"}).encode()
    _, done = asked(one, body(ASKED), again)
    assert [finding.detector for finding in done.findings] == ["replay.extra_call"]


def test_what_is_cut_is_never_taken_for_whole(tmp_path: Path) -> None:
    why = "part of what was sent is cut"
    one = kept(tmp_path, research()[:4], grade="partial", reason=why)
    assert (one.grade, one.reason) == ("partial", why)
    _, done = asked(one, body("system You are careful.\nuser find oslo"))
    assert (done.verdict, done.findings) == ("not_judged", ())


def test_edited_arguments_do_not_get_the_recorded_result_by_its_id(tmp_path: Path) -> None:
    one = kept(tmp_path, research()[:4])
    _, done = asked(one, body(ASKED), tools=({"tool": "search", "arguments": {"q": "oslo"}, "call_id": "c1"},))
    assert [finding.detector for finding in done.findings] == ["replay.tool"]


def test_a_failed_attempt_is_in_the_case_and_not_served(tmp_path: Path) -> None:
    spans = [
        llm("m0", ASKED, None, 0, status="error", error_type="RateLimitError", error_message="Error code: 429"),
        llm("m1", ASKED, SEARCH, 1),
    ]
    one = kept(tmp_path, spans)
    assert [call.error for call in calls_of(one.trace)] == ["RateLimitError: Error code: 429", None]
    replies, done = asked(one, body(ASKED))
    assert replies[0]["choices"][0]["message"]["tool_calls"]
    assert done.verdict == "reproduced"


def test_results_that_hold_json_text_stay_text(tmp_path: Path) -> None:
    result = '{"rows": [1,\n 2]}'
    given = [
        *messages(ASKED + SEARCH),
        {"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "result": result}]},
    ]
    one = kept(
        tmp_path, [llm("m1", ASKED, SEARCH, 1), replace(llm("m2", None, "assistant ok", 3), input=json.dumps(given))]
    )
    assert (calls_of(one.trace)[1].messages or ())[-1]["parts"][0]["result"] == result
