"""Field profiles of payloads: counters only, so that profiles of parts add up to the profile of the whole.

A profile does not depend on the order in which payloads came: of the values that are kept as examples, the first by
(order, span id) stays.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agentdbg.contracts.envelope import open_payload
from agentdbg.contracts.paths import NUMBERS, string_format, visit

_MAX_VALUES = 24
_MIN_FOR_ENUM = 8
_EXAMPLE_CHARACTERS = 60
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


class Example(NamedTuple):
    """A value that was seen. `order` is a time in ns or another number to sort by; `text` is its JSON, shortened."""

    order: int
    span_id: str
    text: str


@dataclass(slots=True)
class Field:
    """What was seen at one path. `parent` is the path of the object or array that holds it, "" for the root.

    objects: how often it was an object, the base of its children's presence. values: string values and their counts,
    None once there were too many to be an enum. examples: by type, the first of each.
    """

    parent: str
    seen: int = 0
    objects: int = 0
    types: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    values: Counter[str] | None = field(default_factory=Counter)
    low: float | None = None
    high: float | None = None
    empty_arrays: int = 0
    examples: dict[str, Example] = field(default_factory=dict)

    @property
    def nulls(self) -> int:
        return self.types["null"]

    @property
    def strings(self) -> int:
        return self.formats.total()

    def enum(self) -> frozenset[str] | None:
        """The values, where they are few for how often they were seen; None where this is not known to be an enum."""
        if self.values is None or self.strings < _MIN_FOR_ENUM or len(self.values) > max(2, int(self.strings**0.5)):
            return None
        return frozenset(self.values)

    def add(self, other: Field, times: int = 1) -> None:
        """Takes in the counts of the same path in another profile."""
        self.seen += other.seen * times
        self.objects += other.objects * times
        self.empty_arrays += other.empty_arrays * times
        _count(self.types, other.types, times)
        _count(self.formats, other.formats, times)
        self.low = _pick(min, self.low, other.low)
        self.high = _pick(max, self.high, other.high)
        if self.values is not None:
            if other.values is None:
                self.values = None
            else:
                _count(self.values, other.values, times)
            self._forget_many_values()
        for label, example in other.examples.items():
            self._keep(label, example)

    def _see(self, value: object, kind: str, at: tuple[int, str]) -> None:
        self.seen += 1
        self.types[kind] += 1
        if kind not in self.examples or at < self.examples[kind][:2]:
            self._keep(kind, Example(*at, shortened(value)))
        if isinstance(value, str):
            self.formats[string_format(value)] += 1
            if self.values is not None:
                self.values[value[:_EXAMPLE_CHARACTERS]] += 1
                self._forget_many_values()
        elif kind in NUMBERS and isinstance(value, int | float) and math.isfinite(value):
            self.low, self.high = _pick(min, self.low, value), _pick(max, self.high, value)
        elif value == []:
            self.empty_arrays += 1

    def _keep(self, label: str, example: Example) -> None:
        if label not in self.examples or example < self.examples[label]:
            self.examples[label] = example

    def _forget_many_values(self) -> None:
        if self.values is not None and len(self.values) > _MAX_VALUES:
            self.values = None


@dataclass(slots=True)
class Profile:
    """Counters over the payloads of one kind of message. `messages` is how many; `fields` is keyed by path."""

    messages: int = 0
    envelopes: Counter[str] = field(default_factory=Counter)
    fields: dict[str, Field] = field(default_factory=dict)
    examples: dict[str, Example] = field(default_factory=dict)

    def see(self, payload: object, span_id: str = "", order: int = 0) -> None:
        """Counts one payload: a parsed JSON value or text."""
        at = (order, span_id)
        opened = open_payload(payload)
        self.messages += 1
        self.envelopes[opened.envelope] += 1
        self._keep(
            opened.envelope, Example(*at, _one_line(payload) if isinstance(payload, str) else shortened(payload))
        )
        for path, parent, kind, value, is_object in visit(opened):
            here = self.fields.setdefault(path, Field(parent))
            here._see(value, kind, at)
            here.objects += is_object

    def add(self, other: Profile, times: int = 1) -> None:
        """Takes in another profile: the result is the profile of all payloads of both, those of the other so many
        times."""
        self.messages += other.messages * times
        _count(self.envelopes, other.envelopes, times)
        for path, theirs in other.fields.items():
            self.fields.setdefault(path, Field(theirs.parent)).add(theirs, times)
        for label, example in other.examples.items():
            self._keep(label, example)

    def seen(self, path: str) -> int:
        """How often a path was there."""
        return self.fields[path].seen if path in self.fields else 0

    def objects(self, path: str) -> int:
        """How often there was an object at a path."""
        return self.fields[path].objects if path in self.fields else 0

    def _keep(self, label: str, example: Example) -> None:
        if label not in self.examples or example < self.examples[label]:
            self.examples[label] = example


def profile_of(payload: object, span_id: str = "", order: int = 0) -> Profile:
    """The profile of one payload."""
    profile = Profile()
    profile.see(payload, span_id, order)
    return profile


def merged(profiles: Iterable[Profile]) -> Profile:
    """One new profile of the payloads of all."""
    every = list(profiles)
    times = Counter(map(id, every))
    whole = Profile()
    for profile in {id(profile): profile for profile in every}.values():
        whole.add(profile, times[id(profile)])
    return whole


def shortened(value: object) -> str:
    """A value's JSON on one line, cut to 60 characters."""
    text = ""
    for piece in _ENCODER.iterencode(value[: _EXAMPLE_CHARACTERS + 1] if isinstance(value, str) else value):
        text += piece
        if len(text) > _EXAMPLE_CHARACTERS:
            return text[: _EXAMPLE_CHARACTERS - 1] + "…"
    return text


def _count(into: Counter[str], counts: Mapping[str, int], times: int) -> None:
    for key, count in counts.items():
        into[key] += count * times


def _one_line(text: str) -> str:
    line = " ".join(text[: 2 * _EXAMPLE_CHARACTERS].split())
    return line if len(line) <= _EXAMPLE_CHARACTERS else line[: _EXAMPLE_CHARACTERS - 1] + "…"


def _pick(choose: Any, a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else choose(a, b)
