"""Log records whose spans are not here: a model call that they tell of is told, and gives way to its span."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from agentdbg.importers import Input
from agentdbg.store import ImportOptions, Store
from tests.commandline import CORPUS
from tests.store.test_ingest import everything
from tests.stores import of_files, otlp

TRACE, CALL = "1" * 32, "c" * 16
AGENT = {"name": "invoke_agent planner", "id": "a" * 16, "end": 500,
         "attributes": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}}  # fmt: skip
CHAT = {"name": "chat gpt-4o", "id": CALL, "parent": "a" * 16, "start": 20, "end": 300,
        "attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}}  # fmt: skip
SAID = [{"role": "user", "parts": [{"type": "text", "content": "Plan it."}]}]
DETAILS = {
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.agent.name": "planner",
    "gen_ai.usage.input_tokens": 40, "gen_ai.usage.output_tokens": 4, "gen_ai.input.messages": json.dumps(SAID),
}  # fmt: skip
TOLD = (
    "SELECT name, kind, agent, model, input_tokens, input->>'$[0].parts[0].text', is_call FROM spans ORDER BY span_id"
)


def record(event: str, attributes: dict[str, Any], body: str | None = None, at: int = 0) -> dict[str, Any]:
    values = {
        key: {"intValue" if isinstance(value, int) else "stringValue": value} for key, value in attributes.items()
    }
    told = {"traceId": TRACE, "spanId": CALL, "eventName": event, "timeUnixNano": str(1_700_000_000_000_000_000 + at)}
    told["attributes"] = [{"key": key, "value": value} for key, value in values.items()]
    return told if body is None else {**told, "body": {"stringValue": body}}


def logs(folder: Path, *records: dict[str, Any], name: str = "logs.jsonl") -> Path:
    file = folder / name
    file.write_text(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}) + "\n")
    return file


def test_a_details_event_tells_a_whole_call(tmp_path: Path) -> None:
    reader = of_files(logs(tmp_path, record("gen_ai.client.inference.operation.details", DETAILS))).reader()
    assert reader.rows(TOLD) == [("chat gpt-4o", "llm", "planner", "gpt-4o", 40, "Plan it.", True)]
    assert reader.rows("SELECT status, llm_calls FROM traces") == [("incomplete", 1)]
    assert reader.rows("SELECT waiting_logs, spans, kept_spans FROM files") == [(1, 0, 0)]
    assert [note.message for note in reader.notes()] == [
        "1 of the spans are told by log records alone: where they stand in the run and how long they took is not known"
    ]


def test_message_events_of_the_older_generation_are_one_call_a_span(tmp_path: Path) -> None:
    system = {"gen_ai.system": "openai"}
    said = [
        record("gen_ai.user.message", system, '{"content": "Plan it."}', at=1),
        record("gen_ai.choice", system, '{"index": 0, "finish_reason": "stop", "message": {"content": "Done."}}', at=9),
    ]
    reader = of_files(logs(tmp_path, *said)).reader()
    told = reader.rows("SELECT provider, finish_reason, duration_ns, output->>'$[0].parts[0].text' FROM spans")
    assert told == [("openai", "stop", 8, "Done.")]


def test_they_meet_their_span_in_any_order_of_files(tmp_path: Path) -> None:
    files = [
        otlp(tmp_path, [AGENT], "agent.jsonl"),
        otlp(tmp_path, [CHAT], "chat.jsonl"),
        logs(tmp_path, record("gen_ai.client.inference.operation.details", DETAILS)),
        logs(tmp_path, record("app.retry", {}), name="more.jsonl"),
    ]
    stores = [of_files(*order) for order in permutations(files)]
    assert len({repr(everything(store)) for store in stores}) == 1
    reader = stores[0].reader()
    assert reader.rows(TOLD) == [
        ("invoke_agent planner", "agent", "planner", None, None, None, False),
        ("chat gpt-4o", "llm", "planner", "gpt-4o", None, "Plan it.", True),
    ]
    assert (list(reader.notes()), reader.rows("SELECT sum(waiting_logs) FROM files")) == ([], [(0,)])


def test_what_a_program_logs_is_no_work(tmp_path: Path) -> None:
    judged = record("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "relevance", "gen_ai.response.id": "r1"})
    said = [record("", {"code.lineno": 3}, "started"), record("exception", {"exception.type": "E"}), judged]
    reader = of_files(logs(tmp_path, *said)).reader()
    assert reader.rows("SELECT count(*) FROM spans") == [(0,)]
    assert reader.rows("SELECT waiting_logs FROM files") == [(3,)]


def test_it_is_told_again_when_the_file_of_its_span_is_read_otherwise(tmp_path: Path) -> None:
    records = logs(tmp_path, record("gen_ai.client.inference.operation.details", DETAILS))
    spans = tmp_path / "spans.jsonl"
    spans.write_text(
        json.dumps({"trace_id": TRACE, "span_id": CALL, "other": "d" * 16, "name": "step", "start": 1, "end": 2})
    )
    told = []
    with Store.create(tmp_path / "store" / "traces.duckdb") as store:
        store.ingest([Input(str(records))], ImportOptions())
        for field in ("span_id", "other", "span_id"):
            store.ingest([Input(str(spans))], ImportOptions(forced="jsonl", mapping={"span_id": field}))
            told.append(store.reader().rows("SELECT list(name ORDER BY name) FROM spans"))
    assert told == [[(["step"],)], [(["chat gpt-4o", "step"],)], [(["step"],)]]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the captures are not beside this checkout")
@pytest.mark.parametrize(
    "capture",
    [
        "google-adk-semconv/loop_pingpong",
        "openai-sdk-openai-v2-latest/retry_success",
        "openai-sdk-openai-v2/cascade_empty",
    ],
)
def test_captured_log_records_tell_the_calls_that_their_spans_tell(capture: str) -> None:
    spans, records = CORPUS / f"{capture}.otlp.jsonl", CORPUS / f"{capture}.logs.otlp.jsonl"
    alone, met, back = of_files(records), of_files(spans, records), of_files(records, spans)
    assert everything(met) == everything(back)
    assert everything(of_files(CORPUS / f"{capture}.logs.binpb")) == everything(alone)
    for told in ("span_id, output FROM spans WHERE is_call", "span_id, input_tokens, output_tokens FROM llm_calls"):
        here, there = (dict(_told(store, f"SELECT {told}")) for store in (alone, met))
        assert here
        assert {key: value for key, value in here.items() if any(value)}.items() <= there.items()


def _told(store: Store, sql: str) -> list[tuple[str, tuple[Any, ...]]]:
    return [(row[0], row[1:]) for row in store.reader().rows(sql)]
