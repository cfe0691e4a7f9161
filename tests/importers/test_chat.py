"""Chat messages in, a rebuilt tree out."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.importers import shelf
from agentdbg.importers.chat import Chat
from agentdbg.importers.contract import Source
from agentdbg.rows import NoteRow, RawSpan

DERIVED = "a list of messages records messages, no spans: the tree was derived from their order"
NO_TIMES = f"{DERIVED}, times tell only their order"
SYSTEM, ASK = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Rome?"}


def calls(*calls: tuple[str, str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    made = [
        {"id": i, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for i, name, given in calls
    ]
    return {"role": "assistant", "content": None, "tool_calls": made, **more}


def result(call_id: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def says(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


LOOKED = [SYSTEM, ASK, calls(("c1", "weather", {"city": "Rome"})), result("c1", "21"), says("21 degrees.")]


def rows(text: str) -> list[Any]:
    return list(Chat().read(io.BytesIO(text.encode()), Source("t")))


def spans(text: str) -> list[RawSpan]:
    return sorted(
        (row for row in rows(text) if isinstance(row, RawSpan)), key=lambda span: (span.trace_id, span.span_id)
    )


def notes(text: str) -> list[str]:
    return [row.message for row in rows(text) if isinstance(row, NoteRow)]


def tree(text: str) -> list[str]:
    """Spans in order, two blanks for every span above them, with the step that each is."""
    found = spans(text)
    above = {(span.trace_id, span.span_id): span.parent_id for span in found}

    def depth(trace_id: str, span_id: str | None) -> int:
        return 0 if span_id is None else 1 + depth(trace_id, above[trace_id, span_id])

    return [
        f"{'  ' * depth(span.trace_id, span.parent_id)}{span.attributes['conversation.step']} {span.name}"
        for span in found
    ]


PLAIN_TREE = ["run conversation", "  answer answer", "  tool weather", "  answer answer"]


@pytest.mark.parametrize(
    "dress",
    [
        lambda messages: json.dumps(messages),
        lambda messages: json.dumps(messages, indent=1),
        lambda messages: "\n".join(map(json.dumps, messages)),
        lambda messages: json.dumps({"messages": messages}),
        lambda messages: json.dumps({"model": "gpt-4o", "messages": messages}, indent=2),
        lambda messages: json.dumps([{"messages": messages}]),
        lambda messages: json.dumps([messages]),
        lambda messages: json.dumps({"request": {"messages": messages}}),
        lambda messages: json.dumps({"task": 1, "traj": messages}),
    ],
)
def test_every_dress_gives_the_same_tree(dress):
    text = dress(LOOKED)
    assert Chat().sniff(text.encode(), "x")
    assert tree(text) == PLAIN_TREE


@pytest.mark.parametrize("separator", ["\n", "\n\n", " "])
def test_conversations_one_after_the_other_are_traces_of_their_own(separator):
    for wrap in (lambda messages: messages, lambda messages: {"messages": messages}):
        text = separator.join(json.dumps(wrap([{"role": "user", "content": who}, says("hi")])) for who in "ab")
        assert len({span.trace_id for span in spans(text)}) == 2
        assert tree(text) == ["run conversation", "  answer answer"] * 2


def test_what_each_span_holds():
    derived = {"agentdbg.derived": ["tree", "times"]}
    root, asking, tool, last = spans(json.dumps(LOOKED))
    assert root.attributes == {
        "conversation.step": "run",
        **derived,
        "conversation.input": LOOKED[:2],
        "conversation.output": LOOKED[4],
    }
    assert asking.attributes == {
        "conversation.step": "answer",
        **derived,
        "conversation.message": [LOOKED[2]],
        "conversation.messages": LOOKED[:2],
    }
    assert tool.attributes == {
        "conversation.step": "tool", **derived, "conversation.result": LOOKED[3],
        "conversation.call": {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Rome"}},
    }  # fmt: skip
    assert last.attributes == {
        "conversation.step": "answer",
        **derived,
        "conversation.message": [LOOKED[4]],
        "conversation.messages": LOOKED[:4],
    }
    assert notes(json.dumps(LOOKED)) == [NO_TIMES]


def test_spans_without_times_stand_in_order_and_take_no_time():
    found = spans(json.dumps(LOOKED))
    assert [(span.start_ns, span.end_ns) for span in found] == [(0, 5), (3, 3), (3, 4), (5, 5)]
    assert all(span.trace_id == found[0].trace_id and span.scope == "chat" for span in found)


def test_times_that_every_message_tells():
    timed = [{**message, "created_at": f"2026-01-01T00:00:0{at}Z"} for at, message in enumerate(LOOKED)]
    base = 1_767_225_600_000_000_000
    assert [((span.start_ns - base) // 10**9, (span.end_ns - base) // 10**9) for span in spans(json.dumps(timed))] == [
        (0, 4),
        (2, 2),
        (2, 3),
        (4, 4),
    ]
    assert notes(json.dumps(timed)) == [DERIVED]
    assert all(span.attributes["agentdbg.derived"] == ["tree"] for span in spans(json.dumps(timed)))
    assert notes(json.dumps([LOOKED[0], *timed[1:]])) == [NO_TIMES]


def test_the_same_file_gives_the_same_ids():
    assert spans(json.dumps(LOOKED)) == spans(json.dumps(LOOKED))
    assert spans(json.dumps(LOOKED))[0].trace_id != spans(json.dumps(LOOKED[1:]))[0].trace_id


def test_what_an_agent_was_sent_of_a_common_talk_is_not_known():
    found = spans(json.dumps([ASK, says("a", name="planner"), says("b")]))
    assert [span.attributes["agentdbg.derived"][2:] for span in found if span.name == "answer"] == [["input"], []]


def test_named_answers_are_those_of_agents():
    talk = [
        ASK,
        says("look it up", name="planner"),
        says("21", name="researcher"),
        says("22", name="researcher"),
        says("done"),
    ]
    assert tree(json.dumps(talk)) == [
        "run conversation",
        "  agent planner",
        "    answer answer",
        "  agent researcher",
        "    answer answer",
        "    answer answer",
        "  answer answer",
    ]


def test_a_role_that_is_none_is_the_name_of_an_agent():
    talk = [ASK, {"role": "WebSurfer", "content": "opened"}, {"role": "Coder", "content": "done"}]
    assert tree(json.dumps(talk)) == [
        "run conversation",
        "  agent WebSurfer",
        "    answer answer",
        "  agent Coder",
        "    answer answer",
    ]


def test_in_a_group_chat_everybody_else_has_the_role_of_the_user():
    talk = [
        ASK,
        says("I ask", name="Chair"),
        {"role": "user", "name": "Expert", "content": "a"},
        {"role": "user", "name": "Critic", "content": "b"},
    ]
    assert [line.strip() for line in tree(json.dumps(talk)) if "agent" in line] == [
        "agent Chair",
        "agent Expert",
        "agent Critic",
    ]


@pytest.mark.parametrize("names", [["alice"], ["alice", None], ["alice", "alice"]])
def test_people_with_names_are_no_agents(names):
    talk = [ASK, says("yes"), *({"role": "user", "name": name, "content": "and?"} for name in names), says("no")]
    assert "agent" not in " ".join(tree(json.dumps(talk)))


def test_parallel_calls_find_their_results_by_id():
    talk = [
        ASK,
        calls(("a", "weather", {"city": "Rome"}), ("b", "weather", {"city": "Oslo"})),
        result("b", "5"),
        result("a", "21"),
    ]
    found = {span.attributes["conversation.call"]["arguments"]["city"]: span.attributes["conversation.result"]["content"]
             for span in spans(json.dumps(talk)) if span.name == "weather"}  # fmt: skip
    assert found == {"Rome": "21", "Oslo": "5"}


def test_calls_of_the_oldest_dialect_are_told_by_name():
    talk = [
        ASK,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "21"},
    ]
    [_, _, tool] = spans(json.dumps(talk))
    assert tool.attributes["conversation.result"]["content"] == "21"


def test_a_call_without_a_result_and_a_result_without_a_call():
    [_, _, asked, told] = spans(json.dumps([ASK, calls(("a", "weather", {})), result("b", "21", name="lookup")]))
    assert (asked.name, "conversation.result" in asked.attributes) == ("weather", False)
    assert (told.name, "conversation.call" in told.attributes) == ("lookup", False)


BLOCKS = [
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}},
                                      {"type": "tool_use", "id": "t2", "name": "weather", "input": {"city": "Oslo"}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "21"},
                                 {"type": "tool_result", "tool_use_id": "t2", "is_error": True, "content": [{"type": "text", "text": "TimeoutError: 30s"}]}]},
]  # fmt: skip


def test_content_blocks_of_anthropic():
    record = {"model": "claude", "system": "Be brief.", "max_tokens": 9, "messages": BLOCKS,
              "response": {"id": "msg_1", "role": "assistant", "content": [{"type": "text", "text": "21."}], "stop_reason": "end_turn", "usage": {"input_tokens": 9}}}  # fmt: skip
    root, asking, rome, oslo, last = spans(json.dumps(record))
    assert asking.attributes["conversation.messages"][0] == {"role": "system", "content": "Be brief."}
    assert (rome.status, oslo.status, oslo.status_message) == ("unset", "error", "TimeoutError: 30s")
    assert last.attributes["conversation.response"] == record["response"]
    assert last.attributes["conversation.request"] == {"model": "claude", "max_tokens": 9}
    assert "conversation.request" not in asking.attributes  # of that call, the record tells nothing
    assert root.attributes["conversation.record"] == {"model": "claude", "max_tokens": 9}


def test_items_of_one_response_are_one_answer():
    items = [{"role": "user", "content": "hi"}, {"type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]},
             {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
             {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "21"},
             {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "21"}]}]  # fmt: skip
    assert tree(json.dumps(items)) == PLAIN_TREE
    assert spans(json.dumps(items))[1].attributes["conversation.message"] == items[1:4]


def response(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "r", "choices": [{"message": {"refusal": None, **message}, "finish_reason": "stop"}], **more}


def log(*records: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, records))


def test_a_log_of_calls_is_one_conversation_in_which_nothing_is_told_twice():
    text = log(
        {"model": "gpt-4o", "messages": LOOKED[:2], "response": response(LOOKED[2])},
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "something else"}],
            "response": response(says("ok")),
        },
        {"model": "gpt-4o", "messages": LOOKED[:4], "response": response(LOOKED[4])},
    )
    assert sorted(tree(text)) == sorted([*PLAIN_TREE, "run conversation", "  answer answer"])
    asking, last = (
        span for span in spans(text) if span.name == "answer" and len(span.attributes["conversation.messages"]) > 1
    )
    assert asking.trace_id == last.trace_id
    assert last.attributes["conversation.messages"] == LOOKED[:4]


def test_a_response_that_is_sent_back_in_pieces():
    asked = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
    words = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}
    made = {"object": "response", "output": [{"type": "reasoning", "summary": []}, words, asked]}
    text = log(
        {"messages": [ASK], "response": made},
        {
            "messages": [ASK, words, asked, {"type": "function_call_output", "call_id": "c1", "output": "21"}],
            "response": response(says("21")),
        },
    )
    assert tree(text) == PLAIN_TREE


def test_two_runs_of_one_task_are_two_traces():
    first, second = ({"id": number, "messages": [SYSTEM, ASK], "response": response(says("21"))} for number in (1, 2))
    assert len({span.trace_id for span in spans(log(first, second))}) == 2
    assert len({span.trace_id for span in spans(log({"messages": [SYSTEM]}, first, second))}) == 3


def test_the_times_of_a_logged_call():
    record = {"ts": "2026-01-01T00:00:00Z", "latency_ms": 250, "messages": [ASK], "response": response(says("21"))}
    root, answer = spans(log(record))
    assert (root.start_ns, root.end_ns, answer.end_ns) == (
        1_767_225_600_000_000_000,
        1_767_225_600_250_000_000,
        1_767_225_600_250_000_000,
    )
    assert notes(log(record)) == [DERIVED]


def test_a_call_that_failed():
    root, answer = spans(log({"messages": [ASK], "error": {"message": "RateLimitError: 429"}}))
    assert (root.status, answer.status, answer.status_message) == ("error", "error", "RateLimitError: 429")
    assert "conversation.response" not in answer.attributes


def test_a_retry_after_it_is_the_same_conversation_only_if_the_history_says_so():
    failed, again = {"messages": [ASK], "error": "boom"}, {"messages": [ASK], "response": response(says("21"))}
    assert len({span.trace_id for span in spans(log(failed, again))}) == 2


@pytest.mark.parametrize("wrap", [lambda messages: json.dumps(messages), lambda messages: json.dumps({"id": 1, "messages": messages}),
                                  lambda messages: json.dumps([{"messages": messages}])])  # fmt: skip
def test_a_cut_conversation_keeps_the_messages_before_the_cut(wrap):
    text = wrap(LOOKED)
    text = text[: text.rindex("21 degrees")]
    assert tree(text) == PLAIN_TREE[:-1]
    assert "the input is cut off here" in notes(text)[0]


def test_what_is_no_message_is_told():
    text = json.dumps([ASK, 7, {"x": 1}, says("21")])
    assert tree(text) == ["run conversation", "  answer answer"]
    assert notes(text)[:2] == ["a record was left out: expected a chat message, found a number",
                               "a record was left out: expected a chat message, found an object with x"]  # fmt: skip


def test_a_broken_line_among_good_ones():
    text = f"{json.dumps({'messages': [ASK, says('21')]})}\n{{broken\n{json.dumps({'messages': [ASK, says('22')]})}\n"
    assert tree(text) == ["run conversation", "  answer answer"] * 2
    assert any("a record could not be read" in note for note in notes(text))


def test_a_conversation_without_an_answer():
    [root] = spans(json.dumps({"messages": [SYSTEM, ASK]}))
    assert root.attributes["conversation.input"] == [SYSTEM, ASK]
    assert notes(json.dumps({"messages": []}))[0].startswith("a conversation holds no messages")


def test_what_comes_after_the_last_answer_is_kept():
    assert spans(json.dumps([ASK, says("21"), {"role": "user", "content": "Thanks"}]))[0].attributes[
        "conversation.trailing"
    ] == [{"role": "user", "content": "Thanks"}]


def test_late_answers_of_a_very_long_conversation_hold_only_what_was_new(monkeypatch):
    monkeypatch.setattr("agentdbg.importers.conversation.PROMPT_BYTES", 3_000)
    talk = [message for number in range(20) for message in ({"role": "user", "content": str(number) * 50}, says("ok"))]
    answers = [span for span in spans(json.dumps(talk)) if span.name == "answer"]
    assert [len(span.attributes["conversation.messages"]) for span in answers[:3]] == [1, 3, 5]
    assert answers[-1].attributes["conversation.messages"] == talk[38:39]
    assert [answer.attributes["agentdbg.derived"] for answer in (answers[0], answers[-1])] == [
        ["tree", "times"],
        ["tree", "times", "input"],
    ]
    assert any("only what was new" in note for note in notes(json.dumps(talk)))


@pytest.mark.parametrize(
    "record",
    [
        {"trace_id": "t", "span_id": "s", "role": "user", "content": "hi"},
        {"agent": "a", "start_time": 1, "messages": [ASK]},
        {"trace_id": "t", "timestamp": 1, "messages": [ASK]},
        {"messages": ["hi"]},
        {"role": "admin"},
        {"conversations": [{"from": "human", "value": "hi"}]},
        {"id": "a", "run_type": "llm", "inputs": {"messages": [ASK]}},
        {"resourceSpans": []},
    ],
)
def test_sniffing_says_no(record):
    head = json.dumps(record).encode()
    assert [importer.name for importer in shelf() if importer.sniff(head, "x")][:1] != ["chat"]


@given(st.lists(st.sampled_from([SYSTEM, ASK, *LOOKED[2:], *BLOCKS, says("x", name="a")]), max_size=12))
def test_every_answer_is_a_span_and_every_parent_is_there(messages):
    found = spans(json.dumps(messages))
    ids = {span.span_id for span in found}
    assert len(ids) == len(found)
    assert all(span.parent_id is None or span.parent_id in ids for span in found)
    assert sum(span.attributes["conversation.step"] == "answer" for span in found) == sum(
        m["role"] == "assistant" for m in messages
    )
    assert all(span.start_ns <= span.end_ns for span in found)
