"""Cases without secrets and personal data, and programs that still speak of these when they are replayed.

A case cannot tell what its placeholders stand for. What a program sends is redacted by the same rules; which of the
case's placeholders its values are follows from the question that fits, and holds for all that comes after.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from agentdbg.model import Span, Trace
from agentdbg.redact import PLACEHOLDER, Redactor
from agentdbg.replay.asked import Asked
from agentdbg.replay.call import Message, Part, payload
from agentdbg.replay.case import Case
from agentdbg.replay.question import Question, question, texts
from agentdbg.replay.volatile import mask
from agentdbg.steps.keys import canonical

T = TypeVar("T")
UNBOUND = "?"
"""Stands before the number of a placeholder that is none of the case's yet."""
_RAW = r"[^<>,;\"'(){}\[\]\\]{1,4096}?"
"""A value that no rule found, but its place in a text tells."""


def redacted(case: Case) -> Case:
    """The case with placeholders. It is gone through twice: what one place tells is secret, another may spell out."""
    redactor = Redactor()
    there = _placeholders(case.trace)
    for one in there:  # of a store that was redacted: theirs are not given to other values
        kind, _, number = one.strip("<>").partition(":")
        if UNBOUND not in number:
            redactor.counts[kind] = max(redactor.counts[kind], int(number.rpartition(".")[2]))
    for one in there:  # of a program whose questions were accepted: values that the case did not have
        if UNBOUND in one:
            redactor.name(one.strip("<").partition(":")[0], one)
    for _ in range(2):
        spans = [_span(redactor, span) for span in case.trace.spans]
        name = redactor.text(case.trace.name)
    accepted = tuple(map(redactor.text, case.accepted))
    calls = [replace(call, replay_reason=redactor.text(call.replay_reason)) for call in case.trace.calls]
    trace = replace(case.trace, spans=spans, name=name, calls=calls)
    return replace(case, trace=trace, accepted=accepted, redacted=_kinds(trace))


def _span(redactor: Redactor, span: Span) -> Span:
    def hidden(told: str | None) -> str | None:
        return None if told is None else redactor.text(told)

    def inside(told: str | None) -> str | None:
        return None if told is None else json.dumps(redactor.value(payload(told)))

    def said(told: str | None) -> str | None:
        return None if told is None else json.dumps(messages(redactor, payload(told)))

    own = said if span.is_call else inside
    return replace(
        span,
        name=redactor.text(span.name),
        agent=hidden(span.agent),
        handoff_to=hidden(span.handoff_to),
        error_message=hidden(span.error_message),
        input=own(span.input),
        output=own(span.output),
        tools=inside(span.tools),
        parameters=inside(span.parameters),
    )


def messages(redactor: Redactor, told: Sequence[Message]) -> list[Message]:
    """The messages without what is to be hidden. Ids stay, by which tools are known."""
    return [{**message, "parts": [_part(redactor, part) for part in message["parts"]]} for message in told]


def _part(redactor: Redactor, part: Part) -> Part:
    kept = ("type", "id", "name")
    return {name: value if name in kept else redactor.value(value) for name, value in part.items()}


def redaction_of(trace: Trace) -> Redaction | None:
    """What a program that is replayed is heard through; None where the recording has no placeholder."""
    return Redaction(trace) if _placeholders(trace) else None


class Redaction:
    """What a program says, in the placeholders of the recording that it is replayed with: of a case, or of a store
    that was redacted."""

    def __init__(self, trace: Trace) -> None:
        self.hidden = _kinds(trace)
        self._redactor = Redactor(UNBOUND)
        self._questions: dict[int, list[str]] = {}
        self._placeholders = _placeholders(trace)
        for text in _said(trace):  # what the rules would hide, and other rules left or a hand put in
            self._redactor.text(text)
        for value in [*self._redactor.known]:
            self._redactor.call(value, value)

    def asked(self, asked: Asked, recorded: Iterable[Question]) -> Asked:
        """A request as the case would have it. recorded: the questions that it may be, the most likely first."""

        def renamed(one: Asked) -> Asked:
            said = messages(self._redactor, one.messages)
            tools = None if one.tools is None else tuple(self._redactor.value(list(one.tools)))
            return replace(one, messages=tuple(said), tools=tools)

        def spelled(one: Asked) -> list[str]:
            return texts(question(one), _masked)

        return self._named(asked, renamed, spelled, [self._spelled(one) for one in recorded])

    def value(self, value: Any, recorded: Iterable[Any] = ()) -> Any:
        """The same for what a tool is called with, or a function gives back."""
        return self._named(
            value, self._redactor.value, lambda one: [canonical(one)], [[canonical(one)] for one in recorded]
        )

    def _named(
        self, told: T, hide: Callable[[T], T], spell: Callable[[T], list[str]], recorded: Sequence[list[str]]
    ) -> T:
        hidden = hide(told)
        said = spell(hidden)
        if not self._free() or said in recorded:
            return hidden
        for found in filter(None, (self._fit(candidate, said) for candidate in recorded)):
            for value, placeholder in found.items():
                self._redactor.call(value, placeholder)
            return hide(told)
        return self._guessed(told, hide, recorded)

    def _spelled(self, recorded: Question) -> list[str]:
        if id(recorded) not in self._questions:
            self._questions[id(recorded)] = texts(recorded, _masked)
        return self._questions[id(recorded)]

    def _free(self) -> list[str]:
        """The case's placeholders that stand for nothing yet, in their order."""
        bound = set(self._redactor.known.values())
        return [placeholder for placeholder in self._placeholders if placeholder not in bound]

    def _fit(self, recorded: Sequence[str], said: Sequence[str]) -> dict[str, str] | None:
        """Value: placeholder, so that what is said is what is recorded; None where nothing can make it so."""
        if len(recorded) != len(said):
            return None
        meant: dict[str, str] = {}
        for before, now in zip(recorded, said, strict=True):
            if before == now:
                continue
            places = [match[0] for match in PLACEHOLDER.finditer(before)]
            match = _pattern(before).fullmatch(now) if places else None
            if match is None:
                return None
            for placeholder, value in zip(places, match.groups(), strict=True):
                if value != placeholder and meant.setdefault(placeholder, value) != value:
                    return None
        names = {name: value for value, name in self._redactor.known.items()}
        out = {}
        for placeholder, told in meant.items():
            if PLACEHOLDER.fullmatch(told) and UNBOUND not in told:
                return None  # one of the case's own, and another
            out[names.get(told, told)] = placeholder
        free = set(self._free())
        is_new = all(placeholder in free for placeholder in out.values())
        return out if is_new and len(set(out.values())) == len(out) else None

    def _guessed(self, told: T, hide: Callable[[T], T], recorded: Iterable[list[str]]) -> T:
        """What fits nothing, with free placeholders of the case as they follow in what may be meant, for this once: so
        that it is told where it parts from the recording, and not that it has values which the case hides."""
        likely = [match[0] for texts in recorded for text in texts for match in PLACEHOLDER.finditer(text)]
        known, unknown = self._redactor.known, set(self._free())
        free = [one for one in dict.fromkeys(likely) if one in unknown]
        before = dict(known)
        for value, name in before.items():
            if f":{UNBOUND}" in name:
                kind = name.partition(":")[0] + ":"
                known[value] = next((one for one in free if one.startswith(kind)), name)
                free = [one for one in free if one != known[value]]
        hidden = hide(told)
        known.update(before)
        return hidden


def _said(trace: Trace) -> Iterator[str]:
    yield trace.name
    for span in trace.spans:
        payloads = (span.input, span.output, span.tools, span.parameters, span.error_message)
        yield from filter(None, (span.name, span.agent, span.handoff_to, *payloads))


def _placeholders(trace: Trace) -> list[str]:
    """In the order in which they first stand there."""
    return list(dict.fromkeys(match[0] for text in _said(trace) for match in PLACEHOLDER.finditer(text)))


def _kinds(trace: Trace) -> dict[str, int]:
    """How many values of each kind are hidden."""
    return dict(Counter(one.strip("<>").partition(":")[0] for one in _placeholders(trace)))


def _masked(text: str) -> str:
    return mask(text)[0]


def _pattern(recorded: str) -> re.Pattern[str]:
    out, last = [], 0
    for match in PLACEHOLDER.finditer(recorded):
        out += [re.escape(recorded[last : match.start()]), rf"(<{match[1]}:\??[0-9a-f.]+>|{_RAW})"]
        last = match.end()
    return re.compile("".join([*out, re.escape(recorded[last:])]), re.S)
