"""Who built on whose words in one run: edges of content between turns of agents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from agentdbg.detectors.course import Course
from agentdbg.model import Span
from agentdbg.steps.words import Carried, carried, row, texts, units, words

_ENOUGH = 2
"""Weight from which an edge counts: two stretches of words, or one value."""
_VALUE = 2


class Flow:
    """What was put out, what was given, and by whom it was put out first.

    A unit of words that is first seen in an input (a system prompt, the user's task) was given from outside and ties
    nothing. One pass over the texts, each read once a turn.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self._texts: dict[tuple[str, str], list[str]] = {}
        self._rows: dict[tuple[str, str], str] = {}

    @cached_property
    def sayings(self) -> list[Span]:
        """The spans that put something out themselves, by end: what only repeats the output of spans below is left
        out."""
        with_output = [span for span in self.course.spans if span.output is not None]
        telling = {span.span_id for span in with_output}
        inner = {above.span_id for span in with_output for above in self.course.above(span)} & telling
        calls = {span.span_id for span in (*self.course.models, *self.course.tools)}
        own = [span for span in with_output if span.span_id not in inner or span.span_id in calls]
        return sorted(own, key=lambda span: (self.course.end(span), span.span_id))

    def output(self, span: Span) -> str:
        return "\n".join(self._read(span, "output"))

    def given(self, span: Span) -> str | None:
        """What a span was given: its own input, with that of the calls of its turn before it and of the turn itself.
        None where none of it is recorded."""
        spans = [one for one in self._turn(span) if self.course.start(one) <= self.course.start(span)]
        told = [one for one in spans if one.input is not None]
        return "\n".join(text for one in told for text in self._read(one, "input")) if told else None

    def own_input(self, span: Span) -> str | None:
        """The input of the span, else of its turn; None where neither is recorded."""
        turn = self.course.turn(span)
        told = span if span.input is not None else turn
        return "\n".join(self._read(told, "input")) if told.input is not None else None

    def holds(self, span: Span, asked: str, side: str = "output") -> bool:
        """Whether words stand in what a span put out, or was given."""
        key = (span.span_id, side)
        if key not in self._rows:
            text = self.output(span) if side == "output" else self.own_input(span) or ""
            self._rows[key] = row(text)
        return row(asked) in self._rows[key]

    def carried(self, source: Span, target: Span) -> Carried | None:
        """What of the output of one span stands in what another was given; None where that is not recorded."""
        given = self.given(target)
        return None if source.output is None or given is None else carried(self.output(source), given)

    def says_words(self, span: Span) -> bool:
        return bool(words(self.output(span)))

    def before(self, span: Span) -> list[tuple[Span, int]]:
        """The spans of other turns whose words the turn of this one was given, the most first."""
        found = self._edges.get(self.course.turn(span).span_id, Counter())
        spans = self.course.forest.by_id
        return [(spans[source].span, n) for source, n in sorted(found.items(), key=lambda one: (-one[1], one[0]))]

    def reaches(self, start: Span) -> set[str]:
        """The turns that built on a turn, over any number of hops."""
        after: dict[str, set[str]] = defaultdict(set)
        for turn, sources in self._edges.items():
            for source in sources:
                after[self.course.turn(self.course.forest.by_id[source].span).span_id].add(turn)
        return _closure(self.course.turn(start).span_id, after)

    @cached_property
    def _edges(self) -> dict[str, Counter[str]]:
        """Turn → spans of other turns whose words it was given → how many."""
        born: set[tuple[str, ...]] = set()
        outside: set[tuple[str, ...]] = set()
        last: dict[tuple[str, ...], str] = {}
        edges: dict[str, Counter[str]] = defaultdict(Counter)
        read: set[tuple[str, str]] = set()
        own = {span.span_id for span in self.sayings}
        for span, side in self._events():
            turn = self.course.turn(span).span_id
            for text in self._read(span, side):
                if side == "output" and span.span_id in own:
                    for unit in units(text):
                        if unit not in outside:
                            born.add(unit)
                            last[unit] = span.span_id
                elif side == "input" and (turn, text) not in read:
                    read.add((turn, text))
                    for unit in units(text):
                        if unit not in born:
                            outside.add(unit)
                        elif self.course.turn(self.course.forest.by_id[last[unit]].span).span_id != turn:
                            edges[turn][last[unit]] += _VALUE if len(unit) == 1 else 1
        return {turn: Counter({s: n for s, n in found.items() if n >= _ENOUGH}) for turn, found in edges.items()}

    def _events(self) -> Iterator[tuple[Span, str]]:
        """Every input at its span's start and every output at its end; what ended comes before what then began."""
        events = [(self.course.start(span), 1, span.span_id, span, "input") for span in self.course.spans]
        events += [(self.course.moment(span), 0, span.span_id, span, "output") for span in self.course.spans]
        events.sort(key=lambda event: event[:3])
        return ((span, side) for _, _, _, span, side in events)

    def _read(self, span: Span, side: str) -> list[str]:
        key = (span.span_id, side)
        if key not in self._texts:
            self._texts[key] = texts(span.input if side == "input" else span.output)
        return self._texts[key]

    def _turn(self, span: Span) -> Sequence[Span]:
        return self._by_turn[self.course.turn(span).span_id]

    @cached_property
    def _by_turn(self) -> dict[str, list[Span]]:
        out: dict[str, list[Span]] = defaultdict(list)
        for span in self.course.spans:
            out[self.course.turn(span).span_id].append(span)
        return out


def _closure(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen, stack = {start}, [start]
    while stack:
        for following in edges.get(stack.pop(), ()):
            if following not in seen:
                seen.add(following)
                stack.append(following)
    return seen - {start}
