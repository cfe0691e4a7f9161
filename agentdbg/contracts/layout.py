"""Which fields there are: removed, renamed, added, and whole objects that moved under a new key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from agentdbg.contracts.difference import FIRM, Difference, Grade, Kind, any_example, families
from agentdbg.contracts.paths import repeats
from agentdbg.contracts.profile import Profile

_NO_NAMES = ("{*}", "[]")
_RARELY = 0.9
_MOST_FIELDS = 0.6
_ALIKE = 0.2
_ERROR_KEYS = frozenset({"error", "errors", "error_message", "errormessage", "exception", "failure"})


@dataclass(slots=True)
class Sides:
    """Two profiles side by side. `settled` are paths of objects whose fields are accounted for already."""

    reference: Profile
    current: Profile
    children: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    new_children: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    settled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for path in sorted(self.reference.fields):
            self.children[self.reference.fields[path].parent].append(path)
        for path in sorted(self.current.fields.keys() - self.reference.fields.keys()):
            self.new_children[self.current.fields[path].parent].append(path)

    def required(self, path: str) -> list[str]:
        """Fields that every object at this path had in the reference, each as what follows the path."""
        count = self.reference.objects(path)
        always = [c for c in self.children[path] if self.reference.seen(c) == count and not c.endswith(_NO_NAMES)]
        return [c.removeprefix(path) for c in always] if count >= FIRM else []

    def inside_settled(self, path: str) -> bool:
        return any(path.startswith((done + ".", done + "[")) for done in self.settled)


def nesting(sides: Sides) -> Iterator[Difference]:
    """The whole object moved under a new key, or out of the key that held it. Settles the paths it tells of."""
    current = sides.current
    for path in sorted(sides.reference.fields):
        need = sides.required(path)
        if not need or not current.objects(path) or sides.inside_settled(path):
            continue
        if any(path + n in current.fields for n in need):
            continue
        new = sides.new_children[path]
        if len(new) == 1 and current.objects(new[0]) and _most(need, new[0], current):
            after = f"under {_key(path, new[0])}"
        elif len(need) == 1 and _most(sides.required(path + need[0]), path, current):
            after = f"without the enclosing {_key(path, path + need[0])}"
        else:
            continue
        sides.settled.add(path)
        yield _difference(sides, "breaking", "nesting", path, path, path, ("at the usual level", after))


def presence(sides: Sides) -> Iterator[Difference]:
    """Fields that went, came, or changed their name. Settles objects that are an error reply."""
    for parent in sorted({*sides.children, *sides.new_children}):
        if not sides.current.objects(parent) or parent in sides.settled or sides.inside_settled(parent):
            continue
        new = [c for c in sides.new_children[parent] if not c.endswith(_NO_NAMES)]
        needed = [parent + n for n in sides.required(parent)]
        gone = [c for c in needed if sides.current.seen(c) < _RARELY * sides.current.objects(parent)]
        errors = [c for c in new if _word(parent, c) in _ERROR_KEYS]
        if errors and len(gone) > len(needed) / 2:
            # An answer of another kind, not the usual one gone wrong; what the error means is for others to say.
            sides.settled.add(parent)
            words = "the usual fields", _key(parent, errors[0])
            yield _difference(sides, "risky", "error-reply", parent, gone[0], errors[0], words)
        else:
            yield from _fields(sides, parent, gone, new)


def _fields(sides: Sides, parent: str, gone: list[str], new: list[str]) -> Iterator[Difference]:
    renamed = dict(_renamed(sides, parent, gone, new))
    left = [c for c in new if c not in renamed.values()]
    keyed_by_data = parent != "$" and bool(left) and _one_type(sides, parent)
    for path in gone:
        if path in renamed:
            words = _key(parent, path), _key(parent, renamed[path])
            yield _difference(sides, "breaking", "rename", path, path, renamed[path], words)
        else:
            grade: Grade = "risky" if keyed_by_data else "breaking"
            yield _difference(sides, grade, "removed", path, path, "", ("present", "missing"))
    for path in left:
        yield _difference(sides, "compatible", "added", path, "", path, ("absent", "present"))


def _difference(
    sides: Sides, grade: Grade, kind: Kind, path: str, usual: str, found: str, words: tuple[str, str]
) -> Difference:
    """`usual` and `found` are the paths that tell of either side; "" where it is an absence."""
    reference, current = sides.reference, sides.current
    place = (reference.fields.get(path) or current.fields[path]).parent
    of, seen = (reference.objects(path), current.objects(path)) if usual == found else (0, 0)
    of, seen = of or reference.objects(place), seen or current.objects(place)
    expected = reference.seen(usual) if usual else of - reference.seen(path)
    odd = current.seen(found) if found else seen - current.seen(path)
    examples = [side.fields.get(where or place) for side, where in ((reference, usual), (current, found))]
    before, after = (any_example(f) if f else None for f in examples)
    return Difference(grade, kind, path, *words, expected, of, odd, seen, before, after)


def _renamed(sides: Sides, parent: str, gone: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """A field that went and one that came in its place, of one type and alike in name; the most alike first."""
    pairs = sorted(
        (-_likeness(_word(parent, a), _word(parent, b)), a, b)
        for a in gone
        for b in new
        if families(sides.reference.fields[a]) & families(sides.current.fields[b])
    )
    used: set[str] = set()
    for likeness, a, b in pairs:
        if -likeness >= _ALIKE and not used & {a, b}:
            used |= {a, b}
            yield a, b


def _most(need: list[str], path: str, current: Profile) -> bool:
    found = sum(path + n in current.fields for n in need)
    return found > 0 and found >= _MOST_FIELDS * len(need)


def _one_type(sides: Sides, parent: str) -> bool:
    """Whether all fields at a path, old and new, hold scalars of one type: then its keys may well be data."""
    fields = [sides.reference.fields[c] for c in sides.children[parent]]
    fields += [sides.current.fields[c] for c in sides.new_children[parent]]
    kinds = set[str]().union(*(families(f) for f in fields))
    return len(kinds) == 1 and not kinds & {"object", "array"} and not repeats(parent)


def _key(parent: str, path: str) -> str:
    return f"`{path.removeprefix(parent).removeprefix('.')}`"


def _word(parent: str, path: str) -> str:
    """A key without the case and the quotes in which it may be written."""
    return "".join(c for c in path.removeprefix(parent).lower() if c.isalnum() or c == "_").strip("_")


def _likeness(a: str, b: str) -> float:
    """Shared letter pairs of two names (Jaccard); 1 for names that differ in separators only."""
    a, b = a.replace("_", ""), b.replace("_", "")
    if a == b:
        return 1.0
    first, second = ({x[i : i + 2] for i in range(len(x) - 1)} for x in (a, b))
    return len(first & second) / len(first | second) if first | second else 0.0
