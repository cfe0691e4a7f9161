"""A conversation as a row of items that compare: what stays equal however an API, SDK or instrumentation wrote it
down.

Dropped: ids, reasoning, empty texts, white space, how one turn was cut into messages. Tool results of one batch are
put in a fixed order, and each carries what it answers instead of an id, so that two results of one tool never change
places unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

from agentdbg.replay.call import Message, Part
from agentdbg.steps.keys import canonical, key, opened

ANSWER = "$.answer"
"""Where the path of an item of an answer begins."""
ItemKind = Literal["text", "tool_call", "tool_result", "media"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing said. `key` is equal where what was said is equal; `value` is the thing itself; `path` is where in the
    messages it stands, `place` its number in the order it was said.

    value is a text; for a tool call {name, arguments}; for a tool result the result, JSON inside a string taken out;
    for media the part as recorded. `tool` is the name of the tool called, or of the one a result is from, None where
    nothing tells; `asked` is the same text for a tool call and for its result, "" where there is no telling.
    """

    role: str
    kind: ItemKind
    key: int
    value: Any
    path: str
    tool: str | None = None
    call_id: str | None = None
    asked: str = ""
    name: str | None = None
    place: int = 0


def items(messages: Sequence[Message], start: str = "$.messages") -> list[Item]:
    """Every item of a conversation in order, except that the tool results of one batch stand in the order of their
    keys."""
    asked: list[Part] = []
    out: list[Item] = []
    for n, message in enumerate(messages):
        out += _of_message(message, f"{start}[{n}]", asked)
    out = [replace(item, place=n) for n, item in enumerate(out)]
    return [item for _, batch in groupby(out, lambda item: item.kind) for item in _ordered(list(batch))]


def answer_items(answer: Iterable[Part]) -> list[Item]:
    """The items of a model's answer, as they would stand in the next input."""
    return items([{"role": "assistant", "parts": list(answer)}], ANSWER)


def squeezed(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())


def value_of(told: Any) -> Any:
    """A tool's result or arguments as the value they stand for: JSON inside a string taken out, outer white space
    stripped."""
    if not isinstance(told, str):
        return told
    value = opened(told)
    return value.strip() if isinstance(value, str) else value


def scalars(value: Any) -> list[str]:
    """The texts and numbers in a JSON value, as text, in order; what has no spelling common to all notations is left
    out."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [text for one in inner for text in scalars(one)]
    if value is None or isinstance(value, bool):
        return []
    return [str(value)]


def _of_message(message: Message, path: str, asked: list[Part]) -> list[Item]:
    role, name = str(message["role"]), message.get("name")
    out: list[Item] = []
    texts = [(n, part["text"]) for n, part in enumerate(message["parts"]) if part["type"] == "text"]
    text = "".join(piece for _, piece in texts)
    for n, part in enumerate(message["parts"]):
        here, kind = f"{path}.parts[{n}]", part["type"]
        if kind == "text":
            if n == texts[0][0] and text.strip():
                same = key(role, kind, squeezed(text))
                out.append(Item(role, kind, same, text.strip(), here, name=name))
        elif kind == "tool_call":
            asked.append(part)
            value = {"name": part["name"], "arguments": value_of(part["arguments"]) or {}}
            of = canonical([value["name"], value["arguments"]])
            same = key("assistant", kind, of)
            out.append(Item("assistant", kind, same, value, here, part["name"], part.get("id"), of, name))
        elif kind == "tool_result":
            out.append(_result(part, here, asked))
        elif kind == "media":
            out.append(Item(role, kind, key(role, kind, canonical(part)), part, here, name=name))
    return out


def _result(part: Part, path: str, asked: list[Part]) -> Item:
    call = _call_of(part, asked)
    value = value_of(part["result"])
    of = canonical([call["name"], value_of(call["arguments"]) or {}]) if call else ""
    told = squeezed(value) if isinstance(value, str) else canonical(value)
    same, tool = key("tool", "tool_result", of, told), call["name"] if call else part.get("name")
    return Item("tool", "tool_result", same, value, path, tool, part.get("id"), of)


def _call_of(result: Part, asked: list[Part]) -> Part | None:
    """The call that a result answers: by id; where the API has none, the first unanswered one of that tool."""
    found = next((call for call in asked if result.get("id") and call.get("id") == result["id"]), None)
    if found is None:
        wanted = result.get("name")
        found = next((c for c in asked if not (c.get("id") and result.get("id")) and wanted in (None, c["name"])), None)
    if found is not None:
        asked.remove(found)
    return found


def _ordered(batch: list[Item]) -> list[Item]:
    return sorted(batch, key=lambda item: item.key) if batch[0].kind == "tool_result" else batch
