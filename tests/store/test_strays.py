"""Traces that are no run of their own: calls that an SDK tells by itself, spans below LangSmith's contexts, agents that are made.

The captures are LangSmith's OpenTelemetry mode (langsmith 0.14.17) around anthropic 2.11.0, which tells its own calls: `wrap_anthropic`,
`traceable` functions alone, and LangGraph with ChatAnthropic."""

from __future__ import annotations

import gzip
import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from agentdbg.store import Store
from tests.commandline import CORPUS
from tests.store.test_ingest import everything
from tests.stores import of_files, otlp

CAPTURES = Path(__file__).parent / "captures"
A, B, C = "a" * 32, "b" * 32, "c" * 32
CALLS = (
    "SELECT c.agent, list(s.scope ORDER BY s.scope) FROM llm_calls c JOIN spans s "
    "ON s.span_id = c.span_id OR list_contains(c.other_span_ids, s.span_id) GROUP BY c.span_id, c.agent ORDER BY ALL"
)
SDK = "com.anthropic.sdk.python"


@pytest.mark.parametrize(
    ("capture", "note", "calls"),
    [
        ("wrapped", "2 traces are shown as one run: the others tell model calls of it once more, by the ids of the answers",
         [("researcher", [SDK, "langsmith"]), ("writer", [SDK, "langsmith"])]),
        ("traceable", "2 traces are shown as one run: the parents that the others name are LangSmith runs of it, by the times in their ids",
         [("researcher", [SDK]), ("writer", [SDK])]),
        ("langgraph", "4 traces are shown as one run: the others tell model calls of it once more, by the ids of the answers",
         [("researcher", [SDK, "langsmith"]), ("researcher", [SDK, "langsmith"]), ("writer", [SDK, "langsmith"])]),
    ],
)  # fmt: skip
def test_the_sdks_own_spans_are_of_the_langsmith_run(
    capture: str, note: str, calls: list[tuple[str, list[str]]], tmp_path: Path
) -> None:
    file = CAPTURES / f"langsmith_otel_{capture}.otlp.jsonl.gz"
    reader = of_files(file).reader()
    assert reader.rows("SELECT name, status, agents FROM traces") == [("report", "ok", ["researcher", "writer"])]
    assert reader.rows(CALLS) == calls
    assert [one.message for one in reader.notes()] == [f"spans of {note}"]
    assert reader.rows("SELECT count(*) FROM spans s ANTI JOIN spans p ON p.span_id = s.parent_id") == [(1,)]


@pytest.mark.parametrize("capture", ["wrapped", "traceable", "langgraph"])
def test_they_meet_whichever_comes_first(capture: str, tmp_path: Path) -> None:
    lines = gzip.decompress((CAPTURES / f"langsmith_otel_{capture}.otlp.jsonl.gz").read_bytes()).decode().splitlines()
    parts: list[list[str]] = [[], []]
    for line in lines:
        parts["anthropic.messages.create" in line].append(line)
    files = [tmp_path / "runs.jsonl", tmp_path / "calls.jsonl"]
    for file, part in zip(files, parts, strict=True):
        file.write_text("\n".join(part) + "\n")
    one, other = of_files(*files), of_files(*reversed(files))
    assert everything(one) == everything(other)


Span = dict[str, Any]


def chat(trace: str, span: str, answer: str = "msg_1", used: int | None = None, **more: Any) -> Span:
    told: Span = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.response.id": answer}
    told |= {"gen_ai.usage.output_tokens": used} if used is not None else {}
    return {"trace": trace, "id": span * 16, "name": "chat", "start": 10, "end": 20, "attributes": told, **more}


def agent(trace: str, span: str, name: str, operation: str = "invoke_agent", **more: Any) -> Span:
    told = {"gen_ai.operation.name": operation, "gen_ai.agent.name": name}
    return {"trace": trace, "id": span * 16, "name": f"{operation} {name}", "end": 50, "attributes": told, **more}


def runs(folder: Path, *scopes: list[Span]) -> dict[str, list[str]]:
    """The first letter of each run's id and of those that are part of it. Every list of spans is of a scope of its own."""
    files = [otlp(folder, spans, f"{n}.jsonl", scope=f"scope {n}") for n, spans in enumerate(scopes)]
    found, *others = (_runs(of_files(*order)) for order in permutations(files))
    assert all(other == found for other in others)
    return found


def _runs(store: Store) -> dict[str, list[str]]:
    with store:
        rows = store.reader().rows("SELECT trace_id, joined FROM traces")
    return {trace_id[0]: [part[0] for part in joined] for trace_id, joined in rows}


def test_one_answer_told_by_two_scopes_at_a_time_is_one_call(tmp_path: Path) -> None:
    inside = chat(B, "3", start=12, end=18)
    assert runs(tmp_path, [agent(A, "1", "planner"), chat(A, "2", parent="1" * 16)], [inside]) == {"a": ["b"]}
    assert runs(tmp_path, [chat(A, "2")], [inside]) == {"a": ["b"]}  # two instrumentations and no framework
    third = chat(C, "4", start=13, end=17)
    assert runs(tmp_path, [agent(A, "1", "planner"), chat(A, "2", parent="1" * 16)], [inside], [third]) == {
        "a": ["b", "c"]
    }


@pytest.mark.parametrize(
    "told",
    [
        [[chat(A, "2")], [chat(B, "3", "msg_2")]],
        [[chat(A, "2")], [chat(B, "3", start=200, end=210)]],
        [[chat(A, "2"), chat(B, "3")]],
        [[chat(A, "2"), chat(C, "4")], [chat(B, "3", start=12, end=18)]],
        [[chat(A, "2"), agent(A, "1", "planner")], [chat(B, "3"), agent(B, "5", "writer")]],
        [[chat(A, "2")], [chat(B, "3"), chat(B, "5", "msg_9")]],
        [[chat(A, "2", used=9)], [chat(B, "3", start=12, end=18, used=90)]],
        [[chat(A, "2")], [chat(B, "3", start=15, end=400)]],
    ],
    ids=["another answer", "a cached answer later", "one scope", "two runs with it", "runs of their own", "another call in it",
         "an id that a server gives again", "calls that overlap"],
)  # fmt: skip
def test_answers_that_say_less_join_nothing(told: list[list[Span]], tmp_path: Path) -> None:
    assert not any(runs(tmp_path, *told).values())


MS = 1_700_000_000_000


def context(start: int) -> tuple[str, str]:
    """The trace id and the span id of a LangSmith context for a run of this start, in milliseconds."""
    return f"{MS + start:012x}7abc8{'1' * 15}", f"{MS + start:012x}7def"


@pytest.mark.parametrize(
    ("trace", "parent", "joins"),
    [
        (context(0)[0], context(5)[1], True),
        (context(1)[0], context(5)[1], False),
        (context(0)[0], context(6)[1], False),
        ("d" * 32, context(5)[1], False),
    ],
    ids=["a run's", "no run starts then", "no step starts then", "ids of another make"],
)
def test_contexts_of_langsmith_tell_their_runs_by_their_times(
    trace: str, parent: str, joins: bool, tmp_path: Path
) -> None:
    kind = {"langsmith.span.kind": "chain"}
    steps = [
        {"trace": A, "id": "1" * 16, "name": "report", "end": 50, "attributes": kind},
        {"trace": A, "id": "2" * 16, "name": "writer", "parent": "1" * 16, "start": 5, "end": 40, "attributes": kind},
    ]
    found = runs(tmp_path, steps, [chat(trace, "3", parent=parent)])
    assert found == ({"a": [trace[0]]} if joins else {"a": [], trace[0]: []})


def test_the_making_of_an_agent_is_of_the_first_run_that_it_works_in(tmp_path: Path) -> None:
    made = agent(B, "3", "planner", "create_agent", start=-900, end=-890)
    first = [agent(A, "1", "planner"), chat(A, "2", parent="1" * 16)]
    again = [agent(C, "4", "planner", start=100, end=150)]
    file = otlp(tmp_path, [made, *first, *again])
    reader = of_files(file).reader()
    assert reader.rows("SELECT left(trace_id, 1), name, duration_ns // 1000000, len(joined), handoffs FROM traces ORDER BY 1") == [
        ("a", "invoke_agent planner", 50, 1, 0), ("c", "invoke_agent planner", 50, 0, 0),
    ]  # fmt: skip
    assert [one.message for one in reader.notes()] == [
        "spans of 2 traces are shown as one run: the others tell how its agents were made"
    ]
    turns = "SELECT agent, span_id[1] FROM agent_turns ORDER BY start_ns"
    assert reader.rows(turns) == [("planner", "1"), ("planner", "4")]


def test_an_agent_that_is_made_while_another_of_its_name_works_is_of_the_run_after(tmp_path: Path) -> None:
    working = [agent(A, "1", "planner", end=900), agent(C, "4", "planner", start=100, end=150)]
    assert runs(tmp_path, working, [agent(B, "3", "planner", "create_agent", start=90, end=95)]) == {
        "a": [],
        "c": ["b"],
    }


def test_an_agent_that_is_made_within_a_run_does_no_work_and_is_handed_nothing(tmp_path: Path) -> None:
    spans = [
        agent(A, "1", "planner"),
        agent(A, "2", "writer", "create_agent", parent="1" * 16, start=5, end=6),
        chat(A, "3", parent="1" * 16),
    ]
    reader = of_files(otlp(tmp_path, spans)).reader()
    assert reader.rows("SELECT agents, handoffs FROM traces") == [(["planner"], 0)]


def test_the_making_of_an_agent_is_no_root_of_a_run_that_lost_its_own(tmp_path: Path) -> None:
    made = agent(B, "3", "planner", "create_agent", start=-900, end=-890)
    reader = of_files(otlp(tmp_path, [made, agent(A, "1", "planner", parent="9" * 16)])).reader()
    assert reader.rows("SELECT left(trace_id, 1), status FROM traces ORDER BY 1") == [("a", "incomplete"), ("b", "ok")]


def test_an_agent_that_nobody_uses_stays_a_trace(tmp_path: Path) -> None:
    spans = [agent(A, "1", "planner"), agent(B, "3", "writer", "create_agent", start=-900, end=-890)]
    assert runs(tmp_path, spans) == {"a": [], "b": []}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the captures are not beside this checkout")
@pytest.mark.parametrize(
    "name",
    ["langgraph-traceloop/healthy", "langgraph-traceloop/cascade_tool_exception", "autogen/healthy", "autogen/drift"],
)
def test_captured_runs_that_make_their_agents_in_traces_of_their_own(name: str) -> None:
    manifest = json.loads((CORPUS / "manifest.json").read_text())
    [entry] = [one for one in manifest["entries"] if f"{name}.otlp.jsonl" in one["files"]]
    reader = of_files(CORPUS / f"{name}.otlp.jsonl").reader()
    assert reader.rows("SELECT count(*) FROM traces WHERE starts_with(name, 'create_agent')") == [(0,)]
    assert reader.rows("SELECT count(*) FROM spans") == [(entry["unique_span_count"],)]
