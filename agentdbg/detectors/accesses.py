"""Reads and writes of something that several agents share, as the names and arguments of tools and state spans tell."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentdbg.model import Reader

_READS = frozenset(["read", "get", "fetch", "load", "retrieve", "query", "select", "lookup"])
_WRITES = frozenset(["write", "set", "put", "update", "save", "store", "overwrite", "replace"])
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GUARD = re.compile(
    r"(?:^|_)(?:version|etag|revision|rev|if_?match|expected\w*|compare\w*|cas|lock\w*|token)(?:$|_)", re.I
)
_MODES = frozenset(["mode", "op", "operation", "method", "action", "how"])
_GROWING = frozenset(
    [
        "log",
        "logs",
        "history",
        "journal",
        "events",
        "inbox",
        "queue",
        "messages",
        "feed",
        "chat",
        "comments",
        "notes",
        "note",
    ]
)
_CANDIDATES = f"""
    SELECT trace_id FROM spans
    WHERE kind IN ('tool', 'state') AND regexp_matches(lower(coalesce(tool, name)), '{"|".join(sorted(_WRITES))}')
    GROUP BY trace_id HAVING count(DISTINCT agent) > 1
"""
_SPANS = f"""
    SELECT trace_id, span_id, agent, coalesce(tool, name), input, output, status, start_ns, end_ns FROM spans
    WHERE kind IN ('tool', 'state') AND agent IS NOT NULL AND start_ns IS NOT NULL AND trace_id IN ({_CANDIDATES})
    ORDER BY trace_id, start_ns, span_id
"""


@dataclass(frozen=True, slots=True)
class Access:
    """One read or write. thing: what of, in the words of the tool's name; arguments: None where they are not recorded.

    guarded: it says which version it means, so that whoever keeps the state can refuse it.
    """

    trace_id: str
    span_id: str
    agent: str
    verb: Literal["read", "write"]
    thing: tuple[str, ...]
    arguments: dict[str, Any] | None
    result: str | None
    ok: bool
    start_ns: int
    end_ns: int

    @property
    def guarded(self) -> bool:
        return any(_GUARD.search(name) for name in self.arguments or ())

    @property
    def adds(self) -> bool:
        """What is written is added to what is there: to a log, or in a mode that says so."""
        modes = (str(value).lower() for name, value in (self.arguments or {}).items() if name in _MODES)
        return not _GROWING.isdisjoint(self.thing) or any(mode.startswith(("append", "add", "a+")) for mode in modes)


def accesses(reader: Reader) -> list[Access]:
    """Those of traces in which several agents work and something is written, by trace and time."""
    return [one for row in reader.rows(_SPANS) if (one := _access(row)) is not None]


def written(write: Access, read: Access) -> dict[str, Any]:
    """The fields that a write puts where a read looks: its arguments without those that say where. Empty where the two
    are not about the same place, or do not tell which place they are about."""
    if write.thing != read.thing or write.arguments is None:
        return {}
    place = read.arguments or {}
    if not place and (len(write.arguments) != 1 or not write.thing):
        return {}  # what a read of everything and a write of several fields have in common is not told
    if any(name not in write.arguments or write.arguments[name] != value for name, value in place.items()):
        return {}
    return {name: value for name, value in write.arguments.items() if name not in place}


def _access(row: Sequence[Any]) -> Access | None:
    trace_id, span_id, agent, name, given, result, status, start_ns, end_ns = row
    words = [word.lower() for word in _WORDS.findall(name or "")]
    at = next((i for i, word in enumerate(words) if word in _READS | _WRITES), None)
    if at is None or end_ns is None:
        return None
    return Access(
        trace_id,
        span_id,
        agent,
        "read" if words[at] in _READS else "write",
        tuple(words[:at] + words[at + 1 :]),
        _arguments(given),
        result,
        status != "error",
        start_ns,
        max(start_ns, end_ns),
    )


def _arguments(given: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(given) if given else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
