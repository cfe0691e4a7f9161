"""Sessions of Claude Code: records in; agents, turns, calls and tools out."""

import json
from typing import Any

import pytest

from agentdbg.rows import RawSpan
from tests.importers.exports import check_cuts, check_odd_values, chosen, lines, notes, recognised, sketch, spans, trace

SESSION = "11111111-2222-4333-8444-555555555555"
ORDER = {"role": "user", "content": "price the order"}
ASK = {"description": "find", "prompt": "find the order", "subagent_type": "researcher"}


def record(number: int, kind: str, message: dict[str, Any], second: int, **more: Any) -> dict[str, Any]:
    return {
        "parentUuid": None, "isSidechain": False, "userType": "external", "cwd": "/srv/shop", "sessionId": SESSION, "version": "2.1.0",
        "gitBranch": "main", "type": kind, "uuid": f"u{number}", "timestamp": f"2026-03-01T10:00:{second:02d}.000Z", "message": message, **more,
    }  # fmt: skip


def answer(
    answer_id: str | None, content: Any, given: int, said: int, stop: str | None = None, **usage: int
) -> dict[str, Any]:
    """A message of the assistant, with its usage so far."""
    usage = {"input_tokens": given, "output_tokens": said, **usage}
    told = {"role": "assistant", "model": "claude-x", "content": content, "stop_reason": stop, "usage": usage}
    return {"id": answer_id, **told} if answer_id else told


def result(call_id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": content, **more}]}


def use(call_id: str, tool: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": tool, "input": given}


def texts(*words: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": word} for word in words]


MAIN = [
    {"type": "summary", "summary": "an order", "leafUuid": "u7"},
    record(1, "user", ORDER, 0),
    record(2, "assistant", answer("msg_1", [{"type": "thinking", "thinking": "look it up"}], 10, 2, cache_read_input_tokens=90), 1),
    record(3, "assistant", answer("msg_1", [use("toolu_1", "Bash", {"command": "cat order"})], 10, 20, "tool_use", cache_read_input_tokens=90), 2),
    record(4, "user", result("toolu_1", "no such file", is_error=True), 3, toolUseResult="Error: no such file"),
    record(5, "assistant", answer("msg_2", [use("toolu_2", "Task", ASK)], 120, 15, "tool_use"), 5),
    record(6, "user", result("toolu_2", texts("it is 7")), 20, toolUseResult={
        "status": "completed", "agentId": "a1b2", "agentType": "researcher", "prompt": "find the order", "content": texts("it is 7"), "totalTokens": 120,
    }),
    record(7, "assistant", answer("msg_3", texts("It costs 7."), 150, 5, "end_turn"), 22),
]  # fmt: skip
CHILD = [
    record(11, "user", {"role": "user", "content": "find the order"}, 6, isSidechain=True, agentId="a1b2"),
    record(12, "assistant", answer("msg_4", [use("toolu_3", "Grep", {"pattern": "order"})], 100, 10, "tool_use"), 8, isSidechain=True, agentId="a1b2"),
    record(13, "user", result("toolu_3", "order: 7", is_error=False), 9, isSidechain=True, agentId="a1b2"),
    record(14, "assistant", answer("msg_5", texts("it is 7"), 115, 5, "end_turn"), 18, isSidechain=True, agentId="a1b2"),
]  # fmt: skip

FIRST = '{"role": "user", "parts": [{"type": "text", "text": "price the order"}]}'
LOOK = '{"role": "assistant", "parts": [{"type": "reasoning", "text": "look it up"}, {"type": "tool_call", "id": "toolu_1", "name": "Bash", "arguments": {"command": "cat order"}}]}'
NO_FILE = '{"role": "tool", "parts": [{"type": "tool_result", "id": "toolu_1", "result": "no such file"}]}'
TASK = '{"role": "assistant", "parts": [{"type": "tool_call", "id": "toolu_2", "name": "Task", "arguments": {"description": "find", "prompt": "find the order", "subagent_type": "researcher"}}]}'
FOUND = '{"role": "tool", "parts": [{"type": "tool_result", "id": "toolu_2", "result": "it is 7"}]}'
GREP = '{"role": "assistant", "parts": [{"type": "tool_call", "id": "toolu_3", "name": "Grep", "arguments": {"pattern": "order"}}]}'
SEVEN = '{"role": "tool", "parts": [{"type": "tool_result", "id": "toolu_3", "result": "order: 7"}]}'
EXPECTED = f"""\
agent claude-code "price the order" -> "It costs 7." session="{SESSION}" status=unset
  other turn "price the order" -> "It costs 7." status=unset
    llm claude-x name=assistant in=100 out=20 cached=90 "price the order" -> [{LOOK}] provider=anthropic finish=tool_use status=unset
    tool Bash {{"command": "cat order"}} -> "no such file" tool_call_id=toolu_1 error="no such file"
    llm claude-x name=assistant in=120 out=15 [{FIRST}, {LOOK}, {NO_FILE}] -> [{TASK}] provider=anthropic finish=tool_use status=unset
    tool Task {{"description": "find", "prompt": "find the order", "subagent_type": "researcher"}} -> "it is 7" tool_call_id=toolu_2 status=unset
      agent researcher "find the order" -> "it is 7"
        llm claude-x name=assistant in=100 out=10 "find the order" -> [{GREP}] provider=anthropic finish=tool_use status=unset
        tool Grep {{"pattern": "order"}} -> "order: 7" tool_call_id=toolu_3
        llm claude-x name=assistant in=115 out=5 [{FIRST.replace("price", "find")}, {GREP}, {SEVEN}] -> "it is 7" provider=anthropic finish=end_turn status=unset
    llm claude-x name=assistant in=150 out=5 [{FIRST}, {LOOK}, {NO_FILE}, {TASK}, {FOUND}] -> "It costs 7." provider=anthropic finish=end_turn status=unset
"""


def without(records: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key not in names} for one in records]


def chained(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as older versions write them: a side chain is known by its links alone."""
    found = without(records, "agentId")
    return [
        {**one, "parentUuid": before["uuid"] if before else None}
        for before, one in zip([None, *found], found, strict=False)
    ]


def test_a_session_with_a_sub_agent_in_it(tmp_path):
    assert sketch(tmp_path, lines([*MAIN[:6], *CHILD, *MAIN[6:]])) == EXPECTED


def test_a_sub_agent_with_a_file_of_its_own(tmp_path):
    assert sketch(tmp_path, lines(CHILD), lines(MAIN)) == EXPECTED
    assert sketch(tmp_path, lines(MAIN), lines(CHILD)) == EXPECTED


def test_a_side_chain_without_the_name_of_its_agent(tmp_path):
    old = [*MAIN[:6], *chained(CHILD), *without(MAIN[6:], "toolUseResult")]
    assert sketch(tmp_path, lines(old)) == EXPECTED


def test_printed_messages(tmp_path):
    """`claude -p --output-format stream-json --verbose`: no times, sub-agents by the call they belong to."""
    printed: list[dict[str, Any]] = [
        {"type": "system", "subtype": "init", "session_id": SESSION, "tools": ["Bash", "Task"], "model": "claude-x"},
        *({"type": one["type"], "message": one["message"], "session_id": SESSION, "parent_tool_use_id": None} for one in MAIN[1:6]),
        *({"type": one["type"], "message": one["message"], "session_id": SESSION, "parent_tool_use_id": "toolu_2"} for one in CHILD),
        *({"type": one["type"], "message": one["message"], "session_id": SESSION, "parent_tool_use_id": None} for one in MAIN[6:]),
        {"type": "result", "subtype": "success", "is_error": False, "result": "It costs 7.", "session_id": SESSION, "total_cost_usd": 0.02, "num_turns": 4},
    ]  # fmt: skip
    text = lines(printed)
    assert chosen(text) == "claude-code"
    assert sketch(tmp_path, text) == EXPECTED
    [main] = [span for span in spans("claude-code", text) if span.span_id == SESSION]
    assert main.attributes["agentdbg.derived"] == ["tree", "times"]
    assert main.attributes["claude_code.result.total_cost_usd"] == 0.02
    assert main.attributes["claude_code.tools"] == ["Bash", "Task"]
    assert any("times tell only their order" in note.message for note in notes("claude-code", text))


def test_every_span_says_that_it_was_derived_and_where_it_stands():
    found = spans("claude-code", lines([*MAIN[:6], *CHILD, *MAIN[6:]]))
    assert all(span.attributes["agentdbg.derived"] == ["tree"] for span in found)
    assert {span.trace_id for span in found} == {SESSION}
    assert {span.span_id for span in found} == {
        SESSION, "u1", "msg_1", "toolu_1", "msg_2", "toolu_2", "a1b2", "msg_4", "toolu_3", "msg_5", "msg_3",
    }  # fmt: skip


def by_id(records: list[dict[str, Any]]) -> dict[str, RawSpan]:
    return {span.span_id: span for span in spans("claude-code", lines(records))}


def test_times_of_calls_and_tools():
    found = by_id(MAIN)
    seconds = {
        key: (span.start_ns // 10**9 % 60, span.end_ns // 10**9 % 60) for key, span in found.items() if key != "a1b2"
    }
    assert seconds == {
        "u1": (0, 22), "msg_1": (0, 2), "toolu_1": (2, 3), "msg_2": (3, 5), "toolu_2": (5, 20), "msg_3": (20, 22), SESSION: (0, 22),
    }  # fmt: skip


def test_a_sub_agent_is_known_from_its_call_alone():
    child = by_id(MAIN)["a1b2"]
    assert (child.name, child.parent_id, child.status) == ("researcher", "toolu_2", "ok")
    assert child.attributes["claude_code.totalTokens"] == 120


def test_a_sub_agent_in_the_background_ends_when_it_says_so():
    launched = {"status": "async_launched", "agentId": "a1b2", "prompt": "find the order"}
    records = [*MAIN[:6], record(6, "user", result("toolu_2", "started"), 6, toolUseResult=launched)]
    assert by_id(records)["a1b2"].end_ns is None
    told = "<task-notification><tool-use-id>toolu_2</tool-use-id><status>completed</status></task-notification>"
    done = record(8, "user", {"role": "user", "content": told}, 30, origin={"kind": "task-notification"})
    child = by_id([*records, done])["a1b2"]
    assert (child.status, child.end_ns and child.end_ns // 10**9 % 60) == ("ok", 30)


def test_a_failed_sub_agent():
    records = [
        *MAIN[:6],
        record(6, "user", result("toolu_2", "out of turns", is_error=True), 20, toolUseResult={"agentId": "a1b2"}),
    ]
    child = by_id(records)["a1b2"]
    assert (child.status, child.status_message) == ("error", "out of turns")


def test_answers_without_an_id_are_calls_of_their_own():
    records = [MAIN[1], *(record(n, "assistant", answer(None, texts("hm"), 1, 1), n) for n in (2, 3))]
    assert sum(span.attributes["claude_code.span"] == "call" for span in spans("claude-code", lines(records))) == 2
    one = [{**one, "requestId": "req_1"} for one in records]
    assert sum(span.attributes["claude_code.span"] == "call" for span in spans("claude-code", lines(one))) == 1


def test_a_result_between_the_records_of_one_answer_does_not_split_it(tmp_path):
    records = [
        MAIN[1],
        record(2, "assistant", answer("msg_1", [use("toolu_1", "Read", {"file": "a"})], 9, 1), 1),
        record(3, "user", result("toolu_1", "A"), 2),
        record(4, "assistant", answer("msg_1", [use("toolu_2", "Read", {"file": "b"})], 9, 6, "tool_use"), 3),
        record(5, "user", result("toolu_2", "B"), 4),
    ]  # fmt: skip
    found = trace(tmp_path, lines(records))
    assert [(call.span_id, call.input_tokens, call.output_tokens) for call in found.calls] == [("msg_1", 9, 6)]
    assert [span.tool for span in found.spans if span.kind == "tool"] == ["Read", "Read"]


def test_members_of_a_team_go_by_their_names_and_results_may_have_a_type_of_their_own():
    records = [{**one, "agentName": "lead"} for one in (MAIN[1], MAIN[2], MAIN[3], {**MAIN[4], "type": "tool_result"})]
    found = by_id(records)
    assert (found[SESSION].name, found["toolu_1"].status) == ("lead", "error")


def test_each_prompt_is_a_turn_but_what_claude_code_puts_in_is_not():
    records = [
        *MAIN[1:5],
        record(8, "user", {"role": "user", "content": "a reminder"}, 6, isMeta=True),
        record(9, "user", {"role": "user", "content": "again"}, 7),
    ]
    turns = [span for span in spans("claude-code", lines(records)) if span.attributes["claude_code.span"] == "turn"]
    assert [turn.attributes["claude_code.task"] for turn in turns] == ["price the order", "again"]


def test_a_summary_begins_a_new_conversation():
    records = [*MAIN[1:5], record(8, "user", {"role": "user", "content": "so far: nothing"}, 6, isCompactSummary=True),
               record(9, "assistant", answer("msg_9", texts("ok"), 5, 1), 7)]  # fmt: skip
    assert by_id(records)["msg_9"].attributes["claude_code.input"] == [{"role": "user", "content": "so far: nothing"}]


def test_api_errors(tmp_path):
    failed = record(
        8, "assistant", answer("msg_9", texts("API Error: 529 overloaded"), 0, 0), 7, isApiErrorMessage=True
    )
    failed["message"]["model"] = "<synthetic>"
    retried: dict[str, Any] = {
        **record(7, "system", {}, 6),
        "subtype": "api_error",
        "error": {"status": 529},
        "retryAttempt": 1,
    }
    found = trace(tmp_path, lines([MAIN[1], retried, failed]))
    assert [(call.status, call.model, call.input_tokens) for call in found.calls] == [("error", None, None)] * 2
    assert {span.error_message for span in found.spans if span.kind == "llm"} == {
        "API error 529",
        "API Error: 529 overloaded",
    }


def test_a_tool_without_a_result_never_ended():
    assert by_id(MAIN[:4])["toolu_1"].end_ns is None


def test_prompts_are_not_all_that_was_sent(tmp_path):
    """The system prompt and the tools are in no record: nothing can be replayed exactly."""
    assert {call.replayable for call in trace(tmp_path, lines(MAIN)).calls} <= {"partial", "no"}


def test_what_is_not_understood_is_kept_or_noted():
    records = [
        {"type": "file-history-snapshot", "sessionId": SESSION, "isSidechain": False},
        {**MAIN[1], "permissionMode": "plan"},
        *MAIN[2:],
    ]
    assert by_id(records)["u1"].attributes["claude_code.permissionMode"] == "plan"
    assert "records that are no step of an agent were left out: 1 file-history-snapshot" in [
        note.message for note in notes("claude-code", lines(records))
    ]


@pytest.mark.parametrize("bad", ["42", "[]", '{"sessionId": "x"}', "{oops"])
def test_bad_records_are_noted(bad):
    text = lines(MAIN[:3]) + bad + "\n" + lines(MAIN[3:])
    assert len(spans("claude-code", text)) == len(spans("claude-code", lines(MAIN)))
    assert bad == "[]" or any(note.severity == "data_loss" for note in notes("claude-code", text))


def test_a_result_whose_call_is_not_there():
    assert any("without their tool call" in note.message for note in notes("claude-code", lines([MAIN[1], MAIN[4]])))


@pytest.mark.parametrize("one", [MAIN[1], MAIN[2], CHILD[0]])
def test_it_is_known_by_any_record(one):
    assert chosen(json.dumps(one)) == "claude-code"


@pytest.mark.parametrize(
    "text",
    ['{"type": "user", "message": {"role": "user", "content": "hi"}}', '{"sessionId": "x", "type": "span"}', "[]", "x"],
)
def test_other_files_are_not(text):
    assert not recognised("claude-code", text)


def test_whatever_is_cut_off_is_noted():
    for text in (lines([*MAIN[:6], *CHILD, *MAIN[6:]]),):
        check_cuts("claude-code", text, half=True)


@pytest.mark.slow
def test_odd_values_in_every_place():
    check_odd_values("claude-code", [*MAIN[:6], *CHILD, *MAIN[6:]], lines)
