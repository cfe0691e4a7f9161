"""Captures of real frameworks: what was recorded is graded, read and found consistent as it really was."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agentdbg.model import AgentTurn, Trace
from agentdbg.replay.call import Call, calls_of
from agentdbg.replay.inspect import inspect
from agentdbg.replay.inspection import Inspection
from agentdbg.replay.matching import Matcher
from agentdbg.replay.wires import wires
from tests.stores import of_files

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="needs ../shared/corpus")

# What each source keeps of a call decides how it can be replayed.
GRADES = {
    "langgraph-openinference": "exact",
    "langgraph-langsmith": "exact",
    "openai-agents-openinference": "exact",
    "openai-sdk-openinference": "exact",
    "crewai-openinference": "exact",
    "pydantic-ai-v5": "exact",
    "pydantic-ai-v6": "exact",
    "openai-sdk-openai-v2": "content",
    "openai-sdk-openai-v2-latest": "content",
    "google-adk-semconv": "content",
    "strands-latest": "content",
}
SCENARIOS = ("healthy", "cascade_empty", "loop_tool")


@cache
def entries() -> dict[str, dict[str, Any]]:
    """`source scenario`: the entry of the manifest."""
    found = json.loads((CORPUS / "manifest.json").read_text())["entries"] if CORPUS.is_dir() else []
    return {f"{entry['files'][0].split('/')[0]} {entry['scenario']}": entry for entry in found}


def cases() -> list[tuple[str, str]]:
    return [(source, scene) for source in GRADES for scene in SCENARIOS if f"{source} {scene}" in entries()]


@cache
def recorded(source: str, scenario: str) -> tuple[list[Call], list[Inspection]]:
    """All model calls of a capture, and the inspection of each turn of its agents, in order."""
    files = [CORPUS / file for file in entries()[f"{source} {scenario}"]["files"] if file.endswith(".jsonl")]
    with of_files(*files) as store:
        reader = store.reader()
        traces = [reader.trace(trace_id) for trace_id in reader.trace_ids()]
        calls = [call for trace in traces for call in calls_of(trace)]
        named = [(trace, span_id) for trace in traces for turn in trace.turns for span_id in to_name(trace, turn)]
        return calls, [inspect(reader, trace.trace_id, span_id) for trace, span_id in named]


def to_name(trace: Trace, turn: AgentTurn) -> list[str]:
    """The span to name for a turn. One that no span stands for begins with a call, whose span names that call alone:
    its calls are named one by one."""
    calls = {call.span_id for call in trace.calls}
    if turn.span_id not in calls:
        return [turn.span_id]
    return [span.span_id for span in trace.spans if span.turn_id == turn.span_id and span.span_id in calls]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "scenario"), cases())
def test_calls_are_graded_and_read_as_they_were_made(source: str, scenario: str) -> None:
    calls, _ = recorded(source, scenario)
    truth = entries()[f"{source} {scenario}"]["llm_calls"]
    assert {call.grade for call in calls} == {GRADES[source]}
    assert len(calls) == len(truth)
    made = {call.span_id: sorted(part["name"] for part in call.tool_calls) for call in calls}
    for one in truth:
        holders = one.get("span_ids_with_response_id", [])  # later inputs hold it, too: the earliest call is the one
        asked = [tools for span_id, tools in made.items() if span_id in holders][:1]
        assert asked in ([], [sorted(one.get("tool_calls", []))])


@pytest.mark.parametrize(("source", "scenario"), cases())
def test_what_the_framework_kept_whole_is_consistent(source: str, scenario: str) -> None:
    calls, inspections = recorded(source, scenario)
    assert {seen.consistency.verdict for seen in inspections if seen.calls} == {"consistent"}
    assert sorted(view.call.span_id for seen in inspections for view in seen.calls) == sorted(c.span_id for c in calls)


def test_each_input_goes_on_from_the_call_before_it() -> None:
    _, inspections = recorded("langgraph-openinference", "healthy")
    steps = [(seen.agent, view.step.relation, view.step.results) for seen in inspections for view in seen.calls]
    assert steps == [
        ("supervisor", "new", 0),
        ("researcher", "takes over", 1),
        ("researcher", "continues", 1),
        ("researcher", "continues", 1),
        ("supervisor", "continues", 1),
        ("analyst", "takes over", 1),
        ("analyst", "continues", 1),
        ("supervisor", "continues", 1),
        ("writer", "takes over", 1),
        ("supervisor", "continues", 1),
    ]


@pytest.mark.parametrize("api", [wire.api for wire in wires()])
@pytest.mark.parametrize(("source", "scenario"), cases())
def test_every_call_is_known_again_by_the_request_it_was(source: str, scenario: str, api: str) -> None:
    wire = next(one for one in wires() if one.api == api)
    matcher = Matcher(recorded(source, scenario)[0])
    served = []
    for call in matcher.calls:
        path, body = wire.request(call)
        match = matcher.take(wire.read(path, json.loads(json.dumps(body))))
        served.append((match.call and match.call.span_id, match.volatile, match.soft))
    assert served == [(call.span_id, (), ()) for call in matcher.calls]
