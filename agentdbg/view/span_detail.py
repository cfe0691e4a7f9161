"""One span in full: what it was given, what it put out, and where each part had come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentdbg.errors import AgentdbgError
from agentdbg.model import Finding, LLMCall, Span, Trace
from agentdbg.tree import Node, build
from agentdbg.view.ids import short_trace_id
from agentdbg.view.label import label
from agentdbg.view.payload import compact, is_chat, parsed
from agentdbg.view.report import TraceSummary, severity_rank, summarise
from agentdbg.view.sources import Source, Sources

PartType = Literal["text", "reasoning", "tool_call", "tool_result", "media", "other"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines that have one source, or none that is known."""

    text: str
    source: Source | None


@dataclass(frozen=True, slots=True)
class ChatPart:
    """A part of a message. text: what is shown of it, for tool calls and results their arguments or result as JSON."""

    type: PartType
    text: str
    pieces: tuple[Piece, ...]
    tool: str | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of a model call. known: it stood in the same place of the agent's call before."""

    role: str
    parts: tuple[ChatPart, ...]
    name: str | None = None
    finish_reason: str | None = None
    known: bool = False


@dataclass(frozen=True, slots=True)
class SpanDetail:
    """A span and what stands around it.

    path: from the root to the span itself. call: the model call that it reports; others: further spans that report the
    same one. before: the agent's model call before this one. input and output: messages where they are a chat, else
    None and the payload is in input_value and output_value (None as well where nothing is recorded).
    """

    trace: TraceSummary
    span: Span
    path: tuple[tuple[str, str], ...]
    below: tuple[tuple[str, str], ...]
    call: LLMCall | None
    before: str | None
    input: tuple[ChatMessage, ...] | None
    output: tuple[ChatMessage, ...] | None
    input_value: Any
    output_value: Any
    tools: tuple[Any, ...] | None
    parameters: Any
    attributes: Any
    events: Any
    links: Any
    findings: tuple[Finding, ...]
    next: tuple[str, ...]


def span_detail(trace: Trace, span: Span, findings: Sequence[Finding] = ()) -> SpanDetail:
    """A span with everything that is recorded of it, and the trace it is in, with payloads.

    `span` may tell more than the trace does of the same id (attributes, events). findings: those of the trace; the ones
    that name the span are kept. Raises AgentdbgError where the trace has no such span.
    """
    span_id = span.span_id
    node = build(trace.spans).by_id.get(span_id)
    if node is None:
        raise AgentdbgError(
            f"no span {span_id} in trace {trace.trace_id}", f"agentdbg show {trace.trace_id} lists them"
        )
    call = next((one for one in trace.calls if span_id == one.span_id or span_id in one.other_span_ids), None)
    before = _call_before(trace, call)
    sources = Sources(trace, node.span)
    said, answered = parsed(span.input), parsed(span.output)
    known = _known(before, said) if is_chat(said) else 0
    about = [one for one in findings if any(piece.span_id == span_id for piece in one.evidence)]
    return SpanDetail(
        trace=summarise(trace),
        span=span,
        path=tuple(_path(node)),
        below=tuple((child.span.span_id, _name(child.span)) for child in node.children),
        call=call,
        before=before.span_id if before else None,
        input=tuple(_messages(said, sources, known)) if is_chat(said) else None,
        output=tuple(_messages(answered, None, 0)) if is_chat(answered) else None,
        input_value=None if is_chat(said) else said,
        output_value=None if is_chat(answered) else answered,
        tools=tuple(tools) if isinstance(tools := parsed(span.tools), list) else None,
        parameters=parsed(span.parameters),
        attributes=parsed(span.attributes),
        events=parsed(span.events),
        links=parsed(span.links),
        findings=tuple(sorted(about, key=lambda one: (severity_rank(one.severity), one.detector, one.key))),
        next=_next(span, call),
    )


def _path(node: Node[Span]) -> Iterator[tuple[str, str]]:
    """Id and name of every span from the root down to this one."""
    above = []
    at: Node[Span] | None = node
    while at is not None:
        above.append((at.span.span_id, _name(at.span)))
        at = at.parent
    yield from reversed(above)


def _name(span: Span) -> str:
    return " › ".join(part.text for part in label(span))


def _call_before(trace: Trace, call: LLMCall | None) -> Span | None:
    """The span of the same agent's model call before this one."""
    if call is None:
        return None
    earlier = [
        one
        for one in trace.calls
        if one is not call
        and one.agent == call.agent
        and (one.start_ns or 0, one.span_id) < (call.start_ns or 0, call.span_id)
    ]
    if not earlier:
        return None
    return trace.by_id().get(max(earlier, key=lambda one: (one.start_ns or 0, one.span_id)).span_id)


def _known(before: Span | None, said: list[Any]) -> int:
    """How many messages at the beginning had been in the call before, its answer included."""
    if before is None:
        return 0
    earlier, answer = parsed(before.input), parsed(before.output)
    history = [*(earlier if is_chat(earlier) else ()), *(answer if is_chat(answer) else ())]
    same = 0
    for old, new in zip(history, said, strict=False):
        if (old["role"], old["parts"]) != (new["role"], new["parts"]):
            break
        same += 1
    return same


def _messages(chat: list[dict[str, Any]], sources: Sources | None, known: int) -> Iterator[ChatMessage]:
    for number, message in enumerate(chat):
        parts = [part for part in message["parts"] if isinstance(part, dict)]
        yield ChatMessage(
            role=str(message["role"]),
            parts=tuple(_part(part, sources if message["role"] != "system" else None) for part in parts),
            name=message["name"] if isinstance(message.get("name"), str) else None,
            finish_reason=message["finish_reason"] if isinstance(message.get("finish_reason"), str) else None,
            known=number < known,
        )


def _part(part: dict[str, Any], sources: Sources | None) -> ChatPart:
    kind = part.get("type")
    call_id = part["id"] if isinstance(part.get("id"), str) else None
    tool = part["name"] if isinstance(part.get("name"), str) else None
    if kind == "text" or kind == "reasoning":
        text = compact(part.get("text"))
        return ChatPart(kind, text, tuple(_pieces(text, sources)))
    if kind == "tool_call":
        text = compact(part.get("arguments"))
        return ChatPart("tool_call", text, (Piece(text, None),), tool, call_id)
    if kind == "tool_result":
        text = compact(part.get("result"))
        source = sources.of_result(call_id, text) if sources else None
        return ChatPart("tool_result", text, (Piece(text, source),), tool or (source.name if source else None), call_id)
    text = compact({key: value for key, value in part.items() if key != "type"})
    return ChatPart("media" if kind == "media" else "other", text, (Piece(text, None),))


def _pieces(text: str, sources: Sources | None) -> Iterator[Piece]:
    """A text in stretches of one source. Blank and short lines go with what stands before them."""
    if sources is None:
        yield Piece(text, None)
        return
    if (whole := sources.of_line(text)) is not None:
        yield Piece(text, whole)
        return
    lines: list[str] = []
    current: Source | None = None
    for line in text.split("\n"):
        source = sources.of_line(line)
        if source != current and lines and (source is not None or line.strip()):
            yield Piece("\n".join(lines), current)
            lines = []
        if not lines:
            current = source
        lines.append(line)
    if lines:
        yield Piece("\n".join(lines), current)


def _next(span: Span, call: LLMCall | None) -> tuple[str, ...]:
    replay = (f"agentdbg replay {span.span_id}",) if call is not None or span.kind in ("agent", "tool") else ()
    return (*replay, f"agentdbg show {short_trace_id(span.trace_id)}")
