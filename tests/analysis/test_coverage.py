"""Spans in, what is missing of them out: `level kind count of all`."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from agentdbg.analysis.coverage import Coverage, Gap, coverage
from agentdbg.analysis.gaps import KINDS
from agentdbg.check.judging import judgement
from agentdbg.importers import Input
from agentdbg.store import ImportOptions, Store
from tests.architecture import PACKAGE
from tests.stores import of_files, of_sketch, otlp

SAID = '[{"role": "user", "parts": [{"type": "text", "content": "fetch the sales"}]}]'
AGENT = {
    "name": "invoke_agent clerk",
    "id": "a1",
    "attributes": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"},
}
WHOLE = {
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.input.messages": SAID,
    "gen_ai.output.messages": SAID, "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 1,
}  # fmt: skip
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "fetch", "gen_ai.tool.call.arguments": "{}"}
FAILED = {"code": 2, "message": "429"}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in WHOLE.items() if name not in {f"gen_ai.{one}" for one in names}}


def call(span_id: str = "b1", attributes: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    told = WHOLE if attributes is None else attributes
    return {"name": "chat gpt-4o", "id": span_id, "parent": "a1", "attributes": told, **more}


def tool(span_id: str = "c1", result: str | None = '"done"', **more: Any) -> dict[str, Any]:
    told = TOOL if result is None else TOOL | {"gen_ai.tool.call.result": result}
    return {"name": "execute_tool fetch", "id": span_id, "parent": "a1", "attributes": told, **more}


def torn(rows: int) -> str:
    """The first 100 characters of a longer JSON text."""
    return f'{{"first": {rows}, "rows": [{", ".join(["0"] * 99)}]}}'[:100]


def report(store: Store) -> Coverage:
    judged, _ = judgement(store, {})
    return coverage(store.reader(), judged)


def told(found: Coverage) -> list[str]:
    return [f"{one.level} {one.kind} {one.count}" + (f" of {one.of}" if one.of else "") for one in found.gaps]


def gap(found: Coverage, kind: str) -> Gap:
    return next(one for one in found.gaps if one.kind == kind)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([AGENT, call(), tool()], []),
        ([AGENT, call(attributes=without("input.messages", "output.messages"))], ["missing payloads 1 of 1"]),
        ([AGENT, call(), call("b2", without("output.messages"))], ["missing payloads 1 of 2"]),
        ([AGENT, call(attributes=without("usage.input_tokens", "usage.output_tokens"))], ["missing tokens 1 of 1"]),
        ([AGENT, call(attributes=without("request.model"))], ["missing model 1 of 1"]),
        ([call(parent="")], ["missing agent 1 of 1"]),
        ([AGENT, tool()], ["missing no_calls 1 of 1"]),
        ([AGENT, call(), tool(result=None)], ["note results 1 of 1"]),
        ([AGENT, call(), tool(result=None, status=FAILED)], []),  # its error is its result
        ([AGENT, call(), tool(parent="ee")], ["lost orphan 1 of 3"]),
        ([call(), tool()], ["lost no_root 2 of 2"]),  # whose work it is was lost with them: no gap of its own
        ([{**AGENT, "parent": "ee"}, call()], ["missing remote_parent 1 of 2"]),
        ([AGENT, call(), tool(end=None)], ["lost unclosed 1 of 3"]),
        ([AGENT, call(), tool(parent="", start=50)], ["lost lost_context 1"]),
        ([AGENT, call(), tool(parent="", start=200)], ["note roots 2"]),
        ([AGENT, call(), {"name": "x", "id": "e1", "parent": "e2"}, {"name": "y", "id": "e2", "parent": "e1"}], ["lost cycle 1 of 4"]),
        ([{**AGENT, "parent": ""}, call(parent=""), tool(parent="")], ["missing agent 1 of 1", "note flat 3 of 3"]),
        ([{**AGENT, "start": 50}, call(start=60, end=70), tool(start=10, end=60)], ["note clock_skew 1 of 3"]),
        ([AGENT, call(), tool(start=50, end=150)], ["note outlasting 1 of 3"]),
        ([AGENT, call(), tool(start=50, end=20)], ["note backwards 1 of 3"]),
        ([AGENT, call(), tool("c1", torn(1)), tool("c2", torn(2))], ["lost cut_json 2 of 4"]),
        ([AGENT, call(), tool("c1", torn(1)), tool("c2", torn(1))], []),  # one text twice: a model stopped there
        ([AGENT, call(attributes={}, status=FAILED)], ["missing no_calls 1 of 1"]),
        (
            [AGENT, call(), call("b2", without("input.messages", "output.messages", "usage.input_tokens", "usage.output_tokens"), status=FAILED)],
            ["note failed_prompt 1 of 2"],
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(tmp_path: Path, spans: list[dict[str, Any]], expected: list[str]) -> None:
    with of_files(otlp(tmp_path, spans, scope="openinference.instrumentation.acme")) as store:
        assert [one for one in told(report(store)) if "request" not in one] == expected


def test_a_whole_run_is_whole(tmp_path: Path) -> None:
    with of_files(otlp(tmp_path, [AGENT, call(), tool()])) as store:
        found = report(store)
    run = found.runs[0]
    assert found.complete
    assert run.whole
    assert (run.calls, run.answered, run.with_tokens, run.with_payloads, run.with_model, run.with_agent) == (1,) * 6


def test_copies_are_counted_by_file_and_are_no_loss(tmp_path: Path) -> None:
    first = otlp(tmp_path, [AGENT, call()])
    second = otlp(tmp_path, [AGENT, call(), tool()], "again.jsonl")
    with of_files(first, second) as store:
        found = report(store)
    assert "note copies 2" in told(found)
    assert [(Path(file.path).name, file.spans, file.copies) for file in found.files] == [("again.jsonl", 3, 2), ("trace.jsonl", 2, 0)]  # fmt: skip


def test_copies_that_differ_are_named(tmp_path: Path) -> None:
    first = otlp(tmp_path, [AGENT, call(), tool(end=50)])
    second = otlp(tmp_path, [tool(end=60)], "again.jsonl")
    with of_files(first, second) as store:
        found = report(store)
    assert "note conflict 1 of 3" in told(found)
    assert gap(found, "conflict").examples[0][1] == "c1"


def test_what_the_sdk_dropped_is_lost_and_the_limit_mends_it(tmp_path: Path) -> None:
    file = otlp(tmp_path, [AGENT, call()])
    file.write_text(file.read_text().replace('"spanId": "b1"', '"spanId": "b1", "droppedAttributesCount": 7'))
    with of_files(file) as store:
        found = report(store)
    assert "lost dropped 1 of 2" in told(found)
    assert gap(found, "dropped").grades == (("partial", 1),)
    assert gap(found, "dropped").mends[0].line == "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=10000"


@pytest.mark.parametrize(
    ("state", "expected"), [("ot=th:c", True), ("vendor=1,ot=rv:1;th:8", True), ("ot=th:0", False)]
)
def test_a_sampler_leaves_its_threshold_in_the_trace_state(tmp_path: Path, state: str, expected: bool) -> None:
    file = otlp(tmp_path, [AGENT, call()])
    file.write_text(file.read_text().replace('"spanId": "a1"', f'"spanId": "a1", "traceState": "{state}"'))
    with of_files(file) as store:
        assert ("note sampled 1 of 1" in told(report(store))) == expected


def test_log_records_without_their_spans_are_lost(tmp_path: Path) -> None:
    record = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"%s","spanId":"ffffffffffffffff","body":{"stringValue":"x"}}]}]}]}'
    logs = tmp_path / "logs.jsonl"
    logs.write_text(record % ("2" * 32) + "\n")
    with of_files(otlp(tmp_path, [AGENT, call()]), logs) as store:
        found = report(store)
    assert "lost waiting_logs 1" in told(found)
    assert gap(found, "waiting_logs").words == (f"1 in {logs}",)


def test_what_could_not_be_read_is_lost(tmp_path: Path) -> None:
    file = otlp(tmp_path, [AGENT, call()])
    file.write_text(file.read_text() + "{broken\n")
    with Store.in_memory() as store:
        store.ingest([Input(str(file))], ImportOptions())
        found = report(store)
    assert told(found)[0].startswith("lost unread 1")
    assert not found.complete


def test_lines_of_configuration_are_those_of_the_instrumentation(tmp_path: Path) -> None:
    silent = call(attributes=without("input.messages", "output.messages"))
    one = otlp(tmp_path, [AGENT, silent], "one.jsonl", scope="opentelemetry.instrumentation.langchain")
    other = [{**span, "trace": "2" * 32} for span in (AGENT, silent, {**silent, "id": "b2"})]
    two = otlp(tmp_path, other, "two.jsonl", scope="pydantic-ai")
    with of_files(one, two) as store:
        found = gap(report(store), "payloads")
    assert [(mend.line, mend.scope, mend.count) for mend in found.mends] == [
        ("InstrumentationSettings(include_content=True)", "pydantic-ai", 2),
        ("TRACELOOP_TRACE_CONTENT=true", "opentelemetry.instrumentation.langchain", 1),
    ]
    assert (found.count, found.runs, found.grades) == (3, 2, (("no", 3),))


def test_detectors_that_did_not_judge_are_told_at_the_gap_that_kept_them_from_it(tmp_path: Path) -> None:
    with of_sketch(tmp_path, 'workflow memo\n  agent clerk\n    llm gpt-4o "hi" -> "ho"\n    tool fetch {}\n') as store:
        found = report(store)
    assert [(one.detector, one.runs) for one in gap(found, "tokens").unjudged] == [
        ("budget.breach", 1),
        ("context.growth", 1),
        ("cost.baseline", 1),
        ("token.spike", 1),
    ]
    assert [one.detector for one in gap(found, "results").unjudged] == ["redundant.calls", "silent.empty"]
    assert found.skipped == ()


def test_every_reason_for_not_judging_is_a_gap_or_too_few_runs_or_too_many() -> None:
    reasons = {
        ast.unparse(node.args[2]).removeprefix("f")
        for path in (PACKAGE / "detectors").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Skipped"
    }
    begin = tuple(reason for kind in KINDS.values() for reason in kind.explains)
    assert len(reasons) > 3
    assert [one for one in reasons if not one.strip("'\"").startswith((*begin, "fewer than", "so many runs"))] == []
