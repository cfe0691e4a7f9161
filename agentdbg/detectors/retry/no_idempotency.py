"""retry.no_idempotency: an effect that was asked for again, with nothing to tell that it is the same one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, Literal

from agentdbg.detectors.effects import happens_again
from agentdbg.detectors.failure import classify
from agentdbg.detectors.recorded import facts
from agentdbg.detectors.results import value
from agentdbg.detectors.wording import clipped, counted
from agentdbg.model import Evidence, Finding, Reader, Severity, Skipped
from agentdbg.steps.emptiness import error_in_body
from agentdbg.steps.keys import canonical

_GIVEN = """
    SELECT 1 FROM spans WHERE kind = 'tool' AND input_key IS NOT NULL AND tool IN (SELECT unnest($tools)) LIMIT 1
"""
_REPEATED = """
    SELECT s.trace_id, s.tool, s.input_key, s.span_id, s.agent, s.input, s.output, s.status, s.error_type,
           s.error_message, s.start_ns, s.end_ns, s.tool_call_id, s.attributes
    FROM spans s SEMI JOIN (
        SELECT trace_id, tool, input_key FROM spans
        WHERE kind = 'tool' AND input_key IS NOT NULL AND handoff_to IS NULL AND tool IN (SELECT unnest($tools))
        GROUP BY ALL HAVING count(*) > 1) g
    ON s.trace_id = g.trace_id AND s.tool = g.tool AND s.input_key = g.input_key
    WHERE s.kind = 'tool' AND s.start_ns IS NOT NULL AND s.end_ns IS NOT NULL
    ORDER BY s.trace_id, s.tool, s.input_key, s.start_ns, s.span_id
"""
_OF_REQUEST = frozenset(["requestid", "xrequestid", "clientrequestid"])
_KEYS = _OF_REQUEST | {"idempotencykey", "xidempotencykey", "clienttoken", "deduplicationid", "dedupkey"}
_GUARDED = re.compile(r"already|duplicate|idempoten|exists|replayed|dedup", re.I)
_BEFORE = re.compile(
    r"\b503\b|unavailable|refused|unreachable|resolution|getaddrinfo|handshake|\bdns\b|enotfound", re.I
)
_MAYBE = frozenset(("timeout", "server", "network"))
_NAMES_ONE = re.compile(r"(?:^|_)(?:id|number|reference|ref|key|token|code|sku|url)s?$", re.I)
_SHOWN = 4
_DEEP = 6

Outcome = Literal["worked", "maybe", "failed"]


@dataclass(frozen=True, slots=True)
class _Attempt:
    trace_id: str
    tool: str
    input_key: int
    span_id: str
    agent: str | None
    input: str | None
    output: str | None
    status: str
    error_type: str | None
    error_message: str | None
    start_ns: int
    end_ns: int
    tool_call_id: str | None
    attributes: str | None


@dataclass(frozen=True, slots=True)
class _Repeat:
    first: _Attempt
    second: _Attempt
    severity: Severity
    words: str


@dataclass(frozen=True, slots=True)
class NoIdempotency:
    """An effect that may have happened twice.

    **What it finds**: a tool with an effect that adds up (a payment, a mail, a booking, a new record, by its name) that
    is called again with the same arguments after an attempt which may have taken effect: one that worked, timed out,
    lost its connection or met an error of the server. Critical where both attempts are seen to have worked, high where
    the first may have, medium where both gave the same bare acknowledgement. An `idempotency_key` or `request_id` that
    is equal in both, a refusal before the effect (4xx, 429, 503), an answer that says it was there already, and equal
    answers that name the same thing are none.

    **Why it matters**: a time limit says that nobody waited, not that nothing happened. The customer is charged twice.

    **Bad**:

        agent cashier
          tool charge_card {"order": "A-17", "amount": 40} error="TimeoutError: no answer in 30 s"
          tool charge_card {"order": "A-17", "amount": 40} -> {"charge": "ch_2"}

    **Good**:

        agent cashier
          tool charge_card {"order": "A-17", "amount": 40, "idempotency_key": "k1"} error="TimeoutError: no answer"
          tool charge_card {"order": "A-17", "amount": 40, "idempotency_key": "k1"} -> {"charge": "ch_1"}

    **What to do**: make one key an action, give it to every attempt, and keep a store of the keys that were processed;
    after a timeout, ask what became of it before doing it again.
    """

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each action of a trace, however often it was repeated."""
        names = reader.everywhere("SELECT DISTINCT tool FROM spans WHERE kind = 'tool' AND tool IS NOT NULL ORDER BY 1")
        tools = [name for (name,) in names if happens_again(name)]
        if not tools:
            return
        if not reader.everywhere(_GIVEN, tools=tools):
            yield Skipped("retry.no_idempotency", None, "no arguments of tools that have an effect are recorded")
            return
        judged = set(reader.trace_ids())
        attempts = (_Attempt(*row) for row in reader.rows(_REPEATED, tools=tools))
        for (trace_id, *_), group in groupby(attempts, key=lambda one: (one.trace_id, one.tool, one.input_key)):
            calls = list(group) if trace_id in judged else []
            repeats = [found for first, second in pairwise(calls) if (found := _repeat(first, second))]
            if repeats:
                yield _finding(calls, repeats)


def _repeat(first: _Attempt, second: _Attempt) -> _Repeat | None:
    if second.start_ns < first.end_ns or (first.tool_call_id and first.tool_call_id == second.tool_call_id):
        return None  # one inside or beside the other: one call told twice, or hedged
    before, after = _outcome(first), _outcome(second)
    (keys, own), (later, again) = _keys(first), _keys(second)
    if "failed" in (before, after) or keys & later or _GUARDED.search(second.output or ""):
        return None
    if before == "maybe":
        took = "took effect" if after == "worked" else "may have taken effect as well"
        other = ", under another key" if own and again else ""
        return _Repeat(first, second, "high", f"the first may have taken effect, the second {took}{other}")
    if own and again:
        return None  # each action has a key of its own: two are meant
    if after == "maybe":
        return _Repeat(first, second, "high", "the first took effect, the second may have as well")
    told = value(first.output)
    if canonical(told) != canonical(value(second.output)):
        return _Repeat(first, second, "critical", "both took effect, with answers of their own")
    if first.output is None or _names_one(told):
        return None
    return _Repeat(first, second, "medium", "both were acknowledged")


def _outcome(attempt: _Attempt) -> Outcome:
    """Whether an attempt worked, may have, or was refused before it could."""
    said = f"{attempt.error_type or ''}: {attempt.error_message or ''}"
    if attempt.status != "error":
        body = error_in_body(value(attempt.output))
        if body is None:
            return "worked"
        kind = classify(None, body).name
        said = body
    else:
        kind = classify(attempt.error_type, attempt.error_message).name
    return "maybe" if kind in _MAYBE and not _BEFORE.search(said) else "failed"


def _keys(attempt: _Attempt) -> tuple[set[str], set[str]]:
    """What marks an attempt as one of an action, among its arguments and attributes: every key, and those that are made
    for it. A request may have an id of its own each time."""
    every: set[str] = set()
    made: set[str] = set()
    stack: list[tuple[Any, int]] = [(value(attempt.input), 0), (facts(attempt.attributes), _DEEP - 1)]
    while stack:
        at, depth = stack.pop()
        if isinstance(at, dict) and depth < _DEEP:
            for name, inner in at.items():
                bare = re.sub(r"[^a-z]", "", str(name).lower().removeprefix("http.request.header."))
                if bare in _KEYS and inner not in (None, ""):
                    every.add(str(inner))
                    made |= set() if bare in _OF_REQUEST else {str(inner)}
                else:
                    stack.append((inner, depth + 1))
        elif isinstance(at, list):
            stack.extend((item, depth + 1) for item in at)
    return every, made


def _names_one(told: object) -> bool:
    """Whether an answer names the thing that was made: then two equal ones speak of one thing."""
    if isinstance(told, dict):
        return any(_NAMES_ONE.search(str(name)) or _names_one(inner) for name, inner in told.items())
    return isinstance(told, str) and any(character.isdigit() for character in told)


def _finding(calls: Sequence[_Attempt], repeats: Sequence[_Repeat]) -> Finding:
    worst = min(repeats, key=lambda one: ("critical", "high", "medium").index(one.severity))
    first, second = worst.first, worst.second
    who = second.agent or "the program"
    gap = (second.start_ns - first.end_ns) / 1e9
    others = [one for one in calls if one not in (first, second)][:_SHOWN]
    return Finding(
        detector="retry.no_idempotency",
        severity=worst.severity,
        confidence="likely",
        title=clipped(f"{who} called {first.tool} {len(calls)} times for one action, with no key", 100),
        message=(
            f"{who} called {first.tool} {counted(len(calls), 'time')} with {clipped(first.input or 'the same', 100)}: "
            f"{worst.words}, {gap:.1f} s apart. No idempotency key tells that they are one action."
        ),
        trace_id=first.trace_id,
        agent=second.agent,
        evidence=(
            Evidence(second.span_id, "primary", f"the second attempt: {_told(second)}"),
            Evidence(first.span_id, "related", f"the first attempt: {_told(first)}"),
            *(Evidence(one.span_id, "related", f"one more attempt: {_told(one)}") for one in others),
        ),
        advice=(
            "Make one key an action, give it to every attempt, and keep a store of processed keys; after a timeout, "
            "ask what became of it before doing it again."
        ),
        next=f"agentdbg span {second.span_id}",
        key=f"{first.tool} again",
    )


def _told(attempt: _Attempt) -> str:
    if attempt.status == "error":
        return clipped(f"{attempt.error_type or 'error'}: {attempt.error_message or ''}".rstrip(": "), 80)
    return clipped(attempt.output or "its answer is not recorded", 80)
