"""cascade.root: where the error entered that later agents built on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentdbg.detectors import candidates, failure
from agentdbg.detectors.cascades import FLOOR, Cascade, cascades, unheard
from agentdbg.detectors.course import Course, totals
from agentdbg.detectors.failure import ErrorClass
from agentdbg.detectors.suspicion import Suspicion, described
from agentdbg.detectors.usual import Usual
from agentdbg.detectors.wording import clipped, counted, listed, short, usage
from agentdbg.model import Confidence, Evidence, Finding, Reader, Skipped

_SURE = 0.65


@dataclass(frozen=True, slots=True)
class Root:
    """Where an error entered that other agents then built on.

    **What it finds**: the earliest span that went wrong without anybody saying so (an error that was swallowed, an
    error inside a good answer, an empty result, an answer cut off) and after which other agents went on, up to the
    failure or the final answer at the end. It goes by order: what came before the symptom, was not mended, and could
    be known of. An error that was tried again with success, replaced by another tool, or admitted in words is no
    root.

    **Why it matters**: what fails is seldom what is wrong. The agent in whose code the exception is raised, or whose
    answer is nonsense, has mostly been handed nothing by one several hops before.

    **Bad**:

        workflow sales-report
          agent collector
            tool fetch_sales {"region": "Europe"} error="ConnectionError: warehouse unreachable"
            llm gpt-4o-mini -> "{\\"rows\\": []}"
          agent analyst
            llm gpt-4o-mini -> "{\\"growth\\": 0.0}"
          agent reporter
            llm gpt-4o-mini -> "Sales stood still, we advise closing the office."

    **Good**:

        workflow sales-report
          agent collector
            tool fetch_sales {"region": "Europe"} error="ConnectionError: warehouse unreachable"
            tool fetch_sales {"region": "Europe"} -> [{"month": 1, "total": 310}]
            llm gpt-4o-mini -> "{\\"rows\\": [{\\"month\\": 1, \\"total\\": 310}]}"
          agent analyst
            llm gpt-4o-mini -> "{\\"growth\\": 0.04}"
          agent reporter
            llm gpt-4o-mini -> "Sales grew by four percent."

    **What to do**: let the agent at fault pass on a status with its result, check it at the next hop, and replay the
    root by itself with the same input.

    Options: floor = how suspicious a span must be, 0 to 1 (error 1.0, error in the body 0.9, empty 0.8, cut off 0.7
    or 0.6).
    """

    floor: float = FLOOR

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each independent root; mostly one a trace."""
        traces = candidates.with_any_trouble(reader)
        usual = reader.once(Usual) if traces else None
        for trace in reader.traces(traces):
            assert usual is not None
            course = trace.once(Course)
            for cascade in cascades(course, usual, self.floor):
                yield _finding(course, cascade)


def _confidence(cascade: Cascade) -> Confidence:
    if cascade.root.strength < _SURE or (not cascade.fails and cascade.root.outcome == "unknown"):
        return "hint"
    return "likely"


def _finding(course: Course, cascade: Cascade) -> Finding:
    root, hops, ids = cascade.root, cascade.hops, course.forest.by_id
    agent = root.agent or "the program"
    victims = [hop.agent for hop in hops]
    what = described(root)
    calls, tokens, usd = totals(hops)
    built = ", ".join(
        filter(None, [counted(len(hops), "agent"), counted(calls, "model call") if calls else "", usage(tokens, usd)])
    )
    error = failure.classify(root.span.error_type, root.span.error_message) if root.trouble == "error" else None
    verb = "replay" if root.span.kind == "llm" else "span"
    return Finding(
        detector="cascade.root",
        severity="high",
        confidence=_confidence(cascade),
        title=clipped(f"The error entered at {agent}: {what}", 100),
        message=(
            f"In {agent}, {what}; {unheard(root)}. {listed(victims)} went on with it, {_end(course, cascade)}. "
            f"Built on it: {built}. Found by order: it is the earliest trouble before the symptom that nothing mended."
        ),
        trace_id=course.trace.trace_id,
        agent=root.agent,
        evidence=_evidence(course, cascade, what),
        advice=_advice(root, agent, victims[0], error),
        next=f"agentdbg {verb} {short(root.span.span_id, ids)}",
        key=" ".join(filter(None, [root.trouble, root.tool or root.span.kind, error.name if error else None])),
        wasted_tokens=tokens,
        wasted_usd=usd,
    )


def _end(course: Course, cascade: Cascade) -> str:
    symptom = cascade.symptom
    if cascade.fails:
        return f"until {course.agent(symptom) or symptom.name} failed with {clipped(failure.named(symptom), 160)}"
    said = course.said(symptom) if symptom.kind == "llm" else None
    return (
        f'and the run ended with "{clipped(said.text)}"'
        if said and said.text.strip()
        else "and the run ended as if nothing was amiss"
    )


def _evidence(course: Course, cascade: Cascade, what: str) -> tuple[Evidence, ...]:
    """The root, one span for each agent that went on, and the symptom last."""
    root, symptom = cascade.root, cascade.symptom
    hops = [
        Evidence(hop.span.span_id, "related", f"{hop.agent} went on with it")
        for hop in cascade.hops
        if hop.span is not symptom
    ]  # fmt: skip
    note = f"failed in the end: {clipped(failure.named(symptom))}" if cascade.fails else "the answer built on it"
    return (Evidence(root.span.span_id, "primary", what), *hops, Evidence(symptom.span_id, "related", note))


def _advice(root: Suspicion, agent: str, victim: str, error: ErrorClass | None) -> str:
    check = f"and let {victim} refuse an input that says so."
    if error is not None:
        return f"{error.advice} Let {agent} pass on a status with its result instead of nothing, {check}"
    if root.trouble == "cut off" and root.tool:
        return f"Let {root.tool} answer with less, page by page, or say that more is there, {check}"
    if root.trouble == "cut off":
        return f"Raise the output limit or ask {agent} for less, parse its answer where it is made, {check}"
    if root.trouble == "error in body":
        return f"Let {root.tool} raise, or give its error a field of its own that {agent} must look at, {check}"
    return f"Give {root.tool} a word for 'nothing found', let {agent} say it in so many words, {check}"
