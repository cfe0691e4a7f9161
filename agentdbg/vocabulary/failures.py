"""Exceptions as they stand in traces: type, message, and which of them are control flow and no failure."""

from __future__ import annotations

import re

from agentdbg.vocabulary.jsontext import literal

# Raised to steer: a LangGraph handoff or interrupt, a deferred or approval-bound tool.
CONTROL_FLOW = frozenset(
    [
        "ParentCommand",
        "GraphInterrupt",
        "NodeInterrupt",
        "GraphBubbleUp",
        "GraphDelegate",
        "Interrupt",
        "CallDeferred",
        "ApprovalRequired",
        "ToolApprovalRequired",
        "HandoffException",
        "AgentFinish",
    ]
)
_REPR = re.compile(r"^\s*((?:[A-Za-z_]\w*\.)*[A-Z]\w*)\((.*)\)\s*$", re.S)
_ENDINGS = "Error|Exception|Exit|Interrupt|Warning|Command|Timeout|Cancelled|Exceeded|Failure|Fault"
_COLON = re.compile(rf"^\s*((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:{_ENDINGS}))\s*:\s+(.*)$", re.S)
_TRACEBACK = re.compile(r"\n?\s*Traceback \(most recent call last\):")
_NAME = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)$")


def class_name(error_type: str) -> str:
    """`langgraph.errors.ParentCommand` is `ParentCommand`; what is no dotted name stays as it is."""
    found = _NAME.match(error_type.strip())
    return found[1] if found else error_type.strip()


def split(text: str) -> tuple[str | None, str]:
    """(type, message) of an error text: `Type(message)` as repr() writes it, `Type: message`, an object with a message
    (openai-agents'), or only a message. A traceback that follows is cut; the span's attributes keep it."""
    head = _TRACEBACK.split(text, maxsplit=1)[0].strip() or text.strip()
    told = literal(head)
    if isinstance(told, dict) and isinstance(told.get("message"), str):
        return None, told["message"]
    if (found := _REPR.match(head)) and _is_closed(found[2]):
        inner = found[2].strip()
        if len(inner) > 1 and inner[0] in "'\"" and inner[0] == inner[-1]:
            inner = inner[1:-1]
        return class_name(found[1]), inner
    if found := _COLON.match(head):
        return class_name(found[1]), found[2].strip()
    return None, head


def _is_closed(arguments: str) -> bool:
    """Whether the parenthesis that opened before `arguments` is the one that closes after it."""
    depth = 0
    for character in arguments:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return True


def control_flow(error_type: str | None) -> str | None:
    """The class name when it is a control-flow exception, else None."""
    if not error_type:
        return None
    name = class_name(error_type)
    return name if name in CONTROL_FLOW else None
