"""redundant.calls: the same look-up again, although its answer was there already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from agentdbg.detectors import candidates
from agentdbg.detectors.effects import gives_answer, has_effect, may_change
from agentdbg.detectors.wording import clipped, counted, duration
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.steps.outcomes import waits
from agentdbg.tree import SKEW_NS

_CALLS = """
    WITH calls AS (
        SELECT trace_id, start_ns, span_id, agent, coalesce(tool, name) AS tool, input_key, output_key, status, end_ns,
               length(output) AS size, left(input, 200) AS asked,
               output IN ('null', '""', '{}', '"{}"', '"null"', '"None"') AS hollow, turn_id
        FROM spans WHERE kind IN ('tool', 'retriever') AND handoff_to IS NULL
            AND (trace_id, span_id) NOT IN (SELECT (trace_id, via_span_id) FROM handoffs WHERE via_span_id IS NOT NULL)
    )
    SELECT * FROM calls SEMI JOIN (
        SELECT trace_id FROM calls WHERE input_key IS NOT NULL AND output_key IS NOT NULL AND status <> 'error'
        GROUP BY trace_id, agent, tool, input_key, output_key HAVING count(*) >= $copies) often
    ON calls.trace_id = often.trace_id ORDER BY calls.trace_id, start_ns, span_id
"""
_SIGNS_A_TOKEN = 4
_Key = tuple[str | None, str, int | None]


@dataclass(frozen=True, slots=True)
class _Call:
    trace_id: str
    start_ns: int | None
    span_id: str
    agent: str | None
    tool: str
    input_key: int | None
    output_key: int | None
    status: str
    end_ns: int | None
    size: int | None
    asked: str | None
    hollow: bool | None
    turn_id: str | None


@dataclass(frozen=True, slots=True)
class Calls:
    """A look-up that is made again with the same arguments, and gives the same result again.

    **What it finds**: a tool that only reads, called three times or more in a run with the same arguments and the same
    result by one agent, with no call between that may have changed anything. Polling, calls whose result changes
    later, and tools whose results are not recorded are left out.

    **Why it matters**: each copy costs its time, and its result is paid for again in every prompt that comes after.
    Caching took one such task from $0.23 to $0.09.

    **Bad**:

        agent analyst
          tool get_rates {"day": "05-04"} -> {"EUR": 1.08, "GBP": 0.86}
          llm gpt-4o -> "Let me make sure."
          tool get_rates {"day": "05-04"} -> {"EUR": 1.08, "GBP": 0.86}
          llm gpt-4o -> "Once more, to be sure."
          tool get_rates {"day": "05-04"} -> {"EUR": 1.08, "GBP": 0.86}

    **Good**:

        agent analyst
          tool get_orders {"page": 1} -> ["a", "b"]
          tool get_orders {"page": 2} -> ["c", "d"]
          tool get_orders {"page": 3} -> ["e"]

    **What to do**: cache tools that give the same for the same, pass results on instead of having them looked up again,
    and tell the agent that what it has looked up stays valid.

    Options: copies = calls with the same arguments and result.
    """

    copies: int = 3

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each call and trace, by trace and first call."""
        if candidates.unrecorded(reader, "kind = 'tool'", "output"):
            yield Skipped("redundant.calls", None, "no results of tools recorded")
            return
        judged = set(reader.trace_ids())
        rows = (_Call(*row) for row in reader.rows(_CALLS, copies=self.copies))
        for trace_id, group in groupby(rows, key=lambda call: call.trace_id):
            if trace_id in judged:
                yield from self._of_trace(list(group))

    def _of_trace(self, calls: Sequence[_Call]) -> Iterator[Finding]:
        results: dict[_Key, set[int | None]] = defaultdict(set)
        unchanged: dict[_Key, list[_Call]] = defaultdict(list)
        found: dict[_Key, list[_Call]] = {}
        for call in calls:
            key = (call.agent, call.tool, call.input_key)
            if has_effect(call.tool) or may_change(call.tool):
                unchanged.clear()
            elif call.input_key is not None and not (waits(call.tool) or gives_answer(call.tool)):
                results[key].add(None if call.status == "error" or call.hollow else call.output_key)
                if not unchanged[key] or (call.start_ns or 0) >= (unchanged[key][-1].end_ns or 0) - SKEW_NS:
                    unchanged[key].append(call)  # what runs inside or beside another is no copy of it
                if len(unchanged[key]) >= max(self.copies, len(found.get(key, ()))):
                    found[key] = list(unchanged[key])
        for key, copies in found.items():
            if len(results[key]) == 1 and None not in results[key]:
                yield _finding(copies)


def _finding(copies: Sequence[_Call]) -> Finding:
    first = copies[0]
    who = first.agent or "the program"
    each_turn = first.asked in (None, "{}", "null", '""') and len({copy.turn_id for copy in copies}) == len(copies)
    tokens = sum((copy.size or 0) // _SIGNS_A_TOKEN for copy in copies[1:])
    took = sum(max(0, copy.end_ns - copy.start_ns) for copy in copies[1:] if copy.end_ns and copy.start_ns) / 1e9
    last = [] if len(copies) < 3 else [Evidence(copies[-1].span_id, "related", f"copy {len(copies) - 1}, the last")]
    return Finding(
        detector="redundant.calls",
        severity="low" if each_turn else "medium",  # what each turn begins with may be meant so
        confidence="certain",
        title=clipped(f"{who} called {first.tool} {len(copies)} times for the same result", 100),
        message=(
            f"{who} called {first.tool} {counted(len(copies), 'time')} with the same arguments"
            f" ({clipped(first.asked or '', 60)}) and got the same result each time. The copies took"
            f" {duration(took)}, and about {counted(tokens, 'token')} of results that were there already."
        ),
        trace_id=first.trace_id,
        agent=first.agent,
        evidence=(
            Evidence(first.span_id, "primary", "the first call, whose result would do"),
            Evidence(copies[1].span_id, "related", "copy 1"),
            *last,
        ),
        advice="Cache tools that give the same for the same, and pass results on instead of looking them up again.",
        next=f"agentdbg span {first.span_id}",
        key=first.tool,
        wasted_tokens=tokens,
    )
