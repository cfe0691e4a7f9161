"""`why`: what was asked, where it entered, the chain from there with what was carried at each hop, and what was built
on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TextIO

from agentdbg.analysis.chain import Blast, Lost, Step, Why
from agentdbg.reporters.document import document
from agentdbg.reporters.terminal.line import Line, Look, command, in_a_row, wrapped, write
from agentdbg.reporters.terminal.names import STATUS
from agentdbg.steps.words import Carried
from agentdbg.view.ids import short_trace_id
from agentdbg.view.units import count, tokens, usd

_INDENT = 6
_LABEL = 13
_MOST_VALUES = 5
_MOST_STEPS = 12
_MOST_AGENTS = 6
_MOST_OTHERS = 4
_HEAD, _TAIL = 6, 5
_ENTERED = dict.fromkeys(("trouble", "failed"), "it entered here")
_ROLE_WORDS = {"introduced": "said here first: ", "given": "given: "}
_LOST: dict[Lost, str] = {
    "nothing": "nothing to carry",
    "other words": "no words of it: the next step only came after",
    "not recorded": "what was passed on is not recorded",
    "passed up": "the exception was passed up",
}


def text(found: Why, stream: TextIO, look: Look) -> None:
    """Draw the answer."""
    write(_Page(found, look).lines(), stream, look)


def as_json(found: Why, stream: TextIO) -> None:
    """One object; fields may be added, never renamed. All bytes are ASCII."""
    document(asdict(found), stream)


class _Page:
    def __init__(self, found: Why, look: Look) -> None:
        self.found, self.look = found, look

    def lines(self) -> Iterator[Line]:
        found, look = self.found, self.look
        status, style = STATUS[found.status]
        head = [
            ("trace " + look.text(short_trace_id(found.trace_id)), "bold"),
            (look.text(found.name), "bold"),
            (status, style),
        ]
        yield from in_a_row(head, look)
        yield from wrapped(Line("why  ", "dim"), look.text(found.question), Line(" " * 5), look.width)
        yield Line()
        yield from wrapped(Line(), look.text(_capital(found.verdict)).rstrip(".") + ".", Line(), look.width, "bold")
        if found.steps:
            yield Line()
        for place, step in enumerate(found.steps):
            if len(found.steps) > _MOST_STEPS and _HEAD <= place < len(found.steps) - _TAIL:
                if place == _HEAD:
                    more = len(found.steps) - _HEAD - _TAIL
                    yield Line(" " * _INDENT).add(f"{more} more steps; --json lists them all", "dim")
                continue
            yield from self._step(place, step)
        yield Line()
        yield from self._about()

    def _step(self, place: int, step: Step) -> Iterator[Line]:
        look = self.look
        kind = step.kind if step.kind in ("tool", "retriever") else "agent" if step.agent else step.kind
        head = Line(f"{place + 1:>3} ", "dim").add(look.text(step.name), kind).add("  ")
        head.add(look.text(self.found.short_ids[step.span_id]), "dim")
        if place == self.found.entered:
            head.add(f"  {look.glyphs.source} {_ENTERED.get(step.role, 'its words begin here')}", "fold")
        yield head.cut(look.width, look.glyphs.ellipsis)
        margin = Line(" " * _INDENT)
        if step.trouble:
            yield from wrapped(Line(" " * _INDENT), look.text(step.trouble), margin, look.width, "high")
        if step.said and not step.trouble.endswith(step.said):
            said = _ROLE_WORDS.get(step.role, "") + look.text(step.said)
            yield from wrapped(Line(" " * _INDENT), said, margin, look.width, "words")
        if not step.trouble and not step.said:
            yield margin.add("no words of it are recorded", "dim")
        if place + 1 < len(self.found.steps):
            arrow = Line(" " * _INDENT).add(f"{look.glyphs.carried} ", "dim")
            hop = look.text(_LOST[step.lost]) if step.carried is None else self._carried(step.carried)
            yield from wrapped(arrow, hop, Line(" " * (_INDENT + 2)), look.width, "dim")

    def _carried(self, carried: Carried) -> str:
        if carried.words == carried.of:
            return self.look.text("its one word" if carried.of == 1 else f"all of its {carried.of} words")
        told = f"{carried.words} of its {count(carried.of, 'word')}"
        if carried.values:
            more = len(carried.values) - _MOST_VALUES
            told += f", value{'s' * (len(carried.values) > 1)} {', '.join(carried.values[:_MOST_VALUES])}"
            told += f" and {more} more" if more > 0 else ""
        return self.look.text(told + (f": {carried.quote}" if len(carried.quote.split()) > 1 else ""))

    def _about(self) -> Iterator[Line]:
        found = self.found
        yield from self._labelled("built on it", _built(found.blast) if found.steps else "")
        yield from self._labelled("how", found.reason)
        for place, (span_id, words) in enumerate(found.others[:_MOST_OTHERS]):
            yield from self._labelled("" if place else "also", f"{found.short_ids[span_id]}  {words}")
        if len(found.others) > _MOST_OTHERS:
            yield from self._labelled("", f"+{len(found.others) - _MOST_OTHERS} more; --json lists them all")
        for words in found.missing:
            yield from self._labelled("not known", words)
        for place, line in enumerate(found.next):
            yield from command(Line(f"{'' if place else 'next:':<{_LABEL}}", "dim"), line, self.look)

    def _labelled(self, label: str, words: str) -> Iterator[Line]:
        if words:
            start = Line(f"{label:<{_LABEL}}", "dim")
            yield from wrapped(start, self.look.text(words), Line(" " * _LABEL), self.look.width)


def _built(blast: Blast) -> str:
    if not blast.agents:
        return "nothing: no other agent worked after it"
    names = ", ".join(blast.agents[:_MOST_AGENTS]) + (", …" if len(blast.agents) > _MOST_AGENTS else "")
    agents = f"{count(len(blast.agents), 'agent')} ({names})"
    used = f"{tokens(blast.tokens)} tokens" if blast.tokens is not None else ""
    told = [agents, count(blast.calls, "model call") if blast.calls else "", used, usd(blast.usd)]
    done = ", ".join(blast.actions[:_MOST_AGENTS]) + (", …" if len(blast.actions) > _MOST_AGENTS else "")
    actions = f"; it changed things: {done}" if done else ""
    return ", ".join(filter(None, told)) + actions


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
