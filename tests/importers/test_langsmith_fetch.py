"""What `langsmith-fetch` prints in, a rebuilt tree out."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from agentdbg.importers.chat import Chat
from agentdbg.importers.contract import Source
from agentdbg.importers.langsmith import LangSmith
from agentdbg.importers.langsmith_fetch import LangSmithFetch
from agentdbg.rows import NoteRow, RawSpan
from tests.stores import of_files

CAPTURE = Path(__file__).parents[3] / "shared" / "corpus" / "langsmith-fetch"
NOTHING = {"additional_kwargs": {}, "response_metadata": {}}
HUMAN = {**NOTHING, "type": "human", "content": "Report.", "id": "h"}
HANDS = {
    **NOTHING,
    "type": "ai",
    "name": "chief",
    "content": "",
    "tool_calls": [{"name": "transfer_to_clerk", "args": {}, "id": "c1", "type": "tool_call"}],
}
HANDED = {"type": "tool", "content": "Transferred", "name": "transfer_to_clerk", "tool_call_id": "c1", "status": "success",
          "additional_kwargs": {}, "response_metadata": {"__handoff_destination": "clerk"}}  # fmt: skip
SAID = {
    **NOTHING,
    "type": "ai",
    "name": "clerk",
    "content": "Done.",
    "usage_metadata": {"input_tokens": 9, "output_tokens": 2},
}
BACK = {"type": "ai", "name": "clerk", "content": "Going back", "additional_kwargs": {}, "response_metadata": {"__is_handoff_back": True},
        "tool_calls": [{"name": "transfer_back_to_chief", "args": {}, "id": "c2", "type": "tool_call"}]}  # fmt: skip
WENT = {
    "type": "tool",
    "content": "Went",
    "name": "transfer_back_to_chief",
    "tool_call_id": "c2",
    "additional_kwargs": {},
    "response_metadata": {"__is_handoff_back": True},
}
TALK = [HUMAN, HANDS, HANDED, SAID, BACK, WENT]
METADATA = {
    "status": "success", "start_time": "2026-01-01T00:00:00+00:00", "end_time": "2026-01-01T00:00:01+00:00", "duration_ms": 1000,
    "custom_metadata": {"thread_id": "thread-7"}, "token_usage": {"prompt_tokens": 9}, "costs": {"total_cost": "0.1"},
}  # fmt: skip
START_NS = 1_767_225_600_000_000_000


def rows(value: Any) -> list[Any]:
    text = value if isinstance(value, str) else json.dumps(value)
    return list(LangSmithFetch().read(io.BytesIO(text.encode()), Source("t")))


def spans(value: Any) -> list[RawSpan]:
    return sorted(
        (row for row in rows(value) if isinstance(row, RawSpan)), key=lambda span: (span.trace_id, span.span_id)
    )


def told(value: Any) -> list[tuple[str, str]]:
    return [(span.attributes["conversation.step"], span.name) for span in spans(value)]


TREE = [
    ("run", "conversation"), ("agent", "chief"), ("answer", "answer"), ("tool", "transfer_to_clerk"), ("agent", "clerk"), ("answer", "answer"),
    ("aside", "transfer_back_to_chief"),
]  # fmt: skip


@pytest.mark.parametrize(
    "dress",
    [
        TALK,
        {"trace_id": "t", "messages": TALK, "metadata": METADATA, "feedback": []},
        {"thread_id": "t", "messages": TALK},
        [{"trace_id": "t", "messages": TALK}],
    ],
)
def test_every_form_gives_the_same_tree(dress):
    assert LangSmithFetch().sniff(json.dumps(dress).encode(), "x")
    assert not LangSmith().sniff(json.dumps(dress).encode(), "x")
    assert told(dress) == TREE


def test_a_trace_with_its_metadata():
    root, *_, last = spans({"trace_id": "t", "messages": TALK, "metadata": METADATA, "feedback": []})
    assert (root.trace_id, root.status, root.start_ns, root.end_ns) == ("t.messages", "ok", START_NS, START_NS + 10**9)
    assert root.attributes["conversation.record"] == {"metadata": METADATA, "feedback": []}
    assert last.start_ns - START_NS < 1_000


def test_words_put_into_an_agents_mouth_are_no_answer():
    aside = spans(TALK)[-1]
    assert aside.attributes["conversation.message"] == [BACK]


def test_traces_that_repeat_one_another_stay_apart():
    first, second = {"trace_id": "a", "messages": TALK}, {"trace_id": "b", "messages": [*TALK, HUMAN, SAID]}
    assert {span.trace_id for span in spans([first, second])} == {"a.messages", "b.messages"}
    assert len(spans([first, second])) == 2 * len(TREE) + 1


def test_a_trace_without_messages_is_its_root():
    [root, *notes] = rows({"trace_id": "t", "messages": [], "metadata": {**METADATA, "status": "error"}})
    assert (root.name, root.status) == ("conversation", "error")
    assert [note.message.partition(":")[0] for note in notes] == [
        "a conversation holds no messages",
        "a list of messages records messages, no spans",
    ]


def test_a_cut_list_of_traces():
    text = json.dumps([{"trace_id": "a", "messages": TALK}, {"trace_id": "b", "messages": TALK}])
    text = text[: text.rindex("Done.")]
    assert [(span.trace_id, span.name) for span in spans(text)][-3:] == [
        ("b.messages", "chief"),
        ("b.messages", "answer"),
        ("b.messages", "transfer_to_clerk"),
    ]
    assert any(isinstance(row, NoteRow) and "cut off" in row.message for row in rows(text))


@pytest.mark.parametrize(
    "value",
    [
        {"trace_id": "t", "messages": TALK, "model": "m"},
        {"trace_id": "t"},
        [{"role": "user", "content": "hi"}],
        {"type": "text", "content": "x"},
    ],
)
def test_sniffing_says_no(value):
    assert not LangSmithFetch().sniff(json.dumps(value).encode(), "trace.json")


def test_messages_of_the_openai_client_are_chat():
    assert Chat().sniff(
        json.dumps([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]).encode(), "x"
    )


@pytest.mark.skipif(not CAPTURE.exists(), reason="the captures (../shared/corpus) are not here")
def test_the_captured_trace_read_by_hand():
    """Counted in the file: seven answers of the model with these tokens, three handoffs by tool and three by going back."""
    store = of_files(CAPTURE / "trace_meta.json")
    trace = store.reader().trace("01a1f7d1-d43d-74bd-a16e-8dfbb063a374.messages")
    assert [(call.agent, call.input_tokens, call.output_tokens) for call in trace.calls] == [
        ("supervisor", 174, 6), ("researcher", 492, 7), ("supervisor", 371, 5), ("analyst", 481, 5), ("supervisor", 563, 5), ("writer", 512, 14),
        ("supervisor", 763, 8),
    ]  # fmt: skip
    assert [(edge.from_agent, edge.to_agent) for edge in trace.handoffs] == [
        ("supervisor", "researcher"), ("researcher", "supervisor"), ("supervisor", "analyst"), ("analyst", "supervisor"), ("supervisor", "writer"),
        ("writer", "supervisor"),
    ]  # fmt: skip
    assert [span.tool for span in trace.spans if span.kind == "tool"] == [
        "transfer_to_researcher",
        "transfer_to_analyst",
        "transfer_to_writer",
    ]
    assert (trace.status, trace.start_ns, trace.duration_ns) == ("ok", 1_795_159_086_141_748_000, 637_246_000)
    assert {call.replayable for call in trace.calls} == {"partial"}
    assert {span.session_id for span in trace.spans if span.kind == "workflow"} == {"thread-42"}


@pytest.mark.skipif(not CAPTURE.exists(), reason="the captures (../shared/corpus) are not here")
def test_every_captured_form_is_read_without_a_loss():
    for name in ("trace.json", "trace_meta.json", "traces.json"):
        assert [note for note in of_files(CAPTURE / name).reader().notes() if note.severity != "info"] == []
