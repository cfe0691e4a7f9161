"""Spans and log records as the real OpenTelemetry exporters put them on the wire: HTTP and gRPC, plain and gzip."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.live.servers import DATED, MODEL, collector, grpc_collector
from tests.live.told import calls, failures, said, tools, trace

pytest.importorskip("opentelemetry.sdk", reason="the OpenTelemetry SDK is not installed (group dev)")

pytestmark = pytest.mark.slow  # a real SDK and real requests

EVENTS = [
    ("gen_ai.system.message", {"content": "You plan."}),
    ("gen_ai.user.message", {"content": "Price the order."}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "It costs 7."}}),
]  # fmt: skip
CALL = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": MODEL, "gen_ai.response.model": DATED,
    "gen_ai.usage.input_tokens": 20, "gen_ai.usage.output_tokens": 4, "gen_ai.response.finish_reasons": ["stop"],
}  # fmt: skip
TOOL = {
    "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.call.arguments": '{"q": "order"}',
}  # fmt: skip


def http(address: str, gzip: bool) -> tuple[Any, Any]:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    how = Compression.Gzip if gzip else Compression.NoCompression
    return (
        OTLPSpanExporter(f"{address}/v1/traces", compression=how),
        OTLPLogExporter(f"{address}/v1/logs", compression=how),
    )


def grpc(address: str, gzip: bool) -> tuple[Any, Any]:
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    how = Compression.Gzip if gzip else Compression.NoCompression
    return OTLPSpanExporter(address, compression=how), OTLPLogExporter(address, compression=how)


Exporters = Callable[[str, bool], tuple[Any, Any]]
Server = Callable[[Path], AbstractContextManager[str]]
TRANSPORTS: dict[str, tuple[str, Server, Exporters]] = {
    "http": ("opentelemetry.exporter.otlp.proto.http", collector, http),
    "grpc": ("opentelemetry.exporter.otlp.proto.grpc", grpc_collector, grpc),
}


def tell(spans: Any, logs: Any) -> None:
    """An agent whose tool fails, and a model call whose messages are log records."""
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": "shop"})
    provider, logging = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(spans))
    logging.add_log_record_processor(BatchLogRecordProcessor(logs))
    tracer, logger = provider.get_tracer("shop", "1.0"), logging.get_logger("shop")
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    with tracer.start_as_current_span("invoke_agent planner", attributes=agent):
        with pytest.raises(TimeoutError), tracer.start_as_current_span("execute_tool search", attributes=TOOL):
            raise TimeoutError("no answer")
        with tracer.start_as_current_span(f"chat {MODEL}", attributes=CALL):
            for name, body in EVENTS:
                logger.emit(LogRecord(event_name=name, body=body))
    provider.shutdown()
    logging.shutdown()


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_spans_and_log_records(transport: str, gzip: bool, tmp_path: Path) -> None:
    module, server, exporters = TRANSPORTS[transport]
    pytest.importorskip(module, reason=f"{module} is not installed (group live)")
    with server(tmp_path) as address:
        tell(*exporters(address, gzip))

    found = trace(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # spans, and log records
    assert calls(found) == [f"planner {DATED} 20 4 unset"]
    assert said(found) == ["system: You plan., user: Price the order. -> assistant: It costs 7."]
    assert tools(found) == ['planner search {"q": "order"} None error']
    assert failures(found) == ["TimeoutError"]
    [failed] = [span for span in found.spans if span.status == "error"]
    assert failed.error_message == "no answer"
    assert [turn.agent for turn in found.turns] == ["planner"]
