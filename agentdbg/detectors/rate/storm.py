"""rate.storm: more calls than the other side allows, and the work that was lost by it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from agentdbg.detectors.failure import classify
from agentdbg.detectors.recorded import facts, first
from agentdbg.detectors.results import value
from agentdbg.detectors.wording import clipped, counted
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.steps.emptiness import error_in_body

_SIGN = r"(?i)rate.?limit|429|529|too.?many|overload|throttl|resource.?exhausted|quota"
_REFUSED = f"""
    SELECT coalesce(s.tool, s.model, p.tool, p.model, s.name), s.trace_id, s.span_id, s.parent_id, s.agent,
           s.status, s.error_type, s.error_message, s.start_ns, coalesce(s.end_ns, s.start_ns),
           s.input_key, CASE WHEN s.status <> 'error' THEN s.output END, CASE WHEN s.kind <> 'llm' THEN s.attributes END
    FROM spans s LEFT JOIN spans p ON p.trace_id = s.trace_id AND p.span_id = s.parent_id
    WHERE s.start_ns IS NOT NULL
        AND (s.status = 'error' AND regexp_matches(concat_ws(' ', s.error_type, s.error_message), '{_SIGN}')
             OR s.kind = 'tool' AND s.status <> 'error' AND regexp_matches(left(s.output, 400), '{_SIGN}'))
    ORDER BY 1, s.start_ns, s.trace_id, s.span_id
"""
_CALLS = """
    SELECT coalesce(tool, model, name), trace_id, agent, status = 'error', start_ns, input_key, span_id, is_call
    FROM spans
    WHERE start_ns IS NOT NULL AND (is_call OR kind IN ('tool', 'retriever'))
        AND coalesce(tool, model, name) IN (SELECT unnest($names))
    ORDER BY 1, start_ns, trace_id, span_id
"""
_RUNS = """
    SELECT trace_id, start_ns, start_ns + coalesce(duration_ns, 0) FROM traces
    WHERE start_ns IS NOT NULL AND trace_id IN (SELECT unnest($traces)) ORDER BY trace_id
"""
_WAIT = re.compile(r"retry[ -]?(?:after|in)\W{0,4}(\d+(?:\.\d+)?)\s*(ms|s|sec|seconds?|m|min|minutes?)?\b", re.I)
_HEADERS = ("http.response.header.retry-after", "http.response.header.retry_after", "retry-after", "retry_after")
_UNITS = {"ms": 1e6, "m": 6e10, "min": 6e10, "minute": 6e10, "minutes": 6e10}
_EARLY_NS = 50_000_000
"""How much earlier than told a retry may come: clocks and roundings differ."""
_AROUND_NS = 10_000_000_000
"""How long before and after the refusals calls are counted with them."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Refused:
    """One call that met a limit. wait_ns: how long it was told to wait."""

    name: str
    trace_id: str
    span_id: str
    agent: str | None
    start_ns: int
    end_ns: int
    input_key: int | None
    wait_ns: int | None


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    trace_id: str
    agent: str | None
    failed: bool
    start_ns: int
    input_key: int | None
    span_id: str
    of_model: bool


@dataclass(frozen=True, slots=True)
class _Toll:
    """What a storm cost one run: calls that never came through, and refusals after which the next call came
    earlier than it was told."""

    lost: int
    early: int


@dataclass(frozen=True, slots=True)
class Storm:
    """Calls that run into a rate limit, again and again.

    **What it finds**: five or more calls of one tool or model that were refused for their rate (429, `RateLimitError`,
    overloaded) within 60 seconds, in one run or in runs
    that were under way at the same time. High where calls never came through or the next one came
    before `retry-after` had passed, low where each came through in the end.

    **Why it matters**: everybody shares one limit. Retries without a pause keep it exceeded, tasks are lost, and some
    providers ban the key.

    **Bad**:

        workflow enrich
          agent scout
            tool lookup {"id": 1} error="RateLimitError: 429 Too Many Requests"
            tool lookup {"id": 2} error="RateLimitError: 429 Too Many Requests"
            tool lookup {"id": 3} error="RateLimitError: 429 Too Many Requests"
            tool lookup {"id": 4} error="RateLimitError: 429 Too Many Requests"
            tool lookup {"id": 5} error="RateLimitError: 429 Too Many Requests"

    **Good**:

        workflow enrich
          agent scout
            tool lookup {"id": 1} error="RateLimitError: 429 Too Many Requests, retry after 2 s"
            tool lookup {"id": 1} -> {"name": "Acme"} at=5s
            tool lookup {"id": 2} -> {"name": "Bolt"}

    **What to do**: one token bucket for each tool that all agents share, jitter, and no retry before `retry-after`.

    Options: refusals = how many of them, within window = so many seconds.
    """

    compares_runs: ClassVar = True

    refusals: int = 5
    window: float = 60.0

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each tool or model of a run."""
        judged = set(reader.trace_ids())
        refused = list(_refused(reader.rows(_REFUSED)))
        if len(refused) < self.refusals:
            return
        runs = {i: (a, b) for i, a, b in reader.rows(_RUNS, traces=sorted({one.trace_id for one in refused}))}
        storms: dict[tuple[str, str], list[_Refused]] = {}
        for name, group in groupby(refused, key=lambda one: one.name):
            found = list(group)
            for trace_id in sorted({one.trace_id for one in found} & judged & runs.keys()):
                stormy = self._stormy([one for one in found if _at_once(runs, trace_id, one.trace_id)])
                if any(one.trace_id == trace_id for one in stormy):
                    storms[name, trace_id] = stormy
        made = [_Call(*row) for row in reader.rows(_CALLS, names=sorted({n for n, _ in storms}))] if storms else []
        calls = {name: list(group) for name, group in groupby(made, key=lambda call: call.name)}
        for (name, trace_id), storm in storms.items():
            here, involved = [one for one in storm if one.trace_id == trace_id], {one.trace_id for one in storm}
            yield self._finding(here, storm, [call for call in calls.get(name, ()) if call.trace_id in involved])

    def _stormy(self, refused: Sequence[_Refused]) -> list[_Refused]:
        """Those that lie in a window with enough of them."""
        starts, width = [one.start_ns for one in refused], int(self.window * 1e9)
        stormy: set[int] = set()
        for i, start in enumerate(starts):
            end = bisect_right(starts, start + width)
            if end - i >= self.refusals:
                stormy.update(range(i, end))
        return [refused[i] for i in sorted(stormy)]

    def _finding(self, here: Sequence[_Refused], storm: Sequence[_Refused], calls: Sequence[_Call]) -> Finding:
        toll = _toll(here, [call for call in calls if call.trace_id == here[0].trace_id])
        name, starts = here[0].name, [call.start_ns for call in calls]
        near = starts[
            bisect_left(starts, storm[0].start_ns - _AROUND_NS) : bisect_right(starts, storm[-1].end_ns + _AROUND_NS)
        ]
        count = max(len(storm), len(near))
        seconds = max((near[-1] - near[0]) / 1e9 if near else 0.0, 0.1)
        agent = min(Counter(one.agent for one in here).items(), key=lambda item: (-item[1], item[0] or ""))[0]
        runs, pace = len({one.trace_id for one in storm}), count / seconds
        return Finding(
            detector="rate.storm",
            severity="high" if toll.lost or toll.early else "low",
            confidence="certain",
            title=clipped(f"{name} refused {len(storm)} of {counted(count, 'call')} for their rate", 100),
            message=(
                f"{name} refused {len(storm)} of {counted(count, 'call')} in {seconds:.1f} s for their rate "
                f"({pace:.1f} a second{f', over {runs} runs' if runs > 1 else ''}). {_cost(toll)}"
            ),
            trace_id=here[0].trace_id,
            agent=agent,
            evidence=(
                Evidence(here[0].span_id, "primary", "the first that was refused"),
                *(Evidence(one.span_id, "related", "refused for its rate") for one in here[1:_SHOWN]),
                *([Evidence(here[-1].span_id, "related", "the last that was refused")] if len(here) > _SHOWN else []),
            ),
            advice=(
                "Let all agents share one token bucket for this tool, add jitter, and never retry before "
                "`retry-after`; what cannot wait goes to a queue."
            ),
            next=f"agentdbg span {here[0].span_id}",
            key=f"{name} rate",
        )


def _at_once(runs: Mapping[str, tuple[int, int]], one: str, other: str) -> bool:
    """Whether two runs were under way at the same time: what came after another has a limit of its own."""
    return other in runs and runs[one][0] <= runs[other][1] and runs[other][0] <= runs[one][1]


def _refused(rows: Sequence[tuple[object, ...]]) -> Iterator[_Refused]:
    """Each refusal once: a span that only passes on what one below it met is left out."""
    found: list[tuple[_Refused, object]] = []
    for row in rows:
        name, trace_id, span_id, parent_id, agent, status, kind, message, start, end, key, output, attributes = row
        said = message if status == "error" else error_in_body(value(str(output)))
        if said is None and status != "error":
            continue
        if classify(kind if status == "error" else None, said).name == "rate limit":  # type: ignore[arg-type]
            wait = _wait(facts(attributes), str(said or ""))  # type: ignore[arg-type]
            one = _Refused(name, trace_id, span_id, agent, start, end, key, wait)  # type: ignore[arg-type]
            found.append((one, parent_id))
    above = {(one.trace_id, parent_id) for one, parent_id in found}
    return (one for one, _ in found if (one.trace_id, one.span_id) not in above)


def _wait(told: Mapping[str, object], message: str) -> int | None:
    """How long a refused call was told to wait, in nanoseconds: by a header, in seconds, or in its message."""
    header = first(told, _HEADERS)
    header = header[0] if isinstance(header, list) and header else header
    try:
        if header is not None:
            return int(float(str(header)) * 1e9)
    except ValueError:
        return None  # a date
    found = _WAIT.search(message)
    return int(float(found[1]) * _UNITS.get((found[2] or "s").lower(), 1e9)) if found else None


def _toll(here: Sequence[_Refused], calls: Sequence[_Call]) -> _Toll:
    lost: set[tuple[str | None, object]] = set()
    early = 0
    for one in here:
        again = [c for c in calls if c.span_id != one.span_id and c.start_ns >= one.end_ns and _same(c, one)]
        if not any(not call.failed for call in again):
            lost.add((one.agent, one.input_key if one.input_key is not None else one.span_id))
        following = next((c for c in calls if c.start_ns >= one.end_ns), None)
        if following and one.wait_ns is not None and following.start_ns < one.end_ns + one.wait_ns - _EARLY_NS:
            early += 1
    return _Toll(len(lost), early)


def _same(call: _Call, refused: _Refused) -> bool:
    """Whether a call repeats a refused one. Any of its agent's may where inputs are not recorded; and of a model, since
    an agent does not go on without its answer."""
    if refused.input_key is None or call.input_key is None or call.of_model:
        return call.agent == refused.agent
    return call.input_key == refused.input_key


def _cost(toll: _Toll) -> str:
    lost = f"{counted(toll.lost, 'call')} never came through" if toll.lost else "each came through in the end"
    early = f"; {counted(toll.early, 'time')} the next call came before `retry-after` had passed" if toll.early else ""
    return f"Here {lost}{early}."
