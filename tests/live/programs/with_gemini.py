"""Pydantic AI over Gemini's API, whose calls of tools have no ids."""

import os

import recording
from pydantic_ai import Agent
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

tracer = recording.tracer()
provider = GoogleProvider(api_key="x", base_url=os.environ["MODEL"].removesuffix("/v1"))
agent = Agent(GoogleModel("gemini-2.5-flash", provider=provider), system_prompt=os.environ.get("PROMPT", "You plan."))


@agent.tool_plain
def search(q: str) -> list[int]:
    """Find orders."""
    print("ran search")
    return [7]


with tracer.start_as_current_span("run"):
    print(agent.run_sync("Price the order.").output)
