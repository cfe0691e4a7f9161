"""Function tools of Pydantic AI."""

from __future__ import annotations

from typing import Any

from agentdbg.replay.asking import RUN, ask_tool


class PydanticAI:
    """`FunctionToolset.call_tool`. Arguments are validated by then, with defaults filled in."""

    modules = ("pydantic_ai.toolsets.function",)

    def arm(self, module: Any) -> None:
        called = module.FunctionToolset.call_tool

        async def call_tool(self: Any, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
            told = ask_tool(name, tool_args, getattr(ctx, "tool_call_id", None))
            return await called(self, name, tool_args, ctx, tool) if told is RUN else told

        module.FunctionToolset.call_tool = call_tool
