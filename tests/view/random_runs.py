"""Random runs: any shape, any names, broken in every way."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from agentdbg.model import AgentTurn, Evidence, Finding, Handoff, Kind, LLMCall, Span, Status, Trace

KINDS: list[Kind] = ["workflow", "agent", "llm", "tool", "retriever", "state", "guard", "other"]
STATUSES: list[Status] = ["ok", "error", "unset"]
HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "[red]markup[/red]",
    "</script><b>",
    "=cmd|calc",
    "abc\u202edef",
    "北京" * 9,
    "👩\u200d👩\u200d👧",
    "שלום عالم",
    "a\nb\rc\td",
    "\ud83d half",
    "e" + "\u0301" * 30,
    "%s {0} ;end",
    "x" * 300,
    "",
]
NAMES = st.one_of(
    st.sampled_from(["plan", "search", "gpt-4o", "Researcher", "Analyst"]),
    st.sampled_from(HOSTILE),
    st.text(max_size=12),
)
MAYBE = st.one_of(st.none(), NAMES)
TIMES = st.one_of(st.none(), st.integers(0, 10**11))


@st.composite
def runs(draw: st.DrawFn, most: int = 30) -> tuple[Trace, list[Finding]]:
    """A trace with calls, turns and handoffs, and findings about it."""
    size = draw(st.integers(0, most))
    spans = [draw_span(draw, number, size) for number in range(size)]
    trace = Trace(
        draw(NAMES) or "t", draw(NAMES), draw(st.sampled_from(["ok", "error", "incomplete"])), None, None, spans
    )
    for span in spans:
        if span.kind == "llm":
            trace.calls.append(draw_call(draw, span))
        if span.kind == "agent" and draw(st.booleans()):
            span.agent, span.turn_id = span.agent or "somebody", span.span_id
            trace.turns.append(AgentTurn("t", span.span_id, span.agent, "rule", None, span.start_ns, span.end_ns, "ok"))
    ids = [span.span_id for span in spans] or ["none"]
    some = st.sampled_from([*ids, "gone"])
    for seq in range(draw(st.integers(0, 3))):
        receiver, via = draw(st.one_of(st.none(), some)), draw(st.one_of(st.none(), some))
        trace.handoffs.append(Handoff("t", seq, draw(NAMES), draw(NAMES), "rule", draw(some), receiver, via, None))
    return trace, [draw_finding(draw, some) for _ in range(draw(st.integers(0, 5)))]


def draw_span(draw: st.DrawFn, number: int, size: int) -> Span:
    parent = draw(st.one_of(st.none(), st.integers(0, max(size - 1, 0)).map(lambda n: f"{n:08x}"), st.just("gone")))
    payload = st.one_of(st.none(), NAMES, st.sampled_from(['{"task": "find"}', "[]", '{"a": [1, {"b": "c"}]}', "[{]"]))
    return Span(
        "t", f"{number:08x}", parent, draw(NAMES), draw(st.sampled_from(KINDS)), draw(TIMES), draw(TIMES),
        draw(st.sampled_from(STATUSES)), error_type=draw(MAYBE), error_message=draw(MAYBE), control_flow=draw(MAYBE),
        agent=draw(MAYBE), agent_rule=draw(MAYBE), model=draw(MAYBE), tool=draw(MAYBE), input=draw(payload),
        output=draw(payload), tools=draw(payload), parameters=draw(payload), attributes=draw(payload),
        finish_reason=draw(MAYBE), session_id=draw(MAYBE), source=draw(MAYBE),
        output_empty=draw(st.one_of(st.none(), st.booleans())), dropped=draw(st.integers(0, 2)),
    )  # fmt: skip


def draw_call(draw: st.DrawFn, span: Span) -> LLMCall:
    number = st.one_of(st.none(), st.integers(0, 10**7))
    cost = draw(st.one_of(st.none(), st.floats(0, 1_000)))
    return LLMCall(
        "t", span.span_id, span.agent, span.model, None, draw(number), draw(number), None, None, cost,
        "unknown" if cost is None else "computed", None, span.start_ns, span.duration_ns, span.status, "no", "",
    )  # fmt: skip


def draw_finding(draw: st.DrawFn, some: st.SearchStrategy[str]) -> Finding:
    told: dict[str, Any] = {name: draw(NAMES) for name in ("title", "message", "advice", "next", "key")}
    return Finding(
        detector=draw(st.sampled_from(["loop.cycle", "silent.empty", "trace.orphan"])),
        severity=draw(st.sampled_from(["info", "low", "medium", "high", "critical"])),
        confidence=draw(st.sampled_from(["hint", "likely", "certain"])),
        trace_id="t",
        agent=draw(MAYBE),
        evidence=(Evidence(draw(some), "primary", draw(NAMES)), Evidence(draw(some), "related", draw(NAMES))),
        status=draw(st.sampled_from(["new", "known", "suppressed"])),
        wasted_tokens=draw(st.one_of(st.none(), st.integers(0, 10**6))),
        **told,
    )
