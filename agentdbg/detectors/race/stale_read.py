"""race.stale_read: a decision made on something that another agent had changed by then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agentdbg.detectors.accesses import Access, accesses
from agentdbg.detectors.failure import masked
from agentdbg.detectors.later import Later
from agentdbg.detectors.losses import keeps, refused
from agentdbg.detectors.wording import clipped, short
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.steps.keys import canonical

_DECISIONS = """
    SELECT c.trace_id, c.span_id, c.agent, s.turn_id, c.start_ns, s.input
    FROM llm_calls c JOIN spans s ON c.trace_id = s.trace_id AND c.span_id = s.span_id
    WHERE c.start_ns IS NOT NULL AND c.trace_id IN (SELECT unnest($traces)) ORDER BY c.trace_id, c.start_ns, c.span_id
"""
_TELLING = 4
"""Characters from which a value that stands in a prompt is no chance."""


@dataclass(frozen=True, slots=True)
class _Decision:
    trace_id: str
    span_id: str
    agent: str | None
    turn_id: str | None
    start_ns: int
    prompt: str | None


@dataclass(frozen=True, slots=True)
class StaleRead:
    """An agent decides on something that was outdated before it began to think.

    **What it finds**: a recorded read (`state.*` attributes or a database span) after which another agent changed the
    same key, all before the reader's next model call of the same turn began; the reader did not read again, was not
    shown the new value in its prompt, and did not write the key itself (then it is race.lost_update, which tells more).
    High where versions prove it, medium where only the order does. Appends leave what was read as it was.

    **Why it matters**: nothing fails. The decision is right for a state that no longer exists, and its trace looks fine
    until somebody compares times across agents.

    **Bad**:

        workflow pricing
          agent seller at=0s
            state read state.key=stock state.op=read state.version=4 state.value=12 at=0s dur=100ms
            llm gpt-4o "12 are left" -> "Sell 10." at=3s
          agent buyer at=0s
            state write state.key=stock state.op=write state.version=5 state.value=2 at=1s dur=100ms

    **Good**:

        workflow pricing
          agent seller at=0s
            state read state.key=stock state.op=read state.version=4 state.value=12 at=0s dur=100ms
            llm gpt-4o "12 are left" -> "Sell 10." at=500ms dur=200ms
          agent buyer at=0s
            state write state.key=stock state.op=write state.version=5 state.value=2 at=1s dur=100ms

    **What to do**: read right before the decision, check the version again before acting on it, or let one agent own
    the key and hand the value on.
    """

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each key of a trace: the first such decision."""
        judged = set(reader.trace_ids())
        shared = [one for one in accesses(reader) if one.basis == "recorded" and one.agent and one.trace_id in judged]
        outdated = []
        for _, group in groupby(sorted(shared, key=lambda one: one.place), key=lambda one: one.place):
            outdated.append(list(_outdated(list(group))))
        traces = sorted({read.trace_id for pairs in outdated for read, _, _ in pairs})
        decisions = [_Decision(*row) for row in reader.rows(_DECISIONS, traces=traces)] if traces else []
        by_turn = Later(((d.trace_id, d.agent, d.turn_id), d.start_ns, d) for d in decisions)
        for pairs in outdated:
            found = (_finding(pair, decision) for pair in pairs if (decision := _decision(pair, by_turn)))
            yield from list(found)[:1]


_Pair = tuple[Access, Access, int | None]


def _outdated(found: Sequence[Access]) -> Iterator[_Pair]:
    """(read, the change of another agent that it does not tell of, when its agent touched the thing next)."""
    for number, read in enumerate(found):
        if read.verb != "read" or not read.ok:
            continue
        later = found[number + 1 :]
        own = next((one for one in later if one.agent == read.agent), None)
        if own is not None and own.verb != "read":
            continue
        until = own.start_ns if own is not None else None
        change = next((one for one in later if _changes(read, one) and (until is None or one.start_ns < until)), None)
        if change is not None:
            yield read, change, until


def _changes(read: Access, one: Access) -> bool:
    if one.verb != "write" or one.agent == read.agent or not one.ok or refused(one) or one.start_ns < read.end_ns:
        return False
    if read.version is not None and one.version is not None:
        return read.version != one.version
    known = [(read.fields[name], value) for name, value in one.fields.items() if name in read.fields]
    return any(not keeps(was, one, value) for was, value in known)


def _decision(pair: _Pair, by_turn: Later[_Decision]) -> _Decision | None:
    """The reader's next model call, where it began after the change and was not told of it."""
    read, change, until = pair
    following = by_turn.after((read.trace_id, read.agent, read.turn_id), read.end_ns, 1)
    if not following or following[0].start_ns < change.end_ns:
        return None
    decision = following[0]
    if until is not None and decision.start_ns >= until:
        return None
    new = {word for value in change.fields.values() for word in _words(value)}
    old = {word for value in read.fields.values() for word in _words(value)}
    return None if any(word in (decision.prompt or "") for word in new - old) else decision


def _words(value: Any) -> Iterator[str]:
    """The single values in a value, as they would stand in a prompt."""
    stack = [value]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            stack.extend(at.values())
        elif isinstance(at, list):
            stack.extend(at)
        elif at is not None and len(text := canonical(at)) >= _TELLING:
            yield text


def _finding(pair: _Pair, decision: _Decision) -> Finding:
    read, change, _ = pair
    thing = " ".join(read.thing)
    proven = read.version is not None and change.version is not None
    versions = f" (version {read.version}, by then {change.version})" if proven else ""
    gap = (decision.start_ns - change.end_ns) / 1e9
    return Finding(
        detector="race.stale_read",
        severity="high" if proven else "medium",
        confidence="certain" if proven else "likely",
        title=clipped(f"{read.agent} decided on a {thing} that {change.agent} had changed", 100),
        message=(
            f"{read.agent} decided on {thing} as it had read it{versions}, but {change.agent} had changed it "
            f"{gap:.1f} s before the decision began. It was not read again, and the prompt does not show the new value."
        ),
        trace_id=read.trace_id,
        agent=read.agent,
        evidence=(
            Evidence(decision.span_id, "primary", f"{read.agent} decides"),
            Evidence(read.span_id, "related", f"{read.agent} reads {thing}"),
            Evidence(change.span_id, "related", f"{change.agent} changes it"),
        ),
        advice=(
            "Read right before the decision, check the version again before acting on it, or let one agent own the key "
            "and hand the value on."
        ),
        next=f"agentdbg span {short(decision.span_id, (read.span_id, change.span_id))}",
        key=masked(thing),
    )
