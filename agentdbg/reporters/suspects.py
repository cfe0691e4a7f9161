"""`suspects`: what separates bad runs from good ones, the surest first, and what may be chance apart from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TextIO

from agentdbg.analysis.suspects import Suspect, Suspects
from agentdbg.analysis.traits import Trait
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.line import Line, Look, command, wrapped, write
from agentdbg.view.ids import short_trace_id
from agentdbg.view.units import count

_MOST_LEADS = 5
_WORTH_A_LOOK = 0.05
"""p by Fisher's test alone, below which a trait that Holm's correction leaves as chance is a lead: above it, chance
explains it even if nothing else had been tried."""
_MOST_SAME = 4
_MOST_IDS = 3
_LABEL = 9
_GRADES = {"suspect": ("SUSPECT", "high"), "absent": ("ABSENT", "warn"), "lead": ("lead", "dim")}


def text(found: Suspects, limit: int, following: Sequence[str], stream: TextIO, look: Look) -> None:
    """Draw the ranking, at most `limit` of it, and the commands to type next."""
    write(_Page(found, limit, following, look).lines(), stream, look)


def as_json(found: Suspects, following: Sequence[str], stream: TextIO) -> None:
    """One object with all of the ranking; fields may be added, never renamed. All bytes are ASCII."""
    ranked = [
        asdict(one) | {name: [trait._asdict() for trait in getattr(one, name)] for name in ("traits", "instead")}
        for one in found.ranked
    ]
    told = asdict(found) | {"can_tell": found.can_tell, "ranked": ranked, "next": list(following)}
    document(told, stream)


class _Page:
    def __init__(self, found: Suspects, limit: int, following: Sequence[str], look: Look) -> None:
        self.found, self.limit, self.following, self.look = found, limit, following, look

    def lines(self) -> Iterator[Line]:
        found, look = self.found, self.look
        words = f"{found.bad} of {count(found.bad + found.good, 'run')} {found.meant}"
        words += f"; {found.left_out} left out, which never ended" if found.left_out else ""
        yield from wrapped(Line(), look.text(words), Line("  "), look.width, "bold")
        how = "Fisher's exact test, Holm's correction"
        yield from wrapped(
            Line(), look.text(f"{count(found.tried, 'trait')} compared: {how}"), Line("  "), look.width, "dim"
        )
        if found.workflows > 1:
            words = f"{found.workflows} workflows are mixed, so a trait may only stand for one of them: --workflow NAME"
            yield from wrapped(Line(), look.text(words), Line("  "), look.width, "dim")
        sure = [one for one in found.ranked if one.grade != "lead"][: self.limit]
        maybe = [one for one in found.ranked if one.grade == "lead" and _leans_bad(one)]
        worth = [one for one in maybe if one.p < _WORTH_A_LOOK]
        leads = worth[: min(_MOST_LEADS, max(0, self.limit - len(sure)))]
        yield from self._verdict(bool(sure), bool(leads))
        if chance := len(maybe) - len(worth):
            which = f"{count(chance, 'other trait')} {'is' if chance == 1 else 'are'} more frequent in bad runs"
            words = (
                f"{which}, but no lead: chance alone explains that (p at least {_WORTH_A_LOOK} before the correction)"
            )
            yield from wrapped(Line(), look.text(words), Line("  "), look.width, "dim")
        for one in (*sure, *leads):
            yield Line()
            yield from self._suspect(one)
        if self.following:
            yield Line()
        for place, line in enumerate(self.following):
            yield from command(Line(f"{'' if place else 'next:':<6}", "dim"), line, look)

    def _verdict(self, sure: bool, leads: bool) -> Iterator[Line]:
        found = self.found
        if sure:
            return
        words = "nothing separates them more than chance does" + ("; leads only:" if leads else "")
        if not found.can_tell:
            few = f"{found.bad} bad and {found.good} good runs" if found.tried else "these runs"
            words = f"too few runs to tell anything from chance: with {few} the best p is {_p(found.least_p)}"
            words += "; leads only:" if leads else ""
        if not found.tried:
            words = "no trait tells one run from another"
        yield from wrapped(Line(), self.look.text(words), Line("  "), self.look.width, "warn")

    def _suspect(self, one: Suspect) -> Iterator[Line]:
        look = self.look
        word, style = _GRADES[one.grade]
        head = Line(f"{word} ", style).add(f"{one.traits[0].sort} ", "dim")
        yield from wrapped(head, look.text(one.traits[0].what), Line("  "), look.width, "bold")
        bad, good = one.bad_with, one.good_with
        words = (
            f"bad are {bad} of {bad + good} with it, {one.bad_without} of {one.bad_without + one.good_without} without"
        )
        yield from self._labelled("runs", words)
        words = f"{_number(one.odds)} (95 %: {_number(one.low)} to {_number(one.high)}), p = {_p(one.corrected)}"
        words += " corrected" if one.grade != "lead" else f" corrected, {_p(one.p)} alone: it may be chance"
        yield from self._labelled("odds", words)
        if others := self._named(one.traits[1:]):
            yield from self._labelled("the same", f"runs have {others}: cannot be told apart")
        if instead := self._named(one.instead):
            yield from self._labelled("others", f"have {instead}")
        bad_has, good_has = ("without", "with") if one.odds < 1 else ("with", "without")
        yield from self._labelled("bad", self._ids(one.bad, bad_has))
        yield from self._labelled("good", self._ids(one.good, good_has))
        if one.grade == "absent":
            yield from self._labelled("", "bad runs have it less often, maybe only because they ended before it")

    def _named(self, traits: Sequence[Trait]) -> str:
        others = [f"{trait.sort} {trait.what}" for trait in traits]
        return "; ".join(others[:_MOST_SAME]) + (
            f" and {len(others) - _MOST_SAME} more" if len(others) > _MOST_SAME else ""
        )

    def _ids(self, ids: Sequence[str], has: str) -> str:
        return f"{', '.join(short_trace_id(one) for one in ids[:_MOST_IDS])} ({has} it)" if ids else ""

    def _labelled(self, label: str, words: str) -> Iterator[Line]:
        if words:
            start = Line(f"  {label:<{_LABEL}}", "dim")
            yield from wrapped(start, self.look.text(words), Line(" " * (_LABEL + 2)), self.look.width)


def _p(value: float) -> str:
    return "1" if value > 0.995 else f"{value:.2f}" if value >= 0.01 else f"{value:.1g}"


def _leans_bad(one: Suspect) -> bool:
    """Whether a larger share of the bad runs has it than of the good ones."""
    bad, good = one.bad_with + one.bad_without, one.good_with + one.good_without
    return one.bad_with * good > one.good_with * bad


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
