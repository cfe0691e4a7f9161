"""dlq.loss: messages that ended on a dead letter queue, or that nobody took."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from agentdbg.detectors.queues import Message, messages
from agentdbg.detectors.wording import clipped, counted, listed
from agentdbg.model import Confidence, Evidence, Finding, Reader, Severity, Skipped

_DEAD = re.compile(r"(?:^|[^a-z])(?:dead[_.\- ]?letters?|dlq|dlx)(?![a-z])", re.I)
_AGENTS = "SELECT DISTINCT trace_id, agent FROM spans WHERE agent IS NOT NULL ORDER BY ALL"
_SHOWN = 4
_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Lost:
    """Messages of one queue that were lost in one run, and how sure that is."""

    found: list[Message]
    severity: Severity
    confidence: Confidence
    words: str
    advice: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Messages that nobody worked on in the end.

    **What it finds**: messages that were sent to a dead letter queue (`dead_letter*`, `*dlq*`), which is high and
    certain; info where the same message was taken from there later. And messages with an id that were sent and that
    no span takes, in any run: high where other messages of the same queue are taken, both before and after, a hint of
    medium where no taker of this queue is recorded at all, which may just not be instrumented.

    **Why it matters**: fire and forget loses work without an error anywhere. A dead letter queue should be empty;
    whoever waits for the answer waits for ever.

    **Bad**:

        workflow intake
          agent billing
            other process messaging.destination.name=bills messaging.message.id=m7 error="ValueError: no amount"
            other send messaging.destination.name=dead_letter:billing messaging.message.id=m7

    **Good**:

        workflow intake
          agent billing
            other process messaging.destination.name=bills messaging.message.id=m7 error="ValueError: no amount"
            other process messaging.destination.name=bills messaging.message.id=m7

    **What to do**: look at why each attempt failed, mend it, and send the messages again from the dead letter queue;
    alert on any message in it, and let publishers know whether somebody listens.
    """

    compares_runs: ClassVar = True

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each queue of a run."""
        known = list(messages(reader))
        if not known:
            return
        judged, agents = set(reader.trace_ids()), {(trace_id, agent) for trace_id, agent in reader.rows(_AGENTS)}
        for trace_id, group in groupby(known, key=lambda one: one.trace_id):
            here = list(group) if trace_id in judged else []
            for queue in sorted({one.queue for one in here if one.act == "send"}):
                sent = [one for one in here if one.queue == queue and one.act == "send"]
                lost = _dead(sent, known) if _DEAD.search(queue) else _untaken(sent, known)
                if lost is not None:
                    yield _finding(lost, here, agents)


def _dead(sent: list[Message], known: Sequence[Message]) -> _Lost:
    """What was sent to a dead letter queue."""
    again = {one.id for one in known if one.act == "take" and one.ok and _DEAD.search(one.queue)}
    lost = [one for one in sent if one.id is None or one.id not in again]
    if not lost:
        return _Lost(sent, "info", "certain", "and taken from there later", "Nothing: it was worked on after all.")
    return _Lost(
        lost, "high", "certain", f"and nobody took {'them' if len(lost) > 1 else 'it'} from there",
        "Look at why each attempt failed, mend it, and send the messages again from the dead letter queue; alert on "
        "any message in it.",
    )  # fmt: skip


def _untaken(sent: list[Message], known: Sequence[Message]) -> _Lost | None:
    """What was sent and never taken. By id: a span that takes a message may name another destination."""
    taken = [one for one in known if one.act == "take"]
    ids, links = {one.id for one in taken}, [one.links for one in taken if one.links]
    parents = {one.parent_id for one in taken}
    lost = [
        one
        for one in sent
        if one.id is not None
        and one.id not in ids
        and one.span_id not in parents
        and not any(one.span_id in link for link in links)
    ]
    if not lost or not taken or all(one.id is None for one in taken):
        return None
    advice = "Let the publisher know whether somebody listens, and keep what nobody took; check the name of the queue."
    mine = {one.id for one in known if one.act == "send" and one.queue == lost[0].queue}
    heard = [one.start_ns for one in taken if one.id in mine or one.queue == lost[0].queue]
    if not heard:
        return _Lost(lost, "medium", "hint", "and no taker of this queue is recorded", advice)
    late = all(one.start_ns > max(heard) for one in lost)
    words = "and nobody took it, although others of this queue were taken"
    return _Lost(lost, "medium" if late else "high", "likely" if late else "certain", words, advice)


def _finding(lost: _Lost, here: Sequence[Message], agents: set[tuple[str, str]]) -> Finding:
    first = lost.found[0]
    ids = [one.id for one in lost.found if one.id is not None]
    named = f" ({listed([*ids[:_NAMED], *(['more'] if len(ids) > _NAMED else [])])})" if ids else ""
    suffix = re.split(r"[:/.]", first.queue)[-1]
    agent = suffix if (first.trace_id, suffix) in agents else first.agent
    attempts = [one for one in here if one.id in ids and one.act == "take" and not one.ok]
    failed = (
        f" {counted(len(attempts), 'attempt')} to process {'them' if len(ids) > 1 else 'it'} had failed."
        if attempts
        else ""
    )
    count, were = counted(len(lost.found), "message"), "was" if len(lost.found) == 1 else "were"
    return Finding(
        detector="dlq.loss",
        severity=lost.severity,
        confidence=lost.confidence,
        title=clipped(f"{count} sent to {first.queue} {lost.words}", 100),
        message=f"{count}{named} {were} sent to {first.queue} {lost.words}.{failed}",
        trace_id=first.trace_id,
        agent=agent,
        evidence=(
            Evidence(first.span_id, "primary", f"message {first.id or ''} is sent to {first.queue}".replace("  ", " ")),
            *(Evidence(one.span_id, "related", f"message {one.id or ''} as well") for one in lost.found[1:_SHOWN]),
            *(Evidence(one.span_id, "related", "an attempt that failed") for one in attempts[:_SHOWN]),
        ),
        advice=lost.advice,
        next=f"agentdbg span {first.span_id}",
        key=f"{first.queue} lost",
    )
