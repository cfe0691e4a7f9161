"""What became of a message: whether its reader failed, and what the reader took out of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agentdbg.contracts.paths import repeats
from agentdbg.contracts.payload import said, speaker
from agentdbg.contracts.profile import Profile, profile_of
from agentdbg.detectors.failure import classify, failed, origins
from agentdbg.detectors.messages import Message, payload
from agentdbg.model import Reader, Span, Trace
from agentdbg.tree import Forest, build

Place = tuple[str, str, str, str]
Leaves = dict[Place, object]
Asked = tuple[str, str, int]

_FAILING = "SELECT DISTINCT trace_id FROM spans WHERE status = 'error' ORDER BY trace_id"

# What a program does that was given something else than it expects; these count also where somebody caught them.
_OF_THE_READER = frozenset({"decode", "validation", "code"})
_MIN_AGREEING = 3


class Aftermath:
    """What whole traces tell of messages. Each trace is asked once for each message."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._failing = {row[0] for row in reader.rows(_FAILING)}
        self._failures: dict[Asked, Span | None] = {}
        self._leaves: dict[Asked, Leaves] = {}
        self._profiles: dict[Asked, Profile] = {}

    def failure(self, message: Message) -> Span | None:
        """`failure_after` a message."""
        if message.trace_id not in self._failing:
            return None
        key = _asked(message)
        if key not in self._failures:
            receiver = message.handoff.receiver_span_id if message.handoff else None
            self._failures[key] = failure_after(self._reader.trace(message.trace_id), message.span_id, receiver)
        return self._failures[key]

    def leaves(self, message: Message) -> Leaves:
        """What the reader of a message worked with: `read_by`."""
        key = _asked(message)
        if key not in self._leaves:
            receiver = message.handoff.receiver_span_id if message.handoff else None
            self._leaves[key] = read_by(self._reader.trace(message.trace_id), receiver)
        return self._leaves[key]

    def profile(self, message: Message) -> Profile:
        """The profile of this very message, whose own may be another's of the same form."""
        key = _asked(message)
        if key not in self._profiles:
            self._profiles[key] = profile_of(payload(message, self._reader), message.span_id, message.order[0])
        return self._profiles[key]

    def speaker(self, message: Message) -> str:
        """The span of the model call that wrote a message, else the span that records it."""
        if message.recorded_by == "llm":
            return message.span_id
        trace = self._reader.trace(message.trace_id)
        return speaker(trace, message.span_id, payload(message, self._reader))


def _asked(message: Message) -> Asked:
    return message.trace_id, message.edge[1], message.order[2]


def failure_after(trace: Trace, sender_span_id: str, receiver_span_id: str | None) -> Span | None:
    """The first span that failed after a message was said and may have failed of it; None where none did.

    That is an error of decoding, validation or code below the receiver, any error below a receiver whose turn failed,
    and any later error of a run that failed. Errors that began before the message are not its doing.
    """
    forest = build(trace.spans)
    sender = forest.by_id.get(sender_span_id)
    if sender is None:
        return None
    moment = sender.start_ns if sender.span.end_ns is None else max(sender.start_ns, sender.span.end_ns)
    above = _ids_above(forest, sender_span_id)
    reader = _ids_below(forest, receiver_span_id)
    reader_failed = receiver_span_id in forest.by_id and failed(forest.by_id[receiver_span_id or ""].span)
    run_failed = trace.status == "error"
    for span in origins(forest):
        node = forest.by_id[span.span_id]
        encloses = span.span_id in above and (span.end_ns is None or span.end_ns >= moment)
        later = span.span_id != sender_span_id and node.start_ns >= moment
        if not encloses and not later:
            if run_failed and span.span_id not in reader:
                run_failed = False  # the run's error may be this earlier one
            continue
        by_reader = span.span_id in reader and (
            reader_failed or classify(span.error_type, span.error_message).name in _OF_THE_READER
        )
        if by_reader or run_failed:
            return span
    return None


def read_by(trace: Trace, receiver_span_id: str | None) -> Leaves:
    """Single values that a receiver worked with or gave away, by (kind, tool, "input" or "output", path).

    The prompts of its model calls are left out: they repeat what it was sent.
    """
    forest, leaves = build(trace.spans), Leaves()
    node = forest.by_id.get(receiver_span_id or "")
    for below in node.walk() if node else ():
        span = below.span
        seen = {"output": said(span, trace), "input": None if span.kind == "llm" else _loaded(span.input)}
        for direction, work in seen.items():
            for path, value in single_values(profile_of(work)).items():
                leaves.setdefault((span.kind, span.tool or "", direction, path), value)
    return leaves


def single_values(message: Profile) -> dict[str, object]:
    """Numbers, texts and flags of a profile of one message by path; long texts are left out."""
    values: dict[str, object] = {}
    for path, f in message.fields.items():
        if f.seen == 1 and not repeats(path) and f.types.keys() & {"integer", "number", "string", "boolean", "null"}:
            try:
                values[path] = json.loads(next(iter(f.examples.values())).text)
            except ValueError:
                continue  # shortened
    return values


def misread(usual: Sequence[tuple[object, Leaves]], value: object, leaves: Leaves) -> tuple[Place, object] | None:
    """Where a reader usually has the very value it was sent, and now has another: (place, what it has).

    None where it has it still, or where no place followed the value in three messages with at least two values.
    """
    if len(usual) < _MIN_AGREEING or len({str(sent) for sent, _ in usual}) < 2:
        return None
    for place in sorted(leaves):
        follows = all(place in others and _same(sent, others[place]) for sent, others in usual)
        if follows and not _same(value, leaves[place]):
            return place, leaves[place]
    return None


def _same(a: object, b: object) -> bool:
    if a == b:
        return True
    try:
        return float(str(a)) == float(str(b))
    except ValueError:
        return False


def _ids_above(forest: Forest[Span], span_id: str) -> set[str]:
    above, node = set(), forest.by_id[span_id].parent
    while node is not None:
        above.add(node.span.span_id)
        node = node.parent
    return above


def _ids_below(forest: Forest[Span], span_id: str | None) -> set[str]:
    node = forest.by_id.get(span_id or "")
    return {below.span.span_id for below in node.walk()} if node else set()


def _loaded(text: str | None) -> object:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
