"""Which writes undid which: two agents at one thing, and the later one did not know what the earlier had written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentdbg.detectors.accesses import WHOLE, Access, written
from agentdbg.model import Reader
from agentdbg.steps.emptiness import error_in_body
from agentdbg.steps.keys import canonical, opened

_REFUSAL = re.compile(r"conflict|stale|reject|refus|mismatch|precondition|not (?:written|saved|updated)", re.I)
_DEEP = 32
_SHORT = 3
"""Characters of a value below which finding it in a text says nothing."""


@dataclass(frozen=True, slots=True)
class Loss:
    """`second` overwrote `first`, and its own read was over before `first` began. before, after: what each wrote, None
    where that is not recorded. lost: the part of it that is gone. read: what `first` was based on, None where it only
    added. second_read: what `second` was based on; itself, where a write tells the state before it. proven: versions or
    what was read next leave no doubt."""

    read: Access | None
    first: Access
    second_read: Access
    second: Access
    field: str
    before: Any
    after: Any
    lost: Any
    proven: bool = False


def losses(found: Sequence[Access]) -> Iterator[Loss]:
    """Those among the accesses of one thing, by start."""
    return _by_names(found) if found[0].basis == "name" else _by_records(found)


def was_told(reader: Reader, loss: Loss) -> bool:
    """Whether the agent that overwrote a value was shown it by a model call in between: it knew it from others."""
    if loss.lost is None:
        return False
    value = json.dumps(loss.lost, ensure_ascii=False).strip('"')
    rows = reader.rows(
        "SELECT input FROM spans WHERE trace_id = $trace AND kind = 'llm' AND agent = $agent AND start_ns >= $since"
        " AND start_ns <= $until AND contains(input, $value) LIMIT 1",
        trace=loss.second.trace_id,
        agent=loss.second.agent,
        since=loss.first.end_ns,
        until=loss.second.start_ns,
        value=value,
    )
    return bool(rows)


def _by_names(found: Sequence[Access]) -> Iterator[Loss]:
    """Each write against the last one before it of another agent: what lies further back is lost already."""
    read: dict[str, Access] = {}
    writes: list[tuple[Access, Access]] = []  # with the read that each is based on
    for one in found:
        if not one.ok:
            continue
        if one.verb == "read":
            read[one.agent] = one
            continue
        basis = read.get(one.agent)
        if basis is None or basis.end_ns > one.start_ns or one.guarded or one.adds or refused(one):
            continue
        for first, first_basis in reversed(writes):
            if first.start_ns < basis.end_ns:
                break  # this one and those before it were there to be read
            if first.agent != one.agent and first.end_ns <= one.start_ns:
                if lost := _named_loss(first, first_basis, one, basis):
                    yield Loss(first_basis, first, basis, one, *lost, lost[1])
                break
        writes.append((one, basis))


def _named_loss(first: Access, first_basis: Access, second: Access, basis: Access) -> tuple[str, Any, Any] | None:
    if first_basis.arguments != basis.arguments:
        return None
    put, over = written(first, first_basis), written(second, basis)
    for field, value in put.items():
        if field in over and not holds(over[field], value):
            return field, value, over[field]
    return None


def _by_records(found: Sequence[Access]) -> Iterator[Loss]:
    read: dict[str, Access] = {}
    changes: list[tuple[Access, Access | None]] = []
    for number, one in enumerate(found):
        if not one.agent:
            continue  # nobody can be told from nobody
        if one.verb != "read" and (not one.ok or refused(one)):
            read.pop(one.agent, None)  # whoever is refused is told why: what it writes next is based on that
            continue
        if one.verb == "read":
            read[one.agent] = one
            continue
        basis = read.get(one.agent)
        if one.verb == "write" and not one.guarded and (loss := _undone(one, basis, changes)):
            gone = _gone_afterwards(found[number + 1 :], loss)
            if gone or (gone is None and one.basis == "recorded"):  # a graph may have a reducer that nobody tells of
                proven = gone or one.before is not None or _same_version(loss.first, one)
                yield replace(loss, proven=proven)
        changes.append((one, basis))


def _undone(one: Access, basis: Access | None, changes: Sequence[tuple[Access, Access | None]]) -> Loss | None:
    """The last change of another agent since this one read, where this write does not hold it."""
    if basis is None and one.before is None:
        return None
    for first, first_basis in reversed(changes):
        if first.agent == one.agent or (one.before is None and basis and first.start_ns < basis.end_ns):
            return None
        if first.start_ns > one.start_ns or _saw(one, basis, first):
            return None
        lost = _recorded_loss(first, basis, one)
        return Loss(first_basis, first, basis or one, one, *lost) if lost else None
    return None


def _saw(one: Access, basis: Access | None, first: Access) -> bool:
    """Whether what this write is based on tells the earlier change: its version, or what it wrote."""
    if basis and basis.version is not None and basis.version == first.version:
        return True
    if one.before is not None:
        return all(keeps(one.before, first, value) for value in first.fields.values())
    return False


def _recorded_loss(first: Access, basis: Access | None, second: Access) -> tuple[str, Any, Any, Any] | None:
    """(field, before, after, what is lost) of two writes; without values where either did not record them."""
    if not first.fields or not second.fields:
        return "", first.fields.get(WHOLE), second.fields.get(WHOLE), None
    for field, value in first.fields.items():
        was = basis.fields.get(field) if basis else second.before
        if (
            field not in second.fields
            or keeps(second.fields[field], first, value)
            or canonical(was) == canonical(value)
        ):
            continue
        lost = value if first.verb == "append" else missing(second.fields[field], value, was)
        if lost is not None:
            return field, value, second.fields[field], lost
    return None


def _gone_afterwards(later: Sequence[Access], loss: Loss) -> bool | None:
    """What the next read of the thing says: True where the earlier change is gone, False where it is there."""
    after = next((one for one in later if one.verb == "read" and one.start_ns >= loss.second.end_ns), None)
    if after is None or loss.field not in after.fields or loss.lost is None:
        return None
    told = after.fields[loss.field]
    if holds(told, loss.lost) or _mentions(told, loss.lost):
        return False
    return True if holds(told, loss.after) else None


def _same_version(first: Access, second: Access) -> bool:
    return first.version is not None and first.version == second.version


def keeps(later: Any, change: Access, value: Any) -> bool:
    """Whether a later value holds what a change wrote, or added."""
    if change.verb != "append":
        return holds(later, value)
    items = value if isinstance(value, list) else [value]
    kept = {canonical(item) for item in later} if isinstance(later, list) else set()
    return all(canonical(item) in kept or holds(later, item) or _mentions(later, item) for item in items)


def _mentions(later: Any, earlier: Any) -> bool:
    text = canonical(earlier)
    return len(text) >= _SHORT and text in canonical(later)


def missing(later: Any, earlier: Any, basis: Any) -> Any:
    """The part of an earlier value that a later one does not hold, and that had not been there before; None where there
    is none."""
    if isinstance(later, list) and isinstance(earlier, list):
        kept = {canonical(item) for item in [*later, *(basis if isinstance(basis, list) else ())]}
        return [item for item in earlier if canonical(item) not in kept] or None
    if isinstance(later, dict) and isinstance(earlier, dict):
        old = basis if isinstance(basis, dict) else {}
        parts = {
            name: part
            for name, value in earlier.items()
            if canonical(value) != canonical(old.get(name))
            and (part := missing(later.get(name), value, old.get(name))) is not None
        }
        return parts or None
    return None if holds(later, earlier) else earlier


def holds(later: Any, earlier: Any, depth: int = 0) -> bool:
    """Whether nothing of the earlier value is missing in the later one. Yes, where it is too deep to tell."""
    if depth > _DEEP or json.dumps(later) == json.dumps(earlier):
        return True
    if isinstance(later, str) and isinstance(earlier, str):
        return bool(earlier) and earlier in later
    if isinstance(later, list) and isinstance(earlier, list):
        kept = {json.dumps(item, sort_keys=True) for item in later}
        return all(json.dumps(item, sort_keys=True) in kept for item in earlier)
    if isinstance(later, dict) and isinstance(earlier, dict):
        return all(name in later and holds(later[name], value, depth + 1) for name, value in earlier.items())
    return False


def refused(write: Access) -> bool:
    """The result says that it did not take effect, under the status of success."""
    if write.verb == "read":
        return False
    value = opened(write.result) if write.result is not None else None
    return error_in_body(value) is not None or bool(_REFUSAL.search(write.result or ""))
