"""What is usual on one edge, found in the messages themselves, and which messages deviate from it.

The usual shape is the one that most messages share in full. Two things look like drift and are none: a union, whose
members a status field tells apart, and a variation, which comes and goes over time. What begins at some message and
stays is drift.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from agentdbg.contracts.difference import FIRM, Difference
from agentdbg.contracts.drift import differences
from agentdbg.contracts.envelope import STRUCTURED
from agentdbg.contracts.paths import family, repeats
from agentdbg.contracts.profile import Profile, merged
from agentdbg.contracts.union import split

Identity = tuple[str, str, str]
Shape = frozenset[tuple[str, str]]
Found = dict[int, list[Difference]]

_RARE = 0.1
_MANY = 8
_USUAL_SHARE = 0.2
# Ways to be wrong that nobody means: they are drift however often they come.
_NEVER_MEANT = frozenset({"a number as text", "true or false as text"})


@dataclass(frozen=True, slots=True)
class Deviation:
    """A message that differs from the usual ones of its edge.

    index: its place in the sequence that was given. reference: the profile it was compared with. members: the messages
    that make the reference. sharing: those that break it in the same way, this one among them. Both in order of time.
    """

    index: int
    reference: Profile
    differences: tuple[Difference, ...]
    members: tuple[int, ...]
    sharing: tuple[int, ...]

    @property
    def breaking(self) -> tuple[Difference, ...]:
        return tuple(_breaking(self.differences))


def shape(message: Profile) -> Shape:
    """The paths and types of one message: what two messages share that agree fully.

    Whole numbers are numbers; what stands inside arrays and maps varies with the data and does not count.
    """
    paths = {(path, family(kind)) for path, f in message.fields.items() if not repeats(path) for kind in f.types}
    return frozenset(paths | {("", envelope) for envelope in message.envelopes})


def deviations(messages: Sequence[Profile], doubtful: Collection[int] = ()) -> list[Deviation]:
    """Messages of one edge that deviate, in their order. `messages` are profiles of one message each, in order of time.

    `doubtful` are places of messages that may be judged, but are no part of a reference. Empty where no shape is usual.
    """
    found: list[Deviation] = []
    members: list[int] = []
    lost: list[int] = []
    for group in split(messages):
        firm = [i for i in group if i not in doubtful]
        if usual := _agreeing_inside(_usual(firm, messages), messages):
            judged, usual = _judge(group, usual, messages, doubtful)
            found += judged
            members += usual
        else:
            plain = _without_the_rare(firm, messages)
            members += plain
            lost += sorted(set(group) - set(plain))
    if members and lost:
        found += _against_all(lost, sorted(members), messages)
    return sorted(found, key=lambda d: d.index)


def _shapes(group: list[int], messages: Sequence[Profile]) -> dict[int, Shape]:
    known = {id(messages[i]): messages[i] for i in group}
    shapes = {key: shape(message) for key, message in known.items()}
    return {i: shapes[id(messages[i])] for i in group}


def _usual(group: list[int], messages: Sequence[Profile]) -> list[int]:
    """The places of the messages that make the reference; empty where no shape is usual, or where prose is."""
    shapes: dict[Shape, list[int]] = defaultdict(list)
    for i, features in _shapes(group, messages).items():
        shapes[features].append(i)
    firm = sorted((p for p in shapes.values() if len(p) >= FIRM), key=lambda places: (-len(places), places))
    if not firm:
        return []
    best = firm[0]
    for other in firm[1:]:
        if _precedes(other, best) and _got_worse(other, best, messages):
            best = other  # it has been wrong for longer than it was right
            break
        if len(other) == len(best) and not _precedes(best, other):
            return []  # two that are equally usual, side by side
    return best if _is_structured(messages[best[0]]) else []


def _agreeing_inside(usual: list[int], messages: Sequence[Profile]) -> list[int]:
    """Those of the messages of one shape that agree inside arrays and maps as well, where most do.

    Left out are messages with a type that most others do not have there, and the rare one without what all have.
    """
    kinds: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i in usual:
        for path, f in messages[i].fields.items():
            if repeats(path):
                for kind in {family(k) for k in f.types} - {"null"}:
                    kinds[path][kind].append(i)
    odd: set[int] = set()
    for path, by_kind in kinds.items():
        main = max(by_kind, key=lambda kind: (len(by_kind[kind]), -by_kind[kind][0]))
        odd.update(i for kind, places in by_kind.items() if kind != main for i in places)
        parent = messages[by_kind[main][0]].fields[path].parent
        null = [i for i in usual if path in messages[i].fields and messages[i].fields[path].nulls]
        lacking = [i for i in usual if messages[i].seen(path) < messages[i].objects(parent)]
        for without in (null, lacking):
            if len(without) <= max(1, _RARE * len(by_kind[main])):
                odd.update(without)
    agreeing = [i for i in usual if i not in odd]
    return agreeing if len(agreeing) >= FIRM else usual


def _is_structured(message: Profile) -> bool:
    return any(message.envelopes[e] for e in STRUCTURED)


def _precedes(a: list[int], b: list[int]) -> bool:
    """Whether nine tenths of the one come before nine tenths of the other; of fewer than ten, all."""
    return a[int((1 - _RARE) * len(a))] < b[int(_RARE * len(b))]


def _got_worse(before: list[int], after: list[int], messages: Sequence[Profile]) -> bool:
    """Whether the later way of writing is one that nobody migrates to: fences or prose around JSON, numbers as text."""
    breaking = _breaking(differences(_merged(before, messages), messages[after[0]]))
    return bool(breaking) and all(d.kind == "envelope" or d.after in _NEVER_MEANT for d in breaking)


def _without_the_rare(group: list[int], messages: Sequence[Profile]) -> list[int]:
    """The messages of a varied group that have no type or envelope which is rare: a reference for these two alone,
    where optional fields leave hardly two messages alike."""
    counts: Counter[tuple[str, str]] = Counter()
    seen: Counter[str] = Counter()
    shapes = _shapes(group, messages)
    for features in shapes.values():
        counts.update(features)
        seen.update({path for path, _ in features})
    rare = {f for f, count in counts.items() if seen[f[0]] > _MANY and count <= max(1, _RARE * seen[f[0]])}
    plain = [i for i in group if not shapes[i] & rare]
    return plain if len(plain) >= _MANY and all(_is_structured(messages[i]) for i in plain) else []


def _judge(
    group: list[int], usual: list[int], messages: Sequence[Profile], doubtful: Collection[int]
) -> tuple[list[Deviation], list[int]]:
    """The deviations of a group, and its reference after variations have joined it."""
    reference = _merged(usual, messages)
    others = _compare(group, usual, reference, messages)
    normal = _variations({i: ds for i, ds in others.items() if i not in doubtful}, group)
    joining = [i for i, ds in others.items() if i not in doubtful and _causes(ds) <= normal]
    if any(_causes(others[i]) for i in joining):
        usual = sorted([*usual, *joining])
        reference = _merged(usual, messages)
        others = _compare(group, usual, reference, messages)
    ignored = _outdated(others, usual)
    tolerated = _variations(others, group)
    ignored |= {i for i, ds in others.items() if i in doubtful and _causes(ds) and _causes(ds) <= tolerated}
    return _collect({i: ds for i, ds in others.items() if i not in ignored}, usual, reference), usual


def _compare(places: Iterable[int], usual: list[int], reference: Profile, messages: Sequence[Profile]) -> Found:
    members = set(usual)
    others = [i for i in places if i not in members]
    known = {id(messages[i]): messages[i] for i in others}
    found = {key: differences(reference, message) for key, message in known.items()}
    return {i: found[id(messages[i])] for i in others}


def _merged(places: list[int], messages: Sequence[Profile]) -> Profile:
    return merged(messages[i] for i in places)


def _breaking(found: Iterable[Difference]) -> list[Difference]:
    return [d for d in found if d.grade == "breaking"]


def _causes(found: Iterable[Difference]) -> frozenset[Identity]:
    return frozenset(d.identity for d in _breaking(found))


def _variations(others: Found, group: list[int]) -> set[Identity]:
    """Differences that belong to the contract: frequent, and gone again in between."""
    where: dict[Identity, list[int]] = defaultdict(list)
    for i, found in sorted(others.items()):
        for d in _breaking(found):
            where[d.identity].append(i)
    normal = set()
    for identity, places in where.items():
        kind, _, after = identity
        count, share = len(places), len(places) / len(group)
        enough = count >= FIRM and share >= _USUAL_SHARE
        if kind in ("removed", "null"):  # fields that may be absent or null are common
            enough = (count >= FIRM and share >= _RARE) or (count == FIRM - 1 and share >= _USUAL_SHARE)
        comes_and_goes = any(places[0] < i < places[-1] and i not in places for i in group)
        if enough and comes_and_goes and after not in _NEVER_MEANT:
            normal.add(identity)
    return normal


def _outdated(others: Found, usual: list[int]) -> set[int]:
    """Messages of an older contract: an established way of writing that ended before the usual one began."""
    by_cause: dict[frozenset[Identity], list[int]] = defaultdict(list)
    for i, found in others.items():
        by_cause[_causes(found)].append(i)
    old = (sorted(places) for places in by_cause.values() if len(places) >= FIRM)
    return {i for places in old if _precedes(places, usual) for i in places}


def _against_all(lost: list[int], members: list[int], messages: Sequence[Profile]) -> list[Deviation]:
    """Messages of a kind without a usual shape: which fields they have is their affair, how they are written is not."""
    reference = _merged(members, messages)
    others = _compare(lost, members, reference, messages)
    written = {i: [d for d in ds if d.kind in ("envelope", "type")] for i, ds in others.items()}
    return _collect(written, members, reference)


def _collect(others: Found, usual: list[int], reference: Profile) -> list[Deviation]:
    sharing: dict[frozenset[Identity], list[int]] = defaultdict(list)
    for i, found in sorted(others.items()):
        sharing[_causes(found)].append(i)
    members = tuple(usual)
    together = {cause: tuple(places) for cause, places in sharing.items()}
    return [
        Deviation(i, reference, tuple(ds), members, together[_causes(ds)]) for i, ds in sorted(others.items()) if ds
    ]
