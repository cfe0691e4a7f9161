"""One way in which messages differ from a reference, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentdbg.contracts.paths import family, repeats
from agentdbg.contracts.profile import Example, Field

Grade = Literal["breaking", "risky", "compatible"]
Kind = Literal[
    "envelope",
    "nesting",
    "rename",
    "removed",
    "type",
    "null",
    "error-reply",
    "format",
    "enum",
    "range",
    "empty-array",
    "added",
]

GRADES: tuple[Grade, ...] = ("breaking", "risky", "compatible")

# Below three messages "always" means nothing.
FIRM = 3

ENVELOPE_WORDS = {
    "json": "bare JSON",
    "fenced-json": "JSON in a code fence",
    "json-in-prose": "JSON inside prose",
    "prose": "prose",
    "malformed": "broken JSON",
    "empty": "nothing",
}
_TYPE_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
    "json-text": "JSON as text",
    "fenced-json": "JSON in a code fence",
    "json-in-prose": "JSON inside prose",
}
_FORMAT_WORDS = {"number-text": "a number as text", "bool-text": "true or false as text"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which messages differ from a reference. `before` and `after` are words for a reader.

    expected of `of`: how many of the reference's values at this place are as in `before`. odd of `seen`: how many of
    the new ones are as in `after`. Outside arrays and maps a value is a message. usual, found: an example of each.
    """

    grade: Grade
    kind: Kind
    path: str
    before: str
    after: str
    expected: int
    of: int
    odd: int
    seen: int
    usual: Example | None = None
    found: Example | None = None

    @property
    def identity(self) -> tuple[str, str, str]:
        """What two messages share that deviate in the same way."""
        return self.kind, self.path, self.after


def families(f: Field) -> set[str]:
    """The types seen at a path but null; whole numbers are numbers."""
    return {family(kind) for kind in f.types} - {"null"}


def type_words(f: Field) -> str:
    """`a number`, `a list or text`; `null` where nothing else was seen."""
    return " or ".join(sorted(_TYPE_WORDS[kind] for kind in families(f))) or "null"


def found_words(kind: str, f: Field) -> str:
    """The words for one type family; text says what it holds where all of it holds the same."""
    if kind == "string" and len(f.formats) == 1:
        return _FORMAT_WORDS.get(next(iter(f.formats)), _TYPE_WORDS[kind])
    return _TYPE_WORDS[kind]


def any_example(f: Field) -> Example | None:
    """The first value that is not null, else null, else None."""
    return min((e for kind, e in f.examples.items() if kind != "null"), default=f.examples.get("null"))


def headline(d: Difference) -> str:
    """A few words: `vendor` became `supplier`, `score` is a number as text, prose instead of bare JSON."""
    place = f"`{d.path.removeprefix('$.')}`"
    if d.kind == "rename":
        return f"{place} became {d.after}"
    if d.kind == "nesting":
        return f"the fields {'' if d.path == '$' else f'of {place} '}moved {d.after}"
    if d.path == "$":
        return f"{d.after} instead of {d.before}"
    return f"{place} is {_NEWS.get(d.kind, d.after)}"


def sentence(d: Difference) -> str:
    """What is there, and what 60 of 60 usual messages have there, with an example of each."""
    found = f" ({d.found.text})" if d.found and d.kind not in ("removed", "null", "nesting", "empty-array") else ""
    usual = f" ({d.usual.text})" if d.usual and d.kind not in ("added", "nesting", "empty-array") else ""
    count = f"{d.expected} of {d.of} usual {'values' if repeats(d.path) else 'messages'}"
    place = "it" if d.path == "$" else f"`{d.path}`"
    if d.kind == "rename":
        return f"{place} is now {d.after}{found}, {d.before}{usual} in {count}"
    if d.kind == "nesting":
        return f"its fields {'' if d.path == '$' else f'at {place} '}moved {d.after}, {d.before} in {count}"
    return f"{place} is {_NEWS.get(d.kind, d.after)}{found}, {_USUALLY.get(d.kind, d.before)}{usual} in {count}"


_NEWS = {
    "removed": "missing",
    "added": "new",
    "error-reply": "an error",
    "range": "out of range",
    "enum": "a new value",
}
_USUALLY = {"removed": "present", "added": "not there"}
