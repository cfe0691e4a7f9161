"""time.timeout: a call that hung, and nothing that ended it in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from agentdbg.detectors.effects import words
from agentdbg.detectors.failure import classify
from agentdbg.detectors.slowness import Call, calls
from agentdbg.detectors.wording import clipped, counted, duration
from agentdbg.model import Evidence, Finding, Reader, Severity, Skipped

_LONG = """
    SELECT trace_id, min(duration) FROM (
        SELECT s.trace_id, t.duration_ns AS duration FROM spans s JOIN traces t ON s.trace_id = t.trace_id
        WHERE (s.is_call OR s.kind IN ('tool', 'retriever')) AND s.duration_ns >= $least)
    GROUP BY trace_id ORDER BY trace_id
"""
_USUAL = """
    SELECT coalesce(tool, model, name), count(*), median(duration_ns) FROM spans
    WHERE (is_call OR kind IN ('tool', 'retriever')) AND duration_ns IS NOT NULL AND status <> 'error'
    GROUP BY 1 ORDER BY 1
"""
_OPEN_ENDED_WORDS = """
    run exec execute bash shell terminal command script python test tests build deploy install train compile render
    simulate simulation migrate migration backup batch job crawl scrape browse research generate transcribe
    download upload embed human approve approval confirm ask interview wait sleep delay poll delegate interrupt
"""
_OPEN_ENDED = frozenset(_OPEN_ENDED_WORDS.split())
"""Words of tools whose work has no usual length."""
_ROUND = (10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900)
_ENOUGH = 2
"""Other calls that it takes to say what is usual."""
_BEYOND = 3
"""Times the longest of the other calls of the run, where only these are there to compare with."""
_FAST_ENOUGH = 5.0
"""Tokens a second from which a long answer explains a long call."""
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Timeout:
    """A call that kept the whole run waiting, far beyond what such calls take.

    **What it finds**: calls of a tool or a model of 30 s or more that together take at least half of a run, although
    such calls usually take a tenth of that or less: by the other calls of the same tool, or where there are none, by
    the other calls of the run. Whether a time limit ended it is told; where one did and the next try went
    well, it is low. Tools whose work has no usual length (tests,
    builds, crawlers, people who are asked), models that write a long answer, and tools that are always slow are none.

    **Why it matters**: a call without a time limit waits for ever when the other side hangs, and everything that
    depends on it waits as well. Who asked the question has left after 30 seconds.

    **Bad**:

        workflow quote
          agent pricer
            tool fetch_rates {"pair": "EUR/USD"} -> 1.08 dur=400ms
            tool fetch_rates {"pair": "EUR/GBP"} -> 0.86 dur=500ms
            tool fetch_rates {"pair": "EUR/JPY"} -> 161 dur=95s
            llm gpt-4o -> "Done." dur=2s

    **Good**:

        workflow quote
          agent pricer
            tool fetch_rates {"pair": "EUR/USD"} -> 1.08 dur=400ms
            tool fetch_rates {"pair": "EUR/JPY"} error="TimeoutError: no answer in 5 s" dur=5s
            tool fetch_rates {"pair": "EUR/JPY"} -> 161 dur=500ms
            llm gpt-4o -> "Done." dur=2s

    **What to do**: set a time limit at every call (5 to 10 s for a look-up), retry once or twice, and tell the caller
    what is missing. Let the whole run have a deadline of 30 to 45 s where a person waits, 10 to 15 minutes in a batch.

    Options: budget = seconds that a call may take, the budget of a person who waits; times = times what is usual;
    share = of the run's time.
    """

    budget: float = 30.0
    times: float = 10.0
    share: float = 0.5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each tool or model of a trace, at its longest call."""
        judged = set(reader.trace_ids())
        walls = {row[0]: row[1] for row in reader.rows(_LONG, least=int(self.budget * 1e9)) if row[0] in judged}
        if not walls:
            return
        usual = {name: (count, middle) for name, count, middle in reader.everywhere(_USUAL)}
        for trace_id, group in groupby(calls(reader, sorted(walls)), key=lambda call: call.trace_id):
            here, wall = list(group), walls[trace_id]
            for name in sorted({call.name for call in here}):
                hanging = [one for one in here if one.name == name and self._hangs(one, here, usual)]
                taken = sum(call.duration_ns for call in hanging)
                if hanging and wall and taken >= self.share * wall:
                    mended = all(_was_mended(call, here) for call in hanging)
                    yield self._finding(hanging, here, usual, taken / wall, "low" if mended else "high")

    def _hangs(self, call: Call, here: Sequence[Call], usual: dict[str, tuple[int, float]]) -> bool:
        if call.seconds < self.budget or (call.kind != "llm" and not _OPEN_ENDED.isdisjoint(words(call.name))):
            return False
        if call.output_tokens is not None and call.output_tokens / call.seconds > _FAST_ENOUGH:
            return False
        count, middle = usual.get(call.name, (0, 0.0))
        if count - (call.status != "error") >= _ENOUGH:
            return call.duration_ns >= self.times * middle
        others = sorted(one.duration_ns for one in here if one is not call)
        if len(others) < _ENOUGH:
            return False
        return call.duration_ns >= self.times * median(others) and call.duration_ns >= _BEYOND * others[-1]

    def _finding(
        self,
        hanging: Sequence[Call],
        here: Sequence[Call],
        usual: dict[str, tuple[int, float]],
        share: float,
        severity: Severity,
    ) -> Finding:
        worst = max(hanging, key=lambda call: (call.duration_ns, call.span_id))
        count, middle = usual.get(worst.name, (0, 0.0))
        of_its_kind = count - (worst.status != "error") >= _ENOUGH
        middle = middle if of_its_kind else median(one.duration_ns for one in here if one not in hanging)
        what = "calls of it" if of_its_kind else "other calls of this run"
        who = worst.agent or "the program"
        others = [call for call in hanging if call is not worst]
        again = f" The same in {counted(len(others), 'more call')}." if others else ""
        return Finding(
            detector="time.timeout",
            severity=severity,
            confidence="likely",
            title=clipped(f"{worst.name} took {duration(worst.seconds)} in {who}, {share:.0%} of the run", 100),
            message=(
                f"In {who}, {worst.name} took {duration(worst.seconds)} where {what} take {duration(middle / 1e9)}, "
                f"against a budget of {self.budget:.0f} s; {share:.0%} of the run was spent waiting for it. "
                f"{_ending(worst)}{again}"
            ),
            trace_id=worst.trace_id,
            agent=worst.agent,
            evidence=(
                Evidence(worst.span_id, "primary", f"took {duration(worst.seconds)}"),
                *(Evidence(one.span_id, "related", f"took {duration(one.seconds)}") for one in others[:_SHOWN]),
            ),
            advice=(
                "Set a time limit at this call (5 to 10 s for a look-up), retry it once or twice, and tell the caller "
                "what is missing; give the run a deadline of 30 to 45 s where a person waits."
            ),
            next=f"agentdbg span {worst.span_id}",
            key=f"{worst.name} hangs",
        )


def _was_given_up(call: Call) -> bool:
    return call.status == "error" and classify(call.error_type, call.error_message).name in ("timeout", "cancelled")


def _was_mended(call: Call, here: Sequence[Call]) -> bool:
    """Whether a time limit ended it, and a later call of its kind went well."""
    later = (one for one in here if one.start_ns > call.start_ns and (one.name, one.agent) == (call.name, call.agent))
    return _was_given_up(call) and any(one.status != "error" for one in later)


def _ending(call: Call) -> str:
    """Whether a time limit ended it, as far as the trace tells."""
    if call.status != "error":
        return "Nothing gave it up: no time limit is set, or one above that."
    if not _was_given_up(call):
        return f"It ended with {clipped(call.error_type or call.error_message or 'an error', 80)}."
    limit = next((limit for limit in _ROUND if abs(call.seconds - limit) <= limit / 100), None)
    return f"It hit a time limit of {limit} s." if limit else f"It was given up after {duration(call.seconds)}."
