"""Trace items as the real exporter of the OpenAI Agents SDK posts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.live.servers import MODEL, Reply, collector, model
from tests.live.told import calls, said, tools, trace

agents = pytest.importorskip("agents", reason="the OpenAI Agents SDK is not installed (group live)")
openai = pytest.importorskip("openai", reason="the openai client is not installed (group live)")

pytestmark = pytest.mark.slow  # a real client and real requests

SCRIPT = (
    Reply(tool="search", arguments={"q": "order"}, tokens=(11, 3)),
    Reply(tool="transfer_to_writer", tokens=(20, 4)),
    Reply("It costs 7.", tokens=(30, 5)),
)


def run(address: str, api: type[Any]) -> str:
    """The planner looks the price up and hands over to the writer, who answers."""

    @agents.function_tool
    def search(q: str) -> str:
        """Find orders."""
        return "[7]"

    asked = api(MODEL, openai_client=openai.AsyncOpenAI(base_url=address, api_key="x", max_retries=0))
    writer = agents.Agent("writer", instructions="You write.", model=asked)
    planner = agents.Agent("planner", instructions="You plan.", model=asked, tools=[search], handoffs=[writer])
    config = agents.RunConfig(workflow_name="pricing", group_id="thread-42")
    return str(agents.Runner.run_sync(planner, "Price the order.", run_config=config).final_output)


@pytest.mark.parametrize("api", ["OpenAIChatCompletionsModel", "OpenAIResponsesModel"])
def test_items_as_they_are_posted(api: str, tmp_path: Path) -> None:
    from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor

    with model(*SCRIPT) as address, collector(tmp_path) as endpoint:
        exporter = BackendSpanExporter(api_key="x", endpoint=f"{endpoint}/v1/traces/ingest")
        processor = BatchTraceProcessor(exporter)
        agents.set_trace_processors([processor])
        try:
            assert run(address, getattr(agents, api)) == "It costs 7."
        finally:
            processor.shutdown()
            agents.set_trace_processors([])

    found = trace(tmp_path)
    chat = api == "OpenAIChatCompletionsModel"  # of a response only its id and usage are sent to the backend
    asked = MODEL if chat else None
    assert calls(found) == [
        f"planner {asked} 11 3 unset",
        f"planner {asked} 20 4 unset",
        f"writer {asked} 30 5 unset",
    ]
    assert tools(found) == ['planner search {"q": "order"} [7] unset']
    assert [turn.agent for turn in found.turns] == ["planner", "writer"]
    assert [(handoff.from_agent, handoff.to_agent) for handoff in found.handoffs] == [("planner", "writer")]
    assert {span.session_id for span in found.spans} == {"thread-42"}
    assert said(found)[0] == (
        'system: You plan., user: Price the order. -> assistant: search({"q": "order"})' if chat else "None -> None"
    )
