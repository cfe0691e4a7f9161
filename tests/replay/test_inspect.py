"""A trace and a span in, what the agent was given and how it can be replayed out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.model import LLMCall, Span, Trace
from agentdbg.replay.inspect import inspect
from agentdbg.replay.inspection import Inspection, ToolUse, to_json
from tests.replay.recorded import OneTrace, agent, llm, told, tool, trace

TOOLS = [{"name": "search", "description": "Find.", "parameters": {"properties": {"q": {}}, "required": ["q"]}}]
ASKED = "system You are careful.\nuser find rome\n"
SEARCH = 'call c1 search {"q": "rome"}'


def research(**last: Any) -> list[Span]:
    """An agent that asks for one search and then answers; `last` are fields of the second call."""
    return [
        agent("turn", "researcher", 0, 8, input=json.dumps({"task": "find rome"}), output='"Rome is old."'),
        llm("m1", ASKED, SEARCH, 1, "researcher", "turn", tools=json.dumps(TOOLS), parameters='{"seed": 7}'),
        tool("s1", "search", {"q": "rome"}, ["old"], 3, "researcher", turn_id="turn", tool_call_id="c1"),
        llm("m2", ASKED + SEARCH + '\nresult c1 ["old"]', "assistant Rome is old.", 5, "researcher", "turn", **last),
    ]


def look(spans: list[Span], span_id: str, calls: list[LLMCall] | None = None) -> Inspection:
    return inspect(OneTrace(trace(spans, calls)), "t", span_id)


def uses(inspection: Inspection) -> list[str]:
    """What happened, in order: `call: tool(arguments) -> result (where it was read)`."""
    told = [(0, use) for use in inspection.before]
    told += [(view.number, use) for view in inspection.calls for use in view.uses]
    return [f"{number}: {_use(use)}" for number, use in told]


def _use(use: ToolUse) -> str:
    asked = "" if use.asked_by else "unasked "
    return f"{asked}{use.tool}({use.arguments}) -> {use.result} ({use.result_from}, span {use.span_id})"


def test_an_agent_is_inspected_with_what_it_was_given_and_what_it_answered() -> None:
    seen = look(research(), "turn")
    assert (seen.subject, seen.agent, seen.state, seen.result) == (
        "turn",
        "researcher",
        {"task": "find rome"},
        "Rome is old.",
    )
    first, second = (view.call for view in seen.calls)
    assert first.system == ("You are careful.",)
    assert first.tools == tuple(TOOLS)
    assert first.parameters == {"seed": 7}
    assert [part["type"] for part in first.answer or ()] == ["tool_call"]
    assert second.answer == ({"type": "text", "text": "Rome is old."},)
    assert uses(seen) == ["1: search({'q': 'rome'}) -> ['old'] (next input, span s1)"]
    assert (seen.grade, seen.reason) == ("exact", "all that was sent and answered is recorded")
    assert seen.consistency.verdict == "consistent"
    assert seen.missing == seen.fixes == ()
    assert seen.next == ("agentdbg replay turn -- PROGRAM", "agentdbg span turn", "agentdbg show t")


@pytest.mark.parametrize("span_id", ["turn", "wrapper"])
def test_any_span_of_a_turn_stands_for_the_turn(span_id: str) -> None:
    wrapper = Span("t", "wrapper", "turn", "chain", "other", 1, 2, "ok", agent="researcher", turn_id="turn")
    seen = look([*research(), wrapper], span_id)
    assert (seen.subject, seen.subject_span_id, len(seen.calls)) == ("turn", "turn", 2)


def test_a_model_call_stands_for_itself_whichever_of_its_spans_is_named() -> None:
    spans = research()
    twin = Span("t", "twin", "m2", "chat", "llm", 5, 6, "ok", agent="researcher", turn_id="turn")
    calls = [told(spans[1]), told(spans[3])]
    calls[1].other_span_ids = ("twin",)
    for span_id in ("m2", "twin"):
        seen = look([*spans, twin], span_id, calls)
        assert (seen.subject, seen.subject_span_id) == ("call", "m2")
        assert [view.call.span_id for view in seen.calls] == ["m2"]
        assert (seen.calls[0].step.relation, seen.calls[0].step.of) == ("continues", "m1")


def test_a_tool_call_stands_with_the_model_call_that_asked_for_it() -> None:
    seen = look(research(), "s1")
    assert seen.subject == "tool"
    assert seen.tool is not None
    assert _use(seen.tool) == "search({'q': 'rome'}) -> ['old'] (next input, span s1)"
    assert [view.call.span_id for view in seen.calls] == ["m1"]


def test_a_tool_that_no_model_asked_for_has_no_call() -> None:
    seen = look([tool("s9", "ping", {}, "pong", 0, None)], "s9")
    assert seen.tool is not None
    assert _use(seen.tool) == "unasked ping({}) -> pong (tool span, span s9)"
    assert (seen.grade, seen.reason) == (None, "no recorded model call asked for this tool")


def test_a_span_outside_any_turn_stands_for_all_below_it() -> None:
    spans = [
        Span("t", "root", None, "main", "workflow", 0, 9, "ok"),
        llm("m1", "user hi", "assistant ho", 1, None),
        llm("m2", "user bye", "assistant so", 3, None),
    ]
    spans[1].parent_id = "root"
    seen = look(spans, "root")
    assert (seen.subject, [view.call.span_id for view in seen.calls]) == ("span", ["m1"])


def test_an_unknown_span_is_told() -> None:
    with pytest.raises(AgentdbgError, match="no span nope in trace t"):
        look(research(), "nope")


def test_the_grade_is_the_worst_and_what_is_missing_says_of_which_calls() -> None:
    spans = research(convention="openinference", scope="openinference.instrumentation.openai_agents")
    calls = [told(spans[1]), told(spans[3], "content", "tool definitions are not recorded")]
    seen = look(spans, "turn", calls)
    assert seen.grade == "content"
    assert seen.reason == (
        "1 of 2 calls content: tool definitions are not recorded;"
        " 1 of 2 calls exact: all that was sent and answered is recorded"
    )
    assert seen.missing == ("call 2: tool definitions are not recorded",)
    assert seen.fixes == ("install openinference-instrumentation-openai beside it, which does",)


def test_an_agent_without_a_recorded_call_says_so() -> None:
    seen = look([agent("turn", "writer", 0, 1)], "turn")
    assert (seen.grade, seen.reason, seen.has_state) == (None, "no model call is recorded here", False)
    assert seen.consistency.verdict == "unknown"
    assert seen.next == ("agentdbg span turn", "agentdbg show t")


def test_the_last_tool_of_a_turn_is_known_from_its_own_span() -> None:
    assert uses(look(research()[:3], "turn")) == ["1: search({'q': 'rome'}) -> ['old'] (tool span, span s1)"]


def test_without_a_tool_span_the_result_is_what_the_model_was_told() -> None:
    spans = research()
    assert uses(look([spans[0], spans[1], spans[3]], "turn")) == [
        "1: search({'q': 'rome'}) -> ['old'] (next input, span None)"
    ]


def test_a_result_that_is_recorded_nowhere_is_missing() -> None:
    seen = look(research()[:2], "turn")
    assert seen.missing == ("call 1: the result of search is recorded nowhere",)


def test_parallel_calls_of_one_tool_are_told_apart_by_id_then_by_arguments() -> None:
    both = 'call c1 search {"q": "rome"}\ncall c2 search {"q": "oslo"}'
    spans = [
        agent("turn", "a", 0, 9),
        llm("m1", ASKED, both, 1, "a", "turn"),
        tool("oslo", "search", {"q": "oslo"}, "snow", 3, turn_id="turn"),
        tool("rome", "search", {"q": "rome"}, "sun", 4, turn_id="turn"),
        llm("m2", ASKED + both + "\nresult c2 snow\nresult c1 sun", "assistant Done.", 6, "a", "turn"),
    ]
    assert uses(look(spans, "turn")) == [
        "1: search({'q': 'oslo'}) -> snow (next input, span oslo)",
        "1: search({'q': 'rome'}) -> sun (next input, span rome)",
    ]


def test_an_api_without_ids_links_results_by_name_and_order() -> None:
    def bare(messages: str | None) -> str:
        value = json.loads(messages or "[]")
        for message in value:
            for part in message["parts"]:
                if part["type"] == "tool_result":
                    part["name"] = "search"
                if "id" in part:
                    part["id"] = None
        return json.dumps(value)

    spans = research()
    for span in (spans[1], spans[3]):
        span.input, span.output = bare(span.input), bare(span.output)
    spans[2].tool_call_id = None
    assert uses(look(spans, "turn")) == ["1: search({'q': 'rome'}) -> ['old'] (next input, span s1)"]
    assert look(spans, "turn").calls[1].step.results == 1


def test_an_agent_used_as_a_tool_is_the_span_of_that_tool() -> None:
    spans = [
        agent("boss", "boss", 0, 9),
        llm("m1", ASKED, 'call c1 researcher {"task": "rome"}', 1, "boss", "boss"),
        agent("sub", "researcher", 3, 5, parent_id="boss", output='"Rome is old."'),
    ]
    assert uses(look(spans, "boss")) == ["1: researcher({'task': 'rome'}) -> Rome is old. (tool span, span sub)"]


def test_tools_that_no_model_asked_for_stand_where_they_ran() -> None:
    spans = [*research(), tool("r0", "retrieve", {"q": "x"}, [], 0, "researcher", turn_id="turn")]
    spans += [tool("w9", "save", {}, "ok", 7, "researcher", turn_id="turn")]
    assert uses(look(spans, "turn")) == [
        "0: unasked retrieve({'q': 'x'}) -> [] (tool span, span r0)",
        "1: search({'q': 'rome'}) -> ['old'] (next input, span s1)",
        "2: unasked save({}) -> ok (tool span, span w9)",
    ]


SAME = '["old", 3]'
MESSAGE = {"type": "tool", "content": SAME, "tool_call_id": "c1", "name": "search"}


@pytest.mark.parametrize(
    ("recorded", "seen", "where"),
    [
        (["old", 3], SAME, None),
        (SAME, SAME, None),
        (MESSAGE, SAME, None),
        ({"output": {"lc": 1, "id": ["ToolMessage"], "kwargs": {"content": "[]"}}}, "[]", None),
        ({"result": ["old", 3]}, SAME, None),
        ([{"type": "text", "text": SAME}], SAME, None),
        (["old", 3], "Result of search: ['old', 3]", None),
        ({"rows": [{"a": 1}], "errors": []}, "[]", "$.result"),
        (["old", 3], '["new", 3]', "$.result[0]"),
        ("a long text that was cut", "a long text", "$.result"),
    ],
)
def test_what_the_model_was_told_is_compared_with_what_the_tool_gave(
    recorded: Any, seen: str, where: str | None
) -> None:
    spans = research()
    spans[2].output = json.dumps(recorded)
    result = {"role": "tool", "parts": [{"type": "tool_result", "id": "c1", "result": seen}]}
    spans[3].input = json.dumps([*json.loads(spans[3].input or "")[:-1], result])
    found = look(spans, "turn")
    difference = found.calls[0].uses[0].difference
    assert (difference.path if difference else None) == where
    assert found.consistency.verdict == ("edited" if where else "consistent")


def test_a_tool_that_failed_has_its_error_and_is_not_compared() -> None:
    spans = research()
    spans[2].status, spans[2].error_type, spans[2].error_message = "error", "Timeout", "30s"
    use = look(spans, "turn").calls[0].uses[0]
    assert (use.error, use.difference) == ("Timeout: 30s", None)


def test_history_that_the_application_changed_is_no_consistent_recording() -> None:
    spans = research()
    spans[3].input = (spans[3].input or "").replace("find rome", "find Rome at once")
    seen = look(spans, "turn").consistency
    assert (seen.verdict, seen.words) == (
        "edited",
        "the input of call 2 is not the history that was said before: something was removed, changed or put in between",
    )


def test_what_a_damaged_recording_lacks_is_not_held_against_the_application() -> None:
    spans = research(dropped=9)
    spans[3].input = json.dumps(json.loads(spans[3].input or "")[1:])
    spans[1].dropped = 9  # it lacks something itself, and so proves nothing of the next
    less = told(spans[1], "partial", "the SDK dropped 9 attributes of this span")
    seen = look(spans, "turn", [less, told(spans[3], "partial", "the SDK dropped 9 attributes of this span")])
    assert (seen.consistency.verdict, seen.consistency.words) == (
        "damaged",
        "the input of call 2 is not comparable: the SDK dropped 9 attributes of this span",
    )
    assert seen.fixes == ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=10000",)


def test_without_messages_consistency_is_unknown_and_not_good() -> None:
    spans = [agent("turn", "a", 0, 9), llm("m1", None, None, 1, "a", "turn")]
    seen = look(spans, "turn", [told(spans[1], "no", "neither the messages nor the answer are recorded")])
    assert seen.consistency.verdict == "unknown"
    assert seen.calls[0].call.messages is None
    assert seen.grade == "no"


def test_payloads_that_are_no_json_are_kept_as_they_are() -> None:
    spans = research()
    spans[0].input = "{cut off"
    spans[1].parameters = "[1]"
    seen = look(spans, "turn")
    assert (seen.state, seen.calls[0].call.parameters) == ("{cut off", None)


def test_the_inspection_is_json_and_the_same_every_time() -> None:
    shuffled: Trace = trace(list(reversed(research())))
    text = json.dumps(to_json(inspect(OneTrace(shuffled), "t", "turn")))
    assert text == json.dumps(to_json(look(research(), "turn")))
    value = json.loads(text)
    assert value["schema_version"] == 1
    assert value["calls"][0]["call"]["system"] == ["You are careful."]
    assert value["calls"][1]["step"]["relation"] == "continues"
