"""Runs to draw: built by hand, so that every number in a golden file can be checked by head. Times are in seconds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agentdbg.model import AgentTurn, Evidence, Finding, Handoff, Kind, LLMCall, Severity, Span, Status, Trace

SECOND = 1_000_000_000
START = 1_773_480_413 * SECOND  # 2026-03-14 09:26:53 UTC


def at(seconds: float | None) -> int | None:
    return None if seconds is None else START + round(seconds * 1_000) * 1_000_000


class Builder:
    """Spans one by one; agent turns, calls and handoffs follow from what is said of them."""

    def __init__(self, trace_id: str, name: str) -> None:
        self.trace = Trace(trace_id, name, "ok", None, None, [])

    def span(
        self,
        span_id: str,
        parent: str | None,
        kind: Kind,
        name: str,
        start: float | None,
        end: float | None,
        **more: Any,
    ) -> Span:
        usd, tokens = more.pop("usd", None), more.pop("tokens", None)
        sender, via = more.pop("sender", None), more.pop("via", None)
        status: Status = more.pop("status", "ok")
        span = Span(self.trace.trace_id, span_id, parent, name, kind, at(start), at(end), status, **more)
        if kind == "agent":
            span.agent, span.turn_id = span.agent or name, span_id
            turn = AgentTurn(
                span.trace_id, span_id, span.agent, "agent span", None, span.start_ns, span.end_ns, span.status
            )
            self.trace.turns.append(turn)
        self.trace.spans.append(span)
        if kind == "llm":
            self._call(span, tokens, usd)
        if sender:
            self.handoff(sender[0], span.agent or name, sender[1], span_id, via)
        return span

    def _call(self, span: Span, tokens: tuple[int | None, int | None] | None, usd: float | None) -> None:
        span.input_tokens, span.output_tokens = tokens or (None, None)
        span.cost_usd, span.model = usd, span.model or span.name
        self.trace.calls.append(
            LLMCall(
                span.trace_id,
                span.span_id,
                span.agent,
                span.model,
                span.provider,
                span.input_tokens,
                span.output_tokens,
                None,
                None,
                usd,
                "unknown" if usd is None else "computed",
                span.finish_reason,
                span.start_ns,
                span.duration_ns,
                span.status,
                "exact",
                "",
            )
        )

    def handoff(self, sender: str, to: str, sender_id: str, receiver: str | None, via: str | None = None) -> None:
        seq = len(self.trace.handoffs)
        self.trace.handoffs.append(
            Handoff(self.trace.trace_id, seq, sender, to, "next sibling", sender_id, receiver, via, None)
        )

    def done(self) -> Trace:
        spans = self.trace.spans
        spans.sort(key=lambda span: (span.start_ns or 0, span.span_id))
        starts = [span.start_ns for span in spans if span.start_ns is not None]
        ends = [span.end_ns for span in spans if span.end_ns is not None]
        root = next((span for span in spans if span.parent_id is None), None)
        failed = root is not None and root.status == "error"
        return replace(
            self.trace,
            status="error" if failed else "ok",
            start_ns=min(starts, default=None),
            duration_ns=max(ends) - min(starts) if starts and ends else None,
        )


def finding(
    severity: Severity, detector: str, title: str, trace_id: str, primary: str, *related: str, **more: Any
) -> Finding:
    evidence = (
        Evidence(primary, "primary", more.pop("note", "here")),
        *(Evidence(one, "related", f"and {one}") for one in related),
    )
    told: dict[str, Any] = {
        "severity": severity,
        "confidence": "certain",
        "title": title,
        "message": title + ". More about it.",
        "trace_id": trace_id,
        "agent": None,
        "advice": "Stop it.",
        "next": f"agentdbg show {trace_id[:8]}",
        "key": detector,
    }
    return Finding(detector=detector, evidence=evidence, **(told | more))


def chat(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "text": text}]}])


CREDIT_MEMO_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def credit_memo() -> tuple[Trace, list[Finding]]:
    """A memo that never came: two agents ask each other for the same nothing 47 times until the clock stops the run."""
    run = Builder(CREDIT_MEMO_ID, "credit-memo")
    run.span(
        "r",
        None,
        "workflow",
        "credit-memo",
        0,
        61.4,
        status="error",
        error_type="TimeoutError",
        error_message="wall clock 60s",
    )
    run.span("p", "r", "agent", "Planner", 0.1, 3.0)
    run.span(
        "p1",
        "p",
        "llm",
        "gpt-4o",
        0.2,
        2.9,
        tokens=(1_700, 140),
        usd=0.009,
        output=chat("assistant", "Researcher: how did the customer pay in 2025?"),
    )
    t = 3.1
    for i in range(47):
        before = ("Planner", "p1") if i == 0 else ("Analyst", f"Al{i - 1}")
        run.span(f"R{i}", "r", "agent", "Researcher", t, t + 0.70, sender=before)
        run.span(
            f"Rl{i}",
            f"R{i}",
            "llm",
            "gpt-4o",
            t + 0.01,
            t + 0.45,
            tokens=(870 + 310 * i, 30),
            usd=0.003 + 0.0009 * i,
            output=chat("assistant", "no payments found, please advise"),
        )
        run.span(
            f"Rt{i}",
            f"R{i}",
            "tool",
            "search",
            t + 0.46,
            t + 0.69,
            tool="search",
            output_empty=True,
            input_key=7,
            output_key=9,
        )
        run.span(f"A{i}", "r", "agent", "Analyst", t + 0.71, t + 1.16, sender=("Researcher", f"Rl{i}"))
        run.span(
            f"Al{i}",
            f"A{i}",
            "llm",
            "gpt-4o",
            t + 0.72,
            t + 1.15,
            tokens=(680 + 300 * i, 20),
            usd=0.002 + 0.0009 * i,
            output=chat("assistant", "I need the payments of 2025 before I can judge the risk"),
        )
        t += 1.17
    run.span("x", "r", "agent", "Pricing", 3.1, 20.0)
    run.span(
        "x1",
        "x",
        "tool",
        "fx_rates",
        3.2,
        3.9,
        tool="fx_rates",
        status="error",
        error_type="RateLimitError",
        error_message="429",
        input_key=1,
    )
    run.span("x2", "x", "tool", "fx_rates", 5.9, 6.5, tool="fx_rates", input_key=1)
    run.span("x3", "x", "llm", "gpt-4o-mini", 6.6, 19.8, tokens=(5_000, 200), usd=0.002)
    run.span("w", "r", "agent", "Writer", 58.2, 61.4, status="error", sender=("Analyst", "Al46"))
    run.span("w1", "w", "llm", "gpt-4o", 58.3, None, status="unset", tokens=(31_200, None), usd=0.081)
    run.span("o", "7f3a", "llm", "gpt-4o-mini", 30.0, 31.2, tokens=(600, 40), usd=0.0003)
    trace = run.done()
    return trace, credit_memo_findings()


def credit_memo_findings() -> list[Finding]:
    it = CREDIT_MEMO_ID
    return [
        finding(
            "critical",
            "loop.cycle",
            "Researcher⇄Analyst ran the same 2-step cycle 47× with the same inputs and outputs",
            it,
            "R0",
            "A46",
            wasted_tokens=718_000,
            wasted_usd=2.13,
            agent="Researcher",
        ),
        finding(
            "high", "silent.empty", "search returned [] 47 of 47 times; usual empty rate is 4 %", it, "Rt0", "Rt46"
        ),
        finding(
            "high",
            "context.growth",
            "Researcher prompt grows 310 tokens a turn (900 → 15 160); 89 % of its tokens are carried history",
            it,
            "Rl0",
            "Rl46",
            confidence="likely",
        ),
        finding(
            "medium",
            "trace.orphan",
            "1 span names a parent that is not in the trace (7f3a): context lost at an async boundary",
            it,
            "o",
        ),
    ]


def refund() -> tuple[Trace, list[Finding]]:
    """A chat with its payloads: the second model call repeats the first one's messages and adds the tool's answer."""
    run = Builder("7c1e09aa00000000000000000000beef", "refund desk")
    system = {"role": "system", "parts": [{"type": "text", "text": "You are the refund desk. Be brief."}]}
    user = {"role": "user", "parts": [{"type": "text", "text": "I want my money back for order 4711, it never came."}]}
    asks = {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "call_1", "name": "find_order", "arguments": {"order": 4711}}],
    }
    order = {"order": 4711, "status": "delivered", "signed_by": "M. Muster", "paid_eur": 89.9}
    result = {"role": "tool", "parts": [{"type": "tool_result", "id": "call_1", "result": order}]}
    says = "The order was delivered and signed for by M. Muster.\nI cannot refund it."
    task = json.dumps("I want my money back for order 4711, it never came.")
    run.span("d0", None, "workflow", "refund desk", 0, 4, input=task)
    run.span("d1", "d0", "agent", "Clerk", 0.1, 3.9, agent_rule="gen_ai.agent.name")
    run.span(
        "d2",
        "d1",
        "llm",
        "gpt-4o",
        0.2,
        1.2,
        agent="Clerk",
        tokens=(60, 20),
        usd=0.0004,
        provider="openai",
        input=json.dumps([system, user]),
        output=json.dumps([{**asks, "finish_reason": "tool_calls"}]),
    )
    run.span(
        "d3",
        "d1",
        "tool",
        "find_order",
        1.3,
        1.5,
        agent="Clerk",
        tool="find_order",
        tool_call_id="call_1",
        input=json.dumps({"order": 4711}),
        output=json.dumps(order),
    )
    run.span(
        "d4", "d1", "llm", "gpt-4o", 1.6, 3.8, agent="Clerk", tokens=(120, 40), usd=0.0008, provider="openai",
        finish_reason="stop", convention="otel_genai", source="run.jsonl:5",
        input=json.dumps([system, user, asks, result]),
        output=json.dumps(
            [{"role": "assistant", "parts": [{"type": "text", "text": says}], "finish_reason": "stop"}]
        ),
        tools=json.dumps(
            [{"type": "function", "function": {"name": "find_order", "description": "Looks an order up.",
              "parameters": {"type": "object", "properties": {"order": {"type": "integer"}}}}}]
        ),
        parameters=json.dumps({"temperature": 0.2, "max_tokens": 400}),
        attributes=json.dumps({"server.address": "api.example.com", "gen_ai.request.choice.count": 1}),
    )  # fmt: skip
    return run.done(), [
        finding("high", "silent.ignored", "the answer leaves out that 89.9 EUR were paid", run.trace.trace_id, "d4")
    ]
