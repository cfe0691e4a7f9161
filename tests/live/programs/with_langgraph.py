"""LangGraph: an agent that survives anything. Errors of its tools are told to the model, so that nothing but a BaseException
gets through, and errors of its model become an excuse."""

import asyncio
import os

import recording
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

tracer = recording.tracer()
PROMPT = os.environ.get("PROMPT", "You plan.")


@tool
def search(q: str) -> str:
    """Find orders."""
    print("ran search")
    return "[7]"


model = ChatOpenAI(model="gpt-4o-mini", base_url=os.environ["MODEL"]).bind_tools([search])


async def plan(state: MessagesState) -> MessagesState:
    try:
        return {"messages": [await model.ainvoke([SystemMessage(PROMPT), *state["messages"]])]}
    except Exception:
        return {"messages": [AIMessage("Sorry, try later.")]}


graph = StateGraph(MessagesState)
graph.add_node("plan", plan)
graph.add_node("tools", ToolNode([search], handle_tool_errors=True))
graph.add_edge(START, "plan")
graph.add_conditional_edges("plan", tools_condition)
graph.add_edge("tools", "plan")

with tracer.start_as_current_span("run"):
    out = asyncio.run(graph.compile().ainvoke({"messages": [HumanMessage("Price the order.")]}))
    print(out["messages"][-1].content)
