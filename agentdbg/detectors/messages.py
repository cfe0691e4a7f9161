"""Messages between agents over many runs: the judged ones, and enough others to know what is usual."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from agentdbg.contracts.difference import FIRM
from agentdbg.contracts.payload import last_word, sent
from agentdbg.contracts.profile import Profile, profile_of
from agentdbg.model import Handoff, Reader, Trace

_EDGES = """
    SELECT trace_id, from_agent, to_agent, min(start_ns) AS start_ns FROM handoffs
    GROUP BY trace_id, from_agent, to_agent ORDER BY from_agent, to_agent, start_ns DESC, trace_id
"""
_AGENTS = "SELECT DISTINCT trace_id, agent FROM agent_turns ORDER BY trace_id, agent"

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """What one agent gave another. `order` sorts messages by time. `run` is the name of the run.

    recorded_by: kind of the span that does, `span_id`: arguments of a tool and texts of a model are two contracts.
    handoff: None for the last word of a run that ended before the agent that reads it in all other runs.
    ended_well: the run did not end with an error, and did end. model: what the sender
    ran on, None where that is not recorded.
    """

    order: tuple[int, str, int]
    trace_id: str
    run: str
    edge: Edge
    handoff: Handoff | None
    span_id: str
    recorded_by: str
    profile: Profile
    model: str | None
    ended_well: bool


@dataclass(slots=True)
class Mail:
    """The messages in order of time, and the judged traces that hand over without recording what."""

    messages: list[Message] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)


def collect(reader: Reader, reference_runs: int) -> Mail:
    """All messages of the judged traces, and for each of their edges those of the latest other runs up to a number."""
    runs: dict[Edge, list[str]] = defaultdict(list)
    for trace_id, sender, receiver, _ in reader.rows(_EDGES):
        runs[sender, receiver].append(trace_id)
    judged = set(reader.trace_ids())
    silent = _without_handoff(reader, runs, judged)
    edges = {edge for edge, traces in runs.items() if judged.intersection(traces)}
    edges |= {edge for heard in silent.values() for edge in heard}
    wanted = set(silent)
    for edge in edges:
        others = [t for t in runs[edge] if t not in judged]
        wanted.update(judged.intersection(runs[edge]), others[:reference_runs])
    mail = Mail()
    for trace_id in sorted(wanted):
        trace = reader.trace(trace_id)
        found = [*_handed(trace), *_last_words(trace, silent.get(trace_id, []))]
        mail.messages += [m for m in found if m.edge in edges]
        if trace.handoffs and not found and trace_id in judged:
            mail.unrecorded.append(trace_id)
    mail.messages.sort(key=lambda m: m.order)
    return mail


def _without_handoff(reader: Reader, runs: dict[Edge, list[str]], judged: set[str]) -> dict[str, list[Edge]]:
    """Judged traces in which an agent worked and handed nothing on, with the edge on which all its other runs do."""
    hands_on: dict[str, set[str]] = defaultdict(set)
    for (sender, _), traces in runs.items():
        hands_on[sender].update(traces)
    worked: dict[str, set[str]] = defaultdict(set)
    for trace_id, agent in reader.rows(_AGENTS):
        worked[agent].add(trace_id)
    silent: dict[str, list[Edge]] = defaultdict(list)
    for sender in sorted(hands_on):
        always = min((e for e in runs if e[0] == sender and set(runs[e]) == hands_on[sender]), default=None)
        without = worked[sender] - hands_on[sender]
        if always and len(hands_on[sender]) >= max(FIRM, len(without)):
            for trace_id in without & judged:
                silent[trace_id].append(always)
    return silent


def _handed(trace: Trace) -> Iterator[Message]:
    seen: set[tuple[str, str]] = set()
    for handoff in trace.handoffs:
        span_id, value = sent(trace, handoff)
        if value is not None and (handoff.to_agent, span_id) not in seen:
            seen.add((handoff.to_agent, span_id))
            yield _message(trace, (handoff.from_agent, handoff.to_agent), handoff, span_id, value)


def _last_words(trace: Trace, edges: list[Edge]) -> Iterator[Message]:
    for edge in edges:
        word = last_word(trace, edge[0])
        if word is not None and word[1] is not None:
            yield _message(trace, edge, None, *word)


def _message(trace: Trace, edge: Edge, handoff: Handoff | None, span_id: str, value: object) -> Message:
    spans = trace.by_id()
    span = spans[span_id]
    start = handoff.start_ns if handoff and handoff.start_ns is not None else span.end_ns or span.start_ns or 0
    models = [
        s.model for s in trace.spans if s.kind == "llm" and s.model and span.turn_id and s.turn_id == span.turn_id
    ]
    return Message(
        order=(start, trace.trace_id, handoff.seq if handoff else len(trace.handoffs)),
        trace_id=trace.trace_id,
        run=trace.name,
        edge=edge,
        handoff=handoff,
        span_id=span_id,
        recorded_by=span.kind,
        profile=profile_of(value, span_id, start),
        model=span.model or (models[-1] if models else None),
        ended_well=trace.status == "ok",
    )
