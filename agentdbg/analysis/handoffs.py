"""What passed between agents (`agentdbg handoffs`): at every edge what was sent, what arrived of it, and whether it is
written as usual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentdbg.analysis.chain import short_ids
from agentdbg.analysis.flow import Flow
from agentdbg.analysis.verdicts import Verdict, verdicts
from agentdbg.contracts.envelope import open_payload
from agentdbg.contracts.payload import sent
from agentdbg.detectors.course import Course
from agentdbg.detectors.messages import Message, payload
from agentdbg.detectors.wording import clipped
from agentdbg.model import Handoff, Reader, Span
from agentdbg.steps.messages import delta, focus, loaded, parsed_messages, text_of
from agentdbg.steps.words import Carried, carried, is_value, part_text, plain, row, words

Arrival = Literal["whole", "part", "nothing", "not recorded", "never ran"]
_QUOTE = 400
_MOST_FIELDS = 200
_PARTS = ("text", "tool_result", "tool_call", "reasoning")
_TASKS = frozenset(("input", "message", "prompt", "query", "question", "task"))
_BESIDE = frozenset(("instructions", "max_steps", "max_turns", "system"))
_SETTINGS: tuple[object, ...] = (None, True, False, "", [], {})
"""Arguments beside the task of a call that starts an agent: those of these names, and those of these values."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field of what was sent that did not arrive as it was. got: None where it did not arrive at all."""

    path: str
    sent: str
    got: str | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One handoff. seq: its place in the run, None for a last word that no agent took up. rule: how the handoff was
    seen. had: what the sender was asked, short. sent, got: the message and what the receiver was given of its own,
    short; None where that is not recorded. carried: of the words of the message. fields: how many values it has, where
    it is JSON, else 0; changes: those that did not arrive as they were sent; values: numbers and ids that are nowhere
    in what the receiver was given."""

    seq: int | None
    from_agent: str
    to_agent: str
    rule: str
    start_ns: int | None
    sender_span_id: str
    receiver_span_id: str | None
    had: str | None
    sent: str | None
    got: str | None
    arrival: Arrival
    carried: Carried | None
    fields: int
    changes: tuple[Change, ...]
    values: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Exchanges:
    """All handoffs of a run in order. start_ns: when the run began. short_ids: of all spans named here, unique in the
    run. next: commands to type."""

    trace_id: str
    name: str
    status: str
    start_ns: int | None
    rows: tuple[Exchange, ...]
    short_ids: Mapping[str, str]
    next: tuple[str, ...]


def exchanges(reader: Reader, trace_id: str) -> Exchanges:
    """The handoffs of a run. `reader` judges this run alone and sees the others, whose messages tell what is usual."""
    course = Course(reader.trace(trace_id))
    told = verdicts(reader)
    rows = [*_taken(course, told), *_untaken(course, told, reader)]
    named = [one for row in rows for one in (row.sender_span_id, row.receiver_span_id) if one]
    return Exchanges(
        trace_id=trace_id,
        name=course.trace.name,
        status=course.trace.status,
        start_ns=course.trace.start_ns,
        rows=tuple(rows),
        short_ids=short_ids(course, dict.fromkeys(named)),
        next=_next(trace_id, rows),
    )


def _next(trace_id: str, rows: list[Exchange]) -> tuple[str, ...]:
    odd = next((one for one in rows if one.verdict.grade == "breaks"), None)
    if odd is not None:
        return f"agentdbg span {odd.sender_span_id}", f"agentdbg why {trace_id} {odd.sender_span_id}"
    unrecorded = any(one.sent is None or one.arrival == "not recorded" for one in rows)
    return ("agentdbg doctor" if unrecorded else f"agentdbg show {trace_id}",)


def _taken(course: Course, told: list[tuple[Message, Verdict]]) -> Iterator[Exchange]:
    """The handoffs of the run. A message that several take up at once is judged once a reader."""
    flow = Flow(course)
    by_seq = {message.handoff.seq: verdict for message, verdict in told if message.handoff}
    by_span = {(message.edge[1], message.span_id): verdict for message, verdict in told}
    for handoff in course.trace.handoffs:
        span_id, value = sent(course.trace, handoff)
        verdict = by_seq.get(handoff.seq) or by_span.get((handoff.to_agent, span_id))
        yield _exchange(course, flow, handoff, span_id, value, verdict or _unjudged(value))


def _unjudged(value: object) -> Verdict:
    return Verdict(
        "not judged", ("what was sent is not recorded" if value is None else "the message is compared with no other",)
    )


def _untaken(course: Course, told: list[tuple[Message, Verdict]], reader: Reader) -> Iterator[Exchange]:
    """Last words of the run that an agent takes up in all other runs."""
    for message, verdict in told:
        if message.handoff is None:
            value = payload(message, reader)
            had = _had(course, message.span_id)
            yield Exchange(
                None, *message.edge, "the other runs", None, message.span_id, None, had, _short(value), None,
                "never ran", None, 0, (), (), verdict,
            )  # fmt: skip


def _exchange(course: Course, flow: Flow, handoff: Handoff, span_id: str, value: object, verdict: Verdict) -> Exchange:
    receiver = course.forest.by_id.get(handoff.receiver_span_id or "")
    given, everything = _given(course, flow, receiver.span) if receiver else (None, None)
    whole = plain(value) if value is not None else None
    arrived = carried(whole, everything) if whole is not None and everything is not None else None
    fields = list(_leaves(open_payload(value).value))
    changes = tuple(_changes(fields, given, everything or "")) if arrived else ()
    there = set(words(everything or "")) if arrived else set()
    lost = [one for one in words(whole or "") if is_value(one) and there.isdisjoint(_spellings(one))] if arrived else []
    return Exchange(
        seq=handoff.seq,
        from_agent=handoff.from_agent,
        to_agent=handoff.to_agent,
        rule=handoff.rule,
        start_ns=handoff.start_ns,
        sender_span_id=span_id,
        receiver_span_id=handoff.receiver_span_id,
        had=_had(course, handoff.sender_span_id),
        sent=_short(value),
        got=_short(given),
        arrival=_arrival(receiver is not None, arrived, len(fields) - len(changes) if fields else None, bool(changes)),
        carried=arrived,
        fields=len(fields),
        changes=changes,
        values=tuple(dict.fromkeys(lost)),
        verdict=verdict,
    )


def _arrival(ran: bool, arrived: Carried | None, fields: int | None, changed: bool) -> Arrival:
    """fields: how many arrived, None for a text."""
    if not ran:
        return "never ran"
    if arrived is None:
        return "not recorded"
    if not changed and (arrived.words == arrived.of or fields):
        return "whole"
    return "part" if arrived.words or fields else "nothing"


def _given(course: Course, flow: Flow, receiver: Span) -> tuple[Any, str | None]:
    """(what the receiver was told, everything it was given when it began): its own input, else its first prompt."""
    turn = [span for span in (receiver, *course.below(receiver)) if course.turn(span) is course.turn(receiver)]
    first = next((span for span in turn if span.kind == "llm" and span.input is not None), None)
    told = [span for span in (receiver, first) if span is not None and span.input is not None]
    if not told:
        return None, None
    everything = "\n".join(flow.own_input(span) or "" for span in told)
    return _first_asked(told), everything


def _first_asked(spans: Sequence[Span]) -> Any:
    """What the first span was told; where that is a method's arguments, what the next one was."""
    asked = [_unwrapped(_asked(span)) for span in spans]
    return next((one for one in asked if not _is_call(one)), asked[0])


def _is_call(value: Any) -> bool:
    """Whether it is what a framework's method, or a decorated function, was called with."""
    return isinstance(value, dict) and ("tools" in value or value.keys() == {"args", "kwargs"})


def _asked(span: Span) -> Any:
    """What a span was told last: of a prompt the new messages, of a state with messages the last one."""
    if span.kind == "llm":
        fresh = delta(parsed_messages(span.input) or [])
        return text_of(fresh).strip() or focus(span.kind, loaded(span.input))
    return focus(span.kind, loaded(span.input))


def _unwrapped(value: Any) -> Any:
    """The words in what a framework wraps them in: parts of a message, or a task beside settings of its call."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and one.get("type") in _PARTS for one in value):
        return "\n".join(filter(None, map(part_text, value)))
    if not isinstance(value, dict):
        return value
    said = {name: inner for name, inner in value.items() if inner not in _SETTINGS and name not in _BESIDE}
    name = next(iter(said)) if len(said) == 1 else ""
    return said[name] if name in _TASKS and isinstance(said[name], str) else value


def _had(course: Course, sender_span_id: str) -> str | None:
    """What the sender was asked in the turn in which it sent."""
    node = course.forest.by_id.get(sender_span_id)
    if node is None:
        return None
    turn = course.turn(node.span)
    spans = [span for span in (turn, *course.below(turn)) if span.input is not None and span.kind in ("agent", "llm")]
    return _short(_first_asked(spans)) if spans else None


def _changes(fields: list[tuple[str, object]], given: object, everything: str) -> Iterator[Change]:
    """Fields of a message in JSON that did not arrive as they were, the missing ones last."""
    theirs, there = dict(_leaves(open_payload(given).value)), row(everything)
    missing = []
    for path, leaf in fields:
        if path in theirs:
            if theirs[path] != leaf and not _within(leaf, theirs[path]):
                yield Change(path, plain(leaf), plain(theirs[path]))
        elif _tells(leaf) and not any(row(one) in there for one in _spellings(plain(leaf))):
            missing.append(Change(path, plain(leaf), None))
    yield from missing


def _within(leaf: object, theirs: object) -> bool:
    """Whether a text stands whole in a longer one: a framework may wrap what it passes on."""
    return isinstance(leaf, str) and isinstance(theirs, str) and bool(words(leaf)) and row(leaf) in row(theirs)


def _spellings(value: str) -> tuple[str, ...]:
    """A value as it may arrive: what one language writes as 45.0, another writes as 45."""
    if value.removesuffix(".0").isdecimal():
        return value.removesuffix(".0"), f"{value.removesuffix('.0')}.0"
    return (value,)


def _tells(leaf: object) -> bool:
    """Whether a value would be known again: a text or a number, not `true` or nothing."""
    return not isinstance(leaf, bool) and bool(words(plain(leaf))) and leaf is not None


def _leaves(value: object) -> Iterator[tuple[str, object]]:
    """The scalars of a JSON value with their paths, in order, at most 200."""
    stack: list[tuple[str, object]] = [("", value)]
    count = 0
    while stack and count < _MOST_FIELDS:
        path, at = stack.pop()
        if isinstance(at, dict):
            stack.extend((f"{path}.{key}".lstrip("."), inner) for key, inner in reversed(at.items()))
        elif isinstance(at, list):
            stack.extend((f"{path}[{n}]", inner) for n, inner in reversed(list(enumerate(at))))
        elif path:
            count += 1
            yield path, at


def _short(value: object) -> str | None:
    return None if value is None else clipped(plain(value), _QUOTE)
