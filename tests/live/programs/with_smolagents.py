"""smolagents: an agent that calls tools, the last of which is its answer."""

import os

import recording
from smolagents import OpenAIServerModel, ToolCallingAgent, tool

tracer = recording.tracer()


@tool
def search(q: str) -> list:
    """Find orders.

    Args:
        q: What to look for.
    """
    print("ran search")
    return [7]


model = OpenAIServerModel("gpt-4o-mini", api_base=os.environ["MODEL"], api_key="x")
agent = ToolCallingAgent([search], model, instructions=os.environ.get("PROMPT", "You plan."), verbosity_level=0)

with tracer.start_as_current_span("run"):
    print(agent.run("Price the order."))
