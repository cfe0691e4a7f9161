"""What a model is asked, in one neutral form: of a recorded call as of a request that just came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentdbg.replay.call import Call, Message
from agentdbg.vocabulary.messages import messages, tool_definitions

_SPELLINGS = {
    "max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "maxOutputTokens": "max_tokens",
    "topP": "top_p", "topK": "top_k", "stop_sequences": "stop", "stopSequences": "stop",
    "frequencyPenalty": "frequency_penalty", "presencePenalty": "presence_penalty",
}  # fmt: skip
_COMPARED = frozenset(
    ["temperature", "top_p", "top_k", "max_tokens", "seed", "stop", "frequency_penalty", "presence_penalty"]
)


@dataclass(frozen=True, slots=True)
class Asked:
    """`messages` with system messages in their places. None is "not recorded"; a request that came in records
    everything. `stream`: whether the answer is wanted in events."""

    model: str | None
    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] | None
    parameters: Mapping[str, Any]
    stream: bool = False


def recorded(call: Call) -> Asked:
    """What a recorded call asked."""
    return Asked(call.model, call.messages or (), call.tools, _parameters(call.parameters or {}))


def received(
    body: Mapping[str, Any], system: Any, conversation: Any, stream: bool, model: str | None = None, **more: Any
) -> Asked:
    """What a request asks; `more` are parameters that do not stand at the top of its body."""
    said = (messages(system, "system") or []) + (messages(conversation) or [])
    tools = tool_definitions(body.get("tools")) or []
    told = model or str(body.get("model") or "") or None
    return Asked(told, tuple(said), tuple(tools), _parameters({**body, **more}), stream)


def _parameters(told: Mapping[str, Any]) -> dict[str, Any]:
    """Those that every source spells in some known way: whatever else is recorded may be the instrumentation's own."""
    named = {_SPELLINGS.get(name, name): value for name, value in told.items() if value is not None}
    return {name: value for name, value in sorted(named.items()) if name in _COMPARED}
