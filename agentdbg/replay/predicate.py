"""What to look for in answers, as people type it: `tool==refund_order`, `arguments.order_id!=5`, `text~=sorry`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentdbg.errors import AgentdbgError
from agentdbg.replay.call import Part
from agentdbg.replay.items import value_of
from agentdbg.replay.paths import pick, steps
from agentdbg.steps.keys import canonical

_TERM = re.compile(r"(tool|text|arguments(?:[.\[].*?)?)\s*(==|!=|~=)\s*(.*)", re.S)
_SHAPE = "FIELD==VALUE, FIELD!=VALUE or FIELD~=REGEX; a field is tool, text or arguments.NAME"


@dataclass(frozen=True, slots=True)
class Predicate:
    """All of its terms hold of an answer that is meant. `words` is how it was typed."""

    words: str
    terms: tuple[Callable[[Sequence[Part]], bool], ...]

    def holds(self, answer: Sequence[Part]) -> bool:
        return all(term(answer) for term in self.terms)


def predicate(told: Sequence[str]) -> Predicate:
    """AgentdbgError for what is none."""
    return Predicate(" and ".join(told), tuple(map(_term, told)))


def _term(told: str) -> Callable[[Sequence[Part]], bool]:
    found = _TERM.fullmatch(told.strip())
    if found is None:
        raise AgentdbgError(f"--predicate {told} says nothing of an answer", _SHAPE)
    name, sign, value = found.groups()
    is_meant = _meant(told, sign, value)

    def holds(answer: Sequence[Part]) -> bool:
        met = any(is_meant(one) for one in _of(answer, name))
        return not met if sign == "!=" else met

    return holds


def _meant(told: str, sign: str, value: str) -> Callable[[Any], bool]:
    if sign == "~=":
        try:
            pattern = re.compile(value, re.I)
        except re.error as problem:
            raise AgentdbgError(f"--predicate {told} is no regular expression: {problem}", _SHAPE) from problem
        return lambda one: (
            pattern.search(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) is not None
        )
    wanted = {canonical(value_of(value)), canonical(_as_json(value))}
    return lambda one: canonical(one) in wanted or (isinstance(one, str) and one == value)


def _as_json(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _of(answer: Sequence[Part], name: str) -> list[Any]:
    """Every value that a field has in an answer; an answer without tools has the tool "" (`tool==`)."""
    if name == "text":
        return ["".join(part["text"] for part in answer if part["type"] == "text").strip()]
    calls = [part for part in answer if part["type"] == "tool_call"]
    if name == "tool":
        return [part["name"] for part in calls] or [""]
    out = []
    for part in calls:
        try:
            out.append(pick(value_of(part["arguments"]) or {}, steps(name)[1:]))
        except LookupError:
            continue
    return out
