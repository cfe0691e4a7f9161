"""trace.split: work of a run that was recorded as a trace of its own, with no link between the two."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from agentdbg.detectors.course import answer
from agentdbg.detectors.failure import CALLS
from agentdbg.detectors.wording import clipped
from agentdbg.model import Evidence, Finding, Reader, Skipped, Span, Trace

_INSIDE = """
    WITH runs AS (
        SELECT trace_id, start_ns, start_ns + duration_ns AS end_ns, span_count, llm_calls, session_id, workflow
        FROM traces WHERE duration_ns IS NOT NULL AND llm_calls > 0
    ), tops AS (
        SELECT trace_id, any_value(span_id) AS root_id, any_value(kind) AS kind FROM spans
        WHERE parent_id IS NULL GROUP BY trace_id HAVING count(*) = 1
    )
    SELECT big.trace_id, small.trace_id, tops.root_id, tops.kind IN ('llm', 'agent'),
           CASE WHEN small.session_id = big.session_id THEN small.session_id END
    FROM runs small JOIN tops USING (trace_id)
    JOIN runs big ON small.start_ns >= big.start_ns AND small.end_ns <= big.end_ns AND small.trace_id <> big.trace_id
    WHERE small.span_count <= $most AND small.span_count < big.span_count AND big.llm_calls > 1
        AND small.workflow <> big.workflow AND coalesce(small.session_id = big.session_id, true)
    ORDER BY ALL LIMIT $pairs
"""
_PAIRS = 2_000
_AT_ONCE_NS = 250_000_000
"""How long after an answer that starts work in the background that work has begun."""
_LEAST, _WORDS = 16, 5
"""Characters and words of a line that tells where it is from: shorter ones are said by everybody."""


@dataclass(frozen=True, slots=True)
class Split:
    """Work of a run that stands in a trace of its own.

    **What it finds**: a small trace within the lifetime of a larger run of another kind, where the words that a model
    said in the one, and had not read there, turn up later in a prompt or a tool's input of the other, where no model
    or tool had said them; or one that names the same conversation and began right after an answer of an agent whose
    turn went on. One that begins with an agent or a model call and only names the same conversation is low. Where
    several runs of that conversation were at work, none is named for it. Traces that link to the run are part of it
    already and no finding.

    **Why it matters**: the context was lost at a thread, a task or a queue. Time, tokens and failures of that work are
    missing from the run, and whoever looks for a wrong word in there does not find who said it.

    **Bad**:

        trace main
        workflow profile at=0s dur=1h9s
          agent researcher at=1s dur=1s
            llm gpt-4o -> "Acme has 120 staff."
          agent writer at=1h6s dur=1s
            llm gpt-4o "Profile from: Acme GmbH was founded in 1999 in Berlin." -> "Acme, Berlin, 120 staff."
        trace stray
        agent enricher at=3s dur=1s
          llm gpt-4o -> "Acme GmbH was founded in 1999 in Berlin."

    **Good**:

        trace main
        workflow profile at=0s dur=1h9s
          agent researcher at=1s dur=1s
            llm gpt-4o -> "Acme has 120 staff."
          agent enricher at=1h3s dur=1s
            llm gpt-4o -> "Acme GmbH was founded in 1999 in Berlin."
          agent writer at=1h6s dur=1s
            llm gpt-4o "Profile from: Acme GmbH was founded in 1999 in Berlin." -> "Acme, Berlin, 120 staff."

    **What to do**: hand the context on to threads, tasks and queues (`contextvars.copy_context().run`, the tracer's own
    wrappers, trace headers in the message), or link the new trace's root to the span that started it.

    Options: most = spans of a trace that may be such a part.
    """

    compares_runs: ClassVar = True

    most: int = 50

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each small trace, at the first run that it is a part of."""
        judged, told = set(reader.trace_ids()), set[str]()
        pairs = reader.rows(_INSIDE, most=self.most, pairs=_PAIRS)
        at_work = Counter(part_id for _, part_id, _, _, session in pairs if session is not None)
        for run_id, part_id, root_id, is_work, named in pairs:
            session = named if at_work[part_id] == 1 else None
            if part_id not in judged or part_id in told:
                continue
            part, run = reader.trace(part_id), reader.trace(run_id)
            heard = _heard(part, run)
            starter = _starter(part, run, root_id) if heard is None and session is not None else None
            if heard is not None or starter is not None or (is_work and session is not None):
                told.add(part_id)
                yield _finding(part, run, root_id, _why(run, heard, starter, session), bool(heard or starter))


def _heard(part: Trace, run: Trace) -> tuple[Span, str] | None:
    """(the span of the run that was given words of the part, the words); None where there is none."""
    for span in part.spans:
        said = answer(span.output) if span.is_call else None
        line = max((said.text if said else "").split("\n"), key=len).strip()
        written = json.dumps(line, ensure_ascii=False)[1:-1]
        read = any(written in (one.input or "") for one in part.spans)
        if len(line) < _LEAST or len(line.split()) < _WORDS or read:
            continue
        ended = span.end_ns or 0
        asked = [one for one in run.spans if one.kind in CALLS]  # other spans only carry what these said
        if any(written in (one.output or "") for one in asked):
            continue
        given = [one for one in asked if written in (one.input or "")]
        if given and all((one.start_ns or 0) >= ended for one in given):
            return min(given, key=lambda one: (one.start_ns or 0, one.span_id)), line
    return None


def _starter(part: Trace, run: Trace, root_id: str) -> Span | None:
    """The model call of the run that ended right before the part began, in a turn that went on."""
    began = next(span.start_ns or 0 for span in part.spans if span.span_id == root_id)
    models = {call.span_id for call in run.calls}
    turns = {turn.span_id: turn for turn in run.turns}
    asked = [
        span
        for span in run.spans
        if span.span_id in models and span.end_ns is not None and 0 <= began - span.end_ns <= _AT_ONCE_NS
    ]
    in_turns = [(span, turns.get(span.turn_id or "")) for span in asked]
    near = [span for span, turn in in_turns if turn and turn.end_ns is not None and turn.end_ns > began]
    return max(near, key=lambda span: (span.end_ns or 0, span.span_id), default=None)


def _why(run: Trace, heard: tuple[Span, str] | None, starter: Span | None, session: str | None) -> str:
    if heard is not None:
        by = heard[0].agent or run.name
        return f'what it said, "{clipped(heard[1], 80)}", is given to {by} later in that run, where nobody had said it'
    same = f"it names the same conversation ({session})"
    if starter is not None:
        return f"{same} and began right after an answer of {starter.agent or run.name}, which was still at work"
    return f"{same} and began and ended within that run"


def _finding(part: Trace, run: Trace, root_id: str, why: str, shown: bool) -> Finding:
    agent = next((turn.agent for turn in part.turns), None)
    return Finding(
        detector="trace.split",
        severity="medium" if shown else "low",
        confidence="likely",
        title=clipped(f"{part.name} belongs to the run {run.name}, but stands in a trace of its own", 100),
        message=(
            f"{part.name} belongs to the run {run.name} ({run.trace_id}), but stands in a trace of its own: {why}. Its "
            "time, tokens and failures are missing from that run."
        ),
        trace_id=part.trace_id,
        agent=agent,
        evidence=(Evidence(root_id, "primary", f"begins a trace of its own while {run.name} was running"),),
        advice=(
            "Hand the context on to threads, tasks and queues (contextvars.copy_context().run, the tracer's own "
            "wrappers, trace headers in the message), or link the new root to the span that started it."
        ),
        next=f"agentdbg show {run.trace_id}",
        key="context lost",
    )
