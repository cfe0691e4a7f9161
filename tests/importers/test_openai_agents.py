"""Trace items of the openai-agents SDK."""

import io
import json
from typing import Any

import pytest

from agentdbg.importers.contract import Source
from agentdbg.importers.openai_agents import OpenaiAgents
from agentdbg.rows import NoteRow, RawSpan

TRACE = {
    "object": "trace",
    "id": "trace_1",
    "workflow_name": "report",
    "group_id": "thread-42",
    "metadata": {"user": 7},
}
SPAN = {
    "object": "trace.span", "id": "span_1", "trace_id": "trace_1", "parent_id": None, "started_at": "2026-01-01T00:00:00+00:00",
    "ended_at": "2026-01-01T00:00:01+00:00", "span_data": {"type": "function", "name": "search", "input": "{}", "output": None}, "error": None,
}  # fmt: skip


def read(text: str) -> list[Any]:
    return list(OpenaiAgents().read(io.BytesIO(text.encode()), Source("t")))


EXPECTED = RawSpan(
    "trace_1",
    "span_1",
    None,
    "search",
    1_767_225_600_000_000_000,
    1_767_225_601_000_000_000,
    attributes={"openai_agents.type": "function", "openai_agents.name": "search", "openai_agents.input": "{}"},
    scope="openai-agents native",
    resource={
        "openai_agents.workflow_name": "report",
        "openai_agents.group_id": "thread-42",
        "openai_agents.metadata": {"user": 7},
    },
    line=1,
)


@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps(TRACE)}\n{json.dumps(SPAN)}\n",
        f"{json.dumps(SPAN)}\n{json.dumps(TRACE)}\n",
        json.dumps([TRACE, SPAN]),
        json.dumps({"data": [SPAN, TRACE]}),
    ],
)
def test_items_come_in_lines_arrays_and_ingest_bodies(text):
    assert OpenaiAgents().sniff(text.encode(), "x")
    [found] = read(text)
    found.line = 1
    assert found == EXPECTED


def test_an_error_is_its_message():
    [found] = read(json.dumps({**SPAN, "error": {"message": "Error running tool", "data": {"tool_name": "search"}}}))
    assert (found.status, found.status_message) == ("error", "Error running tool")
    assert found.attributes["openai_agents.error"] == {"message": "Error running tool", "data": {"tool_name": "search"}}


def test_a_span_that_never_ended():
    assert read(json.dumps({**SPAN, "ended_at": None}))[0].end_ns is None


def test_other_items_are_notes():
    assert [type(row) for row in read(f'{json.dumps(TRACE)}\n{json.dumps(SPAN)}\n{{"object": "other"}}\n{{bad\n')] == [
        RawSpan,
        NoteRow,
        NoteRow,
    ]
