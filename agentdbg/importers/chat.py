"""Chat messages in the dialects of OpenAI and Anthropic: an array of them, one a line, or objects such as {"model",
"messages", "tools", "response"}, as requests are logged. The tree is rebuilt from the messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from agentdbg.importers.chat_records import LISTS, listed, rows
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.conversation import Told, Turn
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.plain_names import DURATIONS, PATHS, is_span
from agentdbg.importers.times import MAX_NS, to_ns
from agentdbg.vocabulary.jsontext import dump
from agentdbg.vocabulary.messages import message
from agentdbg.vocabulary.requests import REQUEST
from agentdbg.vocabulary.responses import answers

SCOPE = "chat"
_ANSWERS = ("response", "completion", "output", "answer", "reply")
_RESPONSE = ("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier")
_SYSTEM = ("system", "instructions")
_BODIES = ({"role", "content"}, {"role", "parts"}, {"role", "tool_calls"}, {"lc", "kwargs.content"},
           {"type", "data.content"})  # fmt: skip
_OF_THE_CALL = frozenset({"usage", "finish_reason"})
_MARKS = ("role", "type", "lc")
_NO_IDS = frozenset({"id"})
_AGENTS = frozenset(PATHS["agent"])


class Chat:
    name = "chat"
    rank = 80

    def sniff(self, head: bytes, name: str) -> bool:
        return any(_is_message(shape) or _holds_messages(shape) for shape in shapes(head))

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        return rows(stream, SCOPE, _told, alone=False)


def _is_message(shape: frozenset[str]) -> bool:
    # a message may name its agent and its time; with a trace or span id it is a span that says something
    return any(body <= shape for body in _BODIES) and not is_span(shape - _NO_IDS - _AGENTS)


def _holds_messages(shape: frozenset[str]) -> bool:
    if is_span(shape - _NO_IDS):
        return False
    return any(f"request.{key}" in shape or any(f"{key}.{mark}" in shape for mark in _MARKS) for key in LISTS)


def _told(record: dict[str, Any], turns: list[Turn], line: int) -> Told:
    """A record: the request's fields beside the messages, and the answer where it stands apart."""
    if listed(record) is None:
        record = {**record["request"], **{key: value for key, value in record.items() if key != "request"}}
    found = listed(record)
    beside = {key: value for key, value in record.items() if found is None or key != found[0]}
    for key in _SYSTEM:
        if beside.get(key):
            system = {"role": "system", "content": beside.pop(key)}
            turns = [Turn(system, message(system)), *turns]
    start_ns, end_ns = _times(beside)
    answer = _answer(beside)
    if answer is not None:
        turns = [*turns, answer]
        start_ns = _created(answer.raw) if start_ns is None else start_ns
    one_call = answer is not None or sum(turn.said["role"] == "assistant" for turn in turns) == 1
    sent = REQUEST | _OF_THE_CALL if one_call else REQUEST
    request = {key: value for key, value in beside.items() if key in sent and value is not None}
    return Told(turns, beside, request, start_ns=start_ns, end_ns=end_ns, line=line)


def _answer(beside: dict[str, Any]) -> Turn | None:
    """The answer to the messages of a record, taken out of the fields beside them."""
    key = next((key for key in _ANSWERS if beside.get(key) not in (None, "", [], {})), None)
    raw = beside.get(key) if key else None
    if isinstance(beside.get("choices"), list):
        raw = {name: beside.pop(name) for name in _RESPONSE if name in beside}
    elif key:
        del beside[key]
    error = beside.get("error") or (raw.get("error") if isinstance(raw, dict) else None)
    said = answers(raw) if raw is not None else None
    if error and (not said or (isinstance(raw, dict) and not raw.keys() & {"choices", "content", "output"})):
        text = error.get("message") if isinstance(error, dict) else error
        return Turn(raw, {"role": "assistant", "parts": []}, True, text if isinstance(text, str) else dump(error))
    if not said:
        return None
    # several choices are answers of their own, of which the talk goes on with the first; several items are one answer
    one = said[:1] if isinstance(raw, dict) and "choices" in raw else said
    return Turn(raw, {"role": "assistant", "parts": [part for item in one for part in item["parts"]]}, True)


def _times(beside: dict[str, Any]) -> tuple[int | None, int | None]:
    """When a record says that its request began and was answered."""
    start_ns = next((at for path in PATHS["start"] if (at := to_ns(beside.get(path))) is not None), None)
    end_ns = next((at for path in PATHS["end"] if (at := to_ns(beside.get(path))) is not None), None)
    for path, unit in DURATIONS.items():
        length: Any = beside.get(path)
        if end_ns is None and start_ns is not None and type(length) in (int, float) and 0 <= length < 2**53:
            end_ns = min(start_ns + round(length * unit), MAX_NS)
    return start_ns, end_ns


def _created(response: Any) -> int | None:
    """When a response says that it was begun."""
    return to_ns(response.get("created", response.get("created_at"))) if isinstance(response, dict) else None
