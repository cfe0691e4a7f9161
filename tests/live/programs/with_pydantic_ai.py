"""Pydantic AI: arguments reach the tool with defaults filled in."""

import os

import recording
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

tracer = recording.tracer()
model = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(base_url=os.environ["MODEL"], api_key="x"))
agent = Agent(model, system_prompt=os.environ.get("PROMPT", "You plan."))


@agent.tool_plain
def search(q: str, limit: int = 3) -> list[int]:
    """Find orders."""
    print("ran search")
    return [7]


with tracer.start_as_current_span("run"):
    print(agent.run_sync("Price the order.").output)
