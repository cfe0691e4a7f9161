"""What became of a conversation: which items of what was said before stand in the next input, which are new, changed
or gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from agentdbg.replay.difference import Difference, first_difference
from agentdbg.replay.items import Item, scalars, squeezed

SIMILAR = 0.5
"""From this share of equal characters on, a text in the place of another is that text changed, not one gone and one
new."""
QUOTED = 24
"""Characters without white space from which on a text inside another is a quotation and no coincidence."""
COMPARED = 4000
"""Characters of a text that are looked at to tell how similar it is to another."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """`before` is what was said, `now` the next input. Pairs are (before, now); `reworded` is told in other words or
    another form (a tool call as text, an answer inside a frame), `inserted` is new but stands before something that
    was there already."""

    appended: tuple[Item, ...]
    inserted: tuple[Item, ...]
    vanished: tuple[Item, ...]
    changed: tuple[tuple[Item, Item, Difference], ...]
    reworded: tuple[tuple[Item, Item], ...]


def align(before: Sequence[Item], now: Sequence[Item]) -> Alignment:
    """Compare by key, in order. What does not fit is paired by kind and likeness before it is called gone or new."""
    same = _shared(before, now)
    a, b = before[same:], now[same:]
    matcher = SequenceMatcher(None, [item.key for item in a], [item.key for item in b], autojunk=False)
    gone: list[Item] = []
    new: list[Item] = []
    changed: list[tuple[Item, Item, Difference]] = []
    last = 0  # of b: everything from here on stands behind the last item that is known
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            last = j2
            continue
        pairs, missing, extra = _pair(a[i1:i2], b[j1:j2])
        changed += pairs
        gone += missing
        new += extra
    reworded = list(_reworded(gone, new))
    for old, other in reworded:
        gone.remove(old)
        if other in new:
            new.remove(other)
    behind = {id(item) for item in b[last:]}
    return Alignment(
        appended=tuple(item for item in _as_said(new) if id(item) in behind),
        inserted=tuple(item for item in _as_said(new) if id(item) not in behind),
        vanished=tuple(_as_said(gone)),
        changed=tuple(sorted(changed, key=lambda pair: pair[1].place)),
        reworded=tuple(reworded),
    )


def _as_said(several: Sequence[Item]) -> list[Item]:
    return sorted(several, key=lambda item: item.place)


def _shared(a: Sequence[Item], b: Sequence[Item]) -> int:
    n = 0
    while n < min(len(a), len(b)) and a[n].key == b[n].key:
        n += 1
    return n


def _pair(
    before: Sequence[Item], now: Sequence[Item]
) -> tuple[list[tuple[Item, Item, Difference]], list[Item], list[Item]]:
    """Items of a gap that are one item changed, then those without a partner on either side."""
    pairs: list[tuple[Item, Item, Difference]] = []
    missing: list[Item] = []
    free = list(now)
    for old in before:
        new = next((item for item in free if _is_changed(old, item)), None)
        difference = first_difference(old.value, new.value, _within(new)) if new else None
        if new is None:
            missing.append(old)
        else:
            free.remove(new)
            if difference is not None:
                pairs.append((old, new, difference))
    return pairs, missing, free


def _within(item: Item) -> str:
    """The path of an item's value inside its part."""
    return item.path + {"text": ".text", "tool_result": ".result"}.get(item.kind, "")


def _is_changed(old: Item, new: Item) -> bool:
    if (old.role, old.kind, old.tool) != (new.role, new.kind, new.tool):
        return False
    if old.kind == "tool_result" and old.asked and new.asked:
        return old.asked == new.asked
    if old.kind in ("tool_call", "tool_result"):
        return old.call_id == new.call_id or not (old.call_id and new.call_id)
    return alike(str(old.value), str(new.value))


def alike(a: str, b: str) -> bool:
    """Whether two texts share half of their letter triples (Dice's coefficient), case and white space aside: a text and
    what became of it do, the instructions of two agents do not."""
    left, right = _triples(a), _triples(b)
    return 2 * (left & right).total() >= SIMILAR * (left.total() + right.total())


def _triples(text: str) -> Counter[str]:
    plain = squeezed(text[:COMPARED]).casefold()
    return Counter(plain[n : n + 3] for n in range(max(1, len(plain) - 2)))


def _reworded(gone: Sequence[Item], new: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
    """Old items whose whole content a new text tells: frameworks write tool calls, results and other agents' words as
    prose. A few letters are found in any text, so short content counts only as the result of a call that is told so."""
    texts = [(item, squeezed(str(item.value))) for item in new if item.kind == "text"]
    retold: set[str] = set()
    for old in gone:
        told = [squeezed(piece) for piece in _content(old)]
        if sum(map(len, told)) < QUOTED and old.kind != "tool_call" and old.asked not in retold:
            continue
        found = next((item for item, text in texts if all(piece in text for piece in told)), None)
        if found:
            retold.add(old.asked)
            yield old, found


def _content(item: Item) -> list[str]:
    """The texts that must stand in any retelling of an item."""
    if item.kind == "tool_call":
        return [item.value["name"], *scalars(item.value["arguments"])]
    if item.kind == "tool_result":
        return scalars(item.value)
    return [str(item.value)] if item.kind == "text" else []
