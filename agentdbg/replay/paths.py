"""Places in JSON values, as people type them: `messages[-1].parts[0].text`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def steps(path: str) -> list[str]:
    """The names and numbers of a path; a leading `$` says nothing."""
    return [step for step in path.replace("[", ".").replace("]", "").removeprefix("$").split(".") if step]


def pick(value: Any, path: Sequence[str]) -> Any:
    """What stands at a place. LookupError, in words for a person, where there is none."""
    for step in path:
        value = value[_key(value, step)]
    return value


def put(value: Any, path: Sequence[str], new: Any) -> Any:
    """The value with something else at a place; what is there already is left as it is. An object may gain a member,
    nothing else grows. LookupError as for `pick`."""
    if not path:
        return new
    step, *rest = path
    if isinstance(value, dict) and not rest:
        return {**value, step: new}
    key = _key(value, step)
    changed = put(value[key], rest, new)
    if isinstance(value, dict):
        return {**value, key: changed}
    return [*value[:key], changed, *value[key:][1:]]


def _key(value: Any, step: str) -> Any:
    """The step as what the value is asked for it with."""
    if isinstance(value, dict) and step in value:
        return step
    if isinstance(value, list | tuple) and step.lstrip("-").isdecimal() and -len(value) <= int(step) < len(value):
        return int(step)
    if isinstance(value, list | tuple):
        held = f"{len(value)} items"
    else:
        held = ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__
    raise LookupError(f"there is no {step} in {held or 'nothing'}")
