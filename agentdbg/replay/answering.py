"""What the wire forms share: the recorded answer of a call as the pieces that every provider's response is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from agentdbg.replay.call import Call, Message, Part

Event = tuple[str | None, Any]
"""A server-sent event: its name, None where the API gives none, and its data, a JSON value or a bare word."""

PIECE = 24
"""Characters of a text or of arguments in one event of a stream: enough that a client must put pieces together."""
_FINISHES = {
    "stop": "stop", "end_turn": "stop", "stop_sequence": "stop", "completed": "stop", "end": "stop",
    "tool_calls": "tool_calls", "tool_call": "tool_calls", "tool_use": "tool_calls", "function_call": "tool_calls",
    "length": "length", "max_tokens": "length", "max_output_tokens": "length", "incomplete": "length",
    "content_filter": "refused", "refusal": "refused", "safety": "refused", "prohibited_content": "refused",
}  # fmt: skip


def finish_of(call: Call) -> str:
    """Why the answer ended: stop, tool_calls, length or refused. Instrumentations record `stop` also where tools were
    asked for, so that what the answer holds decides."""
    told = _FINISHES.get((call.finish or "stop").lower().replace("-", "_"), "stop")
    return "tool_calls" if told == "stop" and call.tool_calls else told


def text_of(call: Call) -> str:
    return "".join(part["text"] for part in call.answer or () if part["type"] == "text")


def said(call: Call) -> Iterator[tuple[int, Part]]:
    """The parts of the answer with their numbers, all texts in one, in the place of the first. An answer that is not
    recorded or empty has none."""
    texts = False
    for n, part in enumerate(call.answer or ()):
        if part["type"] == "text":
            if not texts and text_of(call):
                yield n, {"type": "text", "text": text_of(call)}
            texts = True
        elif part["type"] in ("reasoning", "tool_call"):
            yield n, part


def tool_call_id(call: Call, n: int, part: Part) -> str:
    """The recorded id verbatim, by which a program's next request and its tools are known; one of ours where the API
    gives none."""
    return part.get("id") or f"call_{call.span_id}_{n}"


def arguments_text(part: Part) -> str:
    """Arguments as JSON text. Those that were no JSON are the text that they were."""
    told = part["arguments"]
    return told if isinstance(told, str) else json.dumps({} if told is None else told, ensure_ascii=False)


def arguments_object(part: Part) -> Any:
    """Arguments as an object, for APIs that know nothing else."""
    told = part["arguments"]
    return told if isinstance(told, dict) else {} if told is None else {"arguments": told}


def result_text(part: Part) -> str:
    """A tool's result as the text that a model is sent."""
    told = part["result"]
    return told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)


def pieces(text: str) -> list[str]:
    return [text[n : n + PIECE] for n in range(0, len(text), PIECE)]


def created(call: Call) -> int:
    """Seconds: when the call was recorded, so that a replay gives the same bytes each time."""
    return (call.start_ns or 0) // 1_000_000_000


def tokens(call: Call) -> tuple[int, int, int, int]:
    """(input, output, cached, reasoning), 0 for what is not recorded."""
    counts = (call.input_tokens, call.output_tokens, call.cached_tokens, call.reasoning_tokens)
    given, told, cached, reasoning = (count or 0 for count in counts)
    return given, told, cached, reasoning


def system_text(call: Call) -> str:
    return "\n\n".join(call.system)


def spoken(messages: Sequence[Message] | None) -> Iterator[tuple[str, list[Part]]]:
    """(role, parts) of every message but the system's, without reasoning: providers take none but signed one."""
    for message in messages or ():
        parts = [part for part in message["parts"] if part["type"] != "reasoning"]
        if message["role"] != "system" and parts:
            yield message["role"], parts


def results_by_call(messages: Sequence[Message] | None) -> dict[str, str]:
    """Tool call id: tool, for APIs that name the tool of a result."""
    parts = [part for message in messages or () for part in message["parts"] if part["type"] == "tool_call"]
    return {part["id"]: part["name"] for part in parts if part.get("id")}


def as_recorded(part: Part) -> dict[str, Any]:
    """A picture or file in the block that it was recorded in."""
    return {key: value for key, value in part.items() if key != "media_type"} | {"type": part.get("media_type")}


def sent_parameters(call: Call, known: dict[str, str]) -> dict[str, Any]:
    """The recorded parameters that an API knows, by the name that it has there."""
    told = call.parameters or {}
    return {known[name]: value for name, value in told.items() if name in known and value is not None}


def openai_error(kind: str, message: str) -> dict[str, Any]:
    """The body of an error, as both APIs of OpenAI write it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": kind}}
