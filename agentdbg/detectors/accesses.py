"""Reads and writes of something that several agents share.

Recorded facts first: `state.*` attributes, database spans, what the parallel nodes of a graph were given and gave back.
The names and arguments of tools are the last and weakest evidence; they count where a span records none of these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agentdbg.detectors import database, recorded
from agentdbg.detectors.later import Later
from agentdbg.detectors.recorded import facts
from agentdbg.model import Reader

Verb = Literal["read", "write", "append"]
Basis = Literal["recorded", "node", "name"]

_READS = frozenset(["read", "get", "fetch", "load", "retrieve", "query", "select", "lookup"])
_WRITES = frozenset(["write", "set", "put", "update", "save", "store", "overwrite", "replace"])
_APPENDS = frozenset(["append", "add", "push", "extend", "insert", "increment", "incr", "merge", "reduce"])
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GUARD = re.compile(
    r"(?:^|_)(?:version|etag|revision|rev|if_?match|expected\w*|compare\w*|cas|lock\w*|token)(?:$|_)", re.I
)
_MODES = frozenset(["mode", "op", "operation", "method", "action", "how"])
_GROWING_WORDS = "log logs history journal events inbox queue messages feed chat comments notes note"
_GROWING = frozenset(_GROWING_WORDS.split())
LARGE = 100_000
"""Bytes of a node's output from which it is looked at although no other node ran beside it."""
WHOLE = "value"
"""The field of a write that replaces all there is."""

_NAMED = f"kind IN ('tool', 'state') AND regexp_matches(lower(coalesce(tool, name)), '{'|'.join(sorted(_WRITES))}')"
_SIGNS = ("state.key", "db.query.text", "db.statement")
_TOLD = f"kind <> 'llm' AND ({' OR '.join(f'contains(attributes, {sign!r})' for sign in _SIGNS)})"
_COLUMNS = """trace_id, span_id, agent, turn_id, coalesce(tool, name), kind, input, output, status, error_type,
    start_ns, end_ns, CASE WHEN kind <> 'llm' THEN attributes END"""
_SPANS = f"""
    SELECT {_COLUMNS} FROM spans
    WHERE start_ns IS NOT NULL AND (({_TOLD}) OR kind IN ('tool', 'state') AND agent IS NOT NULL AND trace_id IN (
        SELECT trace_id FROM spans WHERE {_NAMED} GROUP BY trace_id HAVING count(DISTINCT agent) > 1))
    ORDER BY trace_id, start_ns, span_id
"""
_NODES = f"""
    SELECT s.trace_id, s.span_id, s.parent_id, s.agent, s.turn_id, s.input, s.output, s.status, s.start_ns, s.end_ns,
           p.name, p.output, p.end_ns
    FROM spans s LEFT JOIN spans p ON p.trace_id = s.trace_id AND p.span_id = s.parent_id
    WHERE s.graph_step IS NOT NULL AND s.kind IN ('agent', 'other', 'workflow') AND s.start_ns IS NOT NULL
        AND s.end_ns IS NOT NULL AND s.agent IS NOT NULL AND p.graph_step IS DISTINCT FROM s.graph_step
        AND s.input LIKE '{{%' AND s.output LIKE '{{%'
        AND s.trace_id IN (SELECT trace_id FROM spans WHERE graph_step IS NOT NULL AND kind IN ('agent', 'other')
                           GROUP BY trace_id, graph_step
                           HAVING count(DISTINCT agent) > 1 OR max(length(output)) > {LARGE})
    ORDER BY s.trace_id, s.start_ns, s.span_id
"""


@dataclass(frozen=True, slots=True)
class Access:
    """One read or write. thing: what of: a recorded key, or the words of the tool's name. basis: what tells.

    agent: empty where nobody is named. arguments: what was given; None where that is not recorded. result: what came
    back, JSON text. fields: what was written, by field (`WHOLE` for all there is); empty where it is not recorded.
    version, before: as recorded. guarded: it says which version it means, so that whoever keeps the state can refuse
    it. within: the span of the graph that keeps the state, of a node's. size: bytes, where a span tells them
    (`state.size`).
    """

    trace_id: str
    span_id: str
    agent: str
    turn_id: str | None
    verb: Verb
    thing: tuple[str, ...]
    basis: Basis
    arguments: dict[str, Any] | None
    result: str | None
    ok: bool
    error_type: str | None
    start_ns: int
    end_ns: int
    fields: dict[str, Any] = field(default_factory=dict)
    version: str | None = None
    before: Any = None
    guarded: bool = False
    within: str | None = None
    size: int | None = None

    @property
    def place(self) -> tuple[str, str, str, tuple[str, ...]]:
        """What accesses of one thing share."""
        return self.trace_id, self.basis, self.within or "", self.thing

    @property
    def adds(self) -> bool:
        """What is written is added to what is there: to a log, or in a mode that says so."""
        if self.basis != "name":
            return self.verb == "append"
        modes = (str(value).lower() for name, value in (self.arguments or {}).items() if name in _MODES)
        return not _GROWING.isdisjoint(self.thing) or any(mode.startswith(("append", "add", "a+")) for mode in modes)


def accesses(reader: Reader) -> list[Access]:
    """Those that are recorded, and those that names tell of where several agents work, by trace and time."""
    return reader.once(_accesses)


def _accesses(reader: Reader) -> list[Access]:
    told = [one for row in reader.rows(_SPANS) if (one := _recorded(row) or _named(row)) is not None]
    inside = Later(((one.trace_id, one.agent), one.start_ns, one) for one in told if one.basis == "recorded")
    own = [one for one in told if one.basis != "name" or not _wraps(one, inside)]
    nodes = reader.rows(_NODES)
    found = [*own, *(one for row in nodes for one in _of_node(row)), *_of_graphs(nodes)]
    return sorted(found, key=lambda one: (one.trace_id, one.start_ns, one.span_id, one.thing, one.verb))


def _wraps(named: Access, inside: Later[Access]) -> bool:
    """Whether a recorded access was made while this tool ran: then that one tells what it did."""
    return any(one.end_ns <= named.end_ns for one in inside.after((named.trace_id, named.agent), named.start_ns, 1))


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


def _recorded(row: Sequence[Any]) -> Access | None:
    if not any(sign in (row[12] or "") for sign in _SIGNS):
        return None
    told = facts(row[12])
    return _of_state(row, told) or _of_database(row, told)


def _of_state(row: Sequence[Any], told: Mapping[str, Any]) -> Access | None:
    """`state.key`, `state.op`, and what else is told of it. Without an op, a state before and after is a write."""
    key = told.get("state.key")
    op = str(told.get("state.op") or ("write" if "state.after" in told else "")).lower()
    verb: Verb | None = (
        "read" if op in _READS else "append" if op in _APPENDS else "write" if op in _WRITES | {"delete"} else None
    )
    if key is None or verb is None:
        return None
    version, size = told.get("state.version"), told.get("state.size")
    now = recorded.first(told, ("state.value", "state.after"))
    if now is None:
        now = row[7] if verb == "read" else row[6] if row[5] != "tool" else None
    return _access(
        row,
        verb,
        str(key),
        None if now is None else {WHOLE: recorded.value(now)},
        None if version is None else str(version),
        recorded.value(told.get("state.before")),
        size=size if isinstance(size, int) else None,
    )


def _of_database(row: Sequence[Any], told: Mapping[str, Any]) -> Access | None:
    query = database.query(told)
    if query is None:
        return None
    put = query.value
    if query.verb == "read":
        put = [] if str(told.get("db.response.returned_rows")) == "0" else recorded.value(row[7])
    fields = put if query.columns and isinstance(put, dict) else {WHOLE: put}
    return _access(row, query.verb, query.key, None if put is None else fields, guarded=query.guarded)


def _access(
    row: Sequence[Any],
    verb: Verb,
    key: str,
    fields: dict[str, Any] | None,
    version: str | None = None,
    before: Any = None,
    guarded: bool = False,
    size: int | None = None,
) -> Access:
    trace_id, span_id, agent, turn_id, _, _, _, output, status, error_type, start_ns, end_ns, _ = row
    end_ns = start_ns if end_ns is None else max(start_ns, end_ns)
    return Access(
        trace_id, span_id, agent or "", turn_id, verb, (key,), "recorded", None, output, status != "error",
        error_type, start_ns, end_ns, fields or {}, version, before, guarded, size=size,
    )  # fmt: skip


def _named(row: Sequence[Any]) -> Access | None:
    trace_id, span_id, agent, turn_id, name, kind, given, result, status, error_type, start_ns, end_ns, _ = row
    words = [word.lower() for word in _WORDS.findall(name or "")]
    at = next((i for i, word in enumerate(words) if word in _READS | _WRITES), None)
    if at is None or end_ns is None or agent is None or kind not in ("tool", "state"):
        return None
    arguments = _object(given)
    return Access(
        trace_id, span_id, agent, turn_id, "read" if words[at] in _READS else "write",
        tuple(words[:at] + words[at + 1 :]), "name", arguments, result, status != "error", error_type, start_ns,
        max(start_ns, end_ns), guarded=any(_GUARD.search(name) for name in arguments or ()),
    )  # fmt: skip


def _of_node(row: Sequence[Any]) -> Iterator[Access]:
    """A node of a graph reads the state that it is given, and writes the keys that it gives back."""
    trace_id, span_id, parent_id, agent, turn_id, given, gave, status, start_ns, end_ns, *_ = row
    before, after = _object(given) or {}, _object(gave) or {}
    changed = {key: value for key, value in after.items() if value != before.get(key)}
    read = {key: before.get(key) for key in {**before, **changed}}
    sides: tuple[tuple[Verb, int, dict[str, Any]], ...] = (("read", start_ns, read), ("write", end_ns, changed))
    for verb, at, values in sides:
        for key, value in values.items():
            yield Access(
                trace_id, span_id, agent, turn_id, verb, (key,), "node", None, None, status != "error", None, at, at,
                {WHOLE: recorded.value(value)}, within=parent_id,
            )  # fmt: skip


def _of_graphs(nodes: Sequence[Sequence[Any]]) -> Iterator[Access]:
    """What a graph gives back in the end is read by whoever asked it."""
    graphs = {(row[0], row[2]): (row[4], *row[10:]) for row in nodes if row[2] is not None and row[12] is not None}
    for (trace_id, span_id), (turn_id, name, gave, end_ns) in graphs.items():
        for key, value in (_object(gave) or {}).items():
            yield Access(
                trace_id, span_id, name, turn_id, "read", (key,), "node", None, None, True, None, end_ns, end_ns,
                {WHOLE: recorded.value(value)}, within=span_id,
            )  # fmt: skip


def _object(given: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(given) if given else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
