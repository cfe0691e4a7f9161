"""What stands behind a span: the trouble that its work was built on, and the spans from there to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentdbg.analysis.flow import Flow
from agentdbg.detectors import failure
from agentdbg.detectors.cascades import FLOOR, Cascade, cascades, unheard
from agentdbg.detectors.course import Course, Hop
from agentdbg.detectors.suspicion import Suspicion, described, suspicions
from agentdbg.detectors.usual import Usual
from agentdbg.model import SEVERITIES, Finding, Span
from agentdbg.tree import Node

_WEAK = 0.25
"""Suspicion that counts where nothing stronger is there: a result that is empty in most runs, a call worked around."""
_MOST_CALLS = 200


_WRONG = (
    "handoff.",
    "silent.",
    "state.",
    "race.",
    "emergent.",
    "inject.",
    "instruction.",
    "opinion.",
    "loop.",
    "deleg.",
)
"""Families of findings about something that makes an output wrong. Others tell what was dear, slow or not recorded."""
_CIRCLES = ("loop.cycle", "loop.pingpong", "loop.refine", "loop.retry", "deleg.cycle")
"""Detectors of stretches that go round; the primary evidence is where one was entered."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A trouble: the span, whose it is, what happened, and how it was found, each as a clause."""

    span: Span
    agent: str | None
    words: str
    how: str


@dataclass(frozen=True, slots=True)
class Behind:
    """Spans from the earliest to the one that was asked about. cause: the trouble, mostly at the first of them. hops:
    the agents that built on it, None where no cascade tells them."""

    spans: tuple[Span, ...]
    cause: Cause | None = None
    hops: tuple[Hop, ...] | None = None


def of_suspicion(root: Suspicion) -> Cause:
    """What the span tells by itself."""
    which = "the earliest trouble before the symptom that nothing mended"
    how = f"it is {which if root.strength >= FLOOR else 'a weak trouble, and the only one'}; {unheard(root)}"
    return Cause(root.span, root.agent, described(root), how)


class Upstream:
    """Asks a run backwards. Troubles are those of the detectors; without any, words alone lead back."""

    def __init__(self, course: Course, usual: Usual, flow: Flow, findings: Sequence[Finding]) -> None:
        self.course, self.flow = course, flow
        self.findings = [
            one
            for one in findings
            if one.detector.startswith(_WRONG) and one.confidence != "hint" and SEVERITIES.index(one.severity) >= 2
        ]
        self.suspicions = [one for one in suspicions(course, usual) if one.strength >= _WEAK]
        self.cascades = cascades(course, usual) or cascades(course, usual, _WEAK)

    def behind(self, span: Span) -> Behind:
        """The cascade that the span is part of, else the nearest trouble on the way that its words came."""
        for cascade in self.cascades:
            if span is cascade.root.span:
                return Behind((span,), of_suspicion(cascade.root), tuple(cascade.hops))
            if span is cascade.symptom or any(span in hop.spans for hop in cascade.hops):
                return self.along(cascade, span)
        if failure.failed(span):
            return self._behind_failure(span)
        chain = self._by_words(span)
        for place in range(len(chain) - 1, -1, -1):
            if cause := self._trouble_at(chain[place]):
                return Behind(_headed(cause, chain[place:]), cause)
        loops = (found for place in range(len(chain) - 1, -1, -1) if (found := self._out_of_loop(chain[place:])))
        return next(loops, Behind(chain))

    def _out_of_loop(self, chain: tuple[Span, ...]) -> Behind | None:
        """From where a loop was entered, over its last step, to a chain that begins in it or with what its agent said
        after it."""
        course, first = self.course, chain[0]
        for finding in self.findings:
            if not finding.detector.startswith(_CIRCLES):
                continue
            laps = [course.forest.by_id[piece.span_id].span for piece in finding.evidence]
            entered = course.forest.by_id[finding.primary.span_id].span
            last = max(laps, key=lambda span: (course.start(span), span.span_id))
            its_agents = {course.agent(span) for span in laps}
            if course.agent(first) in its_agents and course.start(entered) < course.start(first):
                over = (last,) if last is not entered and course.moment(last) <= course.start(first) else ()
                return Behind((entered, *over, *chain), self._found(finding))
        return None

    def _behind_failure(self, span: Span) -> Behind:
        origin = self._origin(span)
        if origin is not span:
            behind = self.behind(origin)
            return replace(behind, spans=(*behind.spans, span))
        cause = self._trouble_at(span)
        if cause is None or cause.span is span:
            cause = self._found_before(span) or cause
        return Behind(_headed(cause, (span,)) if cause else (span,), cause)

    def along(self, cascade: Cascade, last: Span) -> Behind:
        """Root, what its agent said next, each agent that went on with it up to the last span, and that."""
        course, root, chain = self.course, cascade.root, [cascade.root.span]
        if course.agent(last) != root.agent:
            later = course.turn_models_after(course.turn(root.span), root.end, _MOST_CALLS)
            chain += [model for model in later if model is not root.span and self._speaks(model)][-1:]
        for hop in self._on_the_way(cascade, last):
            said = [one for one in hop.spans if course.end(one) <= course.end(last) and self._speaks(one)]
            chain.append(said[-1] if said else hop.span)
        return Behind((*(span for span in chain if span is not last), last), of_suspicion(root), tuple(cascade.hops))

    def _on_the_way(self, cascade: Cascade, last: Span) -> Sequence[Hop]:
        """The agents between root and last span: those whose words lead to it, all of them where none do."""
        course = self.course
        between = [
            hop for hop in cascade.hops if hop.agent != course.agent(last) and course.start(hop.span) < course.end(last)
        ]
        leading = [hop for hop in between if course.turn(last).span_id in self.flow.reaches(hop.span)]
        return leading or between

    def _origin(self, span: Span) -> Span:
        """Where the error began that reached a failed span: itself where it began there."""
        forest = self.course.forest
        for origin in failure.origins(forest):
            node: Node[Span] | None = forest.by_id[origin.span_id]
            while node is not None and node.span is not span:
                node = failure.carrier(node)
            if node is not None:
                return origin
        return span

    def _trouble_at(self, span: Span) -> Cause | None:
        """The trouble that the span is itself, else the earliest of its turn before it, a strong one before a weak one;
        else a finding that points at the span."""
        course, turn = self.course, self.course.turn(span)
        found = [
            one
            for one in self.suspicions
            if one.span is span or (course.turn(one.span) is turn and one.end <= course.end(span))
        ]
        own = [
            one
            for one in found
            if one.span is span
            or not (course.encloses(one.span, span) or (one.beside_others and not failure.failed(span)))
        ]
        if root := next(iter([one for one in own if one.strength >= FLOOR] or own), None):
            return of_suspicion(root)
        told = (one for one in self.findings if any(piece.span_id == span.span_id for piece in one.evidence))
        causes = (self._found(one) for one in told)
        return next((one for one in causes if course.start(one.span) <= course.end(span)), None)

    def _found_before(self, span: Span) -> Cause | None:
        """By order alone: the worst finding about something that had happened before a failure."""
        before = (self._found(one) for one in self.findings)
        return next((one for one in before if self.course.moment(one.span) <= self.course.end(span)), None)

    def _found(self, finding: Finding) -> Cause:
        span = self.course.forest.by_id[finding.primary.span_id].span
        how = f"{finding.detector} found it ({finding.severity}, {finding.confidence})"
        return Cause(span, finding.agent, finding.title, how)

    def _by_words(self, span: Span) -> tuple[Span, ...]:
        """Back along the words that were carried, at each hop to the span that gave the most of them."""
        chain, seen = [span], {self.course.turn(span).span_id}
        while True:
            before = [
                source
                for source, _ in self.flow.before(chain[0])
                if self.course.turn(source).span_id not in seen
                and self.course.moment(source) <= self.course.start(chain[0])
            ]
            if not before:
                return tuple(chain)
            chain.insert(0, before[0])
            seen.add(self.course.turn(before[0]).span_id)

    def _speaks(self, span: Span) -> bool:
        return span.kind == "llm" and not failure.failed(span) and self.flow.says_words(span)


def _headed(cause: Cause, chain: tuple[Span, ...]) -> tuple[Span, ...]:
    return chain if cause.span in chain else (cause.span, *chain)
