"""Whatever the bytes are: rows, notes or AgentdbgError; no other exception, no hang, and rows that can be written as JSON."""

import contextlib
import io
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentdbg.errors import AgentdbgError
from agentdbg.importers import Input, Source, read_input, shelf
from agentdbg.importers.streams import Opened
from agentdbg.rows import NoteRow, RawLog, RawSpan

TIMES = int(os.environ.get("AGENTDBG_FUZZ", "1"))
"""How many times the usual number of examples: a run of a night takes some hundreds."""
ROOT = Path(__file__).parents[3] / "shared" / "corpus"
SAMPLES = [
    b'{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"b"}}]},"scopeSpans":[{"scope":{"name":"s"},"spans":[{'
    b'"traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":"051581bf3cb55c13","name":"n","kind":3,"startTimeUnixNano":"1","endTimeUnixNano":'
    b'"2","attributes":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":"1"}]}}}],"events":[{"name":"e"}],"status":{"code":2}}]}]}]}\n',
    b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":'
    b'"051581bf3cb55c13","body":{"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":1.5}}]}}}]}]}]}\n',
    b'{"id": "a", "run_type": "llm", "start_time": "2026-01-01T00:00:00Z", "dotted_order": "20260101T000000000000Za", "inputs": {"m": [1]}}\n',
    b'{"trace_id": "t", "span_id": "s", "agent": "a", "started_at": 1767225600, "llm": {"tokens_in": 1}, "metadata": {"k": null}}\n' * 2,
    b'{"object": "trace.span", "id": "s", "trace_id": "t", "span_data": {"type": "function"}, "error": {"message": "m"}}\n',
    b'agent planner "task" -> "answer"\n  llm gpt-4o in=1 out=2 x3\n  tool search {"q": [1]} -> [] dur=2s error="E: x"\n',
    bytes.fromhex("0a2f0a00122b0a030a016c12240a1000010203040506070809"), b"\x28\xb5\x2f\xfd\x04\x00", b"\x1f\x8b\x08\x00",
    "{\"trace_id\": 1, \"span_id\": 2}".encode("utf-16"),
    b'{"trace": {"id": "t", "bookmarked": false, "projectId": "p"}, "observations": [{"id": "a", "traceId": "t", "type": "GENERATION", "usageDetails": {"input": 1}, "metadata": {"attributes": {"k": "v"}}}]}',
    b'{"data": [{"span_kind": "LLM", "context": {"trace_id": "t", "span_id": "s"}, "attributes": {"llm": {"input_messages": [{"message": {"role": "user"}}]}}, "events": [{"name": "e"}]}]}',
    b'{"data": [{"traceID": "t", "spans": [{"traceID": "t", "spanID": "s", "references": [{"refType": "CHILD_OF", "traceID": "t", "spanID": "r"}], "startTime": 1, "duration": 2, "tags": [{"key": "k", "value": 1}]}]}]}',
    b'{"info": {"trace_id": "tr-1"}, "data": {"spans": [{"trace_id": "AAECAwQFBgcICQoLDA0ODw==", "span_id": "AAECAwQFBgc=", "attributes": {"mlflow.spanType": "\\"LLM\\""}, "status": {"code": "STATUS_CODE_OK"}}]}}',
    b'{"id": "c", "trace_id": "t", "op_name": "weave:///e/p/op/x:d", "started_at": "2026-01-01T00:00:00Z", "summary": {"usage": {"m": {"prompt_tokens": 1}}, "weave": {"status": "running"}}}\n',
    b'{"schema_version": "ATIF-v1.6", "session_id": "s", "agent": {"name": "a"}, "steps": [{"step_id": 1, "source": "agent", "tool_calls": [{"tool_call_id": "c", "function_name": "f"}], "observation": {"results": [{"source_call_id": "c", "subagent_trajectory_ref": [{"session_id": "s"}]}]}}]}',
    b'{"type": "user", "sessionId": "s", "parentUuid": null, "isSidechain": false, "uuid": "u", "timestamp": "2026-01-01T00:00:00Z", "message": {"role": "user", "content": "hi"}}\n'
    b'{"type": "assistant", "sessionId": "s", "parentUuid": "u", "message": {"id": "m", "content": [{"type": "tool_use", "id": "t", "name": "Task", "input": {"prompt": "p"}}]}}\n',
    b'{"timestamp": "2026-01-01T00:00:00Z", "type": "session_meta", "payload": {"id": "s", "forked_from_id": "r"}}\n{"type": "response_item", "payload": {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}}\n'
    b'{"type": "response_item", "payload": {"type": "function_call_output", "call_id": "c", "output": "{"}}\n{"type": "event_msg", "payload": {"type": "token_count", "info": {"total_token_usage": {"input_tokens": 1}}}}\n',
    b'--b\r\nContent-Disposition: form-data; name="post.r"\r\nContent-Type: application/json\r\n\r\n{"id":"r","trace_id":"t","run_type":"llm"}\r\n--b\r\n'
    b'Content-Disposition: form-data; name="patch.r.outputs"\r\n\r\n{"a":[1]}\r\n--b\r\nContent-Disposition: form-data; name="feedback.r"\r\n\r\n{"run_id":"r"}\r\n'
    b'--b\r\nContent-Disposition: form-data; name="attachment.r.a"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\r\n--b--\r\n',
    b'{"post": [{"id": "r", "trace_id": "t", "inputs": {"a": 1}}], "patch": [{"id": "r", "end_time": "2026-01-01T00:00:00Z", "error": "E"}]}',
    b'[{"trace_id": "t", "messages": [{"type": "human", "content": "hi"}, {"type": "ai", "content": "", "name": "a", "tool_calls": [{"name": "f", "args": {"x": [1]}, '
    b'"id": "c"}], "response_metadata": {}}, {"type": "tool", "content": "1", "tool_call_id": "c", "status": "error"}], "metadata": {"start_time": "2026-01-01T00:00:00Z"}}]',
    b'[{"role": "user", "content": "hi", "created_at": 1}, {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}], '
    b'"created_at": 2}, {"role": "tool", "tool_call_id": "c", "content": "1", "created_at": 3}]',
    b'{"model": "m", "system": "s", "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "is_error": true}]}], "response": {"content": '
    b'[{"type": "text", "text": "a"}], "usage": {"input_tokens": 1}, "created": 5}, "latency_ms": 3, "ts": 4}\n' * 2,
]  # fmt: skip
for pattern in (
    "*/healthy.binpb",
    "*/healthy.logs.binpb",
    "*/healthy.lendelim.binpb",
    "*/killed.runs.jsonl",
    "*/retry_*.otlp.jsonl",
    "*/*.binpb.gz",
    "*/*.native.jsonl",
):
    SAMPLES += [path.read_bytes()[:20_000] for path in sorted(ROOT.glob(pattern))[:2]]

EDITS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "drop", "repeat", "flip", "insert"]),
        st.floats(0, 1),
        st.binary(max_size=8)
        | st.sampled_from(
            [b'"', b"{", b"[" * 300, b"\\", b"\n", b"NaN", b"null", b"1e999", b"\x00", b"-", b"\xff", b"9" * 30]
        ),
    ),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    for what, place, extra in edits:
        at = int(place * len(data))
        size = len(extra) + 1
        if what == "cut":
            data = data[:at]
        elif what == "drop":
            data = data[:at] + data[at + size * 5 :]
        elif what == "repeat":
            data = data[:at] + data[at : at + size * 5] * 2 + data[at + size * 5 :]
        elif what == "flip" and data:
            data = data[: at - 1] + bytes([data[at - 1] ^ (1 << len(extra) % 8)]) + data[at:]
        elif what == "insert":
            data = data[:at] + extra + data[at:]
    return data


def check(row: object) -> None:
    assert isinstance(row, RawSpan | RawLog | NoteRow)
    assert msgspec.json.decode(msgspec.json.encode(row)) is not None
    if isinstance(row, RawSpan):
        assert row.trace_id
        assert row.span_id
        assert row.status in ("ok", "error", "unset")
        assert all(time is None or 0 <= time < 2**63 for time in (row.start_ns, row.end_ns))


@pytest.mark.slow
@given(sample=st.sampled_from(SAMPLES), edits=EDITS)
@settings(max_examples=300 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_edited_inputs(tmp_path_factory, sample, edits):
    path = tmp_path_factory.getbasetemp() / "edited"
    path.write_bytes(edited(sample, edits))
    with contextlib.suppress(AgentdbgError):
        for row in read_input(Input(str(path))):
            check(row)


@pytest.mark.slow
@pytest.mark.parametrize("importer", shelf(), ids=lambda importer: importer.name)
@given(
    data=st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
    | st.sampled_from(SAMPLES),
    edits=EDITS,
)
@settings(max_examples=60 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_in_any_importer(importer, data, edits):
    opened = Opened(io.BytesIO(edited(data, edits)))
    importer.sniff(opened.head, "x")
    for row in importer.read(opened.stream, Source("x")):
        check(row)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
    ["resourceSpans", "scopeSpans", "spans", "scope", "resource", "attributes", "key", "value", "stringValue", "arrayValue", "values", "events", "links", "status", "code",
     "traceId", "spanId", "startTimeUnixNano", "resourceLogs", "logRecords", "body", "id", "run_type", "trace_id", "span_id", "child_runs", "dotted_order", "start_time",
     "traceID", "spanID", "observations", "context", "span_kind", "op_name", "steps", "step_id", "tool_calls", "results", "payload", "type", "message", "content",
     "sessionId", "error", "agent", "llm", "metadata", "object", "span_data", "data", "runs", "name", "parent_id", "flags", "kind", "messages", "role", "content", "tool_calls",
     "function", "arguments", "type", "response", "choices", "usage", "request", "post", "patch"]), inner, max_size=4), max_leaves=20)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("importer", shelf(), ids=lambda importer: importer.name)
@given(value=JSON)
@settings(max_examples=60 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_json_in_any_importer(importer, value):
    for wrapped in (
        value,
        {"resourceSpans": [{"scopeSpans": [{"spans": [value]}]}]},
        {"id": "a", "run_type": "llm", "child_runs": [value]},
        {"trace_id": "t", "spans": [value]},
        {
            "messages": [{"role": "assistant", "content": value, "tool_calls": value}, value],
            "response": value,
            "model": value,
            "ts": value,
        },
        [
            {"type": "ai", "content": "", "response_metadata": value, "tool_calls": [value]},
            {"type": "tool", "content": value},
        ],
        {"post": [value, {"id": "r", "trace_id": "t", "child_runs": value}], "patch": [value]},
    ):
        data = msgspec.json.encode(wrapped)
        for row in importer.read(io.BytesIO(data), Source("x")):
            check(row)
