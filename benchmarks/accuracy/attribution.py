"""Which agent made the decisive error of a failed run, and in which message: agentdbg's ranking beside trivial ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentdbg.detectors.course import Course
from agentdbg.detectors.effects import has_effect
from agentdbg.detectors.leads import leads, ranked
from agentdbg.model import Trace
from benchmarks.accuracy.conversations import TERMINALS, USERS, Run, agent, answer_places

OURS = "agentdbg"
RANDOM = "random (expected)"
_ERROR = re.compile(r"exitcode: [1-9]|Traceback|\b(?:40[34]|429)\b|\berror\b|unable to|could not|failed", re.IGNORECASE)
_READ = 1_500


@dataclass(frozen=True, slots=True)
class Guess:
    """Shares of the runs, one case a number: agent, message, among the first three named, at most three away, and any
    of the errors that people marked."""

    agent: tuple[float, ...]
    step: tuple[float, ...]
    top3: tuple[float, ...]
    near: tuple[float, ...]
    any: tuple[float, ...]


MEASURES = ("agent", "step", "top3", "near", "any")


def ranking(run: Run, trace: Trace) -> list[int]:
    """The numbers of the messages that agentdbg would look at, the first one first."""
    named = [lead.act.span for lead in ranked(leads(Course(trace)))]
    if run.is_chat:
        answers = sorted((s for s in trace.spans if s.kind == "llm"), key=lambda s: (s.start_ns or 0, s.span_id))
        places = dict(zip((span.span_id for span in answers), answer_places(run.messages), strict=True))
        return [places[span.span_id] for span in named]
    return [int(span.span_id) for span in named]


def guessed(runs: Sequence[Run], traces: Mapping[str, Trace]) -> dict[str, Guess]:
    """agentdbg and the baselines over runs of one group."""
    orders: dict[str, list[list[int]]] = {OURS: [ranking(run, traces[run.id]) for run in runs]}
    for name, baseline in BASELINES.items():
        orders[name] = [baseline(run.messages) for run in runs]
    out = {name: _guess(runs, order) for name, order in orders.items() if any(order)}
    out[RANDOM] = _by_chance(runs)
    return out


def _guess(runs: Sequence[Run], orders: Sequence[list[int]]) -> Guess:
    pairs = [(run, order or [0]) for run, order in zip(runs, orders, strict=True)]
    return Guess(
        tuple(float(_speaker(run.messages[order[0]]) == run.agent.lower()) for run, order in pairs),
        tuple(float(order[0] == run.at) for run, order in pairs),
        tuple(float(run.at in order[:3]) for run, order in pairs),
        tuple(float(abs(order[0] - run.at) <= 3) for run, order in pairs),
        tuple(float(order[0] in run.errors) for run, order in pairs),
    )


def _by_chance(runs: Sequence[Run]) -> Guess:
    """What a message drawn by lot is worth; the agent by lot from those that spoke."""
    agents = [{_speaker(one) for one in _spoken(run.messages)} for run in runs]
    sizes = [len(run.messages) for run in runs]
    return Guess(
        tuple((run.agent.lower() in known) / max(1, len(known)) for run, known in zip(runs, agents, strict=True)),
        tuple(1 / size for size in sizes),
        tuple(min(1.0, 3 / size) for size in sizes),
        tuple(sum(abs(i - run.at) <= 3 for i in range(size)) / size for run, size in zip(runs, sizes, strict=True)),
        tuple(len(run.errors) / size for run, size in zip(runs, sizes, strict=True)),
    )


def _speaker(message: Mapping[str, Any]) -> str:
    return agent(dict(message)).lower()


def _spoken(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    silent = TERMINALS | USERS | {"tool", "system"}
    return [dict(one) for one in messages if agent(dict(one)) not in silent] or [dict(messages[0])]


def _at(messages: Sequence[Any], which: Callable[[int], bool]) -> list[int]:
    return [i for i in range(len(messages)) if which(i)]


def _first_worker(messages: list[dict[str, Any]]) -> list[int]:
    """Who is neither the user, nor a terminal, nor the one that hands out the work."""
    routing = {agent(one) for one in messages if "(->" in str(one.get("role"))}
    if not routing:
        return []
    return _at(messages, lambda i: agent(messages[i]) not in routing | TERMINALS | USERS)[:3]


def _acting(messages: list[dict[str, Any]]) -> list[int]:
    spoken = {id(one) for one in messages if agent(one) not in TERMINALS | USERS | {"tool", "system"}}
    return _at(messages, lambda i: id(messages[i]) in spoken) or [0]


def _most_frequent(messages: list[dict[str, Any]]) -> list[int]:
    acting = _acting(messages)
    name = Counter(agent(messages[i]) for i in acting).most_common(1)[0][0]
    return [i for i in acting if agent(messages[i]) == name][:3]


def _first_error(messages: list[dict[str, Any]]) -> list[int]:
    """Who spoke before what a terminal or a tool answered with an error; who tells of one himself."""
    acting = _acting(messages)
    for i, one in enumerate(messages):
        if not _ERROR.search(str(one.get("content") or "")[:_READ]) or agent(one) in USERS | {"system", "Orchestrator"}:
            continue
        if i in acting and i > acting[0]:
            return [i]
        before = [j for j in acting if j < i]
        if before and i not in acting:
            return [before[-1]]
    return acting[1:2] or acting[:1]


def _first_write(messages: list[dict[str, Any]]) -> list[int]:
    def writes(i: int) -> bool:
        return any(has_effect(call["function"]["name"]) for call in messages[i].get("tool_calls") or [])

    return _at(messages, writes)[:3]


BASELINES: Mapping[str, Callable[[list[dict[str, Any]]], list[int]]] = {
    "first to act": lambda messages: _acting(messages)[:3],
    "second to act": lambda messages: _acting(messages)[1:4] or [0],
    "last to act": lambda messages: _acting(messages)[:-4:-1],
    "most frequent agent": _most_frequent,
    "first error-looking message": _first_error,
    "first worker": _first_worker,
    "first call that changes something": _first_write,
}
