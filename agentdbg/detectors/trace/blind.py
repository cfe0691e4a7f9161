"""trace.blind: work that was done and that no span tells of."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agentdbg.detectors.effects import gives_answer
from agentdbg.detectors.wording import clipped, counted, duration, listed
from agentdbg.model import Evidence, Finding, Reader, Skipped
from agentdbg.steps.messages import parsed_messages

_PROMPTS = """
    SELECT trace_id, arg_max(span_id, (start_ns, span_id)), agent, coalesce(scope, ''),
           arg_max(input, (start_ns, span_id)) FROM spans
    WHERE is_call AND contains(input, '"tool_result"') GROUP BY trace_id, agent, coalesce(scope, ''), turn_id
    ORDER BY ALL
"""
_RECORDING = "SELECT DISTINCT coalesce(scope, '') FROM spans WHERE kind = 'tool' ORDER BY 1"
_NAMES = """
    SELECT trace_id, tool_call_id, lower(coalesce(tool, name)) FROM spans
    WHERE NOT is_call AND trace_id IN (SELECT unnest($traces)) ORDER BY ALL
"""
_TURNS = """
    SELECT trace_id, span_id, agent, start_ns, end_ns FROM agent_turns WHERE end_ns - start_ns >= $least
    ORDER BY trace_id, start_ns, span_id
"""
_LEAVES = """
    SELECT s.trace_id, s.start_ns, s.end_ns, s.status = 'error', s.is_call FROM spans s
    WHERE s.trace_id IN (SELECT unnest($traces)) AND s.start_ns IS NOT NULL AND s.end_ns IS NOT NULL
        AND NOT EXISTS (FROM spans c WHERE c.trace_id = s.trace_id AND c.parent_id = s.span_id)
    ORDER BY s.trace_id, s.start_ns, s.span_id
"""
_HANDS_OVER = re.compile(r"transfer|hand_?(?:off|over|back)|delegate|ask_question_to", re.I)
"""Tools by which agents pass work on: frameworks act on them without running a tool."""
_PAUSE_NS = 500_000_000
"""Shorter stretches between two spans are the program's own steps."""
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Gap:
    """A turn, how long no span ran within it, and the longest such stretch."""

    span_id: str
    agent: str
    whole_ns: int
    blind_ns: int
    longest_ns: int
    after_ns: int


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A span without children."""

    start_ns: int
    end_ns: int
    failed: bool
    is_call: bool


class _Leaves:
    """The leaves of a trace, added by start."""

    def __init__(self) -> None:
        self._every: list[_Leaf] = []
        self._starts: list[int] = []
        self._ended: list[int] = []  # when the last of those so far had ended

    def add(self, leaf: _Leaf) -> None:
        self._every.append(leaf)
        self._starts.append(leaf.start_ns)
        self._ended.append(max(leaf.end_ns, self._ended[-1] if self._ended else leaf.end_ns))

    def within(self, start: int, end: int) -> list[_Leaf]:
        """Those that ran at some time between two moments."""
        some = self._every[bisect_left(self._ended, start) : bisect_right(self._starts, end)]
        return [leaf for leaf in some if leaf.end_ns >= start]


@dataclass(frozen=True, slots=True)
class Blind:
    """Work of an agent that the trace does not show.

    **What it finds**: tools whose results stand in a model's prompt although no span of them is there: medium where the
    same instrumentation records tools elsewhere, info where it never does. And agents that were at work for more than
    two seconds in all, and a fifth of their time, while no span ran: low and a hint, since code has to take some time, and people.

    **Why it matters**: what is not recorded cannot be judged. A tool without a span fails, hangs and costs unseen, and
    every sum of time and calls is too small.

    **Bad**:

        workflow answer
          agent scout
            tool search {"q": "a"} -> "page a"
            llm gpt-4o [{"role": "user", "content": "look it up"}, {"role": "assistant", "content": "", "tool_calls": [{"id": "c9", "function": {"name": "read_vault", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c9", "content": "the code"}] -> "Done."

    **Good**:

        workflow answer
          agent scout
            tool read_vault {} -> "the code" tool_call_id=c9
            llm gpt-4o [{"role": "user", "content": "look it up"}, {"role": "assistant", "content": "", "tool_calls": [{"id": "c9", "function": {"name": "read_vault", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c9", "content": "the code"}] -> "Done."

    **What to do**: instrument the tool (a decorator or a span around it), pass the context on into threads and tasks,
    and see `agentdbg doctor` for the line of configuration.

    Options: share and seconds = how much of an agent's time no span may cover.
    """  # noqa: E501  # a line of a sketch is a span

    share: float = 0.2
    seconds: float = 2.0

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding of each sort a trace."""
        judged = set(reader.trace_ids())
        yield from _unseen_tools(reader, judged)
        turns = [row for row in reader.rows(_TURNS, least=int(self.seconds * 1e9)) if row[0] in judged]
        if not turns:
            return
        leaves: dict[str, _Leaves] = {}
        for trace_id, *leaf in reader.rows(_LEAVES, traces=sorted({row[0] for row in turns})):
            leaves.setdefault(trace_id, _Leaves()).add(_Leaf(*leaf))
        for trace_id, group in groupby(turns, key=lambda row: str(row[0])):
            gaps = [gap for row in group if (gap := _gap(row, leaves.get(trace_id, _Leaves()))) is not None]
            wide = self._wide(gaps)
            if wide:
                yield _time_finding(trace_id, max(wide, key=lambda gap: (gap.blind_ns, gap.span_id)), gaps)

    def _wide(self, gaps: Sequence[_Gap]) -> list[_Gap]:
        """Those of agents whose turns of the run, taken together, are blind for long enough."""
        blind, whole = Counter[str](), Counter[str]()
        for gap in gaps:
            blind[gap.agent] += gap.blind_ns
            whole[gap.agent] += gap.whole_ns
        return [
            gap
            for gap in gaps
            if blind[gap.agent] > self.seconds * 1e9 and blind[gap.agent] > self.share * whole[gap.agent]
        ]


def _unseen_tools(reader: Reader, judged: set[str]) -> Iterator[Finding]:
    prompts = [row for row in reader.rows(_PROMPTS) if row[0] in judged]
    if not prompts:
        return
    recording = {row[0] for row in reader.everywhere(_RECORDING)}
    spans: dict[str, tuple[set[str | None], set[str]]] = {}
    for trace_id, call_id, name in reader.rows(_NAMES, traces=sorted({row[0] for row in prompts})):
        ids, names = spans.setdefault(trace_id, (set(), set()))
        ids.add(call_id)
        names.add(name)
    for trace_id, group in groupby(prompts, key=lambda row: str(row[0])):
        rows, known = list(group), spans.get(trace_id, (set(), set()))
        unseen = [(row, found) for row in rows if (found := sorted(_unseen(row[4], known)))]
        if unseen:
            yield _tool_finding(trace_id, unseen, any(row[3] in recording for row, _ in unseen))


def _unseen(prompt: str, known: tuple[set[str | None], set[str]]) -> set[str]:
    """The tools whose results a prompt shows and that no span is named after, nor tells the id of the call."""
    parts = [part for message in parsed_messages(prompt) or () for part in message.get("parts") or ()]
    called = {str(part["id"]): part.get("name") for part in parts if part.get("type") == "tool_call" and part.get("id")}
    ids, names = known
    unseen: set[str] = set()
    for part in parts:
        if part.get("type") != "tool_result" or part.get("id") in ids:
            continue
        name = part.get("name") or called.get(str(part.get("id")))
        if (
            name
            and not gives_answer(name)
            and not _HANDS_OVER.match(name)
            and not any(_is_of(str(name), known_name) for known_name in names)
        ):
            unseen.add(str(name))
    return unseen


def _is_of(tool: str, name: str) -> bool:
    """Whether a span's name is that of a tool, or of the one it hands over to."""
    bare = tool.lower()
    return bare in name or (len(name) > 2 and name in bare)


def _tool_finding(trace_id: str, unseen: Sequence[tuple[Any, list[str]]], records: bool) -> Finding:
    (_, span_id, agent, _, _), _ = unseen[0]
    names = sorted({name for _, found in unseen for name in found})
    why = (
        "although this instrumentation records tools elsewhere" if records
        else "as this instrumentation records no tools"
    )  # fmt: skip
    what = f"{counted(len(names), 'tool')} ran without a span: {listed(names[:_SHOWN])}"
    return Finding(
        detector="trace.blind",
        severity="medium" if records else "info",
        confidence="certain",
        title=clipped(what, 100),
        message=f"{what}, {why}. Their results stand in the prompts of {agent or 'the program'}.",
        trace_id=trace_id,
        agent=agent,
        evidence=(
            Evidence(span_id, "primary", f"its prompt shows results of {listed(names[:_SHOWN])}"),
            *(Evidence(row[1], "related", f"and of {listed(found[:_SHOWN])}") for row, found in unseen[1:_SHOWN]),
        ),
        advice=(
            "Instrument the tool (a decorator or a span around it), and pass the context on into threads and tasks; "
            "agentdbg doctor tells what else is missing."
        ),
        next="agentdbg doctor",
        key="tools without spans",
    )


def _gap(turn: Sequence[Any], leaves: _Leaves) -> _Gap | None:
    """The time of a turn in which no span without children ran. Not counted is what follows a failed one: a pause
    before the next attempt. None where nothing at all is recorded in it, or no durations are."""
    _, span_id, agent, start, end = turn
    inside = leaves.within(start, end)
    if not inside or any(leaf.is_call and leaf.start_ns == leaf.end_ns for leaf in inside):
        return None
    if len(inside) == 1 and (inside[0].start_ns, inside[0].end_ns) == (start, end):
        return None
    blind, longest, after, at, failed = 0, 0, start, start, False
    for leaf in [*sorted(inside, key=lambda one: (one.start_ns, one.end_ns)), _Leaf(end, end, False, False)]:
        since = leaf.start_ns - at
        if since >= _PAUSE_NS and not failed:
            blind += since
            if since > longest:
                longest, after = since, at
        if leaf.end_ns >= at:
            at, failed = leaf.end_ns, leaf.failed
    return _Gap(span_id, agent, end - start, blind, longest, after - start)


def _time_finding(trace_id: str, worst: _Gap, gaps: Sequence[_Gap]) -> Finding:
    own = [gap for gap in gaps if gap.agent == worst.agent]
    blind, whole = sum(gap.blind_ns for gap in own), sum(gap.whole_ns for gap in own)
    return Finding(
        detector="trace.blind",
        severity="low",
        confidence="hint",
        title=clipped(f"{blind / whole:.0%} of {worst.agent}'s time is covered by no span", 100),
        message=(
            f"{worst.agent} was at work for {duration(whole / 1e9)}, and for {duration(blind / 1e9)} of it "
            f"({blind / whole:.0%}) no span ran. The longest such stretch is {duration(worst.longest_ns / 1e9)}, "
            f"{duration(worst.after_ns / 1e9)} after the turn began."
        ),
        trace_id=trace_id,
        agent=worst.agent,
        evidence=(Evidence(worst.span_id, "primary", f"{duration(worst.blind_ns / 1e9)} of it without a span"),),
        advice="Put a span around what runs there: a call that no instrumentation covers, a lock, a sleep.",
        next=f"agentdbg show {trace_id}",
        key="time without spans",
    )
