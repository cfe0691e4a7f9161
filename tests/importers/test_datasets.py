"""Public exports of real frameworks: figures that were counted by hand in each file, and the structure that is read (`tests/golden/exports/`),
without a word of theirs: kinds, agents, models, tokens, tools, failures and handoffs. `UPDATE_GOLDEN=1` writes the structures anew; compare
them with the raw files before you keep them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from agentdbg.model import Span, Trace
from tests.reporters.golden import same_as_golden
from tests.stores import of_files

DATASETS = Path(__file__).parents[3] / "shared" / "datasets"
BY_PLACE = ("span name under the root", "root span name")  # names for agents that the file itself does not name

pytestmark = pytest.mark.skipif(not DATASETS.is_dir(), reason="the public exports (../shared/datasets) are not here")


class Told(NamedTuple):
    """models: model calls; given, said: their tokens; tools: tool calls; agents: those the file names."""

    spans: int
    models: dict[str | None, int]
    given: int | None
    said: int | None
    tools: dict[str, int]
    agents: set[str]
    handoffs: int = 0


LANGFUSE = {
    "agno-2025-06-11": Told(6, {"gpt-4o-mini": 2}, 826, 245, {"duckduckgo_search": 1}, {"Agent"}),
    "autogen-2025-06-06": Told(2, {"gpt-4o": 1}, 41, 3, {}, set()),
    "beeai-2025-08-01": Told(29, {"gpt-4o-mini": 3}, 5542, None, {"wikipedia": 1}, {"ReActAgent"}),
    "claude-agent-2025-12-22": Told(7, {"claude-sonnet-4-5-20250929": 4}, 34, 232, {"mcp__weather__get_weather": 2}, set()),
    "crewai-2025-07-11": Told(6, {"gpt-4o-mini": 1}, 190, 164, {}, {"Software developer"}),
    "csharp-agent-with-gemini-2026-03-09": Told(8, {"gemini-2.5-flash": 3}, 8047, 414, {"get_custom_report": 1, "final_result": 1}, set()),
    "google-adk-2025-08-28": Told(5, {"gemini-2.0-flash": 2}, 67, 9, {"say_hello": 1}, {"hello_agent"}),
    "google-gemini-2025-08-01": Told(1, {"gemini-2.5-flash": 1}, 6, 2055, {}, set()),
    "koog-2025-08-26": Told(11, {"gpt-4o": 2}, 215, 125, {"ByeTool": 1, "HelloTool": 1}, {"f9f77d1a-437f-4ba6-890e-b592a50cbd21"}),
    "langgraph-js-2025-10-30": Told(20, {"gpt-5-mini-2025-08-07": 2}, 321, 123, {"get_weather": 1}, set()),
    "langgraph-python-2025-08-22": Told(9, {"gpt-4o-2024-08-06": 2}, 168, 66, {"Web-Search": 1}, set()),
    "llamaindex-2025-06-05": Told(2, {"gpt-4o": 1}, 13, 81, {}, set()),
    "microsoft-agent-2025-12-17": Told(4, {"gpt-5-mini-2025-08-07": 2}, 293, 106, {"get_weather": 1}, {"171105b7-59dd-49c0-9677-0b95395aa46a"}),
    "openai-agents-2025-09-30": Told(5, {"gpt-4.1-2025-04-14": 2}, 140, 44, {"get_weather": 1}, {"Hello world"}),
    "pydantic-ai-2025-06-06": Told(3, {"gpt-4o-2024-08-06": 1}, 31, 96, {}, {"qa_agent"}),
    "pydantic-ai-tools-2025-06-06": Told(3, {"gpt-4o-2024-08-06": 1}, 31, 96, {}, {"qa_agent"}),
    "pydantic-ai-tools-2025-12-04": Told(12, {"gpt-4o-mini-2024-07-18": 4}, 1315, 209,
                                         {"get_pun_suggestion": 1, "get_dad_joke_suggestion": 1, "get_one_liner_suggestion": 1}, {"evaluator_agent", "joke_agent"}, 1),
    "pydantic-ai-with-gemini-2025-12-24": Told(1, {"gemini-2.5-flash": 1}, 40, 159, {}, set()),
    "vercel-aisdk-2025-11-17": Told(3, {"gpt-5-2025-08-07": 1}, 62, 85, {"getWeather": 1}, set()),
    "vertex-ai-2025-08-01": Told(1, {"projects/vertex-ai-integration-467711/locations/europe-central2/publishers/google/models/gemini-2.5-flash": 1}, 5, 845, {}, set()),
}  # fmt: skip
ATIF = {
    "harbor_openhands": Told(9, {None: 2}, 220, 80, {"str_replace_editor": 1, "finish": 1}, {"openhands"}),
    "harbor_terminus2_continuation": Told(6, {"gpt-4o": 3}, 2252, 160, {}, {"terminus-2"}),
    "harbor_terminus2_continuation_cont1": Told(9, {"gpt-4o": 4}, 4250, 530, {}, {"terminus-2"}),
    "harbor_terminus2_invalid_json": Told(
        9, {"gpt-4o": 4}, 2417, 200, {"bash_command": 1, "mark_task_complete": 2}, {"terminus-2"}
    ),
    "harbor_terminus2_sub_answers": Told(8, {"gpt-4o": 1}, 700, 120, {}, {"terminus-2-summarization-answers"}),
    "harbor_terminus2_sub_questions": Told(3, {"gpt-4o": 1}, 100, 20, {}, {"terminus-2-summarization-questions"}),
    "harbor_terminus2_sub_summary": Told(6, {"gpt-4o": 1}, 500, 200, {}, {"terminus-2-summarization-summary"}),
    "harbor_terminus2_summarization": Told(
        18, {"gpt-4o": 7}, 6502, 690, {"bash_command": 5, "mark_task_complete": 2}, {"terminus-2"}
    ),
    "harbor_terminus2_timeout": Told(8, {"gpt-4o": 3}, 882, 115, {"bash_command": 3}, {"terminus-2"}),
    "multi_tool_trajectory": Told(
        10,
        {"gpt-4-turbo": 3},
        9150,
        635,
        {"financial_search": 2, "news_search": 1, "analyst_estimates": 1},
        {"research-analyst"},
    ),
    "multimodal_trajectory": Told(5, {"gpt-4o": 2}, 2600, 125, {"extract_text": 1}, {"vision-agent"}),
    "parallel_tools_mixed_results": Told(
        7, {"gpt-4": 2}, 1200, 105, {"get_weather": 1, "get_stock": 1, "get_news": 1}, {"multi-tool-agent"}
    ),
    "simple_trajectory": Told(5, {"gpt-4": 2}, 1120, 124, {"financial_search": 1}, {"finance-assistant"}),
    "subagent_trajectories": Told(
        9, {"gpt-4": 2, "gpt-4o-mini": 1}, 2600, 210, {"delegate_summary": 1}, {"orchestrator", "summarizer"}, 1
    ),
    "v17_embedded_subagents": Told(
        9, {"gpt-4.1-mini": 1, "gpt-4.1": 1}, 67, 21, {"delegate_research": 1}, {"orchestrator", "researcher"}, 1
    ),
}


def told(file: Path) -> Told:
    """What one file is read as."""
    reader = of_files(file).reader()
    [trace_id] = reader.trace_ids()
    trace: Trace = reader.trace(trace_id)
    counts = [[call.input_tokens for call in trace.calls], [call.output_tokens for call in trace.calls]]
    known = [[count for count in column if count is not None] for column in counts]
    return Told(
        len(trace.spans),
        dict(Counter(call.model for call in trace.calls)),
        sum(known[0]) if known[0] else None,
        sum(known[1]) if known[1] else None,
        dict(Counter(str(span.tool) for span in trace.spans if span.kind == "tool")),
        {turn.agent for turn in trace.turns if turn.agent_rule not in BY_PLACE},
        len(trace.handoffs),
    )


def structure(file: Path) -> str:
    """The tree that one file is read as, a span a line."""
    reader = of_files(file).reader()
    lines: list[str] = []
    for trace_id in reader.trace_ids():
        trace = reader.trace(trace_id)
        below: dict[str | None, list[Span]] = {}
        for span in trace.spans:
            below.setdefault(span.parent_id if span.parent_id in trace.by_id() else None, []).append(span)
        stack = [(0, span) for span in reversed(below.get(None, []))]
        lines.append(f"trace {trace.status}")
        while stack:
            depth, span = stack.pop()
            lines.append("  " * (depth + 1) + _line(span))
            stack += [(depth + 1, child) for child in reversed(below.get(span.span_id, []))]
        lines += [f"{one.from_agent} -> {one.to_agent}: {one.rule}" for one in trace.handoffs]
    return "\n".join(lines) + "\n"


def _line(span: Span) -> str:
    agent = "named by its place" if span.agent_rule in BY_PLACE else span.agent
    tokens = [f"{name}={n}" for name, n in (("in", span.input_tokens), ("out", span.output_tokens)) if n is not None]
    told = [span.kind, f"[{agent}]" if agent else "", span.model, f"tool={span.tool}" if span.tool else "", *tokens]
    marks = [
        "call" if span.is_call else "",
        "error" if span.status == "error" else "",
        "open" if span.end_ns is None else "",
    ]
    return " ".join(part for part in (*told, *marks) if part)


FILES = {
    **{name: DATASETS / "langfuse-framework-traces" / f"{name}.trace.json.gz" for name in LANGFUSE},
    **{name: DATASETS / "atif-fixtures" / f"{name}.json.gz" for name in ATIF},
    "otlp-example": DATASETS / "otlp-example" / "trace.json",
}


@pytest.mark.parametrize("name", FILES)
def test_the_structure_of_an_export(name):
    same_as_golden(f"exports/{name}.txt", structure(FILES[name]))


@pytest.mark.parametrize("name", LANGFUSE)
def test_langfuse(name):
    assert told(DATASETS / "langfuse-framework-traces" / f"{name}.trace.json.gz") == LANGFUSE[name]


@pytest.mark.parametrize("name", ATIF)
def test_atif(name):
    assert told(DATASETS / "atif-fixtures" / f"{name}.json.gz") == ATIF[name]


def test_every_file_is_judged():
    files = [*(DATASETS / "langfuse-framework-traces").glob("*.gz"), *(DATASETS / "atif-fixtures").glob("*.gz")]
    assert sorted(file.name.split(".")[0] for file in files) == sorted([*LANGFUSE, *ATIF])


def test_a_continued_trajectory_joins_the_one_it_continues():
    files = [DATASETS / "atif-fixtures" / f"harbor_terminus2_continuation{part}.json.gz" for part in ("", "_cont1")]
    reader = of_files(*files).reader()
    [trace_id] = reader.trace_ids()
    trace = reader.trace(trace_id)
    assert (trace.status, len(trace.spans), len(trace.calls)) == ("ok", 15, 7)


def test_otlp():
    assert told(DATASETS / "otlp-example" / "trace.json") == Told(1, {}, None, None, {}, set())
