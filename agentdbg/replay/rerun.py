"""A recorded run made ready to be played back: which calls are served, what tools give back, what a target is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentdbg.errors import AgentdbgError
from agentdbg.model import Span, Trace
from agentdbg.replay.call import Call, Traces, calls_of
from agentdbg.replay.consistency import Step, follow
from agentdbg.replay.inspect import inspect, members
from agentdbg.replay.inspection import Inspection
from agentdbg.replay.matching import Matcher, Mode
from agentdbg.replay.paths import pick, steps
from agentdbg.replay.playback import Playback
from agentdbg.replay.question import LAYERS, Weight, Weights
from agentdbg.replay.redacted import Redaction
from agentdbg.replay.supposed import Change, Supposed, suppose
from agentdbg.replay.tape import Policies, Tape
from agentdbg.replay.tools import KINDS, Tools


@dataclass(frozen=True, slots=True)
class Rerun:
    """`calls` are all that are served; `wanted` the span ids of those of the subject, whose inspection this holds.
    inside: by tool, the calls that were made while it ran. changes: what is supposed otherwise than recorded."""

    trace: Trace
    inspection: Inspection
    calls: tuple[Call, ...]
    wanted: frozenset[str]
    inside: Mapping[str, frozenset[str]]
    playback: Playback
    changes: tuple[Change, ...] = ()


def prepare(
    reader: Traces,
    trace_id: str,
    span_id: str,
    policies: Policies,
    mode: Mode = "content",
    weights: Weights | None = None,
    alone: bool = False,
    arguments: Sequence[str] = (),
    sets: Sequence[str] = (),
    outputs: Sequence[str] = (),
    redaction: Redaction | None = None,
    accept: bool = False,
) -> Rerun:
    """Of the whole run, since a program runs as a whole; `alone` of the subject and what ran below it, for a target,
    which is given the subject's recorded input; `accept` with each answer given to the question that is most like the
    recorded one. AgentdbgError where there is nothing to play back."""
    inspection = inspect(reader, trace_id, span_id)
    trace = reader.trace(trace_id)
    top = trace.by_id()[inspection.subject_span_id]
    calls = calls_of(trace)
    followed = follow(calls)
    tools = Tools(trace, calls, followed)
    below = {span.span_id for span in (*members(trace, "span", top), *members(trace, inspection.subject, top))}
    if alone:
        calls = [call for call in calls if call.span_id in below]
    whole = [call for call in calls if call.messages is not None and (call.answer is not None or call.error)]
    if not whole:
        reason = inspection.reason if inspection.grade else "no model call is recorded here"
        raise AgentdbgError(f"there is nothing to play back: {reason}", "\n".join(inspection.fixes) or None)
    uses = [use for call in calls for use in tools.of_call(call)]
    uses += tools.unasked(span for span in trace.spans if not alone or span.span_id in below)
    supposed = suppose(inspection, calls, uses, sets, outputs)
    _in_reach(supposed, alone)
    tape = Tape(supposed.uses, policies, _agents(trace, calls), any(span.kind in KINDS for span in trace.spans))
    given = _given(inspection, supposed.state, arguments) if alone else None
    answered = frozenset(call.span_id for call in whole) if accept else _answered(supposed)
    playback = Playback(Matcher(supposed.calls, mode, weights, answered), tape, given, redaction)
    inside = _inside(calls, followed)
    return Rerun(trace, inspection, tuple(calls), frozenset(below), inside, playback, tuple(supposed.changes))


def _answered(supposed: Supposed) -> frozenset[str]:
    return frozenset(change.span_id for change in supposed.of_kind("answer"))


def _in_reach(supposed: Supposed, alone: bool) -> None:
    """AgentdbgError for what cannot be changed from outside a program that runs."""
    if supposed.of_kind("question"):
        raise AgentdbgError(
            "a program asks its own questions, which --set cannot change",
            "change the prompt in the program: the replay tells where it parts; --live asks a model what --set makes",
        )
    if supposed.of_kind("input") and not alone:
        raise AgentdbgError(
            "a program is given its input by whoever starts it, which --set cannot change",
            "--target MODULE:FUNCTION is called with the recorded input, and with what --set makes of it",
        )


def layers(hard: str, soft: str, off: str, usual: Weights) -> dict[Any, Weight]:
    """The weights with those that the user named, comma between them; AgentdbgError for a layer that is none."""
    told: dict[Any, Weight] = dict(usual)
    words: tuple[tuple[str, Weight], ...] = ((hard, "hard"), (soft, "soft"), (off, "off"))
    for names, weight in words:
        for name in filter(None, names.split(",")):
            if name not in told:
                raise AgentdbgError(f"there is no layer {name!r} in a request", f"layers: {', '.join(LAYERS)}")
            told[name] = weight
    return told


def _agents(trace: Trace, calls: Sequence[Call]) -> frozenset[str]:
    """Tools inside which recorded model calls were made: an agent that is another's tool."""
    spans = trace.by_id()
    out = set()
    for call in calls:
        span: Span | None = spans[call.span_id]
        seen = set()
        while span is not None and span.span_id not in seen:
            seen.add(span.span_id)
            if span.kind in KINDS:
                out.add(span.tool or span.name)
            span = spans.get(span.parent_id or "")
    return frozenset(out)


def _inside(calls: Sequence[Call], steps: Mapping[str, Step]) -> dict[str, frozenset[str]]:
    """Tool: the calls between the one that asked for it and the one that was told its result. Where a trace has no span
    of the tool, these may be an agent's that is used as a tool; a tool that is not run makes none of them."""
    asking = {call.span_id: call for call in calls if call.tool_calls}
    out: dict[str, frozenset[str]] = {}
    for told in calls:
        asked = asking.get(steps[told.span_id].of or "")
        if asked is None or asked.end_ns is None or told.start_ns is None:
            continue
        since, until = asked.end_ns, told.start_ns
        between = {call.span_id for call in calls if call.start_ns is not None and since <= call.start_ns < until}
        for part in asked.tool_calls if between else ():
            out[part["name"]] = out.get(part["name"], frozenset()) | between
    return out


def _given(inspection: Inspection, state: Any, arguments: Sequence[str]) -> Any:
    """The recorded input, or what `NAME=PATH` picks from it: `city=input.messages[0].content`."""
    if not inspection.has_state:
        raise AgentdbgError(
            f"the input of span {inspection.subject_span_id} is not recorded, so that a target has nothing to be given",
            f"name a span above it that has one: agentdbg show {inspection.trace_id}",
        )
    if not arguments:
        return state
    picked = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or not name.isidentifier():
            raise AgentdbgError(f"--arg {argument} names no argument", "--arg NAME=PATH, as --arg city=input.city")
        named = steps(path)
        try:
            picked[name] = pick(state, named[1:] if named[:1] == ["input"] else named)
        except LookupError as problem:
            raise AgentdbgError(f"--arg {argument}: {problem.args[0]}") from problem
    return picked
