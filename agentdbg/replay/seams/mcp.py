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
            result = {"content": [{"type": "text", "text": as_text(told)}]}
            structured = {"structuredContent": told} if isinstance(told, dict) else {}
            return import_module("mcp.types").CallToolResult.model_validate({**result, **structured})

        module.ClientSession.call_tool = call_tool
