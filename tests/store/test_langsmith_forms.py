"""One run of LangSmith in every form in which it leaves LangSmith: the same spans, field by field."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.importers import Input
from agentdbg.store import ImportOptions, Store

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
NATIVE = CORPUS / "langgraph-langsmith"
FIELDS = (
    "trace_id", "span_id", "parent_id", "name", "kind", "start_ns", "end_ns", "status", "error_type", "error_message", "control_flow", "agent",
    "agent_rule", "turn_id", "is_call", "model", "request_model", "provider", "response_id", "finish_reason", "input_tokens", "output_tokens",
    "cached_tokens", "reasoning_tokens", "reported_cost_usd", "tool", "tool_call_id", "handoff_to", "session_id", "graph_step", "input", "output",
    "tools", "parameters",
)  # fmt: skip
SCENARIOS = sorted({path.name.split(".")[0] for path in NATIVE.glob("*.multipart.zst")})

pytestmark = pytest.mark.skipif(not SCENARIOS, reason="the captures (../shared/corpus) are not here")


def told(*files: Path, without: str = "") -> list[tuple[object, ...]]:
    """Every span of these files, in the fields that their form has."""
    fields = ", ".join(field for field in FIELDS if field != without)
    with Store.in_memory() as store:
        reports = store.ingest([Input(str(file)) for file in files], ImportOptions())
        assert [report.error for report in reports if report.error] == []
        assert [note.message for note in store.reader().notes() if note.severity != "info"] == []
        return store.reader().rows(f"SELECT {fields} FROM spans ORDER BY trace_id, span_id")


@pytest.mark.parametrize(
    ("form", "without"),
    [
        ("langgraph-langsmith/healthy.runs.json", ""),
        ("langgraph-langsmith/healthy.api.json", ""),
        ("langsmith-forms/runs_v2.jsonl", ""),
        ("langsmith-forms/bulk_export.parquet", ""),
        (
            "langsmith-forms/cli_full.jsonl",
            "tools",
        ),  # the command line tool leaves out what was sent beside the messages
    ],
)
def test_every_form_of_an_export_gives_the_same_spans(form: str, without: str) -> None:
    expected = told(NATIVE / "healthy.runs.jsonl", without=without)
    assert len(expected) == 89
    assert told(CORPUS / form, without=without) == expected


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_wire_bodies_give_the_spans_that_an_export_has(scenario: str) -> None:
    """All but the costs, which LangSmith's server adds."""
    bodies = sorted(NATIVE.glob(f"{scenario}.*.multipart.zst"))
    expected = told(NATIVE / f"{scenario}.runs.jsonl", without="reported_cost_usd")
    assert told(*bodies, without="reported_cost_usd") == expected
    if len(bodies) > 1:
        assert told(*reversed(bodies), without="reported_cost_usd") == expected
