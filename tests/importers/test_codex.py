"""Codex rollouts: records in; threads, turns, calls and tools out."""

import json
from typing import Any

import pytest

from agentdbg.rows import RawSpan
from tests.importers.exports import check_cuts, check_odd_values, chosen, lines, notes, recognised, sketch, spans, trace

THREAD, CHILD = "0190aaaa-0000-7000-8000-000000000001", "0190aaaa-0000-7000-8000-000000000002"


def record(ms: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-03-01T10:00:{ms // 1000:02d}.{ms % 1000:03d}Z", "type": kind, "payload": payload}


def item(ms: int, what: str, **more: Any) -> dict[str, Any]:
    return record(ms, "response_item", **{"type": what, **more})


def event(ms: int, what: str, **more: Any) -> dict[str, Any]:
    return record(ms, "event_msg", **{"type": what, **more})


def message(ms: int, role: str, text: str) -> dict[str, Any]:
    return item(
        ms,
        "message",
        role=role,
        content=[{"type": "output_text" if role == "assistant" else "input_text", "text": text}],
    )


def usage(given: int, said: int, cached: int = 0, reasoning: int = 0) -> dict[str, int]:
    return {
        "input_tokens": given,
        "cached_input_tokens": cached,
        "output_tokens": said,
        "reasoning_output_tokens": reasoning,
        "total_tokens": given + said,
    }


def count(ms: int, total: dict[str, int] | None, last: dict[str, int] | None) -> dict[str, Any]:
    told = {"total_token_usage": total, "last_token_usage": last, "model_context_window": 258_400}
    return event(ms, "token_count", info={key: value for key, value in told.items() if value}, rate_limits={})


def context(ms: int, turn: str, model: str, effort: str) -> dict[str, Any]:
    return record(
        ms, "turn_context", turn_id=turn, model=model, effort=effort, cwd="/srv/shop", approval_policy="never"
    )


META = record(0, "session_meta", id=THREAD, timestamp="2026-03-01T10:00:00.000Z", cwd="/srv/shop", originator="codex_cli", cli_version="0.104.0",
              source="cli", model_provider="openai", base_instructions={"text": "You code."})  # fmt: skip
MAIN = [
    META,
    message(10, "developer", "sandboxed"),
    event(11, "task_started", turn_id="turn-1"),
    message(12, "user", "price the order"),
    event(12, "user_message", message="price the order", images=[]),
    context(13, "turn-1", "gpt-5-codex", "high"),
    event(500, "token_count", info=None, rate_limits={}),
    event(1999, "agent_reasoning", text="look"),
    item(2000, "reasoning", summary=[{"type": "summary_text", "text": "look"}], content=None, encrypted_content="x"),
    item(2500, "function_call", name="exec_command", arguments='{"cmd": "cat order"}', call_id="call_1"),
    item(2500, "function_call", name="spawn_agent", arguments='{"message": "find it"}', call_id="call_2"),
    count(2501, usage(100, 20, 50, 8), usage(100, 20, 50, 8)),
    item(2600, "function_call_output", call_id="call_1", output="Exit code: 1\nWall time: 0.1 seconds\nOutput:\nno such file"),
    item(2700, "function_call_output", call_id="call_2", output=f'{{"agent_id": "{CHILD}"}}'),
    context(2701, "turn-1", "gpt-5-codex", "high"),
    count(2800, usage(100, 20, 50, 8), usage(100, 20, 50, 8)),
    event(9000, "agent_message", message="It costs 7."),
    message(9000, "assistant", "It costs 7."),
    count(9001, usage(280, 25, 50, 8), usage(180, 5)),
    event(9002, "task_complete", turn_id="turn-1", last_agent_message="It costs 7.", duration_ms=8991),
]  # fmt: skip


def at(ms: int, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as a fork repeats them: all at once."""
    return [{**one, "timestamp": META["timestamp"].replace("00.000", f"0{ms // 1000}.{ms % 1000}")} for one in records]


SUB = record(2650, "session_meta", id=CHILD, session_id=THREAD, timestamp="2026-03-01T10:00:02.650Z", cli_version="0.104.0", model_provider="openai",
             source={"subagent": {"thread_spawn": {"parent_thread_id": THREAD, "depth": 1, "agent_nickname": "Ada", "agent_role": "explorer"}}},
             base_instructions={"text": "You look."})  # fmt: skip
OWN = [
    event(2660, "task_started", turn_id="turn-2"),
    message(2661, "user", "find it"),
    event(2661, "user_message", message="find it"),
    context(2662, "turn-2", "gpt-5-mini", "low"),
    message(4000, "assistant", "it is 7"),
    count(4001, usage(230, 29, 50, 8), usage(130, 9)),
    event(4002, "task_complete", turn_id="turn-2", last_agent_message="it is 7"),
]

BEGIN = '{"role": "system", "parts": [{"type": "text", "text": "You code."}]}, {"role": "system", "parts": [{"type": "text", "text": "sandboxed"}]}, {"role": "user", "parts": [{"type": "text", "text": "price the order"}]}'
LOOK = '{"role": "assistant", "parts": [{"type": "reasoning", "text": "look"}, {"type": "tool_call", "id": "call_1", "name": "exec_command", "arguments": {"cmd": "cat order"}}, {"type": "tool_call", "id": "call_2", "name": "spawn_agent", "arguments": {"message": "find it"}}]}'
NO_FILE = '{"role": "tool", "parts": [{"type": "tool_result", "id": "call_1", "result": "Exit code: 1\\nWall time: 0.1 seconds\\nOutput:\\nno such file"}]}'
SPAWNED = f'{{"role": "tool", "parts": [{{"type": "tool_result", "id": "call_2", "result": "{{\\"agent_id\\": \\"{CHILD}\\"}}"}}]}}'
EXPECTED = f"""\
agent codex "price the order" -> "It costs 7." session="{THREAD}" status=unset
  other turn "price the order" -> "It costs 7." status=unset
    llm gpt-5-codex name=response in=100 out=20 cached=50 reasoning=8 [{BEGIN}] -> [{LOOK}] provider=openai parameters={{"reasoning_effort":"high"}} status=unset
    tool exec_command {{"cmd": "cat order"}} -> "Exit code: 1\\nWall time: 0.1 seconds\\nOutput:\\nno such file" tool_call_id=call_1 error="exit code 1"
    tool spawn_agent {{"message": "find it"}} -> {{"agent_id": "{CHILD}"}} tool_call_id=call_2 status=unset parallel
    llm gpt-5-codex name=response in=180 out=5 cached=0 reasoning=0 [{BEGIN}, {LOOK}, {NO_FILE}, {SPAWNED}] -> "It costs 7." provider=openai parameters={{"reasoning_effort":"high"}} status=unset
"""
EXPECTED_CHILD = """\
  agent explorer "find it" -> "it is 7" status=unset parallel
    other turn "find it" -> "it is 7" status=unset
      llm gpt-5-mini name=response in=130 out=9 cached=0 reasoning=0 [{"role": "system", "parts": [{"type": "text", "text": "You look."}]}, {"role": "user", "parts": [{"type": "text", "text": "find it"}]}] -> "it is 7" provider=openai parameters={"reasoning_effort":"low"} status=unset
"""


def test_a_session(tmp_path):
    assert sketch(tmp_path, lines(MAIN)) == EXPECTED


def test_a_sub_agent_stands_below_its_parent_whatever_file_comes_first(tmp_path):
    parent, child = lines(MAIN), lines([SUB, *OWN])
    assert sketch(tmp_path, parent, child) == EXPECTED + EXPECTED_CHILD
    assert sketch(tmp_path, child, parent) == EXPECTED + EXPECTED_CHILD


def calls(records: list[dict[str, Any]]) -> list[tuple[str | None, int | None, int | None]]:
    """Kind of the first item of each answer, and the call's tokens."""
    found = []
    for span in spans("codex", lines(records)):
        if span.attributes["codex.span"] == "call":
            told = span.attributes.get("codex.token_count", {}).get("last_token_usage", {})
            said = span.attributes.get("codex.output", [])
            found.append((said[0]["type"] if said else None, told.get("input_tokens"), told.get("output_tokens")))
    return found


@pytest.mark.parametrize("forked", [True, False])
def test_what_a_fork_repeats_is_only_in_its_prompts(forked):
    copied = at(2652, MAIN[1:-4])
    records = [SUB, *at(2651, [META]), *copied, *OWN] if forked else [SUB, *OWN]
    assert calls(records) == [("message", 130, 9)]
    assert {span.attributes["codex.span"]: span.span_id for span in spans("codex", lines(records))}["turn"] == "turn-2"
    [call] = [span for span in spans("codex", lines(records)) if span.attributes["codex.span"] == "call"]
    assert len(call.attributes["codex.input"]) == (9 if forked else 2)
    assert any("only in its prompts: 3 answers" in note.message for note in notes("codex", lines(records))) == forked


def test_a_fork_that_keeps_the_times_of_what_it_repeats():
    assert calls([SUB, *MAIN[:-4], *OWN]) == [("message", 130, 9)]


def test_a_fork_by_the_user_is_a_trace_of_its_own():
    fork = record(2650, "session_meta", id=CHILD, forked_from_id=THREAD, timestamp="2026-03-01T10:00:02.650Z")
    records = [fork, *at(2651, MAIN[:-4]), *OWN]
    assert calls(records) == [("message", 130, 9)]
    assert {
        (span.trace_id, span.name, span.parent_id) for span in spans("codex", lines(records)) if span.span_id == CHILD
    } == {(CHILD, "codex", None)}


def test_a_child_alone_names_the_parent_that_is_not_there():
    child = next(span for span in spans("codex", lines([SUB, *OWN])) if span.span_id == CHILD)
    assert (child.trace_id, child.parent_id, child.name) == (THREAD, THREAD, "explorer")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"agent_role": "explorer", "agent_nickname": "Ada"}, "explorer"),
        ({"agent_role": "default", "agent_nickname": "Ada"}, "Ada"),
        ({"agent_path": "/root/find"}, "/root/find"),
        ({}, "subagent"),
    ],
)
def test_names_of_sub_agents(told, name):
    meta = record(
        0, "session_meta", id=CHILD, source={"subagent": {"thread_spawn": {"parent_thread_id": THREAD, **told}}}
    )
    assert [span.name for span in spans("codex", lines([meta, *OWN])) if span.span_id == CHILD] == [name]


OLDER = [META, event(0, "user_message", message="go")]


def test_tokens_counted_before_the_items_of_their_answer():
    """Versions of 2025 write the items of an answer only when it is complete, after its token count."""
    records = [
        *OLDER,
        count(1, usage(10, 1), usage(10, 1)), item(2, "reasoning", summary=[]), item(2, "function_call", name="f", arguments="{}", call_id="c1"),
        item(3, "function_call_output", call_id="c1", output="1"),
        count(4, usage(30, 3), usage(20, 2)), message(5, "assistant", "done"),
    ]  # fmt: skip
    assert calls(records) == [("reasoning", 10, 1), ("message", 20, 2)]


def test_tokens_counted_after_the_outputs_of_tools():
    records = [
        *OLDER,
        item(2, "function_call", name="f", arguments="{}", call_id="c1"), item(3, "function_call_output", call_id="c1", output="1"),
        count(4, usage(10, 1), usage(10, 1)), message(5, "assistant", "done"), count(6, usage(30, 3), usage(20, 2)),
    ]  # fmt: skip
    assert calls(records) == [("function_call", 10, 1), ("message", 20, 2)]


def test_without_token_counts_an_output_ends_an_answer():
    records = [*OLDER, item(2, "reasoning", summary=[]), item(2, "function_call", name="f", arguments="{}", call_id="c1"),
               item(3, "function_call_output", call_id="c1", output="1"), message(5, "assistant", "done")]  # fmt: skip
    assert calls(records) == [("reasoning", None, None), ("message", None, None)]


def test_totals_alone():
    records = [*OLDER, message(1, "assistant", "a"), count(2, usage(10, 1), None), count(3, usage(10, 1), None), event(4, "user_message", message="b"),
               message(5, "assistant", "c"), count(6, usage(30, 3), None)]  # fmt: skip
    assert calls(records) == [("message", 10, 1), ("message", 20, 2)]


def test_a_summary_is_a_call_that_only_its_tokens_tell_of():
    records = [
        *MAIN, count(9100, usage(580, 65), usage(300, 40)), record(9101, "compacted", message="so far: 7", replacement_history=[MAIN[3]["payload"]]),
        event(9200, "user_message", message="and now?"), message(9200, "user", "and now?"), message(9900, "assistant", "7"), count(9901, usage(630, 66), usage(50, 1)),
    ]  # fmt: skip
    assert calls(records) == [("reasoning", 100, 20), ("message", 180, 5), (None, 300, 40), ("message", 50, 1)]
    after = [span for span in spans("codex", lines(records)) if span.attributes["codex.span"] == "call"][-1]
    assert [one.get("role") for one in after.attributes["codex.input"]] == ["system", "user", "user"]
    assert after.attributes["agentdbg.derived"] == ["tree"]


def test_after_a_summary_without_its_history_prompts_are_not_whole(tmp_path):
    records = [
        *MAIN,
        record(9101, "compacted", message="so far: 7"),
        message(9200, "user", "and now?"),
        message(9900, "assistant", "7"),
    ]
    assert [call.replayable for call in trace(tmp_path, lines(records)).calls][-1] in ("partial", "no")
    last = [span for span in spans("codex", lines(records)) if span.attributes["codex.span"] == "call"][-1]
    assert last.attributes["agentdbg.derived"] == ["tree", "input"]


def by_id(records: list[dict[str, Any]]) -> dict[str, RawSpan]:
    return {span.span_id: span for span in spans("codex", lines(records))}


def tool(output: Any) -> RawSpan:
    return by_id(
        [
            *OLDER,
            item(1, "function_call", name="f", arguments="{}", call_id="c"),
            item(2, "function_call_output", call_id="c", output=output),
        ]
    )["c"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("fine", None),
        ("Exit code: 0\nWall time: 1 seconds\nOutput:\n", None),
        ("Chunk ID: f9\nWall time: 0.0 seconds\nProcess exited with code 2\nOutput:\nusage", "exit code 2"),
        ('{"output": "x", "metadata": {"exit_code": 1, "duration_seconds": 0.1}}', "exit code 1"),
        ('{"output": "x", "metadata": {"exit_code": 0}}', None),
        ({"content": "denied", "success": False}, "denied"),
        ({"content": "ok", "success": True}, None),
        ('a program that prints\nExit code: 1\n', None),
        ("{no json", None),
        ([{"type": "input_text", "text": "Exit code: 1"}], None),
    ],
)  # fmt: skip
def test_a_tool_failed_where_its_output_says_so(output, message):
    span = tool(output)
    assert (span.status, span.status_message) == (("error", message) if message else ("unset", None))


@pytest.mark.parametrize(
    ("command", "code", "failed"),
    [
        ("grep -rn 'a|b' src", 1, False),
        ("cd src && /usr/bin/rg x", 1, False),
        ("cat log | grep x", 1, False),
        ("grep x log", 2, True),
        ("grep x log | python report.py", 1, True),
        ("grep 'x", 1, True),
        (["bash", "-lc", "diff a b"], 1, False),
        (["test", "-f", "a"], 1, False),
        (["make", "grep"], 1, True),
        ([], 1, True),
        (None, 1, True),
    ],
)
def test_some_commands_answer_no_with_an_exit_code(command, code, failed):
    key = "cmd" if isinstance(command, str) else "command"
    told = item(1, "function_call", name="shell", arguments=json.dumps({key: command}), call_id="c")
    output = item(
        2, "function_call_output", call_id="c", output=f"Exit code: {code}\nWall time: 0.1 seconds\nOutput:\n"
    )
    assert (by_id([*OLDER, told, output])["c"].status == "error") == failed


def test_tools_of_every_kind(tmp_path):
    records = [
        *OLDER,
        item(1, "local_shell_call", call_id="c1", status="completed", action={"type": "exec", "command": ["ls"]}),
        item(1, "custom_tool_call", call_id="c2", name="apply_patch", input="*** Begin Patch", status="completed"),
        item(1, "web_search_call", status="completed", action={"type": "search", "query": "rome"}),
        item(2, "function_call_output", call_id="c1", output="a.txt"), item(2, "custom_tool_call_output", call_id="c2", output='{"output": "Done", "metadata": {"exit_code": 0}}'),
    ]  # fmt: skip
    found = trace(tmp_path, lines(records))
    assert sorted((span.tool, span.input, span.output) for span in found.spans if span.kind == "tool") == [
        ("apply_patch", '"*** Begin Patch"', '{"output":"Done","metadata":{"exit_code":0}}'),
        ("local_shell", '{"type":"exec","command":["ls"]}', '"a.txt"'),
        ("web_search", '{"type":"search","query":"rome"}', None),
    ]
    [call] = [span for span in found.spans if span.kind == "llm"]
    assert call.output is not None
    assert call.output.count('"tool_call"') == 3


def test_a_turn_that_failed_and_one_that_was_stopped():
    failed = [
        *MAIN[:6],
        event(700, "error", message="quota exceeded", codex_error_info="usage_limit_exceeded"),
        event(701, "task_complete", turn_id="turn-1"),
    ]
    assert (by_id(failed)["turn-1"].status, by_id(failed)["turn-1"].status_message) == ("error", "quota exceeded")
    assert [one.name for one in by_id(failed)[THREAD].events] == ["error"]
    stopped = by_id([*MAIN[:6], event(700, "turn_aborted", turn_id="turn-1", reason="interrupted")])["turn-1"]
    assert (stopped.status, stopped.attributes["codex.aborted"], stopped.attributes["codex.reason"]) == (
        "unset",
        True,
        "interrupted",
    )


def test_what_is_not_understood_is_kept_or_noted():
    records = [*MAIN[:11], event(2550, "exec_command_end", call_id="call_1", exit_code=1, stderr="x"), event(2551, "warning", message="slow"), *MAIN[11:],
               item(9500, "ghost_snapshot", commit="x"), record(9501, "world_state", x=1)]  # fmt: skip
    found = by_id(records)
    assert found["call_1"].attributes["codex.exec_command_end"] == {"exit_code": 1, "stderr": "x"}
    assert [(one.name, one.attributes) for one in found[THREAD].events] == [("warning", {"message": "slow"})]
    assert found["turn-1"].attributes["codex.approval_policy"] == "never"
    assert found["turn-1"].attributes["codex.duration_ms"] == 8991
    assert any(
        note.message.endswith("left out: 1 agent_message, 1 agent_reasoning, 1 ghost_snapshot, 1 world_state")
        for note in notes("codex", lines(records))
    )


def test_without_times_only_the_order_is_known():
    records = [
        {"type": one["type"], "payload": {key: value for key, value in one["payload"].items() if key != "timestamp"}}
        for one in MAIN
    ]
    found = spans("codex", lines(records))
    assert all(span.attributes["agentdbg.derived"] == ["tree", "times"] for span in found)
    assert len(found) == 6


def test_files_that_were_put_together_are_threads_of_their_own():
    other = record(20_000, "session_meta", id="other", timestamp="2026-03-01T10:00:20.000Z")
    found = spans("codex", lines([*MAIN, other, message(21_000, "assistant", "hi")]))
    assert {span.trace_id for span in found} == {THREAD, "other"}


@pytest.mark.parametrize("bad", ["42", '{"type": "event_msg"}', "{oops"])
def test_bad_records_are_noted(bad):
    text = lines(MAIN[:3]) + bad + "\n" + lines(MAIN[3:])
    assert len(spans("codex", text)) == 6
    assert any(note.severity == "data_loss" for note in notes("codex", text))


@pytest.mark.parametrize("one", [META, MAIN[3], MAIN[11], MAIN[5]])
def test_it_is_known_by_any_record(one):
    assert chosen(lines([one])) == "codex"


@pytest.mark.parametrize("text", ['{"type": "session_meta"}', '{"type": "click", "payload": {"x": 1}}', "[]", "x"])
def test_other_files_are_not(text):
    assert not recognised("codex", text)


def test_whatever_is_cut_off_is_noted():
    for text in [lines(MAIN)]:
        check_cuts("codex", text, half=True)


@pytest.mark.slow
def test_odd_values_in_every_place():
    check_odd_values(
        "codex",
        [
            *OLDER,
            message(1, "assistant", "a"),
            count(2, usage(10, 1), None),
            message(3, "assistant", "b"),
            count(4, usage(20, 2), None),
        ],
        lines,
    )
    check_odd_values("codex", [SUB, *MAIN], lines)
