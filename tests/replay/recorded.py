"""Recorded conversations in a few lines: what the tests of replay are written in.

    system You are careful.
    user find rome
    call c1 search {"q": "rome"}
    result c1 ["old"]
    assistant Rome is old.

One message a line, but `call` lines that follow one another are one message. `user Ann: …` names who spoke.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agentdbg.model import Grade, LLMCall, Span, Status, Trace
from agentdbg.replay.call import Call, Message, Part, call_of

SECOND = 1_000_000_000


def messages(text: str) -> list[Message]:
    out: list[Message] = []
    last = ""
    for line in filter(None, (line.strip() for line in text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "call":
            call_id, name, arguments = rest.split(" ", 2)
            part: Part = {"type": "tool_call", "id": call_id, "name": name, "arguments": json.loads(arguments)}
            if last == "call":
                out[-1]["parts"].append(part)
            else:
                out.append({"role": "assistant", "parts": [part]})
        elif word == "result":
            call_id, _, result = rest.partition(" ")
            out.append({"role": "tool", "parts": [{"type": "tool_result", "id": call_id, "result": result}]})
        else:
            out.append({"role": word, "parts": [{"type": "text", "text": rest}]})
        last = word
    return out


def answer(text: str) -> list[Message]:
    """The lines of one answer as the one message it is."""
    said = messages(text)
    return [{"role": "assistant", "parts": [part for message in said for part in message["parts"]]}] if said else []


def llm(
    span_id: str,
    given: str | None,
    answered: str | None,
    at: int,
    agent: str | None = "a",
    turn: str | None = None,
    **more: Any,
) -> Span:
    """A model call that lasts one second from second `at` on."""
    return Span(
        trace_id="t",
        span_id=span_id,
        parent_id=turn,
        name="chat",
        kind="llm",
        start_ns=at * SECOND,
        end_ns=(at + 1) * SECOND,
        status=more.pop("status", "ok"),
        agent=agent,
        turn_id=turn,
        model="gpt-4o",
        input_tokens=900,
        output_tokens=40,
        is_call=True,
        input=None if given is None else json.dumps(messages(given)),
        output=None if answered is None else json.dumps(answer(answered)),
        **more,
    )


def tool(span_id: str, name: str, arguments: Any, result: Any, at: int, agent: str | None = "a", **more: Any) -> Span:
    """A tool call of one second from second `at` on; `result` None for one that records none."""
    return Span(
        trace_id="t",
        span_id=span_id,
        parent_id=more.get("turn_id"),
        name=name,
        kind="tool",
        tool=name,
        start_ns=at * SECOND,
        end_ns=(at + 1) * SECOND,
        status=more.pop("status", "ok"),
        agent=agent,
        input=json.dumps(arguments),
        output=None if result is None else json.dumps(result),
        **more,
    )


def agent(span_id: str, name: str, at: int, until: int, **more: Any) -> Span:
    """The top span of an agent's turn."""
    return Span(
        trace_id="t",
        span_id=span_id,
        parent_id=more.pop("parent_id", None),
        name=f"invoke_agent {name}",
        kind="agent",
        start_ns=at * SECOND,
        end_ns=until * SECOND,
        status=more.pop("status", "ok"),
        agent=name,
        turn_id=span_id,
        **more,
    )


def told(span: Span, grade: Grade = "exact", reason: str = "all that was sent and answered is recorded") -> LLMCall:
    return LLMCall(
        trace_id=span.trace_id,
        span_id=span.span_id,
        agent=span.agent,
        model=span.model,
        provider=span.provider,
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        cached_tokens=None,
        reasoning_tokens=None,
        cost_usd=None,
        cost_basis="unknown",
        finish_reason=span.finish_reason,
        start_ns=span.start_ns,
        duration_ns=span.duration_ns,
        status=span.status,
        replayable=grade,
        replay_reason=reason,
    )


def call(span: Span, grade: Grade = "exact", reason: str = "all that was sent and answered is recorded") -> Call:
    return call_of(span, told(span, grade, reason))


def trace(spans: Sequence[Span], calls: Sequence[LLMCall] | None = None) -> Trace:
    ordered = sorted(spans, key=lambda span: (span.start_ns or 0, span.span_id))
    status: Status = "error" if any(span.status == "error" for span in ordered if span.parent_id is None) else "ok"
    made = [told(span) for span in ordered if span.kind == "llm"] if calls is None else list(calls)
    return Trace("t", "report", "error" if status == "error" else "ok", 0, 9 * SECOND, ordered, made)


class OneTrace:
    """A reader of one trace."""

    def __init__(self, only: Trace) -> None:
        self.only = only

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        raise NotImplementedError(sql)

    def trace_ids(self) -> Sequence[str]:
        return [self.only.trace_id]

    def trace(self, trace_id: str) -> Trace:
        assert trace_id == self.only.trace_id
        return self.only
