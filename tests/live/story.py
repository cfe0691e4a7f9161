"""The story that every library tells: the planner looks a price up with a tool and answers; the last question is refused."""

from __future__ import annotations

from typing import Any

from tests.live.servers import DATED, MODEL, Reply

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Find orders.",
            "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
        },
    }
]
TASK: list[Any] = [{"role": "system", "content": "You plan."}, {"role": "user", "content": "Price the order."}]
ANSWERED: list[Any] = [
    *TASK,
    {
        "role": "assistant",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": '{"q": "order"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "[7]"},
]
SCRIPT = (
    Reply(tool="search", arguments={"q": "order"}, tokens=(11, 3)),
    Reply("It costs 7.", tokens=(20, 4)),
    Reply(status=429),
)

CALLS = [
    f"planner {DATED} 11 3 ok",
    f"planner {DATED} 20 4 ok",
    f"planner {MODEL} None None error",
]
SAID = [
    'system: You plan., user: Price the order. -> assistant: search({"q": "order"})',
    'system: You plan., user: Price the order., assistant: search({"q": "order"}), tool: [7] -> assistant: It costs 7.',
    "system: You plan., user: Price the order. -> None",
]


def ask(client: Any, messages: list[Any], stream: bool) -> None:
    """One question to the model, read to its end."""
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, tools=TOOLS, temperature=0.2, seed=7, **more
    )
    if stream:
        for _ in answer:
            pass
