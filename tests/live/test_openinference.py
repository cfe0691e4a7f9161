"""Model calls as the real OpenInference instrumentation of the real openai client records them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.servers import collector, model
from tests.live.story import ANSWERED, CALLS, SAID, SCRIPT, TASK, ask
from tests.live.told import calls, failures, grades, named, said, tools, trace

openai = pytest.importorskip("openai", reason="the openai client is not installed (group live)")
pytest.importorskip("openinference.instrumentation.openai", reason="OpenInference is not installed (group live)")

pytestmark = pytest.mark.slow  # a real client and real requests


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_calls_of_the_openai_client(stream: bool, tmp_path: Path) -> None:
    from openinference.instrumentation import OITracer, TraceConfig
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    with model(*SCRIPT) as address, collector(tmp_path) as endpoint:
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
        tracer = OITracer(provider.get_tracer("shop"), config=TraceConfig())
        instrumentor = OpenAIInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        client = openai.OpenAI(base_url=address, api_key="x", max_retries=0)

        @tracer.tool
        def search(q: str) -> list[int]:
            return [7]

        @tracer.agent
        def planner(task: str) -> str:
            ask(client, TASK, stream)
            search(q="order")
            ask(client, ANSWERED, stream)
            ask(client, TASK, stream)
            return "never"

        try:
            with pytest.raises(openai.RateLimitError):
                planner("Price the order.")
        finally:
            instrumentor.uninstrument()
            provider.shutdown()

    found = trace(tmp_path)
    assert found.status == "error"
    assert calls(found) == CALLS
    assert said(found) == SAID
    assert grades(found) == ["exact"] * 3
    assert tools(found) == ['planner search {"q": "order"} [7] ok']
    assert failures(found) == ["RateLimitError", "RateLimitError"]
    assert [(turn.agent, turn.agent_rule) for turn in found.turns] == [("planner", "span name")]
    assert named(found, "planner").input == '"Price the order."'
