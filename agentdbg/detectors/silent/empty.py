"""silent.empty: a tool answered with nothing, or with an error that looks like an answer, and nobody said so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agentdbg.detectors import candidates, handling
from agentdbg.detectors.course import Course
from agentdbg.detectors.handling import Outcome
from agentdbg.detectors.results import Result
from agentdbg.detectors.suspicion import Findings, Trouble, others_at_hand, shown, tool_results, usually_empty
from agentdbg.detectors.usual import Usual
from agentdbg.detectors.wording import clipped, counted, short
from agentdbg.model import SEVERITIES, Evidence, Finding, Reader, Severity, Skipped, Span
from agentdbg.steps.emptiness import counts_none, is_empty

_NOTICED: dict[Outcome, tuple[Severity, str]] = {
    "recovered": ("info", "asked again, the tool gave something"),
    "other model": ("info", "asked again, the tool gave something"),
    "other arguments": ("info", "asked with other arguments, the tool gave something"),
    "fallback": ("info", "another tool gave something instead"),
    "said": ("low", "the agent says so"),
}
_NONE = re.compile(r"(?<![\w.,-])(?:0|zero|none|nothing)\b(?![.,]?\d)", re.I)


@dataclass(frozen=True, slots=True)
class _Case:
    result: Result
    trouble: Trouble
    severity: Severity
    became: str
    answer: Span | None = None


@dataclass(frozen=True, slots=True)
class Empty:
    """A tool that answered with nothing, and an agent that went on as if it had been something.

    **What it finds**: results of tools that ended well and hold nothing (null, an empty list, lists of nulls, "no
    results found"), or hold an error under the status of success. Low when the agent says so or asks back, info when
    another call brings what was wanted or the tool is often empty in other runs too, medium when the agent goes on
    without a word and has other results to go on with, high when its answer rests on that alone. A result that itself
    counts none (`{"count": 0, "results": []}`) is an answer and low, unless one that tells something else rests on it
    alone. Tools that change something have nothing to say and are left out, as are results that an instrumentation
    never records.

    **Why it matters**: a model that gets nothing and has no word for it makes something up.

    **Bad**:

        agent researcher
          tool search_invoices {"customer": "C-17"} -> []
          llm gpt-4o -> "Invoice 4711 of 2024-03-02 over 129.00 EUR is paid."

    **Good**:

        agent researcher
          tool search_invoices {"customer": "C-17"} -> {"found": false, "reason": "no customer has the number C-17"}
          llm gpt-4o -> "I found no invoices for C-17. Could you check the number?"

    **What to do**: give the tool an explicit answer for "nothing found", tell the agent what to do with it, and check
    the arguments: a misspelt name finds nothing.

    Options: shown = how many results of a group are pointed at.
    """

    shown: int = 5

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """One finding for each trace, agent, tool and kind of trouble, by the first result."""
        for trace_id in candidates.without_results(reader):
            yield Skipped("silent.empty", trace_id, "no results of tools recorded")
        traces = candidates.with_troubled_tools(reader)
        usual = reader.once(Usual) if traces else None
        for trace in reader.traces(traces):
            assert usual is not None
            course = trace.once(Course)
            found = tool_results(course, usual)
            groups: dict[tuple[str, str, str], list[_Case]] = {}
            for result, trouble in found.troubled:
                if trouble in ("empty", "error in body"):
                    case = _case(course, found, result, trouble, usual)
                    groups.setdefault((result.agent or "", result.tool or "", trouble), []).append(case)
            for cases in groups.values():
                yield self._finding(course, cases)

    def _finding(self, course: Course, cases: list[_Case]) -> Finding:
        worst = max(cases, key=lambda case: SEVERITIES.index(case.severity))
        result, agent, tool = worst.result, worst.result.agent or "the program", worst.result.tool or "a tool"
        what = "an error under the status of success" if worst.trouble == "error in body" else "nothing"
        times = f" {counted(len(cases), 'time')}" if len(cases) > 1 else ""
        others = [case for case in cases if case is not worst][: self.shown - 1]
        span_id = result.span.span_id
        evidence = [Evidence(span_id, "primary", f"{tool} answered {clipped(shown(result), 80)}")]
        evidence += [Evidence(case.result.span.span_id, "related", case.became) for case in others]
        if worst.answer is not None:
            evidence.append(
                Evidence(worst.answer.span_id, "related", f"{agent} answered as if there had been something")
            )
        return Finding(
            detector="silent.empty",
            severity=worst.severity,
            confidence="likely",  # that nobody said so rests on words
            title=clipped(f"{tool} answered {what}{times} in {agent}", 100),
            message=f"In {agent}, {tool} answered {what}{times} ({clipped(shown(result), 160)}); {worst.became}.",
            trace_id=course.trace.trace_id,
            agent=worst.result.agent,
            evidence=tuple(evidence),
            advice=_advice(worst, tool, agent),
            next=f"agentdbg span {short(span_id, course.forest.by_id)}",
            key=f"{worst.trouble} {tool}",
        )


def _advice(case: _Case, tool: str, agent: str) -> str:
    if case.trouble == "error in body":
        return f"Let {tool} raise, or mark its error in a field of its own, and tell {agent} what to do when it is set."
    return (
        f"Give {tool} an explicit answer for 'nothing found', tell {agent} to say so or to ask back, and check the "
        "arguments: a misspelt name finds nothing."
    )


def _case(course: Course, found: Findings, result: Result, trouble: Trouble, usual: Usual) -> _Case:
    rate = usually_empty(result, found, usual) if trouble == "empty" else None
    if rate is not None:
        return _Case(
            result, trouble, "info", f"nothing unusual: {rate[0]} of {rate[1]} results of other runs are empty too"
        )
    outcome = handling.of_tool(course, result, found.good)
    if outcome in _NOTICED:
        return _Case(result, trouble, *_NOTICED[outcome])
    if outcome == "unknown":
        return _Case(result, trouble, "low", "what the agent made of it is not recorded")
    others = others_at_hand(course, result, found.good)
    same_tool = [r for r in others if r.tool == result.tool]
    if same_tool:
        return _Case(result, trouble, "low", f"{counted(len(same_tool), 'other call')} of the same tool gave something")
    answer = _stated(course, result)
    if trouble == "empty" and counts_none(result.value) and (others or not _contradicts(course, answer)):
        return _Case(result, trouble, "low", "the result itself counts none, which is an answer")
    if others:
        return _Case(result, trouble, "medium", "the agent went on without a word, with other results at hand", answer)
    return _Case(result, trouble, "high", "nobody says so, and the answer at the end rests on it", answer)


def _stated(course: Course, result: Result) -> Span | None:
    """The model call in which the agent answered with something of its own; None where it only passed the nothing
    on."""
    model = course.answered(result.agent, result.end)
    said = course.said(model) if model is not None else None
    return None if said is None or is_empty(said.text) else model


def _contradicts(course: Course, answer: Span | None) -> bool:
    """Whether the agent answered, and its answer names no zero."""
    said = course.said(answer) if answer is not None else None
    return said is not None and not _NONE.search(said.text)
