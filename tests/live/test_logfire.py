"""Model calls as the real Logfire SDK records them, sent to a collector of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.servers import DATED, MODEL, collector, model
from tests.live.story import ANSWERED, CALLS, SAID, SCRIPT, TASK, ask
from tests.live.told import calls, failures, said, trace

logfire = pytest.importorskip("logfire", reason="Logfire is not installed (group live)")
openai = pytest.importorskip("openai", reason="the openai client is not installed (group live)")

pytestmark = pytest.mark.slow  # a real client and real requests


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_calls_of_the_openai_client(stream: bool, tmp_path: Path) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    with model(*SCRIPT) as address, collector(tmp_path) as endpoint:
        instance = logfire.configure(
            local=True,
            send_to_logfire=False,
            console=False,
            inspect_arguments=False,
            additional_span_processors=[BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces"))],
        )
        client = openai.OpenAI(base_url=address, api_key="x", max_retries=0)
        with instance.instrument_openai(client), instance.span("planner"):
            ask(client, TASK, stream)
            ask(client, ANSWERED, stream)
            with pytest.raises(openai.RateLimitError):
                ask(client, TASK, stream)
        instance.shutdown()

    found = trace(tmp_path)
    expected = [call.replace(" ok", " unset") for call in CALLS]  # Logfire leaves the status of success unset
    # of a stream it does not tell the model that answered
    assert calls(found) == ([call.replace(DATED, MODEL) for call in expected] if stream else expected)
    assert said(found) == SAID
    assert failures(found) == ["RateLimitError"]
