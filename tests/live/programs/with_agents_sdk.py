"""The OpenAI Agents SDK: the planner looks the price up and hands over to the writer."""

import os

import agents
import openai
import recording

tracer = recording.tracer()
if "agents" not in os.environ.get("RECORD_WITH", ""):  # its own traces are what that instrumentation reads
    agents.set_tracing_disabled(True)
model = getattr(agents, os.environ.get("API", "OpenAIChatCompletionsModel"))(
    "gpt-4o-mini", openai_client=openai.AsyncOpenAI(base_url=os.environ["MODEL"])
)


@agents.function_tool
def search(q: str) -> str:
    """Find orders."""
    print("ran search")
    return "[7]"


writer = agents.Agent("writer", instructions="You write.", model=model)
planner = agents.Agent(
    "planner", instructions=os.environ.get("PROMPT", "You plan."), model=model, tools=[search], handoffs=[writer]
)

with tracer.start_as_current_span("run"):
    print(agents.Runner.run_sync(planner, "Price the order.").final_output)
