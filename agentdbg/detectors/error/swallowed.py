"""error.swallowed: something failed, the agent answered as if it had not, and the run counts as a success."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentdbg.detectors import candidates, failure
from agentdbg.detectors.course import Course
from agentdbg.detectors.suspicion import Suspicion, described, suspicions
from agentdbg.detectors.usual import Usual
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import Evidence, Finding, Reader, Skipped


@dataclass(frozen=True, slots=True)
class Swallowed:
    """An error that stopped at somebody who did not pass it on.

    **What it finds**: failed calls whose error reached no further than the agent that made them, which then answered
    without a word about it. No later attempt went well, nothing else took the place of the call, and nothing that was
    said later mentions it. High when the agent had no other results to go on with, medium when it had some, or when
    what failed is no tool. Where no answer is recorded nothing is said about it: error.origin has the failure itself.

    **Why it matters**: the run is green, the error rate is zero, and the answer is made of nothing. It is the kind of
    failure that users find first.

    **Bad**:

        agent clerk
          tool get_balance {"account": "A-12"} error="TimeoutError: no answer in 30 s"
          llm gpt-4o -> "The balance of A-12 is in order, you can go ahead."

    **Good**:

        agent clerk
          tool get_balance {"account": "A-12"} error="TimeoutError: no answer in 30 s"
          llm gpt-4o -> "I could not reach the bank just now, so I do not know the balance."

    **What to do**: give the tool's error a status that the agent must look at, tell the agent what to say when it is
    set, and let what reads the answer refuse one that lacks its source.

    Options: shown = how many failures of a group are pointed at.
    """

    shown: int = 5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace, agent and error, by the first span."""
        traces = candidates.with_errors(reader)
        usual = reader.once(Usual) if traces else None
        for trace in reader.traces(traces):
            assert usual is not None
            course = trace.once(Course)
            groups: dict[tuple[str, str, str], list[Suspicion]] = {}
            for one in suspicions(course, usual):
                if _swallowed(course, one):
                    key = (one.agent or "", one.span.error_type or "", failure.masked(one.span.error_message))
                    groups.setdefault(key, []).append(one)
            for group in groups.values():
                yield self._finding(course, group)

    def _finding(self, course: Course, group: list[Suspicion]) -> Finding:
        first = group[0]
        span, agent = first.span, first.agent or "the program"
        where = first.tool or span.tool or span.name
        alone = span.kind in ("tool", "retriever") and not all(one.beside_others for one in group)
        times = f" {counted(len(group), 'time')}" if len(group) > 1 else ""
        answer = course.answered(first.agent, group[-1].end)
        said = course.said(answer) if answer is not None else None
        words = f' Its answer: "{clipped(said.text, 160)}"' if said is not None else ""
        others = "" if alone else ", with other results at hand" if first.beside_others else ""
        evidence = [Evidence(span.span_id, "primary", clipped(failure.named(span)))]
        evidence += [Evidence(one.span.span_id, "related", "the same again") for one in group[1 : self.shown]]
        if answer is not None:
            evidence.append(Evidence(answer.span_id, "related", f"{agent} answered as if nothing had failed"))
        return Finding(
            detector="error.swallowed",
            severity="high" if alone else "medium",
            confidence="likely",  # that nobody mentions it rests on words
            title=clipped(f"{agent} swallowed the failure of {where}{times}", 100),
            message=(
                f"In {agent}, {described(first)}{times}, and {agent} answered without mentioning it{others}; "
                f"nothing tried it again and nothing took its place.{words}"
            ),
            trace_id=course.trace.trace_id,
            agent=first.agent,
            evidence=tuple(evidence),
            advice=(
                f"Give the failure of {where} a status that {agent} must look at, and tell {agent} what to say when it "
                f"is set. {failure.classify(span.error_type, span.error_message).advice}"
            ),
            next=f"agentdbg span {short(span.span_id, course.forest.by_id)}",
            key=f"{where} {span.error_type or ''} {failure.masked(span.error_message)}",
        )


def _swallowed(course: Course, one: Suspicion) -> bool:
    """Whether the error ended at a span that went well, and the agent then answered without a word."""
    if one.trouble != "error" or one.outcome != "unsaid":
        return False
    top = course.node(failure.top(course.forest, one.span))
    return top.parent is not None and course.answered(one.agent, one.end) is not None
