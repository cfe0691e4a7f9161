"""ATIF trajectories: steps in; agents, calls and tools out."""

import json
from typing import Any

import pytest

from agentdbg.rows import RawSpan
from tests.importers.exports import check_cuts, check_odd_values, chosen, lines, notes, recognised, sketch, spans, trace


def step(number: int, source: str, message: Any, **more: Any) -> dict[str, Any]:
    return {
        "step_id": number,
        "timestamp": f"2026-03-01T10:00:{number:02d}Z",
        "source": source,
        "message": message,
        **more,
    }


def metrics(given: int, said: int, cost: float | None = None, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": given, "completion_tokens": said, **({"cost_usd": cost} if cost else {}), **more}


def trajectory(
    session: str, name: str, *steps: dict[str, Any], version: str = "ATIF-v1.6", **more: Any
) -> dict[str, Any]:
    return {
        "schema_version": version,
        "session_id": session,
        "agent": {"name": name, "version": "1.0", "model_name": "gpt-4o"},
        "steps": list(steps),
        **more,
    }


def call(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"tool_call_id": call_id, "function_name": name, "arguments": arguments}


def observed(*results: dict[str, Any]) -> dict[str, Any]:
    return {"results": list(results)}


PRICE = trajectory(
    "s1", "planner",
    step(1, "user", "price the order"),
    step(2, "agent", "I look it up.", reasoning_content="where is it?", tool_calls=[call("call_1", "search", q="order")],
         observation=observed({"source_call_id": "call_1", "content": "7"}), metrics=metrics(100, 20, 0.003, cached_tokens=40)),
    step(3, "agent", "It costs 7.", metrics=metrics(150, 5), model_name="gpt-4o-mini"),
    final_metrics={"total_prompt_tokens": 250, "total_completion_tokens": 25},
)  # fmt: skip
EXPECTED = """\
agent planner "price the order" -> "It costs 7." session=s1 status=unset
  other user "price the order" status=unset
  llm gpt-4o name=agent in=100 out=20 cached=40 cost=0.003 "price the order" -> [{"role": "assistant", "parts": [{"type": "reasoning", "text": "where is it?"}, {"type": "text", "text": "I look it up."}, {"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "order"}}]}] status=unset
  tool search {"q": "order"} -> "7" tool_call_id=call_1 status=unset
  llm gpt-4o-mini name=agent in=150 out=5 [{"role": "user", "parts": [{"type": "text", "text": "price the order"}]}, {"role": "assistant", "parts": [{"type": "text", "text": "I look it up."}, {"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "order"}}]}, {"role": "tool", "parts": [{"type": "tool_result", "id": "call_1", "result": "7", "name": "search"}]}] -> "It costs 7." status=unset
"""


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(PRICE),
        json.dumps(PRICE, indent=2),
        json.dumps([PRICE]),
        lines([PRICE]),
        json.dumps({"trajectory": PRICE}),
    ],
)
def test_a_trajectory(tmp_path, text):
    assert chosen(text) == "atif"
    assert sketch(tmp_path, text) == EXPECTED
    assert [note.message for note in notes("atif", text)] == [
        "an ATIF trajectory records messages, no spans: the tree was derived from their order"
    ]


def by_id(*values: dict[str, Any]) -> dict[str, RawSpan]:
    return {span.span_id: span for span in spans("atif", lines(values))}


def test_ids_times_and_what_is_not_understood():
    found = by_id({**PRICE, "extra": {"run": 7}, "notes": "n"})
    assert {key: (span.parent_id, span.start_ns // 10**9 % 60, span.end_ns // 10**9 % 60) for key, span in found.items()} == {
        "s1": (None, 1, 3), "s1/00001": ("s1", 1, 1), "s1/00002": ("s1", 2, 2), "s1/00002/01": ("s1", 2, 3), "s1/00003": ("s1", 3, 3),
    }  # fmt: skip
    root = found["s1"]
    assert (root.attributes["atif.extra"], root.attributes["atif.notes"]) == ({"run": 7}, "n")
    assert root.attributes["atif.final_metrics"] == PRICE["final_metrics"]
    assert all(span.attributes["agentdbg.derived"] == ["tree"] for span in found.values())


ASK = step(2, "agent", "Ask the researcher.", tool_calls=[call("call_9", "delegate", task="find it")],
           observation=observed({"source_call_id": "call_9", "content": "it is 7", "subagent_trajectory_ref": [{"session_id": "s2", "trajectory_path": "s2.json"}]}),
           metrics=metrics(50, 10))  # fmt: skip
PARENT = trajectory(
    "s1", "planner", step(1, "user", "price the order"), ASK, step(9, "agent", "It costs 7.", metrics=metrics(80, 5))
)
CHILD = trajectory("s2", "researcher", step(3, "user", "find it"), step(4, "agent", "it is 7", metrics=metrics(30, 3)))
NESTED = """\
agent planner "price the order" -> "It costs 7." session=s1 status=unset
  other user "price the order" status=unset
  llm gpt-4o name=agent in=50 out=10 "price the order" -> [{"role": "assistant", "parts": [{"type": "text", "text": "Ask the researcher."}, {"type": "tool_call", "id": "call_9", "name": "delegate", "arguments": {"task": "find it"}}]}] status=unset
  tool delegate {"task": "find it"} -> "it is 7" tool_call_id=call_9 status=unset
    agent researcher "find it" -> "it is 7" status=unset
      other user "find it" status=unset
      llm gpt-4o name=agent in=30 out=3 "find it" -> "it is 7" status=unset
  llm gpt-4o name=agent in=80 out=5 [{"role": "user", "parts": [{"type": "text", "text": "price the order"}]}, {"role": "assistant", "parts": [{"type": "text", "text": "Ask the researcher."}, {"type": "tool_call", "id": "call_9", "name": "delegate", "arguments": {"task": "find it"}}]}, {"role": "tool", "parts": [{"type": "tool_result", "id": "call_9", "result": "it is 7", "name": "delegate"}]}] -> "It costs 7." status=unset
"""


def with_reference(reference: dict[str, Any], parent: dict[str, Any]) -> dict[str, Any]:
    result = {"source_call_id": "call_9", "content": "it is 7", "subagent_trajectory_ref": [reference]}
    return {**parent, "steps": [parent["steps"][0], {**ASK, "observation": observed(result)}, *parent["steps"][2:]]}


EMBEDDED = with_reference(
    {"trajectory_id": "t2"},
    {**PARENT, "schema_version": "ATIF-v1.7", "subagent_trajectories": [{"trajectory_id": "t2", **CHILD}]},
)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"main": PARENT, "researcher": CHILD}),
        json.dumps({"researcher": CHILD, "main": PARENT}),
        json.dumps(EMBEDDED),
        lines([PARENT, CHILD]),
    ],
    ids=["beside", "beside, child first", "embedded", "in lines"],
)
def test_a_sub_agent_stands_below_the_call_that_handed_it_the_work(tmp_path, text):
    assert sketch(tmp_path, text) == NESTED


def test_a_sub_agent_in_a_file_of_its_own_names_its_parent(tmp_path):
    child = {**CHILD, "agent": {**CHILD["agent"], "extra": {"parent_session_id": "s1"}}}
    found = trace(tmp_path, json.dumps(PARENT), json.dumps(child))
    assert {span.span_id: span.parent_id for span in found.spans if span.kind == "agent"} == {"s1": None, "s2": "s1"}


def test_an_embedded_trajectory_that_nothing_refers_to_stands_below_its_parent(tmp_path):
    found = trace(tmp_path, json.dumps({**PRICE, "subagent_trajectories": [CHILD]}))
    assert {turn.agent: turn.parent_turn_id for turn in found.turns} == {"planner": None, "researcher": "s1"}


def test_a_continued_session_is_of_the_same_trace():
    [root, *_] = spans(
        "atif",
        json.dumps(
            trajectory(
                "s1-cont-1",
                "planner",
                step(1, "user", "go on"),
                agent={"name": "planner", "extra": {"continuation_index": 1}},
            )
        ),
    )
    assert (root.trace_id, root.span_id, root.parent_id) == ("s1", "s1-cont-1", "s1")


def test_copied_and_counted_steps_are_no_calls(tmp_path):
    told = trajectory("s1", "planner", step(1, "user", "go"), step(2, "agent", "before", is_copied_context=True, metrics=metrics(5, 5)),
                      step(3, "agent", "done without a model", llm_call_count=0), step(4, "agent", "done", metrics=metrics(9, 1)))  # fmt: skip
    found = trace(tmp_path, json.dumps(told))
    assert [(one.span_id, one.input_tokens) for one in found.calls] == [("s1/00004", 9)]


def test_without_times_only_the_order_is_known(tmp_path):
    timeless = {
        **PARENT,
        "steps": [{key: value for key, value in one.items() if key != "timestamp"} for one in PARENT["steps"]],
    }
    child = {
        **CHILD,
        "steps": [{key: value for key, value in one.items() if key != "timestamp"} for one in CHILD["steps"]],
    }
    text = json.dumps({"main": timeless, "researcher": child})
    assert sketch(tmp_path, text) == NESTED
    assert all(span.attributes["agentdbg.derived"] == ["tree", "times"] for span in spans("atif", text))
    assert any("times tell only their order" in note.message for note in notes("atif", text))


@pytest.mark.parametrize(
    ("bad", "left"),
    [
        ("42", 5),
        ('{"schema_version": "ATIF-v1.6"}', 5),
        (json.dumps({**PRICE, "session_id": "s7", "steps": [5]}), 6),
        ("{oops", 5),
    ],
)
def test_bad_records_are_noted(bad, left):
    text = lines([PRICE]) + bad + "\n"
    assert len(spans("atif", text)) == left
    assert any(note.severity == "data_loss" for note in notes("atif", text))


def test_a_trajectory_that_breaks_off_is_read_up_to_there():
    text = json.dumps(PRICE)
    found = spans("atif", text[: text.index('"It costs 7."')])
    assert [span.name for span in found] == ["planner", "user", "agent", "search"]


@pytest.mark.parametrize("text", ['{"steps": [{"name": "x"}]}', '{"schema_version": "1.0", "steps": []}', "[]", "x"])
def test_other_files_are_not(text):
    assert not recognised("atif", text)


def test_whatever_is_cut_off_is_noted():
    for text in (json.dumps(PRICE), lines([PRICE, EMBEDDED])):
        check_cuts("atif", text, half=True)


@pytest.mark.slow
def test_odd_values_in_every_place():
    check_odd_values("atif", [PRICE, EMBEDDED])
