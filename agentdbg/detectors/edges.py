"""What deviates on the edges between agents, cause by cause."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agentdbg.contracts.difference import FIRM, Difference
from agentdbg.contracts.profile import Profile
from agentdbg.contracts.reference import Deviation, deviations
from agentdbg.detectors.messages import Message

Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Cause:
    """One way in which messages of an edge break what is usual there. All messages are in order of time.

    differences: the breaking ones, as seen at the first message; identities: what makes two of them equal. count: all
    messages that were compared. runs: those of the odd messages. stayed: no usual message came after the first odd one.
    """

    differences: tuple[Difference, ...]
    identities: frozenset[Identity]
    reference: Profile
    usual: tuple[Message, ...]
    odd: tuple[Message, ...]
    count: int
    runs: int
    stayed: bool


@dataclass(frozen=True, slots=True)
class Shift:
    """A change that a reader copes with: since the first of `messages`, and in none of the usual ones."""

    difference: Difference
    messages: tuple[Message, ...]
    usual: int


def by_edge(messages: Iterable[Message]) -> list[list[Message]]:
    """Messages that can be compared: of one edge, recorded in one way and, where workflows share names of agents, in
    runs of one name. Edges with too few of them are left out.

    Names that hardly any run shares, as of runs named after their question, tell no workflows apart.
    """
    known = list(messages)
    names = Counter((m.edge, m.run) for m in known)
    edges: dict[tuple[str, ...], list[Message]] = defaultdict(list)
    for m in known:
        edges[*m.edge, m.recorded_by, m.run if names[m.edge, m.run] >= FIRM else ""].append(m)
    return [edges[key] for key in sorted(edges) if sum(m.handoff is not None for m in edges[key]) >= FIRM]


def causes(edge: Sequence[Message]) -> tuple[list[Cause], list[Shift]]:
    """The causes on one edge by their first message, and the shifts by what they are."""
    found = _deviations(edge)
    groups: dict[tuple[int, ...], Cause] = {}
    shifts: dict[Identity, list[Deviation]] = defaultdict(list)
    for d in found:
        if d.breaking and d.sharing not in groups:
            groups[d.sharing] = _cause(edge, d)
        elif not d.breaking and edge[d.index].handoff is not None:
            for difference in d.differences:
                shifts[difference.identity].append(d)
    return list(groups.values()), list(_shifts(edge, shifts))


def _cause(edge: Sequence[Message], first: Deviation) -> Cause:
    return Cause(
        differences=first.breaking,
        identities=frozenset(d.identity for d in first.breaking),
        reference=first.reference,
        usual=tuple(edge[i] for i in first.members),
        odd=tuple(edge[i] for i in first.sharing),
        count=len(edge),
        runs=len({edge[i].trace_id for i in first.sharing}),
        stayed=first.sharing[0] > first.members[-1],
    )


def _shifts(edge: Sequence[Message], found: dict[Identity, list[Deviation]]) -> Iterator[Shift]:
    for identity, changed in sorted(found.items()):
        first = changed[0]
        if first.index > first.members[-1]:
            difference = next(d for d in first.differences if d.identity == identity)
            yield Shift(difference, tuple(edge[d.index] for d in changed), len(first.members))


def _deviations(edge: Sequence[Message]) -> list[Deviation]:
    """The deviations of an edge, without last words that may simply have been the end of the work."""
    last_words = {i for i, m in enumerate(edge) if m.handoff is None}
    found = deviations([m.profile for m in edge], last_words)
    breaking = {d.index for d in found if d.breaking}
    if any(i not in breaking and edge[i].ended_well for i in last_words):
        return [d for d in found if d.index not in last_words]  # it does end there, with a message as usual
    return [d for d in found if d.index not in last_words or not _is_plain_answer(edge[d.index], d)]


def _is_plain_answer(message: Message, deviation: Deviation) -> bool:
    """Prose with which a run ended well: an answer to whoever asked, and no message to another agent."""
    return message.ended_well and any((d.path, d.after) == ("$", "prose") for d in deviation.breaking)
