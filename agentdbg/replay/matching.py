"""Which recorded call answers a question that a running program asks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agentdbg.replay.asked import Asked, recorded
from agentdbg.replay.call import Call
from agentdbg.replay.difference import Difference
from agentdbg.replay.question import LAYERS, Layer, Question, Weights, difference, question

Mode = Literal["strict", "content", "ordered"]
"""strict: the k-th question must be the k-th that was recorded. content: any order, each recorded call once. ordered:
the k-th recorded call whatever is asked; the differences are told."""

HARD: Weights = dict.fromkeys(LAYERS, "hard")
USUAL: Weights = {"system": "hard", "messages": "hard", "tools": "soft", "model": "soft", "parameters": "soft"}

Miss = Literal["changed", "extra", "damaged", "unanswered"]
"""changed: no recorded call asked this. extra: one did, and was served already. damaged: none did, but the nearest is
not recorded whole, or some calls are recorded without what they asked. unanswered: one did, but its answer is not
recorded."""


@dataclass(frozen=True, slots=True)
class Match:
    """`call` is what is served, None for a miss. `nearest` is the recorded call that is most like the question, where
    `difference` is the first that counts. volatile: the rules by which text was masked to make a match; soft: the
    differences in layers that do not count. assumed: the difference that counts and is passed over, since the answer is
    served whatever is asked (`ordered`), or is the user's own."""

    call: Call | None
    miss: Miss | None = None
    nearest: Call | None = None
    difference: Difference | None = None
    volatile: tuple[str, ...] = ()
    soft: tuple[Difference, ...] = ()
    assumed: Difference | None = None


class Matcher:
    """The recorded calls, each of which answers one question. supposed: those whose answers are the user's own, which
    are served to the question that is most like theirs."""

    def __init__(
        self,
        calls: Sequence[Call],
        mode: Mode = "content",
        weights: Weights | None = None,
        supposed: frozenset[str] = frozenset(),
    ) -> None:
        self.mode = mode
        self._supposed = supposed
        self._weights = weights or (HARD if mode == "strict" else USUAL)
        self._hard: tuple[Layer, ...] = tuple(layer for layer in LAYERS if self._weights[layer] == "hard")
        # what is not recorded on one side cannot be part of a key: these are compared one by one
        self._keyed: tuple[Layer, ...] = tuple(layer for layer in self._hard if layer in ("system", "messages"))
        every = [(call, question(recorded(call))) for call in calls if call.messages is not None]
        self._is_whole = len(every) == len(calls)
        self._recorded = _without_retried(every, self._keyed)
        self.calls = [call for call, _ in self._recorded]
        self.served: set[str] = set()

    def take(self, asked: Asked) -> Match:
        """The recorded call that answers a question; from then on it is served."""
        live = question(asked)
        found = self._by_content(live) if self.mode == "content" else self._by_place(live)
        if found.call is not None:
            self.served.add(found.call.span_id)
        return found

    def open(self) -> list[Question]:
        """What the recorded calls asked that are still to be served, in recorded order."""
        return [asked for call, asked in self._recorded if call.span_id not in self.served]

    def ambiguous(self) -> list[list[Call]]:
        """Recorded calls that asked the very same at the same time and were answered differently: nothing tells which
        answer belongs to whom."""
        groups: dict[object, list[Call]] = defaultdict(list)
        for call, asked in self._recorded:
            groups[asked.key(self._keyed)].append(call)
        return [group for group in groups.values() if _overlap(group) and len({str(call.answer) for call in group}) > 1]

    def _by_content(self, live: Question) -> Match:
        free = [(call, asked) for call, asked in self._recorded if call.span_id not in self.served]
        for call, asked in free:
            if asked.key(self._keyed) == live.key(self._keyed) and self._parting(asked, live) is None:
                return self._served(call, asked, live)
        if found := self._masked(free, live):
            return found
        for call, asked in self._recorded:
            if asked.key(self._keyed) == live.key(self._keyed) and call.span_id in self.served:
                return Match(None, "extra", call)
        return self._missed(free, live)

    def _masked(self, free: Sequence[tuple[Call, Question]], live: Question) -> Match | None:
        """A call that asked the same but for volatile text; never one of two that only that tells apart."""
        wanted = live.masked_key(self._keyed)
        if len({q.key(self._keyed) for _, q in self._recorded if q.masked_key(self._keyed) == wanted}) != 1:
            return None
        for call, asked in free:
            if asked.masked_key(self._keyed) == wanted and self._parting(asked, live, masked=True) is None:
                return self._served(call, asked, live, tuple(sorted(asked.volatile | live.volatile)))
        return None

    def _by_place(self, live: Question) -> Match:
        if len(self.served) == len(self._recorded):
            return Match(None, "extra", self._recorded[-1][0] if self._recorded else None)
        call, asked = self._recorded[len(self.served)]
        if self.mode == "ordered":
            return self._served(call, asked, live, every=True)
        if asked.masked_key(self._keyed) == live.masked_key(self._keyed):
            parted = self._parting(asked, live, masked=True)
            if parted is None:
                same = asked.key(self._keyed) == live.key(self._keyed)
                return self._served(call, asked, live, () if same else tuple(sorted(asked.volatile | live.volatile)))
        return self._missed([(call, asked)], live)

    def _served(
        self, call: Call, asked: Question, live: Question, volatile: tuple[str, ...] = (), every: bool = False
    ) -> Match:
        if call.answer is None and call.error is None:
            return Match(None, "unanswered", call)
        layers = [layer for layer in LAYERS if self._weights[layer] == "soft" or (every and layer in self._hard)]
        soft = [found for layer in layers if (found := difference(asked, live, layer))]
        return Match(call, volatile=volatile, soft=tuple(soft), assumed=self._parting(asked, live) if every else None)

    def _missed(self, free: Sequence[tuple[Call, Question]], live: Question) -> Match:
        candidates = free or self._recorded
        if not candidates:
            return Match(None, "extra")
        call, asked = max(candidates, key=lambda one: _likeness(one[1], live))
        if not free:
            miss: Miss = "extra" if self._is_whole else "damaged"
            return Match(None, miss, call, self._parting(asked, live))
        if call.span_id in self._supposed:
            return Match(call, assumed=self._parting(asked, live))
        damaged = call.grade in ("partial", "no") or not self._is_whole
        return Match(None, "damaged" if damaged else "changed", call, self._parting(asked, live))

    def _parting(self, asked: Question, live: Question, masked: bool = False) -> Difference | None:
        """The first difference in a layer that counts; with `masked` in those that are no texts."""
        layers = [layer for layer in self._hard if not (masked and layer in self._keyed)]
        return next((found for layer in layers if (found := difference(asked, live, layer))), None)


def _likeness(asked: Question, live: Question) -> tuple[bool, int]:
    """The same instructions are the same agent; then what was said in common counts."""
    same = Counter(item.key for item in asked.said) & Counter(item.key for item in live.said)
    return asked.masked["system"] == live.masked["system"], same.total()


def _without_retried(every: Sequence[tuple[Call, Question]], layers: Sequence[Layer]) -> list[tuple[Call, Question]]:
    """Without calls that failed and were asked again with success: what is replayed does not fail by chance."""
    answered = {asked.key(layers) for call, asked in every if call.answer is not None}
    return [one for one in every if one[0].error is None or one[0].answer or one[1].key(layers) not in answered]


def _overlap(group: Sequence[Call]) -> bool:
    spans = sorted((call.start_ns, call.end_ns) for call in group if call.start_ns and call.end_ns)
    return any(spans[n][0] < spans[n - 1][1] for n in range(1, len(spans)))
