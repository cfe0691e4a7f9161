"""loop.retry: the same call again and again, without hope or without a pause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agentdbg.detectors import spending
from agentdbg.detectors.circling import cure_of_failure, failure
from agentdbg.detectors.failure import LASTING, ErrorClass, classify
from agentdbg.detectors.wording import clipped, counted, duration, listed, short
from agentdbg.model import Evidence, Finding, Reader, Severity, Skipped, Trace
from agentdbg.steps.sequence import Step, lanes_of

_CANDIDATES = r"""
    SELECT DISTINCT trace_id FROM spans WHERE kind IN ('tool', 'retriever') OR is_call
    GROUP BY trace_id, agent, kind, coalesce(tool, name), input_key
    HAVING count(*) FILTER (status = 'error' OR kind <> 'llm' AND regexp_matches(left(output, 2000),
        '(?i)error|exception|fail|denied|refused|unavailable|traceback|success\W+false|status\w*\W+[45]\d\d')) > 1
    ORDER BY trace_id
"""
_Call = tuple[str | None, str, str | None, str | None]
_GROWS = 1.2  # a pause that is this many times the one before grows
_AT_ONCE_NS = 100_000_000


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed call that is made again and again: one that could never succeed, or one without a pause or a ceiling.

    **What it finds**: attempts of one agent at the same call (the same tool and arguments, or the same prompt), one
    after another, of which all but perhaps the last failed. High when the error cannot go away by itself (no
    permission, not found, a wrong request, a failed validation, a content filter) and it was tried three times or more
    (low when only once more); medium with more than three attempts, or three with no growing pause between them. Up to
    three attempts of which the last went well are what retries are for, and are not told.

    **Why it matters**: hopeless retries cost time and money and hide the error; retries without a pause keep down the
    service they wait for.

    **Bad**:

        agent clerk
          tool get_order {"id": 7} error="HTTPError: 404 Client Error: Not Found"
          tool get_order {"id": 7} error="HTTPError: 404 Client Error: Not Found"
          tool get_order {"id": 7} error="HTTPError: 404 Client Error: Not Found"
          tool get_order {"id": 7} error="HTTPError: 404 Client Error: Not Found"

    **Good**:

        agent clerk
          tool get_order {"id": 7} error="HTTPError: 503 Server Error: Service Unavailable" dur=10ms at=0s
          tool get_order {"id": 7} error="HTTPError: 503 Server Error: Service Unavailable" dur=10ms at=1s
          tool get_order {"id": 7} -> {"total": 12} at=3s

    **What to do**: exponential backoff, three attempts at most, only for timeouts, 429 and 5xx; then an error handler
    or a dead letter queue.

    Options: attempts = attempts above which it is too many; hopeless = attempts at what cannot succeed from which it
    is high.
    """

    attempts: int = 3
    hopeless: int = 3

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each call that was tried again, by trace and first attempt."""
        known = {row[0] for row in reader.rows(_CANDIDATES)}
        for trace in reader.traces(one for one in reader.trace_ids() if one in known):
            seen: set[str] = set()
            for lane in trace.once(lanes_of):
                for tries in _series(lane):
                    if tries[0].span_id not in seen and (finding := self._finding(trace, tries)):
                        yield finding
                    seen.update(step.span_id for step in tries)

    def _finding(self, trace: Trace, tries: Sequence[Step]) -> Finding | None:
        errors = [error for step in tries if (error := failure(step))]
        recovered = len(errors) < len(tries)
        kind = _kind(errors[-1])
        severity = self._severity(tries, kind, recovered)
        if severity is None:
            return None
        first = tries[0]
        what, who = first.name or "the model", first.agent or "the program"
        ending = "and the last went well" if recovered else "and none went well"
        product = _product(tries)
        ids = {span.span_id for span in trace.spans}
        tokens, usd = spending.spent(trace, [span_id for step in tries[1:] for span_id in step.span_ids])
        hope = (
            f"; an error of this kind ({kind.name}) does not go away by itself"
            if kind.name in LASTING and not recovered
            else ""
        )
        return Finding(
            detector="loop.retry",
            severity=severity,
            confidence="certain" if first.asked else "likely",
            title=clipped(f"{who} tried {what} {len(tries)} times: {kind.name}, {_pauses(tries)}", 100),
            message=(
                f"{who} tried {what} {counted(len(tries), 'time')} with {_input(first)}, {_pauses(tries)}, "
                f"{ending}: {clipped(errors[-1], 160)}{hope}.{product}"
            ),
            trace_id=trace.trace_id,
            agent=first.agent,
            evidence=tuple(_evidence(tries)),
            advice=cure_of_failure(what, kind.name),
            next=f"agentdbg span {short(first.span_id, ids)}",
            key=f"{what} {kind.name}",
            wasted_tokens=tokens,
            wasted_usd=usd,
        )

    def _severity(self, tries: Sequence[Step], kind: ErrorClass, recovered: bool) -> Severity | None:
        if kind.name in LASTING and not recovered:
            return "high" if len(tries) >= self.hopeless else "low"
        if len(tries) > self.attempts:
            return "low" if recovered and _backs_off(tries) else "medium"
        if len(tries) == self.attempts and not recovered and not _backs_off(tries):
            return "medium"
        return None


def _series(lane: Sequence[Step]) -> Iterator[list[Step]]:
    """Attempts at the same call by one agent, of which all but perhaps the last failed; two at least."""
    running: dict[_Call, list[Step]] = {}
    found: list[list[Step]] = []
    for step in lane:
        if step.op != "llm" and (step.op != "tool" or step.asked is None):
            continue  # without its arguments a tool's call may be any
        key = _call(step)
        if step.op == "tool":  # another call of the agent between two attempts ends their row
            running = {known: tries for known, tries in running.items() if known == key or known[0] != step.agent}
        if failure(step) and key not in running:
            found.append(running.setdefault(key, [step]))
        elif key in running:
            running[key].append(step)
            if not failure(step):
                del running[key]
    return (tries for tries in found if len(tries) > 1)


def _call(step: Step) -> _Call:
    return step.agent, step.op, step.name, step.asked.masked if step.asked else None


def _kind(error: str) -> ErrorClass:
    name, _, words = error.partition(": ")
    return classify(name, words) if words else classify(None, error)


def _gaps(tries: Sequence[Step]) -> list[int]:
    times = [(one.end_ns, other.start_ns) for one, other in pairwise(tries)]
    return [max(0, start - end) for end, start in times if end is not None and start is not None]


def _backs_off(tries: Sequence[Step]) -> bool:
    """Whether the pauses between attempts are worth the name, and grow where there are several."""
    gaps = _gaps(tries)
    if not gaps or min(gaps) < _AT_ONCE_NS:
        return False
    return len(gaps) == 1 or all(later >= _GROWS * earlier for earlier, later in pairwise(gaps))


def _pauses(tries: Sequence[Step]) -> str:
    gaps = _gaps(tries)
    if not gaps:
        return "pauses not recorded"
    if max(gaps) < _AT_ONCE_NS:
        return "without a pause"
    if _backs_off(tries):
        return "with growing pauses"
    least, most = duration(min(gaps) / 1e9), duration(max(gaps) / 1e9)
    return f"pauses of {least}" if least == most else f"pauses of {least} to {most}"


def _input(step: Step) -> str:
    if step.asked is None:
        return "a prompt that is not recorded"
    return "the same prompt" if step.op == "llm" else "the same arguments"


def _product(tries: Sequence[Step]) -> str:
    """Retries inside retries multiply: three of the framework with three of the SDK are nine calls."""
    inner = Counter(step.parent_id for step in tries)
    if len(inner) < 2 or min(inner.values()) < 2:
        return ""
    return f" Retries lie inside retries: {listed([str(count) for count in inner.values()])} attempts below each."


def _evidence(tries: Sequence[Step]) -> Iterator[Evidence]:
    for number in sorted({1, 2, len(tries)}):
        step = tries[number - 1]
        note = f"attempt {number}: {clipped(failure(step) or 'went well')}"
        yield Evidence(step.span_id, "primary" if number == 1 else "related", note)
