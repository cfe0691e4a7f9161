"""A trace to its sketch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from agentdbg.model import Span, Trace
from agentdbg.sketch.reading import BARE, FLAGS, MISSING, TIMES, literal, transfer

_ERROR_TYPE = re.compile(
    r"[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Command|Timeout|Cancelled|Exceeded|Failure|Fault)"
)


def write(trace: Trace) -> str:
    """The sketch of a trace. Reading it gives spans of the same kinds, names, agents, models, tools, tokens, payloads,
    errors and parentage; ids and times are made anew."""
    by_id = {span.span_id: span for span in reversed(trace.spans)}
    children: dict[str, list[Span]] = {}
    roots: list[Span] = []
    for span in trace.spans:
        if by_id[span.span_id] is span and span.parent_id in by_id and span.parent_id != span.span_id:
            children.setdefault(span.parent_id or "", []).append(span)
        else:
            roots.append(span)
    written: set[int] = set()
    lines = [line for root in roots for line in _tree(root, children, by_id, written)]
    for span in trace.spans:  # what is left are circles: each is cut where it is met
        if id(span) not in written:
            lines += _tree(span, children, by_id, written)
    return "\n".join(lines) + "\n" if lines else ""


def _tree(root: Span, children: dict[str, list[Span]], by_id: dict[str, Span], written: set[int]) -> Iterator[str]:
    stack: list[tuple[int, Span, Span | None, Span | None]] = [(0, root, None, None)]
    while stack:
        depth, span, parent, before = stack.pop()
        if id(span) in written:
            continue
        written.add(id(span))
        orphan = parent is None and span.parent_id is not None
        yield "  " * depth + _line(span, parent, before, orphan)
        below = children.get(span.span_id, []) if by_id[span.span_id] is span else []
        pairs = list(zip([None, *below], below, strict=False))
        stack += [(depth + 1, child, span, previous) for previous, child in reversed(pairs)]


def _line(span: Span, parent: Span | None, before: Span | None, orphan: bool) -> str:
    words = _head(span)
    inherited = parent.agent if parent else None
    if span.agent is not None and span.agent != inherited and span.kind != "agent":
        words.append(f"agent={_bare(span.agent)}")
    numbers = (
        ("in", span.input_tokens),
        ("out", span.output_tokens),
        ("cached", span.cached_tokens),
        ("reasoning", span.reasoning_tokens),
        ("cost", span.cost_usd if span.cost_basis == "reported" else None),
    )
    words += [f"{key}={json.dumps(value)}" for key, value in numbers if value is not None]
    words += _payload(span)
    texts = (
        ("provider", span.provider),
        ("finish", span.finish_reason),
        ("tool_call_id", span.tool_call_id),
        ("session", span.session_id if parent is None else None),
        ("handoff_from", span.handoff_from),
    )
    words += [f"{key}={_bare(value)}" for key, value in texts if value is not None]
    words += [
        f"{key}={value}" for key, value in (("tools", span.tools), ("parameters", span.parameters)) if value is not None
    ]
    words += _ending(span)
    if before is not None and before.end_ns is not None and span.start_ns is not None and span.start_ns < before.end_ns:
        words.append("parallel")
    if orphan:
        words.append(f"parent={MISSING}")
    return " ".join(words)


def _head(span: Span) -> list[str]:
    """Kind and name, and the fields that the name does not give already."""
    handoff = span.kind == "tool" and span.handoff_to is not None
    kind = "handoff" if handoff else span.kind
    role = (
        span.handoff_to if handoff else {"agent": span.agent, "llm": span.model, "tool": span.tool}.get(kind, span.name)
    )
    words: list[str] = [kind]
    default: str = kind
    if role is not None and (_is_bare(role) or kind != "llm"):
        words.append(role if _is_bare(role) else _quoted(role))
        default = transfer(role) if handoff else role
    elif role is not None:
        words += ["-", f"model={_bare(role)}"]
    if span.name != default:
        words.append(f"name={_bare(span.name)}")
    if handoff and span.tool != transfer(span.handoff_to or ""):
        words.append(f"tool={_bare(span.tool) if span.tool is not None else 'null'}")
    named = {
        "model": kind != "llm" and span.model,
        "tool": kind not in ("tool", "handoff") and span.tool,
        "handoff_to": not handoff and span.handoff_to,
    }
    return words + [f"{key}={_bare(value)}" for key, value in named.items() if value]


def _payload(span: Span) -> list[str]:
    chat = span.kind == "llm"
    given, answered = _value(span.input, "user" if chat else None), _value(span.output, "assistant" if chat else None)
    if span.kind == "llm":
        if answered is None:
            return [f"input={given}"] if given is not None else []
        return [answered] if given is None else [given, "->", answered]
    if answered is None:
        return [given] if given is not None else []
    return ["->", answered] if given is None else [given, "->", answered]


def _value(text: str | None, speaker: str | None) -> str | None:
    """A payload as one line of JSON; a conversation that is one plain text of the expected speaker is that text."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _quoted(text)
    match value:
        case [{"role": role, "parts": [{"type": "text", "text": str(said)} as part], **more}] if role == speaker:
            value = value if more or len(part) > 2 else said
    return json.dumps(value, ensure_ascii=False)


def _ending(span: Span) -> list[str]:
    words = []
    expected = "ok"
    if span.end_ns is None:
        words.append("open")
        expected = "unset"
    kind, message = span.error_type, span.error_message
    if span.status == "error":
        expected = "error"
        if kind is not None and message and _ERROR_TYPE.fullmatch(kind):
            words.append(f"error={_quoted(f'{kind}: {message}')}")
            kind = message = None
        elif kind is None and message and re.fullmatch(r"[^:()]+", message):
            words.append(f"error={_quoted(message)}")
            message = None
        else:
            words.append("error")
    words += [
        f"{key}={_quoted(value)}"
        for key, value in (("error_type", kind), ("error_message", message))
        if value is not None
    ]
    if span.status != expected:
        words.append(f"status={span.status}")
    return words


def _is_bare(text: str) -> bool:
    return BARE.fullmatch(text) is not None and text not in FLAGS and TIMES.fullmatch(text) is None


def _bare(text: str) -> str:
    return text if BARE.fullmatch(text) and not literal(text)[0] else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
