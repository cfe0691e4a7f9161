"""Tools that hand over to the agent an argument names: ADK's `transfer_to_agent`, Strands' `handoff_to_agent`."""

from __future__ import annotations

from typing import Any

from agentdbg.vocabulary.fields import first
from agentdbg.vocabulary.jsontext import parsed_object

TOOLS = frozenset({"transfer_to_agent", "handoff_to_agent", "hand_off_to_agent"})
_NAMED = ("agent_name", "to_agent", "target_agent", "agent")


def destination(tool: str | None, arguments: Any) -> str | None:
    """The agent that such a tool was asked for; None where it is another tool or its arguments are not recorded."""
    told = first(parsed_object(arguments), _NAMED) if tool in TOOLS else None
    return told if isinstance(told, str) and told else None
