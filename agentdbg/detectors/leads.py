"""What in an agent's acts speaks for an error there, and which acts to look at first.

Signs, not proof: code that failed, a call that the tool refused, a source that was never asked, words of invention.
None of them understands what is meant, and none knows a framework's prompts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Literal

from agentdbg.detectors import failure
from agentdbg.detectors.acts import Act, acts
from agentdbg.detectors.course import Course
from agentdbg.detectors.effects import gives_answer, has_effect
from agentdbg.detectors.results import value
from agentdbg.model import Span

Sign = Literal[
    "model failed", "arguments refused", "call failed", "code failed", "error read back", "first code", "own words",
    "no tool used", "claims a source", "invented", "source of the answer", "first effect", "brief", "last word",
    "routes",
]  # fmt: skip
WEIGHTS: Mapping[Sign, float] = {
    "first effect": 2.0, "model failed": 1.0, "first code": 1.0, "invented": 0.7, "code failed": 0.6,
    "call failed": 0.6, "arguments refused": 0.6, "no tool used": 0.5, "own words": 0.5, "source of the answer": 0.5,
    "last word": -0.5, "brief": -1.2, "routes": -4.0,
}  # fmt: skip
"""Set on labelled runs of group chats. Where agents get their work from one that routes it, they come before it."""
LATER = -0.012
"""For each act before it: of two acts alike, the earlier one is the cause."""
_BRIEF = 250
_COVERED = 0.6
_PRINTED = 5
_OWN = 0.85
_INVENTED = re.compile(
    r"simulat|placeholder|hypothetical|dummy|\bmock|sample data|for (?:the sake of|illustrat|demonstration)"
    r"|\bassum(?:e|ing|ption|ed)\b|manual(?:ly)? (?:review|list|creat|defin|check)|as of my last|typical|approximat"
    r"|based on (?:my|the|our|general|common|known|existing|available|typical|all)\b.{0,20}"
    r"(?:knowledge|information|known|available|common|patterns|data\b)"
    r"|\bestimated?\b|example (?:data|value)|your_api_key|path/to"
    r"|(?:unable to|cannot) (?:directly )?(?:access|browse|perform)",
    re.IGNORECASE,
)
_CLAIMS = re.compile(
    r"\bI(?:'ve| have) (?:verified|confirmed|checked|found|reviewed|located|retrieved|consulted)\b"
    r"|\b(?:verified|confirmed) (?:through|via|by|from|with|using)\b"
    r"|\bafter (?:a |an )?(?:careful|thorough|detailed|search|review|simulat)|\b[uo]n checking\b|\binvestigation\b"
    r"|cross.?referenc|\baccording to\b|\bas (?:officially )?reported\b|\bretrieved\b|\bconsult(?:ed|ing)\b",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"unexpected keyword|(?:missing|takes) \d+ (?:required )?positional|missing (?:\d+ )?required"
    r"|invalid (?:argument|parameter|input)s?\b|got an unexpected|unknown (?:argument|parameter)|validation error",
    re.IGNORECASE,
)
_STRING = re.compile(r'"""(.*?)"""|\'\'\'(.*?)\'\'\'|"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)*)\'', re.DOTALL)
_CALLED = re.compile(r"\b(\w+_\w+)\s*\(")
_WORD = re.compile(r"\w{4,}")
_TELLING = re.compile(r"\d+(?:\.\d+)?|[A-Z][a-z]{2,}")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_NOT_PRINTED = re.compile(r"\A.*?Execution logs:|Last output from code snippet:.*", re.DOTALL)


@dataclass(slots=True)
class Lead:
    """An act, the signs that were found on it, and how many acts of the run came before it.

    opens: its agent had not acted before (written code, called a tool). named: whoever routes handed it the work.
    """

    act: Act
    place: int = 0
    opens: bool = True
    signs: set[Sign] = field(default_factory=set)

    @property
    def strength(self) -> float:
        """How much speaks for it. Fit to rank the acts of one run, and for nothing else."""
        return sum(WEIGHTS.get(sign, 0.0) for sign in self.signs) + LATER * self.place

    @property
    def unfounded(self) -> bool:
        """Whether it answers without having asked any tool, and yet names a source, or words of invention."""
        return "no tool used" in self.signs and bool(self.signs & {"claims a source", "invented"})


def leads(course: Course) -> list[Lead]:
    """The acts of a run in order, each with its signs."""
    lanes = [[Lead(act) for act in lane] for lane in acts(course)]
    every = sorted((lead for lane in lanes for lead in lane), key=lambda one: course.start(one.act.span))
    for place, lead in enumerate(every):
        lead.place = place
        lead.signs |= _of_words(lead.act) | _of_faults(lead.act)
    for lane in lanes:
        _of_code(lane)
        for _, own in groupby(sorted(lane, key=_owner), key=_owner):
            acted = list(own)
            _of_tools(acted, _offered(course, acted))
    _of_run(course, every)
    return every


def ranked(found: Iterable[Lead]) -> list[Lead]:
    """The acts that speak most for an error first."""
    return sorted(found, key=lambda lead: (-round(lead.strength, 6), lead.place))


def _owner(lead: Lead) -> str:
    return lead.act.agent or ""


def _of_words(act: Act) -> set[Sign]:
    signs: set[Sign] = set()
    if _INVENTED.search(act.text):
        signs.add("invented")
    if _CLAIMS.search(act.text):
        signs.add("claims a source")
    if len(act.text) < _BRIEF and not act.calls:
        signs.add("brief")
    return signs


def _of_faults(act: Act) -> set[Sign]:
    if failure.failed(act.span):
        return {"model failed"}
    if not act.fault:
        return set()
    if act.code:
        return {"code failed"}
    return {"arguments refused" if _REFUSED.search(act.fault) else "call failed"}


def _of_code(lane: Sequence[Lead]) -> None:
    """Where agents write code, an answer that could not be run is failed code, whatever it looks like."""
    if not any(lead.act.code for lead in lane):
        return
    for lead in lane:
        if lead.act.fault and not lead.act.calls and "model failed" not in lead.signs:
            lead.signs = (lead.signs - {"call failed", "arguments refused"}) | {"code failed"}
    for before, lead in pairwise(lane):
        if "code failed" in before.signs:
            lead.signs.add("error read back")


def _of_tools(own: Sequence[Lead], offered: set[str]) -> None:
    """What an agent did with the tools that it had. Nothing is said where none are recorded."""
    done = [lead for lead in own if lead.act.code or lead.act.calls or "code failed" in lead.signs]
    for lead in done[1:]:
        lead.opens = False
    last, asked = (done or own)[-1], False
    for lead in own:
        act = lead.act
        asked = asked or act.asked(offered)
        if not offered or asked:
            continue
        if act.code and not act.fault and _prints_own_words(act):
            lead.signs.add("own words")
        if act.text and not act.calls and (lead is last or (lead in done and _answers(act))):
            lead.signs.add("no tool used")


def _offered(course: Course, own: Sequence[Lead]) -> set[str]:
    """The names of the tools that an agent had, as far as they are recorded; those that give the answer left out."""
    home = course.forest.by_id[own[0].act.lane].span
    spans = [lead.act.span for lead in own]
    names = {name for span in ([home, *spans] if home.kind == "agent" else spans) for name in _names(span)}
    return {name for name in names if not gives_answer(name)}


def _names(span: Span) -> list[str]:
    tools = value(span.tools)
    found = tools if isinstance(tools, list) else []
    return [str(tool["name"]) for tool in found if isinstance(tool, dict) and tool.get("name")]


def _answers(act: Act) -> bool:
    """Whether its code calls what gives the answer."""
    return any(gives_answer(name) for name in _CALLED.findall(act.text))


def _prints_own_words(act: Act) -> bool:
    """Whether all that its code printed are texts which the model wrote into it: a request that reached nobody."""
    told = " ".join(_NOT_PRINTED.sub("", str(result.value)) for result in act.results if result.known)
    printed = set(_WORD.findall(told))
    written = {word for parts in _STRING.findall(act.code) for part in parts for word in _WORD.findall(part)}
    return len(printed) >= _PRINTED and len(printed & written) > _OWN * len(printed)


def _of_run(course: Course, every: Sequence[Lead]) -> None:
    if not every:
        return
    every[-1].signs.add("last word")
    for lead in [lead for lead in every if lead.act.code][:1]:
        lead.signs.add("first code")
    for lead in [lead for lead in every if any(map(has_effect, lead.act.calls))][:1]:
        lead.signs.add("first effect")  # what was wrong before it can no longer be taken back
    routing = {handoff.from_agent for handoff in course.trace.handoffs if handoff.rule == "handoff span"}
    for lead in every:
        if lead.act.agent in routing:
            lead.signs.add("routes")
    answer = _told_in_the_end(course, every)
    for lead in every:
        heard = " ".join(str(result.value) for result in lead.act.results if result.known)
        if answer and len(answer & set(_TELLING.findall(f"{lead.act.text} {heard}"))) >= _COVERED * len(answer):
            lead.signs.add("source of the answer")
            return


def _told_in_the_end(course: Course, every: Sequence[Lead]) -> set[str]:
    """The numbers and names of the final answer that the task does not name: of what it prints in bold, if anything."""
    final = next((lead.act.text for lead in reversed(every) if len(lead.act.text.split()) > 1), "")
    asked = set(_TELLING.findall(" ".join(node.span.input or "" for node in course.forest.roots)))
    bold = set(_TELLING.findall(" ".join(_BOLD.findall(final)))) - asked
    return bold or set(_TELLING.findall(final)) - asked
