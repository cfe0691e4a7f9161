"""The answer of `why` as data, and how a chain of spans becomes one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from agentdbg.analysis.flow import Flow
from agentdbg.analysis.upstream import Cause
from agentdbg.detectors import failure
from agentdbg.detectors.course import Course, Hop, count, totals
from agentdbg.detectors.effects import has_effect
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import Span
from agentdbg.steps.words import Carried, around
from agentdbg.tree import Node

Role = Literal["trouble", "given", "introduced", "said", "failed"]
Lost = Literal["", "nothing", "other words", "not recorded", "passed up"]
QUOTE = 200
"""Characters of a text that are shown."""


@dataclass(frozen=True, slots=True)
class Step:
    """One span of the chain, the earliest first.

    role: trouble (something went wrong here), given (the words came from outside), introduced (they stand here first),
    said (it answered or passed on), failed. trouble: what went wrong, "" where nothing did. said: what it put out or
    was given, short. carried: what of its output reached the next step. lost: why nothing did: it had no output
    (nothing), its output is in no input of the next (other words), one of both is not recorded, or it was an exception
    that the program passed up.
    """

    span_id: str
    agent: str | None
    kind: str
    name: str
    role: Role
    trouble: str
    said: str
    carried: Carried | None = None
    lost: Lost = ""


@dataclass(frozen=True, slots=True)
class Blast:
    """What was built on the step where it entered: the agents, their model calls, and the calls that changed something
    outside, as `agent › tool`. tokens, usd: None where unknown."""

    agents: tuple[str, ...] = ()
    calls: int = 0
    tokens: int | None = None
    usd: float | None = None
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """The answer. question: what was asked about, as a clause. verdict: one sentence. entered: place among the steps
    where it entered, None where that cannot be told. reason: how that was found. others: further troubles of the run,
    as (span id, words). missing: what could not be followed and why. short_ids: of all spans named here, unique in the
    run. next: commands to type."""

    trace_id: str
    name: str
    status: str
    question: str
    verdict: str
    reason: str
    steps: tuple[Step, ...]
    entered: int | None
    blast: Blast
    others: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    short_ids: Mapping[str, str]
    next: tuple[str, ...]


def short_ids(course: Course, span_ids: Iterable[str]) -> dict[str, str]:
    """Each with the beginning of it that no other span of the run shares."""
    every, out = sorted(course.forest.by_id), {}
    for span_id in span_ids:
        place = bisect_left(every, span_id)
        out[span_id] = short(span_id, every[max(0, place - 1) : place + 2])  # ids that begin alike are neighbours
    return out


def name_of(course: Course, span: Span) -> str:
    """`researcher › search`: whose work it is and what was done; the agent alone for a model call or its own span."""
    agent = course.agent(span)
    if span.kind in ("tool", "retriever"):
        return f"{agent} › {span.tool or span.name}" if agent else span.tool or span.name
    if agent:
        return agent
    return span.model or span.name if span.kind == "llm" else span.name


def said_by(course: Course, flow: Flow, span: Span, asked: str = "") -> str:
    """What a span said, short, and where words are asked for the part in which they stand."""
    answer = course.said(span) if span.kind == "llm" else None
    text = answer.text if answer and answer.text.strip() else flow.output(span)
    return clipped((asked and around(text, asked)) or text, QUOTE)


def steps(course: Course, flow: Flow, spans: Sequence[Span], cause: Cause | None, asked: str = "") -> list[Step]:
    """The steps of a chain of spans, with what was carried from each to the next. asked: words that are looked for."""
    out = [_step(course, flow, span, cause, asked) for span in spans]
    for place, (source, target) in enumerate(pairwise(spans)):
        carried = flow.carried(source, target)
        lost = _lost(course, flow, source, target, carried)
        out[place] = replace(out[place], carried=None if lost else carried, lost=lost)
    return out


def _step(course: Course, flow: Flow, span: Span, cause: Cause | None, asked: str) -> Step:
    role: Role = "said"
    trouble, told = "", said_by(course, flow, span, asked)
    if cause is not None and span is cause.span:
        role, trouble = "trouble", cause.words
    elif failure.failed(span):
        role, trouble = "failed", clipped(failure.named(span), QUOTE)
    return Step(span.span_id, course.agent(span), span.kind, name_of(course, span), role, trouble, told)


def _lost(course: Course, flow: Flow, source: Span, target: Span, carried: Carried | None) -> Lost:
    if failure.failed(target) and failure.failed(source) and _reached(course, source, target):
        return "passed up"
    if source.output is None and not failure.failed(source):
        return "not recorded"
    if failure.failed(source) or not flow.says_words(source):
        return "nothing"
    if carried is None:
        return "not recorded"
    return "" if carried.words else "other words"


def _reached(course: Course, source: Span, target: Span) -> bool:
    """Whether the error of one span is what made the other fail."""
    node: Node[Span] | None = course.node(source)
    while node is not None and node.span is not target:
        node = failure.carrier(node)
    return node is not None


def blast(hops: Sequence[Hop]) -> Blast:
    """What these agents did."""
    actions = [
        f"{hop.agent} › {span.tool or span.name}"
        for hop in hops
        for span in hop.spans
        if span.kind == "tool" and not failure.failed(span) and has_effect(span.tool or span.name)
    ]
    return Blast(tuple(hop.agent for hop in hops), *totals(hops), tuple(dict.fromkeys(actions)))


def built_on(course: Course, flow: Flow, span: Span) -> list[Hop]:
    """The agents that went on with what a span put out: by its words where they can be followed, else by order."""
    turns, hops = flow.reaches(span), course.after(span)
    if not turns:
        return hops
    out = []
    for hop in hops:
        spans = [one for one in hop.spans if course.turn(one).span_id in turns]
        if spans:
            out.append(count(replace(hop, spans=spans), course.calls))
    return out


def missing(course: Course, chain: Sequence[Step]) -> tuple[str, ...]:
    """What is not recorded of this run, as far as it kept the chain from being followed."""
    if not course.models:
        return ("this trace records no model call, so nobody can tell what its agents were given and answered",)
    if chain and not any(step.lost in ("nothing", "not recorded") for step in chain):
        return ()
    answered = [span for span in course.models if not failure.failed(span)]
    tools = [span for span in course.tools if not failure.failed(span)]
    figures = (
        ("prompts", "model calls", answered, sum(span.input is None for span in answered)),
        ("answers", "model calls", answered, sum(course.said(span) is None for span in answered)),
        ("results", "tool calls", tools, sum(span.output is None for span in tools)),
    )
    told = [f"the {what} of {n} of {len(of)} {calls}" for what, calls, of, n in figures if n]
    return (f"this trace does not record {', '.join(told)}, so words cannot be followed there",) if told else ()


def reason(cause: Cause | None, chain: Sequence[Step]) -> str:
    """How the place was found, as a sentence."""
    hops = len(chain) - 1
    carried = sum(step.carried is not None for step in chain)
    followed = f"words were followed over {carried} of {counted(hops, 'hop')}" if hops > 0 else ""
    return "; ".join(filter(None, [cause.how if cause else "", followed]))
