"""Messages between agents over many runs: the judged ones, and enough others to know what is usual."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from agentdbg.contracts.difference import FIRM
from agentdbg.contracts.exemplars import Exemplars
from agentdbg.contracts.payload import last_word, sent
from agentdbg.contracts.profile import Profile
from agentdbg.detectors.sparse import Run, runs
from agentdbg.model import Handoff, Reader

_EDGES = """
    SELECT trace_id, from_agent, to_agent FROM handoffs GROUP BY trace_id, from_agent, to_agent
    ORDER BY from_agent, to_agent, min(start_ns) DESC, trace_id
"""
_AGENTS = "SELECT DISTINCT trace_id, agent FROM agent_turns ORDER BY trace_id, agent"

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """What one agent gave another. `order` sorts messages by time. `run` is the name of the run.

    handoff: None for the last word of a run that ended before the agent that reads it in all other runs.
    recorded_by: kind of the span that does, `span_id`: arguments of a tool and texts of a model are two contracts.
    profile: of this message, or of one of the same form. ended_well: the run did not end with an error, and did end.
    model: what the sender ran on, None where that is not recorded.
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
    edges: dict[Edge, list[str]] = defaultdict(list)
    for trace_id, sender, receiver in reader.rows(_EDGES):
        edges[sender, receiver].append(trace_id)
    judged = set(reader.trace_ids())
    quiet = _without_handoff(reader, edges, judged)
    concerned = {edge for edge, traces in edges.items() if judged.intersection(traces)}
    concerned.update(*quiet.values())
    wanted = set(quiet)
    for edge in concerned:
        others = [t for t in edges[edge] if t not in judged]
        wanted.update(judged.intersection(edges[edge]), others[:reference_runs])
    mail, exemplars = Mail(), defaultdict[tuple[Edge, str], Exemplars](Exemplars)
    for run in runs(reader, wanted, quiet):
        found = list(_messages(run, quiet.get(run.trace.trace_id, []), exemplars))
        mail.messages += [m for m in found if m.edge in concerned]
        if run.trace.handoffs and not found and run.trace.trace_id in judged:
            mail.unrecorded.append(run.trace.trace_id)
    mail.messages.sort(key=lambda m: m.order)
    return mail


def payload(message: Message, reader: Reader) -> object:
    """What was said, read once more from the whole trace."""
    trace = reader.trace(message.trace_id)
    return (sent(trace, message.handoff) if message.handoff else last_word(trace, message.span_id))[1]


def _without_handoff(reader: Reader, edges: dict[Edge, list[str]], judged: set[str]) -> dict[str, list[Edge]]:
    """Judged traces in which an agent worked and handed nothing on, with the edge on which all its other runs do."""
    hands_on: dict[str, set[str]] = defaultdict(set)
    for (sender, _), traces in edges.items():
        hands_on[sender].update(traces)
    worked: dict[str, set[str]] = defaultdict(set)
    for trace_id, agent in reader.rows(_AGENTS):
        worked[agent].add(trace_id)
    quiet: dict[str, list[Edge]] = defaultdict(list)
    for sender in sorted(hands_on):
        always = min((e for e in edges if e[0] == sender and set(edges[e]) == hands_on[sender]), default=None)
        without = worked[sender] - hands_on[sender]
        if always and len(hands_on[sender]) >= max(FIRM, len(without)):
            for trace_id in without & judged:
                quiet[trace_id].append(always)
    return quiet


def _messages(run: Run, quiet: list[Edge], exemplars: dict[tuple[Edge, str], Exemplars]) -> Iterator[Message]:
    """What was recorded of a run's handoffs, each message to each reader once; and its last word."""
    seen: set[tuple[str, str]] = set()
    for handoff in run.trace.handoffs:
        span_id, value = sent(run.trace, handoff)
        if value is not None and (handoff.to_agent, span_id) not in seen:
            seen.add((handoff.to_agent, span_id))
            yield _message(run, (handoff.from_agent, handoff.to_agent), handoff, span_id, value, exemplars)
    for edge in quiet:
        if run.last_agent == edge[0] and run.last_span_id is not None:
            span_id, value = last_word(run.trace, run.last_span_id)
            if value is not None:
                yield _message(run, edge, None, span_id, value, exemplars)


def _message(
    run: Run,
    edge: Edge,
    handoff: Handoff | None,
    span_id: str,
    value: object,
    exemplars: dict[tuple[Edge, str], Exemplars],
) -> Message:
    span = next(s for s in run.trace.spans if s.span_id == span_id)
    at = handoff.start_ns if handoff and handoff.start_ns is not None else span.end_ns or span.start_ns or 0
    return Message(
        order=(at, run.trace.trace_id, handoff.seq if handoff else len(run.trace.handoffs)),
        trace_id=run.trace.trace_id,
        run=run.trace.name,
        edge=edge,
        handoff=handoff,
        span_id=span_id,
        recorded_by=span.kind,
        profile=exemplars[edge, span.kind].profile(value, span_id, at),
        model=span.model,
        ended_well=run.trace.status == "ok",
    )
