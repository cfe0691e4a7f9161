"""A long conversation recorded with the SDK's usual limit of 128 attributes: what was lost is put together again, and equals what was sent."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentdbg.replay.asked import recorded
from agentdbg.replay.call import calls_of
from agentdbg.replay.matching import Matcher
from agentdbg.replay.playback import Reply
from agentdbg.replay.question import difference, question
from agentdbg.replay.server import served
from agentdbg.replay.wires import wire_of
from tests.live.needs import needs
from tests.live.servers import collector
from tests.stores import of_files

for needed in ("openai", "openinference.instrumentation.openai", "uvicorn", "starlette"):
    needs(needed)

pytestmark = pytest.mark.slow

CALLS = 60
PATH = "/v1/chat/completions"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


class Model:
    """Asks for one more look each time, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def answer(self, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        self.sent.append(json.loads(content))
        number = len(self.sent)
        function = {"name": "look", "arguments": json.dumps({"place": number})}
        asks = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}],
        }
        choice = {"index": 0, "message": asks, "finish_reason": "tool_calls"}
        head = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1, "model": "m"}
        return Reply(
            200, {**head, "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
        )


def converse(address: str, tracer: Any) -> None:
    from openai import OpenAI

    client = OpenAI(base_url=f"{address}/v1", api_key="x")
    said: list[Any] = [{"role": "system", "content": "You look around."}, {"role": "user", "content": "Go."}]
    with tracer.start_as_current_span("run"):
        for number in range(CALLS):
            answer = client.chat.completions.create(model="g", messages=said, tools=[TOOL]).choices[0].message  # type: ignore[list-item]
            said.append(answer.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True))
            said.append({"role": "tool", "tool_call_id": answer.tool_calls[0].id, "content": f"seen {number}"})  # type: ignore[index]


def test_every_call_of_a_long_conversation_equals_what_was_sent(tmp_path: Path) -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    logging.getLogger("opentelemetry.attributes").setLevel(logging.ERROR)  # a line for each attribute that is dropped
    there = Model()
    with served(there) as address, collector(tmp_path) as endpoint:
        provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=128))
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
        OpenAIInstrumentor().instrument(tracer_provider=provider)
        try:
            converse(address, provider.get_tracer("program"))
        finally:
            OpenAIInstrumentor().uninstrument()
    with of_files(*sorted(tmp_path.iterdir())) as store:
        trace = store.reader().trace(store.reader().trace_ids()[0])
    calls, spans = calls_of(trace), trace.by_id()
    wire = wire_of(PATH)
    assert wire is not None
    sent = [wire.read(PATH, body) for body in there.sent]
    parted = [
        difference(question(recorded(call)), question(asked), layer)
        for call, asked in zip(calls, sent, strict=True)
        for layer in ("system", "messages", "tools")
    ]
    assert sum(spans[call.span_id].dropped > 0 for call in calls) > CALLS / 2
    assert parted == [None] * 3 * CALLS  # type: ignore[comparison-overlap]
    matcher = Matcher(calls)
    assert [matcher.take(asked).call for asked in sent] == calls
