"""Whether a recording holds together: each input of an agent is its previous input, its answer, the results of the
tools it asked for, and what else was said since. Where it is not, this says what appeared, vanished or changed, and
who said it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Literal

from agentdbg.replay.alignment import QUOTED, align, alike
from agentdbg.replay.asking import as_text
from agentdbg.replay.call import Call
from agentdbg.replay.difference import Difference
from agentdbg.replay.items import ANSWER, Item, answer_items, items, squeezed

Relation = Literal["new", "continues", "takes over", "extends", "retries", "repeats", "unknown"]
LATEST = 200
"""Answers that are searched for in a text that quotes one of them."""
SKEW_NS = 1_000_000
"""How much earlier than the end of a call another may start that still knows its answer: clocks of one machine differ
by less."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something in an input that the conversation before it does not explain. `by` is "user", "system", "tool NAME",
    the name of the agent that said it, or "assistant" where none of the agents of this trace did. `span_id` is the
    call that said it, if one did."""

    role: str
    by: str
    text: str
    path: str
    span_id: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """How one call follows from an earlier one: `of` (a span id; None for a new conversation), made by `of_agent`.

    continues: the input is that call's input, its answer, and what came since. takes over: the same of another agent's
    call. extends: it begins with that call's input, but holds nothing of its answer. retries, repeats: the very same
    input, after an error or an answer. unknown: no messages are recorded.

    appended: new at the end, in order, the results of the tools asked for apart (`results`, a count). inserted: new,
    but before what was there already. vanished: said before, gone now; `path` is the place it had in the earlier
    call. changed: said otherwise now. reworded: how many items of the earlier call are told in another form. damaged:
    why this recording may lack what vanished.
    """

    span_id: str
    relation: Relation
    of: str | None = None
    of_agent: str | None = None
    results: int = 0
    appended: tuple[Said, ...] = ()
    inserted: tuple[Said, ...] = ()
    vanished: tuple[Said, ...] = ()
    changed: tuple[Difference, ...] = ()
    reworded: int = 0
    damaged: str | None = None

    @property
    def edited(self) -> bool:
        """Whether something that was said before is missing, changed, or has something new before it."""
        return bool(self.inserted or self.vanished or self.changed)


class History:
    """Calls seen so far, in order of start, to find the one that a new call goes on from. Keyed by what was said,
    system messages aside, since these are often made anew for every call."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._items: list[list[Item]] = []
        self._systems: list[str] = []
        self._inputs: dict[str, list[int]] = {}
        self._ends: dict[int, str] = {}
        self._answers: dict[int, list[int]] = {}
        self._likeness: dict[tuple[str, str], bool] = {}
        self._said: dict[str, Call] = {}

    def follow(self, call: Call) -> Step:
        """The step to this call; the call is then part of the history."""
        now = items(call.messages or ())
        self._calls.append(call)
        self._items.append(now)
        self._systems.append("\n".join(call.system))
        if call.messages is None:
            return Step(call.span_id, "unknown")
        relation, of = self._predecessor(_spoken(now))
        step = self._step(call, now, relation, of)
        self._remember(call, _spoken(now))
        return step

    def _predecessor(self, now: list[Item]) -> tuple[Relation, int | None]:
        """The earlier call that the newest one goes on from: the one that was sent the very same; else the one whose
        answer is the last that stands in this input, of the same agent rather than of another; else, of the same agent,
        the one whose input this one begins with."""
        chain = _chain(now)
        sent = _keys(self._items[-1])
        for found in self._fit(self._inputs.get(chain[-1], ()), True):
            if _keys(self._items[found]) == sent:
                return ("repeats" if self._calls[found].answer else "retries"), found
        for same_agent in (True, False):
            for n in range(len(now), 0, -1):
                told = self._answers.get(now[n - 1].key, ())
                whole = (found for found in self._fit(told, same_agent) if self._ends[found] == chain[n])
                one = next(whole, next(self._fit(told, same_agent), None))
                if one is not None:
                    return ("continues" if same_agent else "takes over"), one
        for n in range(len(now) - 1, 0, -1):
            one = next(self._fit(self._inputs.get(chain[n], ()), True), None)
            if one is not None:
                return "extends", one
        return "new", None

    def _fit(self, numbers: Sequence[int], same_agent: bool) -> Iterator[int]:
        """Of these calls those that were over when the newest began, by the same agent or by others, latest first."""
        call = self._calls[-1]
        for n in reversed(numbers):
            if _is_over(self._calls[n], call) and self._is_same(n) is same_agent:
                yield n

    def _is_same(self, earlier: int) -> bool:
        """Whether a call is of the same agent as the newest. Where a trace does not name agents, or one name stands for
        several, their instructions tell them apart; where a damaged recording lacks these, they tell nothing."""
        if self._calls[earlier].agent != self._calls[-1].agent:
            return False
        pair = self._systems[earlier], self._systems[-1]
        if pair not in self._likeness:
            self._likeness[pair] = not all(pair) or alike(*pair)
        return self._likeness[pair]

    def _step(self, call: Call, now: list[Item], relation: Relation, of: int | None) -> Step:
        if of is None:
            return Step(call.span_id, "new", appended=tuple(map(self._who, _spoken(now))), damaged=_damage(call))
        earlier = self._calls[of]
        before, answer = self._items[of], answer_items(earlier.answer or ())
        if relation == "takes over":  # another agent has instructions of its own
            before, now = _spoken(before), _spoken(now)
        found = align([*before, *answer] if relation not in ("repeats", "retries") else before, now)
        if relation == "extends":  # the answer may be there in other words; else it was never meant to be kept
            if any(item.path.startswith(ANSWER) for item in found.vanished):
                answer, found = [], align(before, now)
            else:
                relation = "continues"
        asked = {item.call_id for item in answer if item.kind == "tool_call" and item.call_id}
        names = [item.tool for item in answer if item.kind == "tool_call"]
        results = [i for i in found.appended if i.kind == "tool_result" and (i.call_id in asked or i.tool in names)]
        return Step(
            call.span_id,
            relation,
            earlier.span_id,
            earlier.agent,
            results=len(results),
            appended=tuple(self._who(item) for item in found.appended if item not in results),
            inserted=tuple(self._who(item) for item in found.inserted),
            vanished=tuple(self._who(item) for item in found.vanished),
            changed=tuple(difference for _, _, difference in found.changed),
            reworded=len(found.reworded),
            damaged=_damage(call, earlier),
        )

    def _who(self, item: Item) -> Said:
        """An item with who said it. Words of an agent are known by its answers, also where they are quoted inside a
        longer text."""
        if item.kind == "tool_result":
            return Said(item.role, "tool", f"{item.tool or 'unknown tool'}: {as_text(item.value)}", item.path)
        if item.kind == "tool_call":
            text = f"asks for {item.tool} {as_text(item.value['arguments'])}"
            return Said(item.role, item.name or item.role, text, item.path)
        text = as_text(item.value)
        speaker = self._speaker(squeezed(text)) if item.role in ("user", "assistant") else None
        if speaker is not None:
            return Said(item.role, speaker.agent or "assistant", text, item.path, speaker.span_id)
        return Said(item.role, item.name or item.role, text, item.path)

    def _speaker(self, text: str) -> Call | None:
        """Who said a text, or the newest answer that it quotes."""
        if text in self._said:
            return self._said[text]
        newest = islice(reversed(self._said.items()), LATEST)
        return next((call for told, call in newest if len(told) >= QUOTED and told in text), None)

    def _remember(self, call: Call, spoken: list[Item]) -> None:
        number = len(self._calls) - 1
        answer = answer_items(call.answer or ())
        self._inputs.setdefault(_chain(spoken)[-1], []).append(number)
        if answer:
            self._ends[number] = _chain(spoken + answer)[-1]
            self._answers.setdefault(answer[-1].key, []).append(number)
        for item in answer:
            if item.kind == "text":
                told = squeezed(str(item.value))
                self._said.pop(told, None)
                self._said[told] = call


def follow(calls: Sequence[Call]) -> dict[str, Step]:
    """The steps of all calls of a trace by span id. Calls must be in order of start."""
    history = History()
    return {call.span_id: history.follow(call) for call in calls}


def _keys(conversation: Sequence[Item]) -> list[int]:
    return [item.key for item in conversation]


def _spoken(conversation: Sequence[Item]) -> list[Item]:
    return [item for item in conversation if item.role != "system"]


def _chain(conversation: Sequence[Item]) -> list[str]:
    """chain[n] stands for the first n items together; equal where all of these are."""
    state, out = blake2b(digest_size=12), [""]
    for item in conversation:
        state.update(item.key.to_bytes(8))
        out.append(state.copy().hexdigest())
    return out


def _is_over(earlier: Call, call: Call) -> bool:
    if earlier.end_ns is None or call.start_ns is None:
        return True
    return earlier.end_ns <= call.start_ns + SKEW_NS


def _damage(*calls: Call) -> str | None:
    return next((call.reason for call in calls if call.grade in ("partial", "no")), None)
