"""The same spans in three encodings: OTLP/JSON lines, OTLP protobuf (length-delimited), LangSmith's JSON lines."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from benchmarks.speed.runs import Model, Span

Attributes = dict[str, str | int | float | list[str]]
OPERATIONS = {"workflow": "invoke_workflow", "agent": "invoke_agent", "llm": "chat", "tool": "execute_tool"}
RUN_TYPES = {"llm": "llm", "tool": "tool"}
RESOURCE: Attributes = {
    "service.name": "newsroom", "service.version": "1.4.2", "deployment.environment.name": "prod",
    "telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": "1.38.0",
    "host.name": "node-17",
}  # fmt: skip
STACK = "Traceback (most recent call last):\n" + '  File "app.py", line 10, in run\n' * 12


def attributes(span: Span) -> Attributes:
    """What OpenTelemetry's GenAI conventions record of a span; an HTTP client's own for the request below a call."""
    if span.kind == "http":
        host = f"api.{span.provider}.example"
        return {"http.request.method": "POST", "http.response.status_code": 429 if span.error else 200,
                "url.full": f"https://{host}/v1/chat", "server.address": host, "server.port": 443}  # fmt: skip
    out: Attributes = {"gen_ai.operation.name": OPERATIONS[span.kind], "gen_ai.conversation.id": span.session}
    if span.kind != "workflow":
        out["gen_ai.agent.name"] = span.agent
    if span.kind == "llm":
        out |= {
            "gen_ai.provider.name": span.provider, "gen_ai.request.model": span.model,
            "gen_ai.response.model": span.model + "-2026-01-01", "gen_ai.response.id": span.response,
            "gen_ai.request.temperature": 0.7, "gen_ai.request.max_tokens": 4096,
            "gen_ai.usage.input_tokens": span.input_tokens, "gen_ai.usage.output_tokens": span.output_tokens,
            "gen_ai.response.finish_reasons": [span.answered[0]["finish_reason"]],
            "gen_ai.input.messages": _text(span.given), "gen_ai.output.messages": _text(span.answered),
        }  # fmt: skip
    elif span.kind == "tool":
        out |= {"gen_ai.tool.name": span.tool, "gen_ai.tool.call.id": span.call, "gen_ai.tool.type": "function",
                "gen_ai.tool.call.arguments": _text(span.arguments),
                "gen_ai.tool.call.result": span.result}  # fmt: skip
    if span.error:
        out["error.type"] = span.error
    return out


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _by_scope(batch: list[Span]) -> Iterator[tuple[str, list[Span]]]:
    for http, spans in groupby(sorted(batch, key=_is_http), key=_is_http):
        yield "opentelemetry.instrumentation." + ("httpx" if http else "genai"), list(spans)


def _is_http(span: Span) -> bool:
    return span.kind == "http"


def _raised(span: Span) -> Attributes:
    return {"exception.type": span.error or "", "exception.message": "failed", "exception.stacktrace": STACK}


def _pairs(values: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: str | int | float | list[str]) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [{"stringValue": item} for item in value]}}
    return {"doubleValue": value} if isinstance(value, float) else {"intValue": str(value)}


def otlp_json(batch: list[Span]) -> bytes:
    """One export request, one line."""
    scopes = [{"scope": {"name": scope, "version": "0.60b0"}, "spans": [_otlp_span(span) for span in spans]}
              for scope, spans in _by_scope(batch)]  # fmt: skip
    return (
        orjson.dumps({"resourceSpans": [{"resource": {"attributes": _pairs(RESOURCE)}, "scopeSpans": scopes}]}) + b"\n"
    )


def _otlp_span(span: Span) -> dict[str, Any]:
    out: dict[str, Any] = {
        "traceId": span.trace, "spanId": span.id, "parentSpanId": span.parent or "", "flags": 257, "name": span.name,
        "kind": _kind(span), "startTimeUnixNano": str(span.start_ns), "endTimeUnixNano": str(span.end_ns),
        "attributes": _pairs(attributes(span)), "status": {},
    }  # fmt: skip
    if span.error:
        out["status"] = {"code": 2, "message": f"{span.error}: failed"}
        out["events"] = [{"timeUnixNano": str(span.end_ns), "name": "exception", "attributes": _pairs(_raised(span))}]
    return out


def _kind(span: Span) -> int:
    return 3 if span.kind in ("llm", "http") else 1


def otlp_protobuf(batch: list[Span]) -> bytes:
    """One export request with its length before it, as the collector's file exporter writes them."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    _put(group.resource.attributes, RESOURCE)
    for scope, spans in _by_scope(batch):
        scoped = group.scope_spans.add()
        scoped.scope.name, scoped.scope.version = scope, "0.60b0"
        for span in spans:
            _put_span(scoped.spans.add(), span)
    body: bytes = request.SerializeToString()
    return _varint(len(body)) + body


def _put_span(out: Any, span: Span) -> None:
    out.trace_id, out.span_id = bytes.fromhex(span.trace), bytes.fromhex(span.id)
    out.parent_span_id = bytes.fromhex(span.parent or "")
    out.name, out.kind, out.flags = span.name, _kind(span), 257
    out.start_time_unix_nano, out.end_time_unix_nano = span.start_ns, span.end_ns
    _put(out.attributes, attributes(span))
    if span.error:
        out.status.code, out.status.message = 2, f"{span.error}: failed"
        event = out.events.add(time_unix_nano=span.end_ns, name="exception")
        _put(event.attributes, _raised(span))


def _put(out: Any, values: Attributes) -> None:
    for key, value in values.items():
        out.append(KeyValue(key=key, value=_any(value)))


def _any(value: str | int | float | list[str]) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, list):
        made = AnyValue()
        made.array_value.values.extend(AnyValue(string_value=item) for item in value)
        return made
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(int_value=value)


def _varint(size: int) -> bytes:
    out = bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size])


def langsmith(batch: list[Span]) -> bytes:
    """A run a line, as an export of LangSmith's runs has them."""
    return b"".join(orjson.dumps(_run(span)) + b"\n" for span in batch)


def _run(span: Span) -> dict[str, Any]:
    run: dict[str, Any] = {
        "id": _uuid(span.id), "trace_id": _uuid(span.trace),
        "parent_run_id": _uuid(span.parent) if span.parent else None,
        "name": span.name, "run_type": RUN_TYPES.get(span.kind, "chain"), "start_time": _iso(span.start_ns),
        "end_time": _iso(span.end_ns), "session_name": "newsroom", "tags": ["prod"],
        "status": "error" if span.error else "success", "error": f"{span.error}('failed')" if span.error else None,
        "extra": {"metadata": {"thread_id": span.session, "langgraph_node": span.agent}}, "inputs": {}, "outputs": None,
    }  # fmt: skip
    if span.kind == "llm":
        run["extra"]["metadata"] |= {"ls_provider": span.provider, "ls_model_name": span.model}
        run["extra"]["invocation_params"] = {"model": span.model, "temperature": 0.7}
        run["inputs"], run["outputs"] = {"messages": _chat(span.given)}, {"messages": _chat(span.answered)}
        run["prompt_tokens"], run["completion_tokens"] = span.input_tokens, span.output_tokens
        run["total_tokens"] = span.input_tokens + span.output_tokens
    elif span.kind == "tool":
        run["inputs"], run["outputs"] = {"input": _text(span.arguments)}, {"output": span.result}
    return run


def _chat(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages as Chat Completions has them."""
    out = []
    for message in told:
        first, *calls = message["parts"]
        one = {"role": message["role"], "content": first.get("content") or first.get("response") or ""}
        if calls:
            one["tool_calls"] = [
                {"id": call["id"], "type": "function",
                 "function": {"name": call["name"], "arguments": _text(call["arguments"])}}
                for call in calls
            ]  # fmt: skip
        if first["type"] == "tool_call_response":
            one["tool_call_id"] = first["id"]
        out.append(one)
    return out


def _uuid(identity: str) -> str:
    return str(uuid.UUID(identity * (32 // len(identity))))


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1000 / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


ENCODINGS: dict[str, Callable[[list[Span]], bytes]] = {
    "otlp.jsonl": otlp_json,
    "otlp.pb": otlp_protobuf,
    "langsmith.jsonl": langsmith,
}


def write(folder: Path, spans: int, seed: int = 7) -> int:
    """The files of ENCODINGS, batch by batch; answers how many spans each holds."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    with ExitStack() as stack:
        streams = {name: stack.enter_context(open(folder / f"{name}.part", "wb")) for name in ENCODINGS}
        for batch in Model(seed).batches(spans):
            written += len(batch)
            for name, stream in streams.items():
                stream.write(ENCODINGS[name](batch))
    for name in ENCODINGS:
        os.replace(folder / f"{name}.part", folder / name)  # a file that is there is whole
    return written


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
