"""What agentdbg says of a TRAIL run, in TRAIL's words: the signs on its acts, and the errors of its tools, to pairs of
span and category."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentdbg.detectors import failure
from agentdbg.detectors.acts import fault_of
from agentdbg.detectors.course import Course
from agentdbg.detectors.leads import Lead, leads
from agentdbg.model import Trace
from agentdbg.steps.messages import parsed_messages, text_of
from benchmarks.accuracy.trail import Pair

# Rules that no framework's text is needed for, all of them in agentdbg.
RULES: Mapping[str, tuple[str, ...]] = {
    "model failed": ("Context Handling Failures", "Goal Deviation", "Instruction Non-compliance"),
    "arguments refused": ("Formatting Errors",),
    "error read back": ("Formatting Errors",),
    "own words": ("Task Orchestration",),
    "lookup failed": ("Poor Information Retrieval",),
    "no tool used": ("Goal Deviation",),
    "unfounded": ("Goal Deviation", "Language-only", "Tool-related"),
    "unfounded, first": ("Tool Selection Errors", "Task Orchestration"),
    "invented in the end": ("Goal Deviation", "Language-only"),
}
ERRORS: Mapping[str, str] = {
    "auth": "Authentication Errors", "rate limit": "Rate Limiting", "timeout": "Timeout Issues",
    "server": "Service Errors", "bad request": "Resource Not Found",
}  # fmt: skip
"""What a tool's error is called."""
_END_TAG = re.compile(r"write the \W*n?(<\w+>)\W* tag")
_AT_A_TIME = re.compile(r"\b(\d+) characters at a time|up ?to the first (\d+) characters")
_MUCH = 4


def neutral(trace: Trace) -> set[Pair]:
    """By the signs and errors that agentdbg finds in the runs of any framework."""
    course = Course(trace)
    found = leads(course)
    said = {(lead.act.span.span_id, name) for lead in found for sign in _signs(lead, found) for name in RULES[sign]}
    for lead in found:
        for result in lead.act.results:
            fault = fault_of(result) if result.own_span else None
            kind = failure.classify(None, fault).name if fault else ""
            if kind in ERRORS:
                said.add((result.span.span_id, ERRORS[kind]))
    return said


def framework(trace: Trace) -> set[Pair]:
    """By what the prompts of two programs demand that TRAIL was recorded with (smolagents' plans, and a code agent's
    500 characters). FRAMEWORK-SPECIFIC: not in agentdbg, and of no use for other frameworks."""
    found = leads(Course(trace))
    prompts = {lead.act.span.span_id: text_of(parsed_messages(lead.act.span.input) or []) for lead in found}
    untagged = [lead for lead in found if _lacks_end_tag(lead, prompts)]
    # the first one of a run: that is the one which is marked
    told = [*untagged[:1], *_flooded(found, prompts)]
    return {(lead.act.span.span_id, "Instruction Non-compliance") for lead in told}


def _signs(lead: Lead, found: list[Lead]) -> Iterator[str]:
    signs: set[Any] = set(lead.signs)
    yield from sorted(signs & {"model failed", "arguments refused", "error read back", "own words"})
    if "call failed" in signs and any("search" in tool for tool in lead.act.calls):
        yield "lookup failed"
    if lead.unfounded:
        yield "unfounded"
        if lead.opens:
            yield "unfounded, first"
    elif "no tool used" in signs:
        yield "no tool used"
    elif "invented" in signs and lead.act.code and not _goes_on(lead, found):
        yield "invented in the end"


def _goes_on(lead: Lead, found: list[Lead]) -> bool:
    return any(one.act.code and one.place > lead.place and one.act.lane == lead.act.lane for one in found)


def _lacks_end_tag(lead: Lead, prompts: Mapping[str, str]) -> bool:
    tag = _END_TAG.search(prompts[lead.act.span.span_id])
    return tag is not None and bool(lead.act.text) and tag[1] not in lead.act.text


def _flooded(found: list[Lead], prompts: Mapping[str, str]) -> Iterator[Lead]:
    """Acts whose predecessor printed far more than the prompt allows."""
    before: dict[str, Lead] = {}
    for lead in found:
        limit, last = _AT_A_TIME.search(prompts[lead.act.span.span_id]), before.get(lead.act.lane)
        printed = sum(len(str(result.value)) for result in last.act.results) if last else 0
        if limit and printed > _MUCH * int(limit[1] or limit[2]):
            yield lead
        before[lead.act.lane] = lead
