"""What is asked of a model, ready to be compared: layer by layer, in one order, however an API or SDK wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, get_args

from agentdbg.replay.asked import Asked
from agentdbg.replay.call import Message, Part
from agentdbg.replay.difference import Difference, first_difference
from agentdbg.replay.items import Item, items, squeezed, value_of
from agentdbg.replay.tools import WRAPPERS
from agentdbg.replay.volatile import mask
from agentdbg.steps.keys import canonical, key

Layer = Literal["system", "messages", "tools", "model", "parameters"]
Weight = Literal["hard", "soft", "off"]
Weights = Mapping[Layer, Weight]
"""hard: a difference is a divergence. soft: it is told, and the recording served. off: it is not looked at."""

LAYERS: tuple[Layer, ...] = get_args(Layer)


@dataclass(frozen=True, slots=True)
class Question:
    """`keys` are equal where a layer is; `masked` the same with volatile text masked, by the rules in `volatile`.
    Layers that are not recorded have no key."""

    asked: Asked
    said: tuple[Item, ...]
    keys: Mapping[Layer, int]
    masked: Mapping[Layer, int]
    volatile: frozenset[str]

    def key(self, layers: Iterable[Layer]) -> tuple[int | None, ...]:
        return tuple(self.keys.get(layer) for layer in layers)

    def masked_key(self, layers: Iterable[Layer]) -> tuple[int | None, ...]:
        return tuple(self.masked.get(layer) for layer in layers)


def question(asked: Asked) -> Question:
    said = tuple(items(_comparable(asked.messages)))
    plain = {layer: _texts(said, layer, str) for layer in ("system", "messages")}
    used: set[str] = set()

    def masking(text: str) -> str:
        shown, rules = mask(text)
        used.update(rules)
        return shown

    hidden = {layer: _texts(said, layer, masking) for layer in ("system", "messages")}
    keys: dict[Layer, int] = {"system": key(*plain["system"]), "messages": key(*plain["messages"])}
    masked: dict[Layer, int] = {"system": key(*hidden["system"]), "messages": key(*hidden["messages"])}
    if asked.tools is not None:
        keys["tools"] = masked["tools"] = key(canonical(_tools(asked)))
    return Question(asked, said, keys, masked, frozenset(used))


def texts(asked: Question, through: Callable[[str], str]) -> list[str]:
    """All that is said, as it is compared, each piece passed `through` first."""
    return [text for layer in ("system", "messages") for text in _texts(asked.said, layer, through)]


def difference(recorded: Question, live: Question, layer: Layer) -> Difference | None:
    """Where a layer differs first; None where it does not, or is not recorded."""
    if layer in ("system", "messages"):
        return _of_items(_of(recorded.said, layer), _of(live.said, layer))
    if layer == "tools":
        if recorded.asked.tools is None:
            return None
        return first_difference(_tools(recorded.asked), _tools(live.asked), "$.tools")
    if layer == "model":
        old, new = recorded.asked.model, live.asked.model
        return None if not old or not new or _same_model(old, new) else Difference("$.model", old, new)
    told = {name: value for name, value in recorded.asked.parameters.items() if name in live.asked.parameters}
    now = {name: live.asked.parameters[name] for name in told}
    return first_difference(told, now, "$.parameters")


def _comparable(messages: Sequence[Message]) -> list[Message]:
    """Neighbouring messages of the assistant as one, since frameworks cut a turn differently; results out of the
    object that some APIs want around them."""
    out: list[Message] = []
    for message in messages:
        parts = [_bare(part) for part in message["parts"]]
        if out and out[-1]["role"] == message["role"] == "assistant":
            out[-1] = out[-1] | {"parts": out[-1]["parts"] + parts}
        else:
            out.append({**message, "parts": parts})
    return out


def _bare(part: Part) -> Part:
    told = value_of(part.get("result"))
    if part["type"] != "tool_result" or not isinstance(told, dict) or len(told) != 1:
        return part
    ((name, value),) = told.items()
    return {**part, "result": value} if name in (*WRAPPERS, "return_value", "error") else part


def _of(said: Iterable[Item], layer: str) -> list[Item]:
    """The items of a layer, the results of one batch of tools in the order of what they answer."""
    own = [item for item in said if (item.role == "system") == (layer == "system")]
    ordered = [
        sorted(batch, key=lambda item: item.asked) if kind == "tool_result" else list(batch)
        for kind, batch in groupby(own, lambda item: item.kind)
    ]
    return [item for batch in ordered for item in batch]


def _texts(said: Iterable[Item], layer: str, through: Callable[[str], str]) -> list[str]:
    """What the key of a layer is made of. All that the system says is one text, wherever it is said."""
    own = _of(said, layer)
    if layer == "system":
        return [squeezed(through("".join(str(item.value) for item in own)))]
    return [f"{item.role} {item.kind} {item.asked} {squeezed(through(canonical(item.value)))}" for item in own]


def _of_items(before: Sequence[Item], now: Sequence[Item]) -> Difference | None:
    for n in range(max(len(before), len(now))):
        old = before[n] if n < len(before) else None
        new = now[n] if n < len(now) else None
        if old is None or new is None or (old.role, old.kind, old.tool) != (new.role, new.kind, new.tool):
            place = (old or new or before[0]).path
            return Difference(place, _shown(old), _shown(new))
        within = {"text": ".text", "tool_result": ".result", "tool_call": ""}.get(old.kind, "")
        if found := first_difference(old.value, new.value, old.path + within):
            return found
    return None


def _shown(item: Item | None) -> str | None:
    if item is None:
        return None
    told = item.value if isinstance(item.value, str) else canonical(item.value)
    return f"{item.role}: {told}" if item.kind == "text" else f"{item.kind.replace('_', ' ')}: {told}"


def _tools(asked: Asked) -> dict[str, Any]:
    return {tool["name"]: tool.get("parameters") or {} for tool in asked.tools or ()}


def _same_model(a: str, b: str) -> bool:
    """Whether two names are one model: with a provider before it or a date behind it, or without."""
    a, b = (name.rpartition("/")[2].removeprefix("models/") for name in (a, b))
    return a == b or a.startswith(f"{b}-") or b.startswith(f"{a}-")
