"""What is supposed otherwise than it was recorded: the input, what a model was asked, what it or a tool answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from agentdbg.errors import AgentdbgError
from agentdbg.replay.asking import as_text
from agentdbg.replay.call import Call, Part
from agentdbg.replay.decisions import decision
from agentdbg.replay.difference import Difference, first_difference
from agentdbg.replay.inspection import Inspection, ToolUse
from agentdbg.replay.items import items, value_of
from agentdbg.replay.paths import pick, put, steps
from agentdbg.vocabulary.messages import messages, tool_definitions
from agentdbg.vocabulary.responses import answers

_INPUTS = ("input", "state")
_SHAPE = (
    "--set 'call[2].messages[-1].text=@new.txt', 'call[1].system=…', 'call[1].parameters.temperature=0', 'input.x=…'"
)


@dataclass(frozen=True, slots=True)
class Change:
    """input: of the subject; question: of the model call `span_id`; answer: of that call; result: of a tool that the
    call `span_id` asked for, or of the tool's span. `before` and `after` are in words."""

    kind: Literal["input", "question", "answer", "result"]
    where: str
    span_id: str
    before: str
    after: str
    difference: Difference | None = None


@dataclass(slots=True)
class Supposed:
    """The recording with the changes in it."""

    calls: list[Call]
    uses: list[ToolUse]
    state: Any
    changes: list[Change] = field(default_factory=list)

    def of_kind(self, *kinds: str) -> list[Change]:
        return [change for change in self.changes if change.kind in kinds]

    def call(self, span_id: str) -> Call:
        return next(call for call in self.calls if call.span_id == span_id)


def suppose(
    inspection: Inspection, calls: Sequence[Call], uses: Sequence[ToolUse], sets: Sequence[str], outputs: Sequence[str]
) -> Supposed:
    """The recording with `PATH=VALUE` of `sets` and `CALL=FILE` of `outputs` in it; AgentdbgError for what does not
    fit."""
    supposed = Supposed(list(calls), list(uses), inspection.state)
    for told in sets:
        path, equals, value = told.partition("=")
        if not equals or not path.strip():
            raise AgentdbgError(f"--set {told} changes nothing", _SHAPE)
        try:
            _set(supposed, inspection, steps(path.strip()), value)
        except LookupError as problem:
            raise AgentdbgError(f"--set {path}: {problem.args[0]}", _SHAPE) from problem
    for told in outputs:
        place, equals, file = told.partition("=")
        if not equals or not file:
            raise AgentdbgError(f"--override-output {told} names no file", "--override-output 'call[1]=answer.json'")
        _override(supposed, inspection, place.strip(), _read(file.removeprefix("@")))
    return supposed


def _set(supposed: Supposed, inspection: Inspection, path: list[str], value: str) -> None:
    if path[:1] and path[0] in _INPUTS:
        _set_input(supposed, inspection, path[1:], value)
        return
    call, where, path = _question(supposed, inspection, path)
    asked: dict[str, Any] = {
        "model": call.model,
        "messages": list(call.messages or ()),
        "tools": call.tools,
        "parameters": call.parameters or {},
    }
    if call.messages is None:
        raise LookupError("what this call was asked is not recorded")
    if path[:1] not in (["system"], *([name] for name in asked)):
        raise LookupError(f"a question has system, {', '.join(asked)}, and no {path[0] if path else 'other'}")
    exact = _in_messages(asked["messages"], path)
    if exact is None:
        asked["messages"] = [{"role": "system", "parts": [{"type": "text", "text": ""}]}, *asked["messages"]]
        exact = ["messages", "0", "parts", "0", "text"]
    before = _recorded(asked, exact)
    changed = put(asked, exact, _value(value, before))
    new = _asking(call, changed, exact)
    supposed.calls = [new if one.span_id == call.span_id else one for one in supposed.calls]
    after = pick(changed, exact)
    place = _written(exact)
    parted = first_difference(before, after, place) or Difference(place, as_text(before), as_text(after))
    supposed.changes.append(Change("question", where, call.span_id, as_text(before), as_text(after), parted))


def _asking(call: Call, asked: dict[str, Any], path: list[str]) -> Call:
    """The call with another question; messages or tools as a whole may be written in any dialect."""
    told: Any = messages(asked["messages"]) if path == ["messages"] else asked["messages"]
    offered = tool_definitions(asked["tools"]) if path == ["tools"] else asked["tools"]
    try:
        sound = bool(told) and [items(told), [tool["name"] for tool in offered or ()]] and {**asked["parameters"]}
    except (KeyError, TypeError, AttributeError):
        sound = False
    if sound is False or not isinstance(asked["model"], str | None):
        raise LookupError("what stands there then is no question any more")
    tools = None if offered is None else tuple(offered)
    return replace(call, model=asked["model"], messages=tuple(told), tools=tools, parameters=asked["parameters"])


def _set_input(supposed: Supposed, inspection: Inspection, path: list[str], value: str) -> None:
    if not inspection.has_state:
        raise LookupError(f"the input of span {inspection.subject_span_id} is not recorded")
    before = _recorded(supposed.state, path)
    supposed.state = put(supposed.state, path, _value(value, before))
    after, place = pick(supposed.state, path), _written(path, "$.input")
    parted = first_difference(before, after, place) or Difference(place, as_text(before), as_text(after))
    span_id = inspection.subject_span_id
    supposed.changes.append(Change("input", "the input", span_id, as_text(before), as_text(after), parted))


def _recorded(value: Any, path: list[str]) -> Any:
    """What stands there now, None for a member that an object is to gain."""
    if not path:
        return value
    holder = pick(value, path[:-1])
    return holder.get(path[-1]) if isinstance(holder, dict) else pick(value, path)


def _question(supposed: Supposed, inspection: Inspection, path: list[str]) -> tuple[Call, str, list[str]]:
    """(call, its name, the path in what it was asked): `call[2].system`, or `system` alone where there is one call."""
    views = inspection.calls
    if path[:1] == ["call"]:
        number = path[1] if len(path) > 1 else ""
        if not number.isdecimal() or not 1 <= int(number) <= len(views):
            raise LookupError(f"there is no call {number or 'without a number'} among {len(views)}")
        return supposed.call(views[int(number) - 1].call.span_id), f"call {number}", path[2:]
    if len(views) != 1:
        raise LookupError(f"there are {len(views)} calls here: name one, as call[1].{'.'.join(path)}")
    return supposed.call(views[0].call.span_id), "call 1", path


def _in_messages(said: list[dict[str, Any]], path: list[str]) -> list[str] | None:
    """The path with the short forms written out: `system`, `messages[n].text`, `messages[n].result`. None where there
    is no system message yet."""
    if path == ["system"]:
        found = [n for n, one in enumerate(said) if one["role"] == "system"]
        if len(found) > 1:
            raise LookupError(f"there are {len(found)} system messages: name one, as messages[{found[0]}].text")
        return _in_messages(said, ["messages", str(found[0]), "text"]) if found else None
    if path[:1] == ["messages"] and path[1:]:
        pick(said, path[1:2])
        path = ["messages", str(int(path[1]) % len(said)), *path[2:]]
    if path[:1] != ["messages"] or len(path) != 3 or path[2] not in ("text", "result"):
        return path
    kind = "text" if path[2] == "text" else "tool_result"
    parts = pick(said, [path[1]])["parts"]
    fit = [n for n, part in enumerate(parts) if part["type"] == kind]
    if len(fit) != 1:
        raise LookupError(
            f"that message has {len(fit)} parts with a {path[2]}: name one, as parts[{(fit or [0])[0]}].{path[2]}"
        )
    return [*path[:2], "parts", str(fit[0]), path[2]]


def _written(path: Sequence[str], start: str = "$") -> str:
    return start + "".join(f"[{step}]" if step.lstrip("-").isdecimal() else f".{step}" for step in path)


def _value(told: str, before: Any) -> Any:
    """`@FILE` is the text of a file. Where a text stands a text is meant, in quotes or not; elsewhere JSON."""
    text = _read(told[1:]) if told.startswith("@") else told
    if isinstance(before, str) and not (told is text and len(text) > 1 and text[0] == text[-1] == '"'):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as problem:
        told = problem.strerror if isinstance(problem, OSError) else "it is no UTF-8 text"
        raise AgentdbgError(f"{path} cannot be read: {told}") from problem


def _override(supposed: Supposed, inspection: Inspection, place: str, text: str) -> None:
    named = steps(place)
    if named[:1] == ["call"]:
        try:
            call, where, rest = _question(supposed, inspection, named)
        except LookupError as problem:
            raise AgentdbgError(f"--override-output {place}: {problem.args[0]}") from problem
        if rest:
            raise AgentdbgError(f"--override-output {place}: a file holds a whole answer, so that call[N] is all")
        _answer(supposed, call, where, text)
        return
    calls = [
        one for one in supposed.calls if one.span_id == place or (len(place) >= 4 and one.span_id.startswith(place))
    ]
    uses = [
        one
        for one in supposed.uses
        if place in (one.call_id, one.span_id) or (len(place) >= 4 and (one.span_id or "").startswith(place))
    ]
    if len(calls) + len(uses) != 1:
        raise _not_one(supposed, place, len(calls) + len(uses))
    if calls:
        _answer(supposed, calls[0], f"the call in span {calls[0].span_id}", text)
    else:
        _result(supposed, uses[0], text)


def _not_one(supposed: Supposed, place: str, found: int) -> AgentdbgError:
    problem = "several calls and tools are" if found else "no model call or tool is"
    if any(use.tool == place for use in supposed.uses):
        return AgentdbgError(
            f"--override-output {place} names a tool, and not which of its calls",
            f"name a span or a call id; --tool {place}=stub:FILE answers every call of it",
        )
    return AgentdbgError(
        f"{problem} called {place} here",
        "call[N], the id of a span, or of a tool's call: agentdbg replay SPAN_ID --json lists them",
    )


def _answer(supposed: Supposed, call: Call, where: str, text: str) -> None:
    told = answers(text)
    parts: tuple[Part, ...] = tuple(part for message in told or () for part in message["parts"])
    new = replace(call, answer=parts, error=None, status="ok", finish=None)
    supposed.calls = [new if one.span_id == call.span_id else one for one in supposed.calls]
    before = "nothing is recorded" if call.answer is None else decision(call.answer).words
    change = Change("answer", f"the answer of {where}", call.span_id, call.error or before, decision(parts).words)
    supposed.changes.append(change)


def _result(supposed: Supposed, use: ToolUse, text: str) -> None:
    new = replace(use, result=value_of(text), result_from="override", error=None, status="ok", difference=None)
    supposed.uses = [new if one is use else one for one in supposed.uses]
    before = use.error or ("nothing is recorded" if use.result_from is None else as_text(use.result))
    where = f"the result of {use.tool}"
    supposed.changes.append(Change("result", where, use.asked_by or use.span_id or "", before, as_text(new.result)))
