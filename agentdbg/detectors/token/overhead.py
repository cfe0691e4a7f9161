"""token.overhead: how many tokens of a run go into agents telling one another what they know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentdbg.detectors.course import Course
from agentdbg.detectors.passages import read_by, written_by
from agentdbg.detectors.turns import turns_of
from agentdbg.detectors.wording import counted
from agentdbg.model import Evidence, Finding, LLMCall, Reader, Skipped
from agentdbg.steps.messages import parsed_messages, text_of

_CANDIDATES = """
    SELECT trace_id FROM llm_calls WHERE agent IS NOT NULL GROUP BY trace_id
    HAVING count(DISTINCT agent) > 1 AND sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) >= $tokens
    ORDER BY trace_id
"""


@dataclass(frozen=True, slots=True)
class Overhead:
    """A team of agents that spends most of its tokens on coordination.

    **What it finds**: runs of several agents in which more than half of the tokens are of calls that only decide who is
    next, or of prompts that repeat what another agent wrote or had read before. It is a share, as a hint: what a single
    agent would have used can only be measured by running one.

    **Why it matters**: several agents cost three to ten times what one does. That is worth it where they do different
    work, not where they mostly read each other.

    **Bad**:

        workflow desk
          agent boss
            llm gpt-4o in=9000 out=5 -> "worker"
          agent worker
            llm gpt-4o in=900 out=300 -> "The invoice of March was paid twice, and 40 EUR are owed to the customer."
          agent boss
            llm gpt-4o in=9500 out=5 -> "worker"
          agent worker
            llm gpt-4o in=900 out=300 -> "The 40 EUR were sent back to the customer's account this morning."

    **Good**:

        workflow desk
          agent boss
            llm gpt-4o in=300 out=5 -> "worker"
          agent worker
            llm gpt-4o in=9000 out=900 -> "The invoice of March was paid twice, and 40 EUR are owed to the customer."

    **What to do**: route by rules, pass on results instead of histories, and merge agents that always work in a row.

    Options: share = of the run's tokens; tokens = of a run, from which it is worth a word.
    """

    share: float = 0.5
    tokens: int = 10_000

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding for each trace."""
        known = {row[0] for row in reader.rows(_CANDIDATES, tokens=self.tokens)}
        for trace in reader.traces(one for one in reader.trace_ids() if one in known):
            course = trace.once(Course)
            routed, read = _coordination(course)
            whole = sum(map(_tokens, trace.calls))
            spent = sum(routed.values()) + sum(read.values())
            if spent > self.share * whole:
                yield _finding(course, routed, read, whole)


def _coordination(course: Course) -> tuple[dict[str, int], dict[str, int]]:
    """Tokens of calls that only decide who is next, and tokens of prompts that another agent knew before, by span."""
    routing = {model.span_id for turn in turns_of(course) if turn.routes for model in turn.models}
    known: dict[str, str | None] = {}  # a passage, and the agent that wrote it or read it first
    routed: dict[str, int] = {}
    read: dict[str, int] = {}
    for model in course.models:
        call, agent = course.calls.get(model.span_id), course.agent(model)
        passages = read_by(model)
        if call is not None and model.span_id in routing:
            routed[model.span_id] = _tokens(call)
        elif call is not None and call.input_tokens:
            again = sum(len(passage) for passage in passages if known.get(passage, agent) != agent)
            length = len(text_of(parsed_messages(model.input) or []))
            read[model.span_id] = int(call.input_tokens * min(1.0, again / length)) if length else 0
        for passage in (*passages, *written_by(course, model)):
            known.setdefault(passage, agent)
    return routed, read


def _tokens(call: LLMCall) -> int:
    return (call.input_tokens or 0) + (call.output_tokens or 0)


def _finding(course: Course, routed: dict[str, int], read: dict[str, int], whole: int) -> Finding:
    spent = sum(routed.values()) + sum(read.values())
    span_id, most = max((routed | read).items(), key=lambda one: (one[1], one[0]))
    return Finding(
        detector="token.overhead",
        severity="info",
        confidence="hint",
        title=f"Coordination took {spent / whole:.0%} of the run's {whole:,} tokens",
        message=(
            f"Coordination took {spent / whole:.0%} of the run's {whole:,} tokens: about"
            f" {counted(sum(routed.values()), 'token')} in {counted(len(routed), 'call')} that only decide who is next,"
            f" and about {sum(read.values()):,} in prompts that repeat what another agent knew before."
        ),
        trace_id=course.trace.trace_id,
        agent=course.agent(course.forest.by_id[span_id].span),
        evidence=(Evidence(span_id, "primary", f"the most of it: about {counted(most, 'token')}"),),
        advice="Route by rules, pass on results instead of histories, and merge agents that always work in a row.",
        next=f"agentdbg show {course.trace.trace_id}",
        key="coordination share",
    )
