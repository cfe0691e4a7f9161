"""Tools of LangChain and LangGraph."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from agentdbg.replay.asking import RUN, as_text, ask_tool


class LangChain:
    """`BaseTool.run`, through which every tool goes: those of a ToolNode, of an agent, and calls by hand. What a model
    asked for is answered with a message, as the tool itself would."""

    modules = ("langchain_core.tools.base",)

    def arm(self, module: Any) -> None:
        tool = module.BaseTool
        ran, ran_async = tool.run, tool.arun

        def run(self: Any, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
            told = _told(self, tool_input, kwargs.get("tool_call_id"))
            return ran(self, tool_input, *args, **kwargs) if told is RUN else told

        async def run_async(self: Any, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
            told = _told(self, tool_input, kwargs.get("tool_call_id"))
            return await ran_async(self, tool_input, *args, **kwargs) if told is RUN else told

        tool.run, tool.arun = run, run_async


def _told(tool: Any, arguments: Any, call_id: str | None) -> Any:
    told = ask_tool(tool.name, arguments, call_id, _hands_over(tool))
    if told is RUN or not call_id:
        return told
    message = import_module("langchain_core.messages").ToolMessage
    return message(as_text(told), tool_call_id=call_id, name=tool.name)


def _hands_over(tool: Any) -> bool:
    """Whether a tool says that it gives back a Command, which moves the graph on as no text can."""
    functions = (getattr(tool, "func", None), getattr(tool, "coroutine", None))
    return any("Command" in str(getattr(one, "__annotations__", {}).get("return")) for one in functions)
