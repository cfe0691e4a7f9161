"""Tools of MCP servers, whatever framework asks for them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from agentdbg.replay.asking import RUN, as_text, ask_tool


class Mcp:
    """`ClientSession.call_tool`. The server itself is started and lists its tools as ever."""

    modules = ("mcp.client.session",)

    def arm(self, module: Any) -> None:
        called = module.ClientSession.call_tool

        async def call_tool(self: Any, name: str, arguments: Any = None, *args: Any, **kwargs: Any) -> Any:
            told = ask_tool(name, arguments or {})
            if told is RUN:
                return await called(self, name, arguments, *args, **kwargs)
            types = import_module("mcp.types")
            content = [types.TextContent(type="text", text=as_text(told))]
            return types.CallToolResult(content=content, structuredContent=told if isinstance(told, dict) else None)

        module.ClientSession.call_tool = call_tool
