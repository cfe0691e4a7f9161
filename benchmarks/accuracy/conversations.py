"""Runs that were kept as lists of messages, as files that agentdbg reads: a span a message, its id the message's
number.

Group chats of AG2 (`name`) and runs of Magentic-One (`role`) become plain JSON lines, as nothing else records who spoke
in them; tau-bench's runs are chat messages as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from benchmarks.accuracy.records import records

TERMINALS = frozenset(("Computer_terminal", "ComputerTerminal"))
USERS = frozenset(("human", "user"))
_TASK_ENDS = re.compile(r"^## Constraints and conditions for completion\n(?:(?!#).*\n?)*", re.MULTILINE)
_TO = re.compile(r"\(-> (\w+)\)")
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """A failed run. at: the number of the message with the decisive error, from 0; agent: who made it; errors: the
    numbers of all messages with an error that people marked."""

    id: str
    group: str
    messages: list[dict[str, Any]]
    agent: str
    at: int
    errors: frozenset[int]

    @property
    def trace_id(self) -> str:
        return blake2b(self.id.encode(), digest_size=16).hexdigest()

    @property
    def is_chat(self) -> bool:
        """Whether it is in the messages of a client, not of a group."""
        return any("tool_calls" in one for one in self.messages)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run of tau-bench, and whether it passed."""

    id: str
    messages: list[dict[str, Any]]
    passed: bool


def who_and_when(data: Path) -> Iterator[Run]:
    """Who&When: the agent and the step of the decisive error."""
    for one in records(data, "whowhen"):
        told = one.value
        group = "Who&When hand-crafted" if one.id.startswith("Hand") else "Who&When algorithm-generated"
        at = int(told["mistake_step"])
        yield Run(one.id, group, told["history"], told["mistake_agent"], at, frozenset((at,)))


def agentrx(data: Path) -> Iterator[Run]:
    """AgentRx: all errors, and the critical one, the first that could not be made good."""
    for one in records(data, "agentrx"):
        told = one.value
        tau = one.id.startswith("tau")
        messages = told["trajectory"]["traj"] if tau else told["trajectory"]
        failures = {str(failure["failure_id"]): failure for failure in told["label"]["failures"]}
        root = failures.get(str(told["label"]["root_cause"]["failure_id"]))
        if root is not None and messages:
            yield Run(
                one.id,
                "AgentRx tau-bench retail" if tau else "AgentRx Magentic-One",
                messages,
                root["failed_agent"],
                int(root["step_number"]) - 1,
                frozenset(int(failure["step_number"]) - 1 for failure in failures.values()),
            )


def tau_bench(data: Path) -> Iterator[Outcome]:
    """tau-bench: runs of known outcome."""
    for name in ("tau-airline", "tau-retail"):
        for one in records(data, name):
            told = one.value
            if told.get("traj"):
                yield Outcome(one.id, told["traj"], told["reward"] == 1)


def agent(message: dict[str, Any]) -> str:
    """Who speaks: a name, or a role up to the bracket that tells what it does."""
    return str(message.get("name") or message["role"].partition(" (")[0])


def chat(messages: list[dict[str, Any]]) -> bytes:
    """A run in the messages of an OpenAI client, as a line."""
    return (
        json.dumps({"messages": [{k: v for k, v in one.items() if k != "index"} for one in messages]}).encode() + b"\n"
    )


def answer_places(messages: list[dict[str, Any]]) -> list[int]:
    """The numbers of the messages in which a model answered."""
    return [i for i, one in enumerate(messages) if one["role"] == "assistant"]


def spans(run: Run) -> bytes:
    """A group chat as plain JSON lines."""
    task, opening = _task(run)
    root = {"span_id": "run", "kind": "workflow", "name": "run", "input": task}
    told: list[dict[str, Any]] = [root | {"start_ns": _at(0), "end_ns": _at(len(run.messages))}]
    for i, message in enumerate(run.messages):
        text = message.get("content") or ""
        told.append({"span_id": str(i), "start_ns": _at(i), "end_ns": _at(i) + _SECOND // 2}
                    | _kind(run.messages, i, opening if i == 0 else text))  # fmt: skip
    return b"".join(json.dumps({"trace_id": run.trace_id, **one}).encode() + b"\n" for one in told)


def _task(run: Run) -> tuple[str, str]:
    """What the run was asked for, and the rest of the first message: AG2 puts both in the mouth of the first agent."""
    first = run.messages[0].get("content") or ""
    if agent(run.messages[0]) in USERS:
        return first, ""
    end = _TASK_ENDS.search(first)
    return (first[: end.end()], first[end.end() :]) if end else (first, "")


def _kind(messages: list[dict[str, Any]], i: int, text: str) -> dict[str, Any]:
    """What a message is: the user's words, what a terminal printed, or an agent's answer."""
    who = agent(messages[i])
    if who in USERS:
        return {"kind": "other", "name": "user", "parent_id": "run", "output": text}
    if who in TERMINALS and i:
        code = messages[i - 1].get("content") or ""
        return {"kind": "tool", "name": "execute_code", "tool": "execute_code", "parent_id": "run",
                "agent": agent(messages[i - 1]), "input": {"code": code}, "output": text}  # fmt: skip
    to = _TO.search(messages[i].get("role") or "")
    return {"kind": "llm", "name": "answer", "parent_id": "run", "agent": who, "model": "unknown",
            "output": {"role": "assistant", "content": text},
            **({"handoff_from": who, "handoff_to": to[1]} if to else {})}  # fmt: skip


def _at(i: int) -> int:
    return (1_700_000_000 + i) * _SECOND
