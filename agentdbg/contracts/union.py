"""Unions: messages of several kinds on one edge, told apart by a field such as `status`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from agentdbg.contracts.paths import repeats
from agentdbg.contracts.profile import Profile

_MAX_VALUES = 5
_TELLS_KINDS_APART = re.compile(
    r"(?:.*_)?(?:status|state|type|kind|outcome|ok|success|succeeded|failed|found|verdict|action|event|decision|mode"
    r"|phase|stage|intent|op|operation|variant|result_type|next)\Z"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Present = frozenset[str]


def split(messages: Sequence[Profile]) -> list[list[int]]:
    """Places of messages of one kind each; one group with all where nothing tells kinds apart.

    A field does, if it has two to five values, at least two of them with other fields around it, and either is named
    like one (`status`, `event_type`), or has every value at least twice and in turn: a field that takes a new value as
    the messages change for good tells versions apart, not kinds. Messages without the field go with the largest kind.
    """
    for path in _candidates(messages):
        groups: dict[str, list[int]] = defaultdict(list)
        rest: list[int] = []
        for i, message in enumerate(messages):
            value = _value(message, path)
            (rest if value is None else groups[value]).append(i)
        if 2 <= len(groups) <= _MAX_VALUES and _tells(path, list(groups.values()), messages):
            ordered = sorted(groups.values(), key=lambda places: (-len(places), places))
            ordered[0] = sorted([*ordered[0], *rest])
            return ordered
    return [list(range(len(messages)))]


def _candidates(messages: Sequence[Profile]) -> list[str]:
    """Paths of single words and flags; those with a telling name first, then the ones near the root."""
    paths = {
        path
        for message in messages
        for path, f in message.fields.items()
        if not repeats(path) and f.parent and set(f.types) <= {"string", "boolean"}
    }
    return sorted(paths, key=lambda p: (not _is_named(p), p.count("."), p))


def _is_named(path: str) -> bool:
    return bool(_TELLS_KINDS_APART.match(_CAMEL.sub("_", path.rpartition(".")[2]).lower()))


def _value(message: Profile, path: str) -> str | None:
    f = message.fields.get(path)
    if f is None or f.seen != 1:
        return None
    if f.types["boolean"]:
        return f.examples["boolean"].text
    return next(iter(f.values)) if f.types["string"] and f.values else None


def _tells(path: str, groups: list[list[int]], messages: Sequence[Profile]) -> bool:
    kinds = [[_present(messages[i]) for i in group] for group in groups]
    commonest = {max(sorted(kind, key=sorted), key=kind.count) for kind in kinds}
    if len(commonest) < 2:
        return False
    if _is_named(path):
        return True
    spread = sorted((group[0], group[-1]) for group in groups)
    in_turn = any(later < earlier for (_, earlier), (later, _) in pairwise(spread))
    return in_turn and all(len(group) > 1 for group in groups) and all(len(set(kind)) == 1 for kind in kinds)


def _present(message: Profile) -> Present:
    """The fields that hold something: null is as good as absent."""
    return frozenset(p for p, f in message.fields.items() if not repeats(p) and set(f.types) != {"null"})
