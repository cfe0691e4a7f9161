"""What a consumer that worked on the usual messages trips over in a new one.

Grades follow schema compatibility as the unchanged consumer sees it (the rule of Avro and JSON Schema that an old
reader must read what a new writer writes): *breaking* it cannot read or reads as something else, *risky* it reads but
was never shown, *compatible* it ignores.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentdbg.contracts.difference import (
    ENVELOPE_WORDS,
    FIRM,
    GRADES,
    Difference,
    Grade,
    any_example,
    families,
    found_words,
    type_words,
)
from agentdbg.contracts.envelope import STRUCTURED
from agentdbg.contracts.layout import Sides, nesting, presence
from agentdbg.contracts.paths import TEXTS, family
from agentdbg.contracts.profile import Field, Profile

_MOSTLY = 0.9
_JUMP = 0.1
_OFTEN_EMPTY = 0.2
_WIDTHS = 3
_FIRM_VALUES = 5


def differences(reference: Profile, current: Profile) -> list[Difference]:
    """How `current`, of one message or of many, differs from `reference`: breaking ones first, then by path.

    A field that some reference message lacks is optional and never removed; a whole number is a number; an empty array
    says nothing of its elements. Empty where either side holds no message.
    """
    if not reference.messages or not current.messages:
        return []
    found = list(_envelope(reference, current))
    if any(current.envelopes[e] for e in STRUCTURED):
        sides = Sides(reference, current)
        found += [*nesting(sides), *presence(sides)]
        for path in sorted(reference.fields.keys() & current.fields.keys()):
            if not sides.inside_settled(path):
                found += _at_path(path, reference.fields[path], current.fields[path])
    return sorted(found, key=lambda d: (GRADES.index(d.grade), d.path, d.kind, d.after))


def _envelope(reference: Profile, current: Profile) -> Iterator[Difference]:
    usual = max(sorted(reference.envelopes), key=lambda e: reference.envelopes[e])
    structured = sum(reference.envelopes[e] for e in STRUCTURED) / reference.messages
    bare = reference.envelopes["json"] / reference.messages
    for envelope in sorted(current.envelopes):
        count, known = current.envelopes[envelope], reference.envelopes[envelope]
        if count / current.messages - known / reference.messages <= _JUMP:
            continue
        if envelope in ("prose", "malformed"):
            breaking = structured > _MOSTLY
        else:
            breaking = bare > _MOSTLY and envelope in ("fenced-json", "json-in-prose")
        yield Difference(
            grade="breaking" if breaking else "risky",
            kind="envelope",
            path="$",
            before=ENVELOPE_WORDS[usual],
            after=ENVELOPE_WORDS[envelope],
            expected=reference.envelopes[usual],
            of=reference.messages,
            odd=count,
            seen=current.messages,
            usual=reference.examples.get(usual),
            found=current.examples.get(envelope),
        )


def _at_path(path: str, usual: Field, now: Field) -> Iterator[Difference]:
    yield from _nulls(path, usual, now)
    if types := list(_types(path, usual, now)):
        yield from types
        return
    yield from _strings(path, usual, now)
    yield from _numbers(path, usual, now)
    yield from _arrays(path, usual, now)


def _nulls(path: str, usual: Field, now: Field) -> Iterator[Difference]:
    if now.nulls and not usual.nulls:
        grade: Grade = "breaking" if usual.seen >= FIRM else "risky"
        counts = usual.seen, usual.seen, now.nulls, now.seen
        examples = any_example(usual), now.examples.get("null")
        yield Difference(grade, "null", path, type_words(usual), "null", *counts, *examples)


def _types(path: str, usual: Field, now: Field) -> Iterator[Difference]:
    known = families(usual)
    if not known:
        return  # only null so far: anything is news, nothing breaks
    firm: Grade = "breaking" if usual.seen >= FIRM else "risky"
    for kind in sorted(families(now) - known):
        odd = sum(count for k, count in now.types.items() if family(k) == kind)
        counts = usual.seen - usual.nulls, usual.seen, odd, now.seen
        found = next((now.examples[k] for k in sorted(now.examples) if family(k) == kind), None)
        words = type_words(usual), found_words(kind, now)
        if not (kind in TEXTS and known & TEXTS):
            yield Difference(firm, "type", path, *words, *counts, any_example(usual), found)
        elif known == {"json-text"}:
            # Text that held JSON and now holds none. An empty one is not another format, only nothing.
            grade: Grade = "risky" if now.formats["blank"] == now.strings else firm
            yield Difference(grade, "envelope", path, *words, *counts, any_example(usual), found)


def _strings(path: str, usual: Field, now: Field) -> Iterator[Difference]:
    if not usual.strings or not now.strings:
        return
    enum, examples = usual.enum(), (any_example(usual), any_example(now))
    if enum is not None and now.values is not None:
        for value in sorted(set(now.values) - enum):
            counts = usual.strings, usual.strings, now.values[value], now.strings
            yield Difference("risky", "enum", path, f"one of {', '.join(sorted(enum)[:5])}", value, *counts, *examples)
        return
    form = max(sorted(usual.formats), key=lambda f: usual.formats[f])
    if form == "text" or usual.formats[form] <= _MOSTLY * usual.strings:
        return
    for other in sorted(now.formats.keys() - usual.formats.keys() - {"blank"}):
        counts = usual.formats[form], usual.strings, now.formats[other], now.strings
        yield Difference("risky", "format", path, form, other, *counts, *examples)


def _numbers(path: str, usual: Field, now: Field) -> Iterator[Difference]:
    if usual.low is None or usual.high is None or now.low is None or now.high is None or usual.seen < _FIRM_VALUES:
        return
    width = _WIDTHS * max(usual.high - usual.low, abs(usual.high) / 2)
    if now.high > usual.high + width or now.low < usual.low - width:
        words = f"{usual.low:g} to {usual.high:g}", f"{now.low:g} to {now.high:g}"
        counts = usual.seen, usual.seen, now.seen, now.seen
        yield Difference("risky", "range", path, *words, *counts, any_example(usual), any_example(now))


def _arrays(path: str, usual: Field, now: Field) -> Iterator[Difference]:
    before, after = usual.types["array"], now.types["array"]
    if before < _FIRM_VALUES or not after:
        return
    if now.empty_arrays / after - usual.empty_arrays / before > _OFTEN_EMPTY:
        counts = before - usual.empty_arrays, before, now.empty_arrays, after
        examples = usual.examples.get("array"), now.examples.get("array")
        yield Difference("risky", "empty-array", path, "a list with elements", "an empty list", *counts, *examples)
