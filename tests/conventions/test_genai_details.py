"""What `gen_ai.client.inference.operation.details` tells, and tools that hand over to the agent they are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentdbg.conventions import from_logs
from agentdbg.rows import RawEvent
from tests.conventions.rows import fields, message, read

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
STRANDS = "strands.telemetry.tracer"


def details(**told: Any) -> RawEvent:
    return RawEvent(
        "gen_ai.client.inference.operation.details",
        attributes={f"gen_ai.{name.replace('__', '.')}": json.dumps(value) for name, value in told.items()},
    )


def text(role: str, said: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": said}], **more}


def test_several_details_events_of_a_span_each_tell_a_part() -> None:
    row = read(
        CHAT,
        events=[
            details(system_instructions=[{"type": "text", "content": "Be brief."}]),
            details(input__messages=[text("user", "hi")]),
            details(output__messages=[text("assistant", "hello", finish_reason="stop")]),
        ],
    )
    assert fields(row, "input")["input"] == [message("system", "Be brief."), message("user", "hi")]
    assert row.finish_reason == "stop"


def test_a_tools_details_event_tells_its_arguments_and_its_result() -> None:
    asked = {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "rome"}}
    answered = {"type": "tool_call_response", "id": "c1", "response": [{"text": "Error: no index"}]}
    events = [
        details(input__messages=[{"role": "tool", "parts": [asked]}]),
        details(output__messages=[{"role": "tool", "parts": [answered]}]),
    ]
    row = read(TOOL, events=events)
    assert fields(row, "input", "output") == {"input": {"q": "rome"}, "output": "Error: no index"}


@pytest.mark.parametrize(("scope", "output"), [(STRANDS, ["rome", "roma"]), ("mine", [{"text": '["rome", "roma"]'}])])
def test_a_result_in_content_blocks_is_what_the_tool_answered(scope: str, output: Any) -> None:
    told = {**TOOL, "gen_ai.tool.call.result": [{"text": '["rome", "roma"]'}]}
    assert fields(read(told, scope=scope), "output") == {"output": output}


def call(arguments: Any, **more: Any) -> dict[str, Any]:
    part = {"type": "tool_call", "id": "c1", "name": "search", "arguments": arguments}
    return {"role": "assistant", "parts": [part], **more}


@pytest.mark.parametrize(
    ("told", "answers"),
    [
        pytest.param(
            [text("assistant", "Hel", finish_reason=""), text("assistant", "lo", finish_reason=""),
             text("assistant", "Hello", finish_reason="stop")],
            ["Hello"], id="text in pieces, then whole",
        ),
        pytest.param(
            [call(None), call(None), call({"q": "rome"}, finish_reason="stop")], [{"q": "rome"}], id="a tool call",
        ),
        pytest.param(
            [text("assistant", "Hello", finish_reason="stop"), text("assistant", "Hello", finish_reason="stop")],
            ["Hello", "Hello"], id="two choices that say the same",
        ),
        pytest.param(
            [text("assistant", "One"), text("assistant", "Two", finish_reason="stop")], ["One", "Two"],
            id="the last one says something else",
        ),
    ],
)  # fmt: skip
def test_pieces_of_a_stream_are_no_answers_of_their_own(told: list[dict[str, Any]], answers: list[Any]) -> None:
    row = from_logs("t", "s", [details(output__messages=told)])
    parts = [part for one in fields(row, "output")["output"] for part in one["parts"]]
    assert [part.get("text", part.get("arguments")) for part in parts] == answers


@pytest.mark.parametrize(
    ("tool", "arguments", "to"),
    [
        ("handoff_to_agent", {"agent_name": "writer", "message": "x"}, "writer"),
        ("transfer_to_agent", {"agent_name": "writer"}, "writer"),
        ("transfer_to_agent", None, None),
        ("find_agent", {"agent_name": "writer"}, None),
    ],
)
def test_the_agent_that_a_tool_hands_over_to(tool: str, arguments: Any, to: str | None) -> None:
    row = read({**TOOL, "gen_ai.tool.name": tool, "gen_ai.tool.call.arguments": arguments})
    assert (row.handoff_to, row.handoff_rule) == (to, tool if to else None)


@pytest.mark.parametrize(
    ("operation", "told", "expected"),
    [
        ("retrieval", {"retrieval.query.text": "rome", "retrieval.documents": '[{"id": "d1"}]'},
         ("retriever", "rome", [{"id": "d1"}])),
        ("search_memory", {"memory.query.text": "rome", "memory.records": '[{"id": "r1"}]'},
         ("retriever", "rome", [{"id": "r1"}])),
        ("update_memory", {"memory.records": '[{"id": "r1"}]'}, ("state", None, [{"id": "r1"}])),
        ("plan", {"request.model": "gpt-4o"}, ("other", None, None)),
        ("fetch_response", {"request.model": "gpt-4o", "response.id": "r1"}, ("other", None, None)),
        ("invoke_workflow", {"workflow.name": "report"}, ("workflow", None, None)),
    ],
)  # fmt: skip
def test_operations_beside_calls_and_tools(operation: str, told: dict[str, Any], expected: tuple[Any, ...]) -> None:
    row = read({"gen_ai.operation.name": operation, **{f"gen_ai.{key}": value for key, value in told.items()}})
    assert (row.kind, *fields(row, "input", "output").values()) == expected
