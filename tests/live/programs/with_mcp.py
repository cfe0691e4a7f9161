"""A loop over the plain SDK whose tool is on an MCP server."""

import asyncio
import json
import os

import recording
from mcp.client.client import Client
from mcp.server.mcpserver import MCPServer
from openai import OpenAI

tracer = recording.tracer()
server = MCPServer("orders")
model = OpenAI(base_url=os.environ["MODEL"])


@server.tool()
def search(q: str) -> str:
    """Find orders."""
    print("ran search")
    return "[7]"


async def main():
    async with Client(server) as session:
        tools = [
            {"type": "function", "function": {"name": tool.name, "parameters": tool.input_schema}}
            for tool in (await session.list_tools()).tools
        ]
        said = [
            {"role": "system", "content": os.environ.get("PROMPT", "You plan.")},
            {"role": "user", "content": "Price the order."},
        ]
        while True:
            answer = model.chat.completions.create(model="gpt-4o-mini", messages=said, tools=tools).choices[0].message
            if not answer.tool_calls:
                return print(answer.content)
            said.append(answer.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True))
            for call in answer.tool_calls:
                result = await session.call_tool(call.function.name, json.loads(call.function.arguments))
                said.append({"role": "tool", "tool_call_id": call.id, "content": result.content[0].text})


with tracer.start_as_current_span("run"):
    asyncio.run(main())
