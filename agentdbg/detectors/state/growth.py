"""state.growth: state from which nothing is ever removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agentdbg.detectors.accesses import LARGE, WHOLE, Access, accesses
from agentdbg.detectors.failure import masked
from agentdbg.detectors.wording import clipped, counted
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.statistics import kendall_tau, theil_sen
from agentdbg.steps.keys import canonical

_STEADY = 0.9


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The writes of one key that replace all of it, and their sizes in bytes."""

    writes: list[Access]
    sizes: list[int]


@dataclass(frozen=True, slots=True)
class Growth:
    """State that only ever grows.

    **What it finds**: a recorded state (`state.*` attributes, a database key, what the nodes of a graph give back) that
    is larger than 100 KB when it is written, or that grows with nearly every one of ten writes or more (Kendall's tau
    above 0.9) to more than three times its first size and over 10 KB. It names the key within the state that grows
    most. What graph nodes give back counts by size alone: lists of messages grow by design.

    **Why it matters**: each agent that is handed the state pays for all of it, checkpoints and queues slow down, and
    one day a limit on messages or on the context window ends the run.

    **Bad**:

        workflow research
          agent scout
            state save state.key=plan state.op=write state.value={"step": 1} state.size=40
            state save state.key=plan state.op=write state.value={"step": 50} state.size=131072

    **Good**:

        workflow research
          agent scout
            state save state.key=plan state.op=write state.value={"step": 1} state.size=40
            state save state.key=plan state.op=write state.value={"step": 50} state.size=4096

    **What to do**: keep the last ten items and a summary of the rest, or store items by id and pass on references.

    Options: bytes = size that is always told; writes, times, floor = writes from which steady growth counts, how much
    it must be, and to how many bytes.
    """

    bytes: int = LARGE
    writes: int = 10
    times: float = 3.0
    floor: int = 10_000

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each key of a trace, at its largest write."""
        judged = set(reader.trace_ids())
        told = [one for one in accesses(reader) if one.verb == "write" and one.basis != "name"]
        known = [one for one in told if one.trace_id in judged and one.ok]
        for _, group in groupby(sorted(known, key=lambda one: one.place), key=lambda one: one.place):
            sized = [(one, size) for one in group if (size := _size(one)) is not None]
            if sized:
                writes = _Sizes([one for one, _ in sized], [size for _, size in sized])
                steady = self._steady(writes)
                if steady or max(writes.sizes) > self.bytes:
                    yield _finding(writes, steady)

    def _steady(self, found: _Sizes) -> bool:
        sizes = found.sizes
        if len(sizes) < self.writes or found.writes[0].basis == "node":
            return False
        enough = sizes[-1] > self.times * sizes[0] and sizes[-1] > self.floor
        return enough and theil_sen(sizes) > 0 and kendall_tau(sizes) > _STEADY


def _size(write: Access) -> int | None:
    if write.size is not None:
        return write.size
    return len(canonical(write.fields[WHOLE]).encode("utf-8", "replace")) if WHOLE in write.fields else None


def _finding(found: _Sizes, steady: bool) -> Finding:
    top = max(range(len(found.sizes)), key=lambda i: (found.sizes[i], -i))
    first, largest = found.writes[0], found.writes[top]
    key = " ".join(largest.thing)
    within = _fastest(first.fields.get(WHOLE), largest.fields.get(WHOLE))
    grown = f"{_bytes(found.sizes[0])} to {_bytes(found.sizes[top])}" if top else _bytes(found.sizes[top])
    pace = f", {theil_sen(found.sizes):,.0f} bytes a write" if steady else ""
    related = (Evidence(first.span_id, "related", f"the first write: {_bytes(found.sizes[0])}"),) if top else ()
    return Finding(
        detector="state.growth",
        severity="medium",
        confidence="certain",
        title=clipped(f"{key} grew to {_bytes(found.sizes[top])}" if top else f"{key} is {grown} large", 100),
        message=(
            f"{key} {'grew from ' if top else 'is '}{grown} in {counted(len(found.sizes), 'write')}{pace}"
            + (f"; what grows most in it is {within}." if within else ".")
        ),
        trace_id=largest.trace_id,
        agent=largest.agent or None,
        evidence=(Evidence(largest.span_id, "primary", f"the largest write: {_bytes(found.sizes[top])}"), *related),
        advice="Keep the last ten items and a summary of the rest, or store items by id and pass on references.",
        next=f"agentdbg span {largest.span_id}",
        key=masked(f"{key} grows"),
    )


def _fastest(first: Any, last: Any) -> str | None:
    """The field of a state that grew most; None where it is no object."""
    if not isinstance(last, dict):
        return None
    before = first if isinstance(first, dict) else {}
    growth = {name: len(canonical(part)) - len(canonical(before.get(name, ""))) for name, part in last.items()}
    return min(growth, key=lambda name: (-growth[name], name), default=None)


def _bytes(size: int) -> str:
    return f"{size / 1000:,.1f} KB" if size >= 1000 else f"{size} bytes"
