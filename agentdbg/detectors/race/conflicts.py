"""race.conflicts: writes that were refused because somebody else had written first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from agentdbg.detectors.accesses import Access, accesses
from agentdbg.detectors.failure import masked
from agentdbg.detectors.wording import clipped, counted
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped
from agentdbg.statistics import wilson

_ALWAYS = r"(?:WatchError|InvalidUpdateError|StaleDataError|\w*Version\w*Conflict\w*|\w*OptimisticLock\w*"
_ALWAYS += r"|ConcurrentModification\w*|WriteConflict\w*|INVALID_CONCURRENT_GRAPH_UPDATE)"
_OF_WRITES = r"\w*Conflict(?:Error|Exception)?"
_CONFLICTS = f"""
    SELECT trace_id, span_id, agent, coalesce(tool, name), error_type, start_ns, parent_id FROM spans
    WHERE status = 'error' AND kind <> 'llm' AND regexp_matches(error_type, '^({_ALWAYS}|{_OF_WRITES})$')
    ORDER BY trace_id, start_ns, span_id
"""
_FAILED = "SELECT trace_id FROM traces WHERE status = 'error' ORDER BY trace_id"
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Conflict:
    trace_id: str
    span_id: str
    agent: str | None
    what: str
    error_type: str


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Writes that were refused because another agent had written the same thing first.

    **What it finds**: spans that failed with a version conflict (`VersionConflictError`, `WatchError`, LangGraph's
    `InvalidUpdateError`, a `ConflictError` of a write): two or more in a run, and of 100 writes or more over 1 %, in
    one run or over all. One InvalidUpdateError is enough: two nodes of one step wrote a key that has no reducer. High
    where the run failed of it.

    **Why it matters**: each refusal is a guard that worked. Many of them say that several agents own the same key:
    work is thrown away and done again, and without the guard it would have been lost in silence.

    **Bad**:

        workflow ledger
          agent north
            state write state.key=total state.op=write error="VersionConflictError: expected 3, found 4"
            state write state.key=total state.op=write
          agent south
            state write state.key=total state.op=write error="VersionConflictError: expected 5, found 6"
            state write state.key=total state.op=write

    **Good**:

        workflow ledger
          agent north
            state write state.key=total state.op=write error="VersionConflictError: expected 3, found 4"
            state write state.key=total state.op=write
          agent south
            state write state.key=total state.op=write

    **What to do**: give the key one writer, let the agents write deltas that are applied in order, or add a reducer;
    where the guard stays, retry with what is there now and with jitter.

    Options: in_one_run = conflicts from which one run is told; share and writes = the share over all runs, and how
    many writes it takes to judge it.
    """

    compares_runs: ClassVar = True

    in_one_run: int = 2
    share: float = 0.01
    writes: int = 100

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding a run; where no run stands out, one for all of them at the first conflict."""
        rows = reader.rows(_CONFLICTS)
        if not rows:
            return
        known = accesses(reader)
        changes = [one for one in known if one.verb != "read" and one.basis != "node"]
        keys = {(one.trace_id, one.span_id): " ".join(one.thing) for one in changes}
        judged, failed = set(reader.trace_ids()), {row[0] for row in reader.rows(_FAILED)}
        conflicts = [one for one in _conflicts(rows, keys) if one.trace_id in judged]
        told = False
        for trace_id, group in groupby(conflicts, key=lambda one: one.trace_id):
            found = list(group)
            own = [one for one in changes if one.trace_id == trace_id]
            if self._many(found, len(own)):
                told = True
                yield _finding(found, own, "high" if trace_id in failed else "medium", "certain", "")
        share = len(conflicts) / len(changes) if changes else 0.0
        if conflicts and not told and len(changes) >= self.writes and share > self.share:
            sure: Confidence = "certain" if wilson(len(conflicts), len(changes))[0] > self.share else "likely"
            yield _finding(conflicts, changes, "medium", sure, f" in {len({c.trace_id for c in conflicts})} runs")

    def _many(self, found: Sequence[_Conflict], writes: int) -> bool:
        if any(one.error_type == "InvalidUpdateError" for one in found):
            return True
        return len(found) >= self.in_one_run and (writes < self.writes or len(found) > self.share * writes)


def _conflicts(rows: Sequence[tuple[str | None, ...]], keys: dict[tuple[str, str], str]) -> Iterator[_Conflict]:
    """Each refusal once: a span that only passes on the conflict of one below it is not counted again. A bare
    ConflictError counts where the span is a known write: other calls answer so as well."""
    above = {(row[0], row[6], row[4]) for row in rows}
    for trace_id, span_id, agent, name, error_type, _, _ in rows:
        assert trace_id is not None
        assert span_id is not None
        assert error_type is not None
        if (trace_id, span_id, error_type) in above:
            continue
        key = keys.get((trace_id, span_id))
        if key is not None or re.fullmatch(_ALWAYS, error_type):
            yield _Conflict(trace_id, span_id, agent, key or name or "the state", error_type)


def _finding(
    found: Sequence[_Conflict], changes: Sequence[Access], severity: Severity, sure: Confidence, where: str
) -> Finding:
    hottest, times = min(Counter(one.what for one in found).items(), key=lambda item: (-item[1], item[0]))
    first = next(one for one in found if one.what == hottest)
    of = f" of {counted(len(changes), 'write')}" if len(changes) >= len(found) else ""
    share = f" ({len(found) / len(changes):.1%})" if of else ""
    return Finding(
        detector="race.conflicts",
        severity=severity,
        confidence=sure,
        title=clipped(f"{len(found)}{of} refused as outdated, most at {hottest}", 100),
        message=(
            f"{len(found)}{of}{share} {'was' if len(found) == 1 else 'were'} refused{where} because another agent had "
            f"written first ({first.error_type}); {times} of them at {hottest}. The guard works, the design of the "
            "state does not: several agents own one key."
        ),
        trace_id=first.trace_id,
        agent=first.agent,
        evidence=(
            Evidence(first.span_id, "primary", f"{hottest}: refused with {first.error_type}"),
            *(
                Evidence(one.span_id, "related", f"{one.what}: refused with {one.error_type}")
                for one in [c for c in found if c is not first and c.trace_id == first.trace_id][:_SHOWN]
            ),
        ),
        advice=(
            "Add a reducer to the key, so that both updates are kept."
            if first.error_type == "InvalidUpdateError"
            else "Give the key one writer, or let the agents write deltas that are applied in order; retry with what "
            "is there now, and with jitter."
        ),
        next=f"agentdbg span {first.span_id}",
        key=masked(f"{hottest} {first.error_type}"),
    )
