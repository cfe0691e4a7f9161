"""cascade.leads: where to look first in a run that went wrong without a word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentdbg.detectors.course import Course
from agentdbg.detectors.leads import Lead, Sign, leads, ranked
from agentdbg.detectors.wording import clipped, listed, short
from agentdbg.model import Evidence, Finding, Reader, Skipped

_SAID: dict[Sign, str] = {
    "code failed": "the code it wrote failed",
    "call failed": "its call failed",
    "arguments refused": "the tool refused its arguments",
    "no tool used": "it answers without having used any of its tools",
    "own words": "its code printed nothing but its own request",
    "invented": "it speaks of assumed or made-up values",
    "first code": "it is the first code of the run",
    "source of the answer": "the final answer comes from there",
}
_FAULTS: frozenset[Sign] = frozenset(("code failed", "call failed", "arguments refused"))
_ADVICE_FAULT = "Read what it was given and what came back, and what the next step made of the failure."
_ADVICE_UNFOUNDED = "Let the agent name the tool result that each value comes from, and refuse answers that name none."
_CANDIDATES = """
    SELECT DISTINCT trace_id FROM spans WHERE kind = 'llm' AND output LIKE '%```%'
    UNION
    SELECT trace_id FROM spans GROUP BY trace_id, agent
    HAVING count(tools) > 0 AND count(*) FILTER (kind IN ('tool', 'retriever') AND NOT contains(tool, 'answer')) = 0
"""


@dataclass(frozen=True, slots=True)
class Leads:
    """The steps of a run that speak most for an error, for when nothing more certain was found.

    **What it finds**: runs of agents that write code, or whose tools are known, in which an agent answered without
    having used any of its tools and yet names a source or assumed values, or in which made-up values or failed code
    stand where the work began or where the final answer comes from. The three steps with the most such signs are
    named, the first one first. Signs, not proof: nothing here understands what is meant.

    **Why it matters**: in a long run the error is mostly early, and what fails in the end is not where it was made. On
    labelled failures of group chats the step named first is the decisive one in about half of the runs.

    **Bad**:

        agent researcher
          llm gpt-4o tools=[{"name": "search"}] -> "I have verified through official records that the bridge was opened in 1937 by Mayor Lewis, and that its main span is typical of that time. The length is estimated at 1280 metres, which is the figure that I will use for the comparison with the later bridges over the strait, as it is commonly known and needs no check."

    **Good**:

        agent researcher
          llm gpt-4o tools=[{"name": "search"}] -> {"role": "assistant", "tool_calls": [{"name": "search", "arguments": {}}]}
          tool search {"query": "opening of the bridge"} -> {"opened": 1937, "by": "Mayor Lewis"}
          llm gpt-4o -> "According to the records that I found it was opened in 1937 by Mayor Lewis."

    **What to do**: read the step named first and what it was given; let the agent prove where its values come from, and
    refuse answers that name no tool result.

    Options: floor = how much must speak for the first step, as the sum of the weights of its signs.
    """  # noqa: E501  # a sketch has one line for a span

    floor: float = 1.1

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """At most one finding a trace."""
        known = {row[0] for row in reader.rows(_CANDIDATES)}
        for trace in reader.traces([trace_id for trace_id in reader.trace_ids() if trace_id in known]):
            course = trace.once(Course)
            found = ranked(leads(course))
            if found and self._speaks(found[0]):
                yield _finding(course, found[:3])

    def _speaks(self, lead: Lead) -> bool:
        """Whether something is wrong with it, not only its place in the run."""
        if lead.unfounded:
            return True
        odd = "invented" in lead.signs or bool(lead.signs & _FAULTS)
        return odd and lead.strength >= self.floor


def _finding(course: Course, found: list[Lead]) -> Finding:
    first, agent = found[0], found[0].act.agent or "the program"
    reasons = [said for sign, said in _SAID.items() if sign in first.signs]
    if first.unfounded and "claims a source" in first.signs:
        reasons.insert(1, "it speaks as if it had looked things up")
    why = listed(reasons)
    evidence = [Evidence(first.act.span.span_id, "primary", why)]
    for lead in found[1:]:
        said = listed([text for sign, text in _SAID.items() if sign in lead.signs])
        if said:
            evidence.append(Evidence(lead.act.span.span_id, "related", f"then look here: {said}"))
    return Finding(
        detector="cascade.leads",
        severity="info",
        confidence="hint",
        title=clipped(f"Look first at {agent}: {reasons[0]}", 100),
        message=f"If the run went wrong, look first at this step of {agent}: {why}.",
        trace_id=course.trace.trace_id,
        agent=first.act.agent,
        evidence=tuple(evidence),
        advice=_ADVICE_FAULT if first.signs & _FAULTS else _ADVICE_UNFOUNDED,
        next=f"agentdbg span {short(first.act.span.span_id, course.forest.by_id)}",
        key=" ".join(sorted(first.signs & _SAID.keys())),
    )
