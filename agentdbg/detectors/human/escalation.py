"""human.escalation: a person was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from agentdbg.detectors.wording import clipped, counted, duration, listed
from agentdbg.model import Evidence, Finding, Reader, Skipped

_ASKED = r"""
    SELECT trace_id, span_id, agent, coalesce(tool, name), duration_ns, parent_id FROM spans
    WHERE kind NOT IN ('llm', 'agent', 'workflow')
        AND (regexp_matches(lower(coalesce(tool, name)), 'escalat.*human|human.*escalat|approval'
                 || '|(^|[^a-z])(transfer|hand_?off|hand_?over|route|ask|contact)[^a-z](.*[^a-z])?humans?([^a-z]|$)'
                 || '|^human_?(input|review|feedback|in_the_loop)|(^|[^a-z])interrupt$')
             OR control_flow IN ('GraphInterrupt', 'NodeInterrupt', 'Interrupt', 'ApprovalRequired',
                                 'ToolApprovalRequired'))
    ORDER BY trace_id, start_ns, span_id
"""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Escalation:
    """A person was asked to approve, to answer or to take over.

    **What it finds**: tools and spans that are named after it (`escalate_to_human`, `*approval*`, `interrupt`), and
    runs that stopped for it (LangGraph's interrupts, deferred approvals). It is info: it is how it was meant.

    **Why it matters**: people are the dearest part of a workflow. How often they are asked is a figure to watch, and
    the time that a run waits for them is none of the agents' slowness.

    **Bad**:

        workflow refund
          agent clerk
            tool escalate_to_human {"reason": "over 500"} -> "taken over" dur=40s

    **Good**:

        workflow refund
          agent clerk
            tool refund {"amount": 20} -> "done"

    **What to do**: nothing, as long as it is seldom; else look at what the agents ask for, and let rules decide that.
    """

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding a run."""
        judged = set(reader.trace_ids())
        for trace_id, group in groupby(reader.rows(_ASKED), key=lambda row: str(row[0])):
            rows = list(group) if trace_id in judged else []
            inside = {row[1] for row in rows}
            asked = [row for row in rows if row[5] not in inside]
            if asked:
                _, first, agent, _, _, _ = asked[0]
                names = list(dict.fromkeys(row[3] for row in asked))
                waited = sum(row[4] or 0 for row in asked) / 1e9
                times = counted(len(asked), "time")
                yield Finding(
                    detector="human.escalation",
                    severity="info",
                    confidence="certain",
                    title=clipped(f"A person was asked {times}: {listed(names)}", 100),
                    message=f"A person was asked {times} ({listed(names)}); that took {duration(waited)}.",
                    trace_id=trace_id,
                    agent=agent,
                    evidence=(
                        Evidence(first, "primary", "a person is asked"),
                        *(Evidence(row[1], "related", "and once more") for row in asked[1:_SHOWN]),
                    ),
                    advice="Nothing, as long as it is seldom; else look at what is asked, and let rules decide.",
                    next=f"agentdbg span {first}",
                    key="asked a person",
                )
