"""Cascades of one run: a span that went wrong without anybody mending it, who went on with it, and where that
ended."""

from __future__ import annotations

from dataclasses import dataclass

from agentdbg.detectors import failure
from agentdbg.detectors.course import Course, Hop
from agentdbg.detectors.suspicion import Suspicion, suspicions
from agentdbg.detectors.usual import Usual
from agentdbg.model import Span

FLOOR = 0.5
"""How suspicious a span must be to be taken for a root."""
_BY_BAD_INPUT = frozenset(("code", "decode", "validation", "bad request", "recursion limit", "error"))
"""Classes of errors that something wrong handed on can cause. A rate limit or a lost connection starts with itself."""
_EARLIEST = 200
"""Suspicious spans of one run that are looked at; a root is among the first."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """A root, the agents that went on with it up to the symptom, and whether that is a failure or a last answer."""

    root: Suspicion
    hops: list[Hop]
    symptom: Span
    fails: bool


def cascades(course: Course, usual: Usual, floor: float = FLOOR) -> list[Cascade]:
    """The independent cascades of a run by the moment their roots ended; mostly one."""
    found: list[Cascade] = []
    strong = [suspicion for suspicion in suspicions(course, usual) if suspicion.strength >= floor]
    for suspicion in strong[:_EARLIEST]:
        if any(_follows(course, suspicion, earlier) for earlier in found):
            continue
        if cascade := _cascade(course, suspicion):
            found.append(cascade)
    return found


def _follows(course: Course, suspicion: Suspicion, earlier: Cascade) -> bool:
    """Whether this trouble is of the same agent as an earlier root, or came after it and may come from it."""
    if suspicion.agent == earlier.root.agent:
        return True
    return any(suspicion.span in hop.spans or suspicion.agent == hop.agent for hop in earlier.hops)


def _cascade(course: Course, root: Suspicion) -> Cascade | None:
    """What was built on this span; None where nobody else went on, or everybody knew."""
    hops = course.after(root.span)
    others = [hop for hop in hops if not _asked_for_help(course, root, hop)]
    hops = others if root.outcome == "said" else hops
    if not hops:
        return None
    symptom = _failure_after(course, root, hops)
    before = [hop for hop in hops if symptom in hop.spans or (symptom and course.start(hop.span) < course.end(symptom))]
    if symptom and before:
        return Cascade(root, before, symptom, True)
    hops = others
    if not hops or root.outcome == "said" or root.beside_others:
        return None
    last = course.final
    if last is None or last is root.span or course.start(last) < root.end:
        last = max(hops[-1].spans, key=lambda span: (course.end(span), span.span_id))
    return Cascade(root, hops, last, False)


def _failure_after(course: Course, root: Suspicion, hops: list[Hop]) -> Span | None:
    """The first later failure of another agent, or of the run, that bad input can have caused."""
    agents = {hop.agent for hop in hops}
    around = {above.span_id for above in course.above(root.span)}
    if course.is_orphaned(root.span):  # its true ancestors are lost, and any root may be one
        around |= {node.span.span_id for node in course.forest.roots if not node.orphan}

    def can_follow(span: Span) -> bool:
        agent = course.agent(span)
        return agent in agents or (span.span_id in around and (agent is None or agent != root.agent))

    later = [
        span
        for span in course.origins
        if course.end(span) >= root.end and span is not root.span and _by_bad_input(span) and can_follow(span)
    ]
    return min(later, key=lambda span: (course.end(span), span.span_id), default=None)


def _by_bad_input(span: Span) -> bool:
    """Whether bad input can have made it fail. A provider that refuses a model call has reasons of its own."""
    kind = failure.classify(span.error_type, span.error_message).name
    return kind in _BY_BAD_INPUT and not (span.kind == "llm" and kind == "bad request")


def _asked_for_help(course: Course, root: Suspicion, hop: Hop) -> bool:
    """Whether the agent called this one itself, afterwards, and went on with what it got: a way around the trouble."""
    own = course.turn(root.span)
    if own is hop.span or not course.encloses(own, hop.span):
        return False
    return bool(course.models_after(root.agent, course.end(hop.span), 1))


def unheard(root: Suspicion) -> str:
    """What became of the trouble inside the agent, as a clause."""
    return {
        "said": "it said so",
        "unsaid": "nothing that was said later mentions it",
        "unknown": "what it answered is not recorded",
        "other arguments": "another call of the same tool went well",
        "fallback": "something else took its place",
    }[root.outcome]
