"""race.lost_update: an agent overwrites what another had written, which it could not know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agentdbg.detectors.accesses import Access, accesses, written
from agentdbg.detectors.wording import clipped, counted, listed
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.steps.emptiness import error_in_body
from agentdbg.steps.keys import opened

_REFUSAL = re.compile(r"conflict|stale|reject|refus|mismatch|precondition|not (?:written|saved|updated)", re.I)
_DEEP = 32


@dataclass(frozen=True, slots=True)
class _Loss:
    """`second` overwrote `first`, and its own read was over before `first` began. before, after: what each wrote."""

    read: Access
    first: Access
    second_read: Access
    second: Access
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class LostUpdate:
    """Two agents read the same thing, both write it, and the second write undoes the first.

    **What it finds**: pairs of tools or state spans that read and write the same thing by their names and arguments
    (`read_total` and `write_total`, `get_order(id)` and `update_order(id, ...)`), where two agents had both read before
    either wrote, both writes succeeded, and the later value does not hold the earlier one. Writes of different fields,
    lists that keep both entries, appends, counters, and writes that name the version they are based on are no races.

    **Why it matters**: no call fails, and the first agent's work is gone. Totals are too small, bookings vanish, and
    the answer is confidently wrong.

    **Bad**:

        workflow booking
          agent north
            tool read_total {} -> 100 at=0ms dur=5ms
            tool write_total {"value": 110} -> "ok" at=50ms dur=5ms
          agent south
            tool read_total {} -> 100 at=10ms dur=5ms
            tool write_total {"value": 120} -> "ok" at=80ms dur=5ms

    **Good**:

        workflow booking
          agent north
            tool read_total {} -> 100 at=0ms dur=5ms
            tool write_total {"value": 110} -> "ok" at=50ms dur=5ms
          agent south
            tool read_total {} -> 110 at=60ms dur=5ms
            tool write_total {"value": 130} -> "ok" at=80ms dur=5ms

    **What to do**: let the store add instead of the agents (an increment, an append, a reducer), write with the version
    that was read and have stale ones refused, or give the thing one writer.
    """

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each thing of a trace."""
        judged = set(reader.trace_ids())
        found = sorted(accesses(reader), key=lambda one: (one.trace_id, one.thing))  # stable: in time within a thing
        for (trace_id, _), group in groupby(found, key=lambda one: (one.trace_id, one.thing)):
            losses = list(_losses(list(group))) if trace_id in judged else []
            if losses and (unknown := [loss for loss in losses if not _was_told(reader, loss)]):
                yield _finding(unknown)


def _losses(found: Sequence[Access]) -> Iterator[_Loss]:
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
        if basis is None or basis.end_ns > one.start_ns or one.guarded or one.adds or _refused(one):
            continue
        for first, first_basis in reversed(writes):
            if first.start_ns < basis.end_ns:
                break  # this one and those before it were there to be read
            if first.agent != one.agent and first.end_ns <= one.start_ns:
                if lost := _lost(first, first_basis, one, basis):
                    yield _Loss(first_basis, first, basis, one, *lost)
                break
        writes.append((one, basis))


def _was_told(reader: Reader, loss: _Loss) -> bool:
    """Whether what was overwritten stands in a prompt of the agent that did so, in between: it knew it from others."""
    value = json.dumps(loss.before, ensure_ascii=False).strip('"')
    spans = reader.trace(loss.second.trace_id).spans
    return any(
        span.kind == "llm"
        and span.agent == loss.second.agent
        and loss.first.end_ns <= (span.start_ns or 0) <= loss.second.start_ns
        and value in (span.input or "")
        for span in spans
    )


def _lost(first: Access, first_basis: Access, second: Access, basis: Access) -> tuple[str, Any, Any] | None:
    if first_basis.arguments != basis.arguments:
        return None
    put, over = written(first, first_basis), written(second, basis)
    for field, value in put.items():
        if field in over and not _holds(over[field], value):
            return field, value, over[field]
    return None


def _holds(later: Any, earlier: Any, depth: int = 0) -> bool:
    """Whether nothing of the earlier value is missing in the later one. Yes, where it is too deep to tell."""
    if depth > _DEEP or json.dumps(later) == json.dumps(earlier):
        return True
    if isinstance(later, str) and isinstance(earlier, str):
        return bool(earlier) and earlier in later
    if isinstance(later, list) and isinstance(earlier, list):
        kept = {json.dumps(item, sort_keys=True) for item in later}
        return all(json.dumps(item, sort_keys=True) in kept for item in earlier)
    if isinstance(later, dict) and isinstance(earlier, dict):
        return all(name in later and _holds(later[name], value, depth + 1) for name, value in earlier.items())
    return False


def _refused(write: Access) -> bool:
    """The result says that it did not take effect, under the status of success."""
    value = opened(write.result) if write.result is not None else None
    return error_in_body(value) is not None or bool(_REFUSAL.search(write.result or ""))


def _finding(losses: Sequence[_Loss]) -> Finding:
    loss = losses[0]
    thing = " ".join(loss.second.thing) or "it"
    where = ", ".join(f"{name} {clipped(str(value), 40)}" for name, value in (loss.read.arguments or {}).items())
    what = f"{thing} ({where})" if where else thing
    seen = (
        f" ({clipped(loss.read.result, 40)})"
        if loss.read.result and loss.read.result == loss.second_read.result
        else ""
    )
    others = losses[1:5]
    more = [f"{other.second.agent} over {other.first.agent}" for other in others]
    return Finding(
        detector="race.lost_update",
        severity="high",
        confidence="likely",  # a store may merge what it is given; only its own versions would tell for certain
        title=clipped(f"{loss.second.agent} overwrote what {loss.first.agent} had written to {what}", 100),
        message=(
            f"{loss.first.agent} and {loss.second.agent} both read {what}{seen} before either wrote it. Then "
            f"{loss.first.agent} wrote {clipped(repr(loss.before), 60)}, and {loss.second.agent} wrote "
            f"{clipped(repr(loss.after), 60)} over it, without having seen it."
            + (f" The same again {counted(len(losses) - 1, 'time')}: {listed(more)}." if more else "")
        ),
        trace_id=loss.second.trace_id,
        agent=loss.second.agent,
        evidence=(
            Evidence(loss.second.span_id, "primary", f"{loss.second.agent} writes over it"),
            Evidence(loss.read.span_id, "related", f"{loss.first.agent} reads {thing}"),
            Evidence(loss.second_read.span_id, "related", f"{loss.second.agent} reads {thing}"),
            Evidence(loss.first.span_id, "related", f"{loss.first.agent} writes: lost"),
            *(
                Evidence(other.second.span_id, "related", f"{other.second.agent} writes over it")
                for other in losses[1:5]
            ),
        ),
        advice=(
            "Let the store add instead of the agents (an increment, an append, a reducer), write with the version that "
            "was read and have stale ones refused, or give it one writer."
        ),
        next=f"agentdbg span {loss.second.span_id}",
        key=f"{thing} {loss.field}",
    )
