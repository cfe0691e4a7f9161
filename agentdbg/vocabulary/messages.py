"""Chat messages of every dialect to the neutral message of model.py.

Understood: OpenAI Chat Completions and Responses items, Anthropic content blocks, Gemini contents, Bedrock Converse
blocks, LangChain (constructor, dict, data and tuple forms), OTel GenAI parts, and plain text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from agentdbg.vocabulary.jsontext import dump, elements, load, parsed

Message = dict[str, Any]
Part = dict[str, Any]

ROLES = {
    "human": "user", "user": "user", "humanmessage": "user", "humanmessagechunk": "user",
    "ai": "assistant", "assistant": "assistant", "model": "assistant", "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "system": "system", "developer": "system", "systemmessage": "system", "systemmessagechunk": "system",
    "tool": "tool", "function": "tool", "toolmessage": "tool", "toolmessagechunk": "tool", "functionmessage": "tool",
    "tool-response": "tool", "tool-call": "assistant", "tool_response": "tool",
    "tool_call": "assistant", "ipython": "tool",
}  # fmt: skip
_KNOWN, _LONGEST = 2_048, 16_384
"""How many messages are remembered, and how many bytes of JSON one of them may be."""
_PLAIN = frozenset(["role", "content", "parts", "name", "finish_reason"])
_NOTHING: dict[str, Any] = {}
MESSAGE_KEYS = frozenset(
    [
        "role",
        "type",
        "content",
        "parts",
        "contents",
        "text",
        "refusal",
        "tool_calls",
        "function_call",
        "additional_kwargs",
        "data",
        "message",
        "kwargs",
        "name",
    ]
)
BODY_KEYS = frozenset(
    ["content", "parts", "contents", "text", "refusal", "tool_calls", "function_call", "tool_call_id"]
)
PART_KEYS = frozenset(["text", "toolUse", "toolResult", "functionCall", "functionResponse"])
TEXT_TYPES = {"text", "input_text", "output_text", "refusal", None}
REASONING_TYPES = {"reasoning", "thinking", "redacted_thinking", "reasoning_content"}
CALL_TYPES = {"tool_call", "tool_use", "tool-call", "function_call", "function", "server_tool_use", "custom_tool_call"}
CALL_KEYS = frozenset(["toolUse", "functionCall", "function_call", "function", "args"])
_SCHEMAS = (
    "parameters", "input_schema", "inputSchema", "parameters_json_schema", "parametersJsonSchema", "json_schema",
)  # fmt: skip
RESULT_TYPES = {
    "tool_call_response",
    "tool_result",
    "tool-result",
    "function_call_output",
    "tool_response",
    "custom_tool_call_output",
}


def messages(value: Any, role: str = "user") -> list[Message] | None:
    """Messages of a value that holds messages: a list, one message, a request object, or text said by `role`. None
    where nothing was recorded. What may as well be something else is for `said`. They are not to be changed."""
    if isinstance(value, str) and (known := _retold(value, role)):
        return known
    value = parsed(value)
    if value is None or value == "" or value == []:
        return None
    if isinstance(value, dict):
        for key in ("messages", "contents", "input"):
            inner = parsed(value.get(key))
            if isinstance(inner, list):
                system = value.get("system") or value.get("system_instruction") or value.get("instructions")
                return join((messages(system, "system") or []) + (messages(inner) or []))
        return [message(value, role)]
    if isinstance(value, list):
        if _is_pair(value):
            return [message(value, role)]
        if len(value) == 1 and isinstance(value[0], list):  # LangChain: a list of conversations
            return messages(value[0], role)
        if value and all(_is_part(item) for item in value):
            return [{"role": role, "parts": [part for item in value for part in parts(item)]}]
        return join([message(item, role) for item in value])
    return [{"role": role, "parts": parts(value)}]


def _retold(text: str, role: str) -> list[Message] | None:
    """Messages of JSON text that is a list of plain messages, each made once however many prompts tell it: every prompt
    of a conversation tells all that was said before. None where the text is anything else."""
    items = elements(text) or ()
    if len(items) < 2:
        return None
    found = [_known(item, role) if len(item) <= _LONGEST else _told(item, role) for item in items]
    return None if None in found else join(found)  # type: ignore[arg-type]


def _told(text: bytes, role: str) -> Message | None:
    try:
        value = load(text)
    except ValueError:
        return None
    return message(value, role) if isinstance(value, dict) and not _is_part(value) else None


_known = lru_cache(maxsize=_KNOWN)(_told)


def said(value: Any, role: str = "user") -> list[Message] | None:
    """Messages of a value that may be anything: messages, a request, or something said by `role` that is text or an
    object of its own (an answer in JSON mode is no message, though it may have a `name`). None where nothing is."""
    found = parsed(value)
    if found is None or found == "" or found == []:
        return None
    if isinstance(found, dict):
        asked = [parsed(found.get(key)) for key in ("messages", "contents", "input")]
        if is_message(found) or any(isinstance(one, list) and one and all(map(_is_turn, one)) for one in asked):
            return messages(found, role)
    elif isinstance(found, list):
        if len(found) == 1 and isinstance(found[0], list):
            return said(found[0], role)
        if all(map(_is_turn, found)) or (isinstance(value, list) and all(map(_is_part, found))):
            return messages(found, role)
    return [{"role": role, "parts": [{"type": "text", "text": value if isinstance(value, str) else dump(value)}]}]


def is_message(value: dict[str, Any]) -> bool:
    """Whether an object is a message, or an item of one, beyond doubt: a known role or type with what belongs to it."""
    role, kind = value.get("role"), _type(value)
    if isinstance(role, str) and role.lower() in ROLES:
        return not BODY_KEYS.isdisjoint(value) or set(value) == {"role"}
    if kind == "constructor":
        return isinstance(value.get("kwargs"), dict)
    if kind in CALL_TYPES:
        return bool({"name", "function", "toolName"} & set(value))
    if kind in RESULT_TYPES:
        return bool({"content", "output", "result", "response"} & set(value))
    if kind is not None and (kind == "message" or kind.lower() in ROLES):
        return "content" in value or isinstance(value.get("data"), dict)
    if isinstance(value.get("message"), dict):
        return is_message(value["message"])
    return isinstance(value.get("parts"), list) and bool(value["parts"]) and all(map(_is_part, value["parts"]))


def message(value: Any, role: str = "user") -> Message:
    """One message of any dialect. `role` is used where the message does not say."""
    value = parsed(value)
    if _is_pair(value):
        return {"role": ROLES.get(str(value[0]).lower(), role), "parts": parts(value[1])}
    if not isinstance(value, dict):
        return {"role": role, "parts": parts(value)}
    kind = None
    if "role" not in value or not value.keys() <= _PLAIN:
        value = _unwrapped(value)
        kind = _type(value)
    if "role" not in value and (kind in CALL_TYPES or kind in REASONING_TYPES):
        return {"role": "assistant", "parts": parts(value)}
    if "role" not in value and kind in RESULT_TYPES:
        return {"role": "tool", "parts": parts(value)}
    if MESSAGE_KEYS.isdisjoint(value) and not _is_part(value):
        return {"role": role, "parts": [{"type": "text", "text": dump(value)}]}  # an object said as it is: JSON mode
    said = value.get("role") or kind
    out: Message = {"role": ROLES.get(str(said).lower(), role), "parts": _body(value)}
    if out["role"] == "tool" and not any(part["type"] in ("tool_result", "tool_call") for part in out["parts"]):
        out["parts"] = [_tool_message(value, out["parts"])]
    elif out["role"] == "user" and out["parts"] and all(part["type"] == "tool_result" for part in out["parts"]):
        out["role"] = "tool"  # Anthropic and Gemini send results under the user's role
    if value.get("name") and out["role"] != "tool":
        out["name"] = str(value["name"])
    if finish := value.get("finish_reason"):
        out["finish_reason"] = str(finish)
    return out


def joined_text(value: Any) -> Any:
    """Text out of content parts that are all text; anything else as it is."""
    found = parts(value) if isinstance(value, list) else []
    if found and all(part["type"] == "text" for part in found):
        return "\n".join(part["text"] for part in found)
    return value


def parts(value: Any) -> list[Part]:
    """Parts of a content value: text, one block, or a list of blocks of any dialect."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    if isinstance(value, list):
        return [part for item in value for part in parts(item)]
    if not isinstance(value, dict):
        return [{"type": "text", "text": str(value)}]
    return _block(value)


def tool_call(name: Any, arguments: Any, call_id: Any) -> Part:
    """A tool call part. Arguments that are JSON text become the value; text that is no JSON stays text."""
    return {
        "type": "tool_call",
        "id": str(call_id) if call_id else None,
        "name": str(name or ""),
        "arguments": parsed(arguments),
    }


def tool_result(value: Any) -> Any:
    """What the tool gave back, out of the message that LangChain wraps it in."""
    wrapped = _tool_answer(value)
    return value if wrapped is None else parsed(wrapped["content"])


def answered_call(value: Any) -> str | None:
    """The id of the tool call that a result answers, where LangChain's message around it tells."""
    wrapped = _tool_answer(value)
    return str(wrapped["tool_call_id"]) if wrapped and wrapped["tool_call_id"] else None


def _tool_answer(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("data") if value.get("type") == "tool" and isinstance(value.get("data"), dict) else value
    inner = inner.get("kwargs") if isinstance(inner, dict) and inner.get("type") == "constructor" else inner
    return inner if isinstance(inner, dict) and {"tool_call_id", "content"} <= inner.keys() else None


def tool_definition(value: Any) -> dict[str, Any] | None:
    """A tool definition of any dialect as {name, description, parameters}; None where there is no name."""
    value = parsed(value)
    if not isinstance(value, dict):
        return {"name": value} if isinstance(value, str) and value else None
    inner = value.get("function") if isinstance(value.get("function"), dict) else value.get("toolSpec") or value
    if not isinstance(inner, dict) or not inner.get("name"):
        return None
    schema: Any = None
    for key in _SCHEMAS:
        if inner.get(key) is not None:
            schema = parsed(inner[key])
            break
    if isinstance(schema, dict) and isinstance(schema.get("json"), dict):
        schema = schema["json"]
    return {"name": str(inner["name"]), "description": inner.get("description"), "parameters": schema}


def tool_definitions(value: Any) -> list[dict[str, Any]] | None:
    """Tool definitions of a recorded list, or None where none is recorded. They are not to be changed."""
    return _known_tools(value) if isinstance(value, str) and len(value) <= _LONGEST else _tools(value)


def _tools(value: Any) -> list[dict[str, Any]] | None:
    value = parsed(value)
    if isinstance(value, dict):
        value = value.get("tools") or [value]
    if not isinstance(value, list):
        return None
    nested = [item for entry in value for item in (_declarations(entry) or [entry])]
    return [tool for tool in map(tool_definition, nested) if tool] or None


_known_tools = lru_cache(maxsize=64)(_tools)  # every call of an agent tells the same ones


def join(items: list[Message]) -> list[Message]:
    """Neighbouring assistant items of one answer as one message: the Responses API tells text and each tool call
    apart."""
    out: list[Message] = []
    for item in items:
        last = out[-1] if out else None
        if (
            last is not None
            and last["role"] == item["role"] == "assistant"
            and set(last) == set(item) == {"role", "parts"}
            and item["parts"]
            and all(part["type"] in ("tool_call", "reasoning") for part in item["parts"])
            and any(part["type"] in ("tool_call", "reasoning") for part in last["parts"])
        ):
            out[-1] = {"role": "assistant", "parts": last["parts"] + item["parts"]}
        else:
            out.append(item)
    return out


def _type(value: dict[str, Any]) -> str | None:
    kind = value.get("type")
    return kind if isinstance(kind, str) else None


def _declarations(entry: Any) -> list[Any] | None:
    found = entry.get("function_declarations") or entry.get("functionDeclarations") if isinstance(entry, dict) else None
    return found if isinstance(found, list) else None


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(isinstance(item, str) for item in value)
        and value[0].lower() in ROLES
    )


def _is_turn(item: Any) -> bool:
    return _is_pair(item) or (isinstance(item, dict) and (is_message(item) or _type(item) in REASONING_TYPES))


def _is_part(item: Any) -> bool:
    if isinstance(item, str):
        return True
    if not isinstance(item, dict) or "role" in item:
        return False
    return (_type(item) in ("text", "output_text", "input_text") and ("text" in item or "content" in item)) or (
        "type" not in item and not PART_KEYS.isdisjoint(item)
    )


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """LangChain's serialised forms as one flat message."""
    if value.get("type") == "constructor" and isinstance(value.get("kwargs"), dict):
        identity = value.get("id")
        name = identity[-1] if isinstance(identity, list) and identity else ""
        return {"type": str(name).lower(), **{k: v for k, v in value["kwargs"].items() if k != "type"}}
    if isinstance(value.get("data"), dict) and "content" in value["data"] and "type" in value:
        return {**value["data"], "type": value["type"]}
    if isinstance(value.get("message"), dict) and "role" not in value:
        inner = _unwrapped(value["message"])
        return {"finish_reason": value["finish_reason"], **inner} if value.get("finish_reason") else inner
    return value


def _body(value: dict[str, Any]) -> list[Part]:
    extra = value.get("additional_kwargs")
    extra = extra if isinstance(extra, dict) else _NOTHING
    out: list[Part] = []
    if reasoning := value.get("reasoning_content") or extra.get("reasoning_content"):
        out.append({"type": "reasoning", "text": str(reasoning)})
    for key in ("parts", "content", "contents", "text", "refusal"):
        content = value.get(key)
        if content not in (None, "", []):
            content = parsed(content) if key == "parts" else content
            out += parts(content)
            break
    calls = value.get("tool_calls") or extra.get("tool_calls")
    listed = parsed(calls) if calls else None
    seen = {part["id"] for part in out if part["type"] == "tool_call" and part["id"]} if listed else set()
    for call in listed if isinstance(listed, list) else ():
        if isinstance(call, dict):
            part = _call_block(call["tool_call"] if isinstance(call.get("tool_call"), dict) else call)
            out += [part] if not part["id"] or part["id"] not in seen else []
    legacy = value.get("function_call")
    if isinstance(legacy, dict) and not calls:
        out.append(tool_call(legacy.get("name"), legacy.get("arguments"), None))
    return out


def _tool_message(value: dict[str, Any], body: list[Part]) -> Part:
    call_id = value.get("tool_call_id") or value.get("call_id") or value.get("id")
    if body and all(part["type"] == "text" for part in body):
        result: Any = "\n".join(part["text"] for part in body)
    else:
        result = value.get("content", value.get("output")) if body or "content" in value else None
    part: Part = {"type": "tool_result", "id": str(call_id) if call_id else None, "result": result}
    if value.get("name"):
        part["name"] = str(value["name"])
    return part


def _block(value: dict[str, Any]) -> list[Part]:
    kind = _type(value)
    if kind == "text" and len(value) == 2 and isinstance(text := value.get("text", value.get("content")), str):
        return [{"type": "text", "text": text}] if text else []  # most blocks there are
    if isinstance(value.get("tool_call"), dict):  # OpenInference's flattening keeps one more level
        return _block(value["tool_call"])
    if kind in RESULT_TYPES or "toolResult" in value or "functionResponse" in value or "function_response" in value:
        return [_result_block(value)]
    if kind in CALL_TYPES or not CALL_KEYS.isdisjoint(value):
        return [_call_block(value)]
    if kind in REASONING_TYPES or value.get("thought") is True or "reasoningContent" in value:
        text = value.get("text") or value.get("thinking") or value.get("content") or value.get("summary") or ""
        if isinstance(text, list):
            text = "\n".join(str(item.get("text", item)) if isinstance(item, dict) else str(item) for item in text)
        return [{"type": "reasoning", "text": str(text)}]
    if kind == "message_content" or "message_content" in value:
        inner = value.get("message_content", {})
        return _block(inner) if isinstance(inner, dict) else parts(inner)
    if kind in TEXT_TYPES:
        for key in ("text", "content", "refusal"):
            if isinstance(value.get(key), str):
                return [{"type": "text", "text": value[key]}] if value[key] else []
    if kind == "message":
        return parts(value.get("content"))
    return [{**value, "type": "media", "media_type": kind}]


def _call_block(value: dict[str, Any]) -> Part:
    inner = value.get("toolUse") or value.get("functionCall") or value.get("function_call") or value.get("function")
    inner = inner if isinstance(inner, dict) else value
    call_id = (
        value.get("call_id") or value.get("id") or value.get("toolCallId") or inner.get("toolUseId") or inner.get("id")
    )
    name = inner.get("name") or value.get("toolName") or value.get("name")
    for key in ("arguments", "args", "input", "parameters"):
        if key in inner:
            return tool_call(name, inner[key], call_id)
    return tool_call(name, value.get("arguments", {}), call_id)


def _result_block(value: dict[str, Any]) -> Part:
    inner = value.get("toolResult") or value.get("functionResponse") or value.get("function_response")
    inner = inner if isinstance(inner, dict) else value
    call_id = (
        value.get("tool_use_id") or value.get("call_id") or value.get("tool_call_id") or value.get("toolCallId")
        or inner.get("toolUseId") or inner.get("id") or value.get("id")
    )  # fmt: skip
    result: Any = None
    for key in ("result", "response", "output", "content"):
        if key in inner:
            result = inner[key]
            break
    if isinstance(result, dict) and set(result) == {"type", "value"}:  # Vercel: {"type": "json", "value": …}
        result = result["value"]
    blocks = parts(result) if isinstance(result, list) and result and all(_is_part(item) for item in result) else None
    if blocks and all(part["type"] == "text" for part in blocks):
        result = "\n".join(part["text"] for part in blocks)
    part: Part = {"type": "tool_result", "id": str(call_id) if call_id else None, "result": result}
    if name := inner.get("name") or value.get("toolName"):
        part["name"] = str(name)
    return part
