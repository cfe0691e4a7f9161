"""LangChain over Anthropic's API: an agent with one tool."""

import os

import recording
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

tracer = recording.tracer()


@tool
def search(q: str) -> str:
    """Find orders."""
    print("ran search")
    return "[7]"


model = ChatAnthropic(model="claude-sonnet-5", api_key="x", base_url=os.environ["MODEL"].removesuffix("/v1"))
agent = create_agent(model, [search], system_prompt=os.environ.get("PROMPT", "You plan."), name="planner")

with tracer.start_as_current_span("run"):
    print(agent.invoke({"messages": [HumanMessage("Price the order.")]})["messages"][-1].content)
