"""What one agent handed to another, out of the spans that record it.

A value is a parsed JSON value or text, "" where it was recorded and is empty, and None where it was not recorded or a
recorder cut it: what is missing is not equal and not empty.
"""

from __future__ import annotations

import json
import re
from typing import Any

from agentdbg.contracts.envelope import is_cut
from agentdbg.model import Handoff, Span, Trace

_FINAL = re.compile(r"final|result|output|answer|respon|submit|return|report|structured", re.I)
_TRANSFER = re.compile(r"transfer|handoff|hand_off|delegat|goto|route", re.I)
_SKEW_NS = 50_000_000  # clocks of two processes may differ by that much
_EMPTY: tuple[object, ...] = ({}, [], None, "")


def sent(trace: Trace, handoff: Handoff) -> tuple[str, object]:
    """(span id, value) of a handoff: the arguments of the call that did it, else what the sender said last, else its
    output. Arguments that only name the receiver hand nothing over."""
    spans = trace.once(Trace.by_id)
    via = spans.get(handoff.via_span_id or "")
    if via is not None:
        arguments = _loaded(via.input)
        if not _only_routes(arguments, handoff):
            return via.span_id, None if isinstance(arguments, str) and is_cut(arguments) else arguments
    sender = spans.get(handoff.sender_span_id)
    if sender is None or _ended_after(sender, handoff.start_ns):
        return handoff.sender_span_id, None  # what it said then is not what the receiver was given
    return _said_by(trace, handoff.sender_span_id, spans)


def last_word(trace: Trace, span_id: str) -> tuple[str, object]:
    """(span id, value) of what a span said; where it does not record it, what the turn it belongs to gave away."""
    return _said_by(trace, span_id, trace.once(Trace.by_id))


def said(span: Span, trace: Trace) -> object:
    """What a span gave away at its end. Of a model call its last text, or the arguments of the one call that carries
    its answer; of any other span its output, and of a list of messages the last one."""
    if span.output is None:
        return None
    value = _loaded(span.output)
    if value is None or value == "":
        return ""
    value = _answer(value, span, trace) if span.kind == "llm" else _last_message(value)
    return None if isinstance(value, str) and span.finish_reason != "length" and is_cut(value) else value


def speaker(trace: Trace, span_id: str, value: object) -> str:
    """The id of the model call that said a value: the last one below the span whose answer is in the value, or, for a
    tool, the last one that asked for it. The span's own id where there is none."""
    spans = trace.once(Trace.by_id)
    span = spans.get(span_id)
    if span is None or span.kind == "llm":
        return span_id
    text = _flat(value)
    for other in trace.once(_answers):
        if span.kind == "tool" and _asked_for(other, span):
            return other.span_id
        if _is_below(other, span_id, spans):
            answer = _flat(said(other, trace))
            if len(answer) > 1 and answer in text:
                return other.span_id
    return span_id


def _answers(trace: Trace) -> list[Span]:
    """The model calls whose answer is recorded, the latest first."""
    told = [span for span in trace.spans if span.kind == "llm" and span.output is not None]
    return sorted(told, key=lambda s: (s.start_ns or 0, s.span_id), reverse=True)


def _said_by(trace: Trace, span_id: str, spans: dict[str, Span]) -> tuple[str, object]:
    span = spans.get(span_id)
    if span is None:
        return span_id, None
    value, turn = said(span, trace), spans.get(span.turn_id or "")
    if value is None and turn is not None and turn is not span:
        return turn.span_id, said(turn, trace)
    return span_id, value


def _answer(messages: object, span: Span, trace: Trace) -> object:
    if not isinstance(messages, list):
        return messages
    last = next((m for m in reversed(messages) if isinstance(m, dict) and m.get("role") == "assistant"), None)
    parts = [p for p in (last or {}).get("parts", []) if isinstance(p, dict)]
    text = "\n".join(str(p.get("text", "")) for p in parts if p.get("type") == "text").strip()
    calls = [p for p in parts if p.get("type") == "tool_call"]
    if len(calls) == 1:
        arguments, name = calls[0].get("arguments"), str(calls[0].get("name", ""))
        carries = _FINAL.search(name) or (not text and not _is_run(calls[0], span, trace))
        if carries and arguments not in _EMPTY and not _TRANSFER.search(name):
            # smolagents ends every run with final_answer(answer): the answer is the message.
            return arguments["answer"] if isinstance(arguments, dict) and set(arguments) == {"answer"} else arguments
    return text


def _is_run(call: dict[str, Any], span: Span, trace: Trace) -> bool:
    """Whether a tool span answers a call: then the call asked for work and was no answer."""
    last, name, since = trace.once(_last_runs), call.get("name"), span.start_ns or 0
    by_id = [last.get(("id", call["id"])), last.get(("name without id", name))] if call.get("id") else []
    return any(start is not None and start >= since for start in by_id or [last.get(("name", name))])


def _last_runs(trace: Trace) -> dict[tuple[str, str | None], int]:
    """When tools ran last: under the id of the call, under the name, and under that of those which tell no id."""
    last: dict[tuple[str, str | None], int] = {}
    for span in trace.spans:
        if span.kind in ("tool", "retriever"):
            told = ("id", span.tool_call_id) if span.tool_call_id else ("name without id", span.tool)
            for key in (("name", span.tool), told):
                last[key] = max(last.get(key, 0), span.start_ns or 0)
    return last


def _last_message(value: object) -> object:
    """The text of the last message, for an output that is a list of messages or a state that holds nothing else."""
    if isinstance(value, dict) and set(value) == {"messages"}:
        value = value["messages"]
    if not (isinstance(value, list) and value and all(isinstance(m, dict) for m in value)):
        return value
    last = value[-1]
    last = last["kwargs"] if isinstance(last.get("kwargs"), dict) else last
    if not ({"role", "type"} & last.keys() and {"content", "parts"} & last.keys()):
        return value
    content = last.get("parts", last.get("content"))
    if isinstance(content, list):
        return "\n".join(str(p.get("text", p.get("content", ""))) for p in content if isinstance(p, dict)).strip()
    return content


def _only_routes(arguments: object, handoff: Handoff) -> bool:
    """Whether arguments are empty or name nothing but the agents."""
    if arguments in _EMPTY:
        return True
    names = {handoff.from_agent.lower(), handoff.to_agent.lower()}
    values = list(arguments.values()) if isinstance(arguments, dict) else [arguments]
    return all(isinstance(v, str) and v.strip().lower() in names for v in values)


def _asked_for(llm: Span, tool: Span) -> bool:
    wanted = f'"{tool.tool_call_id}"' if tool.tool_call_id else f'"{tool.tool}"'
    return (
        (llm.start_ns or 0) <= (tool.start_ns or 0)
        and '"tool_call"' in (llm.output or "")
        and wanted in (llm.output or "")
    )


def _ended_after(sender: Span, start_ns: int | None) -> bool:
    return sender.end_ns is not None and start_ns is not None and sender.end_ns > start_ns + _SKEW_NS


def _is_below(span: Span, ancestor: str, spans: dict[str, Span]) -> bool:
    seen: set[str] = set()
    parent = span.parent_id
    while parent is not None and parent not in seen:
        if parent == ancestor:
            return True
        seen.add(parent)
        parent = spans[parent].parent_id if parent in spans else None
    return False


def _loaded(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _flat(value: object) -> str:
    """Letters and digits of a value: two ways to write one thing are equal, however quoted, escaped or indented."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return "".join(c for c in text.replace("\\n", " ") if c.isalnum())
