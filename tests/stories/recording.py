"""A run as it happens: agents take turns, call models and tools, and every step is recorded with its times.

What a step is called in a trace file is the business of `conventions`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass
class Step:
    """kind: workflow, agent, llm, tool, or other for a span that some other instrumentation wrote. Times in seconds."""

    id: str
    trace: int
    parent: str | None
    kind: str
    name: str
    agent: str | None
    start: float
    end: float | None = None
    input: Any = None
    output: Any = None
    messages: list[Message] = field(default_factory=list)
    answer: Message | None = None
    model: str | None = None
    tokens: tuple[int, int] | None = None
    cost: float | None = None
    error: tuple[str, str] | None = None
    session: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    links: list[tuple[int, str]] = field(default_factory=list)


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def size(message: Message) -> int:
    """Tokens of a message, four characters each."""
    return 4 + (len(message["content"]) + sum(len(json.dumps(call)) for call in message.get("calls", ()))) // 4


class Recording:
    """Runs that one file holds. `now` is the clock; set it to start something beside something else."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.now = 0.0
        self.trace = 0
        self._traces = 0
        self._open: list[Step] = []
        self._session: str | None = None

    def add(self, kind: str, name: str, agent: str | None, **more: Any) -> Step:
        above = self._open[-1] if self._open else None
        step = Step(
            id=f"0000{len(self.steps) + 1:012x}", trace=self.trace, parent=above.id if above else None, kind=kind,
            name=name, agent=agent or (above.agent if above else None), start=self.now, session=self._session, **more,
        )  # fmt: skip
        self.steps.append(step)
        return step

    @contextmanager
    def inside(self, step: Step, ends: bool = True) -> Iterator[Step]:
        """What is recorded meanwhile stands below this step, which ends with the last of it."""
        self._open.append(step)
        yield step
        self._open.pop()
        below = [one.end or one.start for one in self.steps if one.parent == step.id]
        self.now = max([self.now, *below])
        if ends:
            step.end = self.now

    @contextmanager
    def detached(self, session: str | None = None) -> Iterator[None]:
        """A trace of its own for what is recorded meanwhile."""
        before = self._open, self.trace, self._session
        self._traces += 1
        self._open, self.trace, self._session = [], self._traces, session
        yield
        self._open, self.trace, self._session = before

    @contextmanager
    def run(self, name: str, asked: Any = None, session: str | None = None, at: float | None = None) -> Iterator[Step]:
        """One run, a minute after the one before unless told otherwise."""
        self.now = at if at is not None else (self.now + 60 if self.steps else 0.0)
        with self.detached(session), self.inside(self.add("workflow", name, None, input=asked)) as step:
            yield step

    @contextmanager
    def agent(
        self, name: str, task: Any = "", model: str = "gpt-4o-mini", system: str = "", at: float | None = None,
        ends: bool = True, **more: Any,
    ) -> Iterator[Turn]:  # fmt: skip
        if at is not None:
            self.now = at
        with self.inside(self.add("agent", name, name, input=task, **more), ends) as step:
            yield Turn(self, step, model, system or f"You are the {name} of the team. Keep to your part of the work.")

    def other(self, name: str, seconds: float = 0.01, error: tuple[str, str] | None = None, **attributes: Any) -> Step:
        """A span of other instrumentation (database, queue, lock), with dots of its attributes written as two underscores."""
        plain = {key.replace("__", "."): value for key, value in attributes.items()}
        step = self.add("other", name, None, attributes=plain, error=error)
        self.now += seconds
        step.end = self.now
        return step


class Turn:
    """An agent at work: what it says and calls goes into the messages that its next call carries, as in any agent loop."""

    def __init__(self, recording: Recording, step: Step, model: str, system: str) -> None:
        self.recording, self.step, self.model = recording, step, model
        self.messages: list[Message] = [{"role": "system", "content": system}]
        if step.input:
            self.hears(text_of(step.input))

    def hears(self, text: str, role: str = "user") -> None:
        self.messages.append({"role": role, "content": text})

    def says(self, text: Any, seconds: float = 1.2, **more: Any) -> Step:
        """A model call that answers in words, which are the turn's result so far."""
        self.step.output = text
        return self._asks({"role": "assistant", "content": text_of(text)}, seconds, **more)

    def calls(
        self, tool: str, arguments: dict[str, Any], result: Any = None, error: tuple[str, str] | None = None,
        seconds: float = 0.4, thinking: float = 0.8, ends: bool = True, attributes: dict[str, Any] | None = None, **more: Any,
    ) -> Step:  # fmt: skip
        """A model call that asks for a tool, and the tool's run."""
        call = {"id": f"call_{len(self.recording.steps):06x}", "name": tool, "arguments": arguments}
        self._asks({"role": "assistant", "content": "", "calls": [call]}, thinking, **more)
        return self.runs(tool, arguments, result, error, seconds, ends, attributes, call["id"])

    def runs(
        self, tool: str, arguments: dict[str, Any], result: Any = None, error: tuple[str, str] | None = None,
        seconds: float = 0.4, ends: bool = True, attributes: dict[str, Any] | None = None, call: str | None = None,
    ) -> Step:  # fmt: skip
        """A tool's run that code decided on, or a model before."""
        step = self.recording.add(
            "tool", tool, None, input=arguments, output=result, error=error, attributes=attributes or {}
        )
        self.recording.now += seconds
        step.end = self.recording.now if ends else None
        if call:
            told = f"Error: {error[1]}" if error else text_of(result)
            self.messages.append({"role": "tool", "content": told, "call_id": call})
        return step

    def fails(self, kind: str, message: str, seconds: float = 0.5, **more: Any) -> Step:
        """A model call that the provider refused."""
        return self._asks(None, seconds, error=(kind, message), **more)

    def _asks(
        self, answer: Message | None, seconds: float, tokens: tuple[int, int] | None = None, model: str = "",
        at: float | None = None, **more: Any,
    ) -> Step:  # fmt: skip
        recording = self.recording
        recording.now = recording.now if at is None else at
        counted = (sum(map(size, self.messages)), size(answer) if answer else 0)
        step = recording.add(
            "llm", model or self.model, None, model=model or self.model, messages=list(self.messages), answer=answer,
            tokens=tokens or (counted if answer else None), **more,
        )  # fmt: skip
        recording.now += seconds
        step.end = recording.now
        if answer:
            self.messages.append(answer)
        return step
