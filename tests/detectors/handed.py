"""Runs in which agents hand work on, in a line each, and a reader over them.

    run(("extractor", {"vendor": "Acme"}), ("scorer", "fine"))

is one run: extractor says a JSON object, scorer gets it and says "fine".
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from agentdbg.model import AgentTurn, Finding, Handoff, LLMCall, Reader, Skipped, Span, Status, Trace

SECOND = 1_000_000_000
Step = tuple[str, object]


def neutral(said: object) -> str:
    """The output of a model call that said something: text, or a value as its JSON text."""
    text = said if isinstance(said, str) else json.dumps(said)
    return json.dumps([{"role": "assistant", "parts": [{"type": "text", "text": text}]}])


def run(
    *steps: Step,
    failed: str | None = None,
    model: str | None = "gpt-4o",
    name: str = "pipeline",
    silent: bool = False,
    reader_sees: object = None,
) -> Trace:
    """Agents one after another; each says something and hands it on to the next.

    failed: error with which the run ends, on its last agent where that said nothing, else between the agents.
    silent: payloads are not recorded. reader_sees: what the last agent gives its tool.
    """
    trace = Trace("", name, "error" if failed else "ok", None, None, [])
    on_agent = failed is not None and steps[-1][1] is None
    spans = [_span("root", None, "workflow", name, 0, 2 * len(steps) + 1, None, "error" if failed else "ok")]
    spans[0].error_message = None if on_agent else failed
    for i, (agent, said) in enumerate(steps):
        died = on_agent and i == len(steps) - 1
        turn = _span(f"agent{i}", "root", "agent", agent, 2 * i + 1, 2 * i + 2, agent, "error" if died else "ok")
        turn.error_message = failed if died else None
        turn.turn_id = turn.span_id
        spans.append(turn)
        trace.turns.append(AgentTurn("", turn.span_id, agent, "test", None, turn.start_ns, turn.end_ns, turn.status))
        if said is not None:
            llm = _span(f"llm{i}", turn.span_id, "llm", "chat", 2 * i + 1, 2 * i + 2, agent)
            llm.turn_id, llm.model = turn.span_id, model
            llm.output = None if silent else neutral(said)
            spans.append(llm)
            trace.calls.append(_call(llm))
    if reader_sees is not None:
        tool = _span("tool", spans[-1].turn_id, "tool", "act", 2 * len(steps), 2 * len(steps), steps[-1][0])
        tool.tool, tool.input = "act", json.dumps(reader_sees)
        spans.append(tool)
    trace.handoffs = [
        Handoff("", i, a[0], b[0], "next sibling", f"llm{i}", f"agent{i + 1}", None, (2 * i + 3) * SECOND)
        for i, (a, b) in enumerate(itertools.pairwise(steps))
    ]
    trace.spans = sorted(spans, key=lambda s: (s.start_ns or 0, s.span_id))
    return trace


def _span(
    span_id: str,
    parent: str | None,
    kind: Any,
    name: str,
    start: int,
    end: int,
    agent: str | None,
    status: Status = "ok",
) -> Span:
    return Span("", span_id, parent, name, kind, start * SECOND, end * SECOND, status, agent=agent)


def _call(llm: Span) -> LLMCall:
    assert llm.duration_ns is not None
    return LLMCall(
        "", llm.span_id, llm.agent, llm.model, None, None, None, None, None, None, "unknown", None,
        llm.start_ns, llm.duration_ns, "ok", "content", "",
    )  # fmt: skip


class Runs:
    """A reader over traces that are numbered in their order: t00, t01, … an hour apart. `judged` are their numbers."""

    def __init__(self, traces: Sequence[Trace], judged: Sequence[int] | None = None) -> None:
        self._traces = {f"t{i:02}": _placed(trace, i) for i, trace in enumerate(traces)}
        self._judged = [t for i, t in enumerate(self._traces) if judged is None or i in judged]
        self._views = sqlite3.connect(":memory:")
        self._views.execute("CREATE TABLE handoffs (trace_id, from_agent, to_agent, start_ns)")
        self._views.execute("CREATE TABLE agent_turns (trace_id, agent)")
        for trace in self._traces.values():
            edges = [(h.trace_id, h.from_agent, h.to_agent, h.start_ns) for h in trace.handoffs]
            self._views.executemany("INSERT INTO handoffs VALUES (?, ?, ?, ?)", edges)
            self._views.executemany(
                "INSERT INTO agent_turns VALUES (?, ?)", [(t.trace_id, t.agent) for t in trace.turns]
            )

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        return self._views.execute(sql, args).fetchall()

    def trace_ids(self) -> Sequence[str]:
        return self._judged

    def trace(self, trace_id: str) -> Trace:
        return self._traces[trace_id]


def _placed(trace: Trace, number: int) -> Trace:
    trace.trace_id, shift = f"t{number:02}", (number + 1) * 3600 * SECOND
    for part in (*trace.spans, *trace.turns, *trace.calls, *trace.handoffs):
        part.trace_id = trace.trace_id
        assert part.start_ns is not None
        part.start_ns += shift
        if isinstance(part, Span | AgentTurn) and part.end_ns is not None:
            part.end_ns += shift
    trace.start_ns = shift
    return trace


def found(detector: Any, reader: Reader) -> list[Finding]:
    return [f for f in detector.find(reader) if isinstance(f, Finding)]


def skipped(detector: Any, reader: Reader) -> list[Skipped]:
    return [s for s in detector.find(reader) if isinstance(s, Skipped)]
