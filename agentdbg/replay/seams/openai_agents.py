"""Function tools of the OpenAI Agents SDK, those of its MCP servers too. Its handoffs are no function tools and run."""

from __future__ import annotations

from typing import Any

from agentdbg.replay.asking import RUN, as_text, ask_tool


class OpenAIAgents:
    """`FunctionTool.on_invoke_tool`, a function in a field of every tool, which is wrapped as the tool is made."""

    modules = ("agents.tool",)

    def arm(self, module: Any) -> None:
        made = module.FunctionTool.__post_init__

        def make(self: Any) -> None:
            made(self)
            invoke = self.on_invoke_tool
            if isinstance(invoke, _Asking):  # a copy of a tool
                return
            self.on_invoke_tool = _Asking(self.name, invoke)

        module.FunctionTool.__post_init__ = make


class _Asking:
    def __init__(self, tool: str, invoke: Any) -> None:
        self._tool = tool
        self._invoke = invoke

    async def __call__(self, context: Any, arguments: str) -> Any:
        told = ask_tool(self._tool, arguments, getattr(context, "tool_call_id", None))
        return await self._invoke(context, arguments) if told is RUN else as_text(told)
