"""What exactly an agent was given, what it answered, how faithfully that can be replayed, and whether the recording
holds together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import get_args

from agentdbg.errors import AgentdbgError
from agentdbg.model import Grade, Span, Trace
from agentdbg.replay.call import Call, Traces, calls_of, error_of, payload
from agentdbg.replay.consistency import follow
from agentdbg.replay.fixes import fixes
from agentdbg.replay.inspection import CallView, Consistency, Inspection, Subject, ToolUse
from agentdbg.replay.tools import Tools

WHOLE_RUN = "*"
"""Stands for a span id: everything in a trace. Its own id will not do, which in some formats is its root's as well."""
_GRADES = get_args(Grade)


def inspect(reader: Traces, trace_id: str, span_id: str) -> Inspection:
    """The inspection of a span: of the agent's turn it belongs to, or of that call alone where it is a model or tool
    call; of everything in the trace where it is WHOLE_RUN.

    A span outside any agent's turn is taken with everything that ran below it. AgentdbgError where the trace has no
    such span.
    """
    trace = reader.trace(trace_id)
    spans = trace.by_id()
    subject, top = _subject(trace, spans, span_id)
    calls = calls_of(trace)
    steps = follow(calls)
    tools = Tools(trace, calls, steps)
    own = tools.of_span(top) if subject == "tool" else None
    taken = _taken(trace, calls, subject, top, own)
    views = [
        CallView(n, call, steps[call.span_id], tools.of_call(call), fixes(spans[call.span_id], call.grade))
        for n, call in enumerate(taken, 1)
    ]
    ran = tools.unasked(members(trace, subject, top)) if subject in ("turn", "span", "run") else []
    views, before = _with_unasked(views, ran)
    whole = subject != "call"  # a call's payloads are its messages, and stand there
    grade, reason = _overall(taken, subject)
    return Inspection(
        trace_id=trace.trace_id,
        trace_name=trace.name,
        span_id=span_id,
        subject=subject,
        subject_span_id=top.span_id,
        name=top.name,
        kind=top.kind,
        agent=top.agent,
        status=top.status,
        error=error_of(top),
        start_ns=top.start_ns,
        duration_ns=top.duration_ns,
        has_state=whole and top.input is not None,
        state=payload(top.input) if whole else None,
        has_result=whole and top.output is not None,
        result=payload(top.output) if whole else None,
        tool=own,
        before=tuple(before),
        calls=tuple(views),
        grade=grade,
        reason=reason,
        consistency=_consistency(views),
        missing=tuple(_missing(views)),
        fixes=tuple(dict.fromkeys(line for view in views for line in view.fixes)),
        next=_next(top, taken),
    )


def _subject(trace: Trace, spans: dict[str, Span], span_id: str) -> tuple[Subject, Span]:
    """What is inspected when a span is named: (what it is, the span that stands for it)."""
    if span_id == WHOLE_RUN and trace.spans:
        return "run", next((one for one in trace.spans if one.parent_id not in spans), trace.spans[0])
    span = spans.get(span_id)
    if span is None:
        raise AgentdbgError(
            f"no span {span_id} in trace {trace.trace_id}", f"agentdbg show {trace.trace_id} lists its spans"
        )
    for told in trace.calls:
        if span_id == told.span_id or span_id in told.other_span_ids:
            return "call", spans[told.span_id]
    if span.kind in ("tool", "retriever"):
        return "tool", span
    if span.turn_id in spans:
        return "turn", spans[span.turn_id or ""]
    return "span", span


def members(trace: Trace, subject: Subject, top: Span) -> list[Span]:
    """The spans of a turn, or of the whole run; of any other subject its span and everything below."""
    if subject == "run":
        return trace.spans
    if subject == "turn":
        return [span for span in trace.spans if span.turn_id == top.span_id]
    below: dict[str | None, list[Span]] = {}
    for span in trace.spans:
        below.setdefault(span.parent_id, []).append(span)
    found, ahead = {top.span_id}, [top]
    while ahead:
        for child in below.get(ahead.pop().span_id, ()):
            if child.span_id not in found:
                found.add(child.span_id)
                ahead.append(child)
    return [span for span in trace.spans if span.span_id in found]


def _taken(trace: Trace, calls: Sequence[Call], subject: Subject, top: Span, own: ToolUse | None) -> list[Call]:
    if subject == "call":
        wanted = {top.span_id}
    elif own is not None:
        wanted = {own.asked_by} if own.asked_by else set()
    else:
        wanted = {span.span_id for span in members(trace, subject, top)}
    return [call for call in calls if call.span_id in wanted]


def _with_unasked(views: list[CallView], unasked: Iterable[ToolUse]) -> tuple[list[CallView], list[ToolUse]]:
    """Put tools that no answer asked for where they happened: behind the call that had begun last, or before all
    calls."""
    more: dict[int, list[ToolUse]] = {}
    for use in unasked:
        begun = [view.number for view in views if (view.call.start_ns or 0) <= (use.start_ns or 0)]
        more.setdefault(max(begun, default=0), []).append(use)
    out = []
    for view in views:
        uses = [*view.uses, *more.get(view.number, ())]
        if all(use.start_ns is not None for use in uses):
            uses.sort(key=lambda use: use.start_ns or 0)
        out.append(replace(view, uses=tuple(uses)))
    return out, more.get(0, [])


def _overall(calls: Sequence[Call], subject: Subject) -> tuple[Grade | None, str]:
    """The worst grade, and of how many calls each grade is, worst first."""
    if not calls:
        return (
            None,
            "no model call is recorded here" if subject != "tool" else "no recorded model call asked for this tool",
        )
    groups: dict[tuple[Grade, str], int] = {}
    for call in calls:
        groups[call.grade, call.reason] = groups.get((call.grade, call.reason), 0) + 1
    order = sorted(groups, key=lambda group: (-_GRADES.index(group[0]), group[1]))
    if len(order) == 1:
        return order[0][0], order[0][1]
    return order[0][0], "; ".join(f"{groups[one]} of {len(calls)} calls {one[0]}: {one[1]}" for one in order)


def _consistency(views: Sequence[CallView]) -> Consistency:
    if not views:
        return Consistency("unknown", "no model call to compare")
    told = [view for view in views if view.step.relation != "unknown"]
    if not told:
        return Consistency("unknown", "no messages are recorded, so that nothing can be compared")
    odd = [view for view in told if view.step.edited]
    lost = [view for view in odd if view.step.damaged]
    cut = [use for view in views for use in view.uses if use.difference]
    words = []
    if lost:
        words.append(f"{_calls(lost)} not comparable: {lost[0].step.damaged}")
    if kept := [view for view in odd if not view.step.damaged]:
        words.append(
            f"{_calls(kept)} not the history that was said before: something was removed, changed or put in between"
        )
    if cut:
        words.append(
            f"{len(cut)} tool result{'s' if len(cut) > 1 else ''} reached the model other than the tool's span recorded"
        )
    if words:
        return Consistency("damaged" if lost else "edited", "; ".join(words))
    if len(views) == 1 and views[0].step.of is None:
        return Consistency("consistent", "one call, with nothing before it to compare")
    return Consistency("consistent", "every input is what was said before, the answer to it, and what came since")


def _calls(views: Sequence[CallView]) -> str:
    if len(views) == 1:
        return f"the input of call {views[0].number} is"
    return f"the inputs of calls {', '.join(str(view.number) for view in views)} are"


def _missing(views: Sequence[CallView]) -> Iterator[str]:
    """What the recording lacks, by reason, with the calls that lack it."""
    reasons: dict[str, list[int]] = {}
    for view in views:
        if view.call.grade != "exact":
            reasons.setdefault(view.call.reason, []).append(view.number)
        for use in view.uses:
            if use.result_from is None and not use.error:
                reasons.setdefault(f"the result of {use.tool} is recorded nowhere", []).append(view.number)
    for reason, numbers in reasons.items():
        which = sorted(set(numbers))
        yield f"call{'s' if len(which) > 1 else ''} {', '.join(map(str, which))}: {reason}"


def _next(top: Span, calls: Sequence[Call]) -> tuple[str, ...]:
    again = f"agentdbg replay {top.span_id} -- PROGRAM"
    servable = any(call.messages is not None and (call.answer is not None or call.error) for call in calls)
    return (*([again] if servable else []), f"agentdbg span {top.span_id}", f"agentdbg show {top.trace_id}")
