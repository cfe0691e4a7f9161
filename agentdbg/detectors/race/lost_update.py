"""race.lost_update: an agent overwrites what another had written, which it could not know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agentdbg.detectors.accesses import accesses
from agentdbg.detectors.failure import masked
from agentdbg.detectors.losses import Loss, losses, was_told
from agentdbg.detectors.wording import clipped, counted, listed
from agentdbg.model import Evidence, Finding, Reader, Skipped


@dataclass(frozen=True, slots=True)
class LostUpdate:
    """Two agents read the same thing, both write it, and the second write undoes the first.

    **What it finds**: a write that does not hold what another agent had written or added since the writer's own read.
    It goes by what is recorded: `state.key`, `state.op` and their versions and values, database spans by key or row,
    the parallel nodes of a graph with what the next node was given; certain where versions, a snapshot or the next read
    prove it. Where none of these is recorded, by the names and arguments of tools (`read_total` and `write_total`,
    `get_order(id)` and `update_order(id, ...)`), which is likely at most. Writes of different fields, lists that keep
    both entries, appends, counters, writes that name the version they are based on, and a loss that the next read does
    not show are no races.

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
        found = sorted(accesses(reader), key=lambda one: one.place)  # stable: in time within a thing
        for (trace_id, *_), group in groupby(found, key=lambda one: one.place):
            found_here = losses(list(group)) if trace_id in judged else ()
            if unknown := [loss for loss in found_here if not was_told(reader, loss)]:
                yield _finding(unknown)


def _finding(found: Sequence[Loss]) -> Finding:
    loss = found[0]
    first, second = loss.first, loss.second
    thing = " ".join(second.thing) or "it"
    where = ", ".join(f"{name} {clipped(str(value), 40)}" for name, value in (loss.second_read.arguments or {}).items())
    what = f"{thing} ({where})" if where and second.basis == "name" else thing
    others = found[1:5]
    more = [f"{other.second.agent} over {other.first.agent}" for other in others]
    return Finding(
        detector="race.lost_update",
        severity="high",
        confidence="certain" if loss.proven else "likely",  # a store may merge what it is given
        title=clipped(f"{second.agent} overwrote what {first.agent} had written to {what}", 100),
        message=" ".join(_sentences(loss, what))
        + (f" The same again {counted(len(found) - 1, 'time')}: {listed(more)}." if more else ""),
        trace_id=second.trace_id,
        agent=second.agent,
        evidence=tuple(_evidence(loss, thing, others)),
        advice=(
            "Let the store add instead of the agents (an increment, an append, a reducer), write with the version that "
            "was read and have stale ones refused, or give it one writer."
        ),
        next=f"agentdbg span {second.span_id}",
        key=masked(f"{thing} {loss.field}"),
    )


def _sentences(loss: Loss, what: str) -> Iterator[str]:
    first, second, basis = loss.first, loss.second, loss.second_read
    wrote = "added" if first.verb == "append" else "wrote"
    put, over = _quoted(loss.before), _quoted(loss.after)
    if loss.read is not None and loss.read.end_ns <= first.start_ns:
        yield f"{first.agent} and {second.agent} both read {what}{_seen(loss)} before either wrote it."
        yield f"Then {first.agent} {wrote}{put}, and {second.agent} wrote{over} over it, without having seen it."
    else:
        since = "from what was there before" if basis is second else f"after {second.agent} had read it{_seen(loss)}"
        yield f"{first.agent} {wrote}{put or ' to it'} at {what} {since}."
        yield f"{second.agent} then wrote{over or ' its own'} over it, without having seen it."
    if second.version is not None and second.version == first.version:
        yield f"Both wrote version {second.version}."
    if second.basis != "name" and loss.lost is not None:
        yield f"Lost:{_quoted(loss.lost)}."


def _quoted(value: Any) -> str:
    """A value with a blank before it; nothing for one that is not recorded."""
    return "" if value is None else f" {clipped(repr(value), 60)}"


def _seen(loss: Loss) -> str:
    """What both had read, in brackets, where it was the same."""
    version, result = loss.second_read.version, loss.second_read.result
    if version is not None and (loss.read is None or loss.read.version == version):
        return f" (version {version})"
    return f" ({clipped(result, 40)})" if result and (loss.read is None or loss.read.result == result) else ""


def _evidence(loss: Loss, thing: str, others: Sequence[Loss]) -> Iterator[Evidence]:
    first, second = loss.first, loss.second
    yield Evidence(second.span_id, "primary", f"{second.agent} writes over it")
    if loss.read is not None:
        yield Evidence(loss.read.span_id, "related", f"{first.agent} reads {thing}")
    if loss.second_read is not second:
        yield Evidence(loss.second_read.span_id, "related", f"{second.agent} reads {thing}")
    yield Evidence(first.span_id, "related", f"{first.agent} writes: lost")
    for other in others:
        yield Evidence(other.second.span_id, "related", f"{other.second.agent} writes over it")
