"""What programs read: the fields of the contract, and nothing that a terminal could obey."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO

from hypothesis import HealthCheck, given, settings

from agentdbg.fingerprint import fingerprint
from agentdbg.model import Finding, Trace
from agentdbg.reporters import json as reporter
from agentdbg.view.report import Report, TraceLine, summarise
from agentdbg.view.show import show
from agentdbg.view.span_detail import span_detail
from tests.reporters.test_terminal import report
from tests.view.random_runs import runs
from tests.view.runs import credit_memo, refund


def written(write: Callable[[TextIO], None]) -> dict[str, Any]:
    stream = io.StringIO()
    write(stream)
    text = stream.getvalue()
    assert text.isascii()
    assert text.endswith("}\n")
    told: dict[str, Any] = json.loads(text, parse_constant=lambda name: 1 / 0)
    assert told["schema_version"] == 1
    return told


def test_check_has_the_fields_of_the_contract() -> None:
    told = written(lambda stream: reporter.check(report(), stream))
    assert set(told) >= {"schema_version", "tool", "verdict", "traces", "findings", "skipped", "notes", "suppressed"}
    assert told["tool"] == {"name": "agentdbg", "version": "0.1"}
    assert (told["verdict"], told["suppressed"]) == ("findings", 3)
    assert told["traces"][0] == {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "name": "credit-memo",
        "status": "error",
        "start_ns": 1_773_480_413_000_000_000,
        "duration_ns": 61_400_000_000,
        "span_count": 245,
        "agents": ["Planner", "Researcher", "Analyst", "Pricing", "Writer"],
        "llm_calls": 98,
        "tool_calls": 49,
        "handoffs": 95,
        "input_tokens": told["traces"][0]["input_tokens"],
        "output_tokens": told["traces"][0]["output_tokens"],
        "cost_usd": told["traces"][0]["cost_usd"],
        "coverage": {"llm_calls": 98, "with_tokens": 98, "with_cost": 98},
        "joined": [],
    }
    assert told["findings"][0] == {
        "detector": "loop.cycle",
        "severity": "critical",
        "confidence": "certain",
        "title": "Researcher⇄Analyst ran the same 2-step cycle 47× with the same inputs and outputs",
        "message": told["findings"][0]["message"],
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "run_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "agent": "Researcher",
        "status": "new",
        "evidence": [
            {"span_id": "R0", "role": "primary", "note": "here"},
            {"span_id": "A46", "role": "related", "note": "and A46"},
        ],
        "wasted_tokens": 718_000,
        "wasted_usd": 2.13,
        "advice": "Stop it.",
        "next": "agentdbg show 4bf92f35",
        "fingerprint": fingerprint(report().findings[0]),
    }
    assert told["skipped"][0] == {"detector": "silent.madeup", "trace_id": "a", "reason": "no payloads recorded"}
    assert told["notes"][0] == {
        "severity": "data_loss",
        "source": "run.jsonl:17",
        "message": "the line is no JSON",
        "advice": "Export it again.",
    }


def test_show_tells_the_rows_that_the_text_shows() -> None:
    view = show(*credit_memo())
    told = written(lambda stream: reporter.show(view, stream))
    assert set(told) >= {"schema_version", "trace", "rows", "findings", "totals", "coverage"}
    assert [(row["kind"], row["depth"], row["id"]) for row in told["rows"]] == [
        (row.kind, row.depth, row.id) for row in view.rows
    ]
    fold = next(row for row in told["rows"] if row["kind"] == "cycle")
    assert (fold["count"], fold["span_ids"], fold["span_count"]) == (47, ["R0", "A46"], 235)
    assert fold["findings"] == [one["fingerprint"] for one in told["findings"] if one["detector"] == "loop.cycle"]
    assert all(start < end for row in told["rows"] for start, end in row["critical"])
    assert told["totals"]["span_count"] == 245


def test_span_tells_payloads_as_values_and_where_they_came_from() -> None:
    trace, findings = refund()
    told = written(lambda stream: reporter.span(span_detail(trace, trace.by_id()["d4"], findings), stream))
    assert told["span"]["parameters"] == {"temperature": 0.2, "max_tokens": 400}
    assert told["span"]["input"][0]["role"] == "system"
    assert [one["span_id"] for one in told["path"]] == ["d0", "d1", "d4"]
    assert (told["before"], told["known_messages"]) == ("d2", 3)
    assert [(one["message"], one["span_id"]) for one in told["sources"]] == [(1, "d0"), (3, "d3")]


def test_traces_are_one_object() -> None:
    lines = [TraceLine(summarise(credit_memo()[0]), 4, "critical", "loop.cycle"), TraceLine(summarise(refund()[0]))]
    told = written(lambda stream: reporter.traces(lines, stream))
    assert [(one["name"], one["findings"], one["worst_severity"]) for one in told["traces"]] == [
        ("credit-memo", 4, "critical"),
        ("refund desk", None, None),
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs(most=8))
def test_any_run_becomes_valid_json(run: tuple[Trace, list[Finding]]) -> None:
    trace, findings = run
    written(lambda stream: reporter.show(show(trace, findings), stream))
    written(lambda stream: reporter.check(Report("0", "clean", (summarise(trace),), tuple(findings)), stream))
    for span in trace.spans[:3]:
        written(partial(reporter.span, span_detail(trace, span, findings)))
