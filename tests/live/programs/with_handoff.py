"""LangGraph: a tool that gives back a Command, by which the planner hands over to the writer."""

import os
from typing import Annotated

import recording
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState
from langgraph.types import Command

tracer = recording.tracer()


@tool
def search(q: str) -> str:
    """Find orders."""
    print("ran search")
    return "[7]"


@tool
def to_writer(call_id: Annotated[str, InjectedToolCallId], state: Annotated[MessagesState, InjectedState]) -> Command:
    """Let the writer write."""
    told = ToolMessage("Handed over.", tool_call_id=call_id)
    return Command(goto="writer", update={"messages": [*state["messages"], told]}, graph=Command.PARENT)


model = ChatOpenAI(model="gpt-4o-mini", base_url=os.environ["MODEL"])
graph = StateGraph(MessagesState)
graph.add_node(
    "planner",
    create_agent(model, [search, to_writer], system_prompt=os.environ.get("PROMPT", "You plan."), name="planner"),
)
graph.add_node("writer", create_agent(model, [], system_prompt="You write.", name="writer"))
graph.add_edge(START, "planner")

with tracer.start_as_current_span("run"):
    print(graph.compile().invoke({"messages": [HumanMessage("Price the order.")]})["messages"][-1].content)
