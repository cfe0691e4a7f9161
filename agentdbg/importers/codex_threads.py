"""One thread of a Codex session: its records to spans, each as soon as nothing more can come for it.

A model call is an unbroken run of what the model said, and the token count that comes with it: after it, or in older
versions before it. It is taken to have begun with what was said to the model before, and a tool call to last from the
item that asks for it to its output."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from agentdbg.importers.derived import Moment, Prompts, derived_span
from agentdbg.importers.record_fields import as_object, tells, text
from agentdbg.rows import RawEvent, RawSpan

SCOPE = "codex"
_MAIN = "codex"
_NO_ROLE = "default"  # the role of a sub-agent that was given none
_PAUSE_NS = 200_000_000  # no model answers faster: what stands in a fork before its first pause was copied there
_ANSWER_NO = frozenset({"grep", "egrep", "fgrep", "rg", "diff", "cmp", "test", "["})  # with exit code 1
_INNER = frozenset({"base_instructions", "instructions", "timestamp"})
_EXITED = re.compile(
    r"\A(?:Chunk ID: [^\n]*\n|Wall time: [^\n]*\n)*(?:Exit code:|Process exited with code) (-?\d{1,10})\n"
)


class Thread:
    """An agent. opening: nothing of its own has been said yet, as far as its file repeats another thread; copied: the
    model's answers it repeats."""

    def __init__(self, meta: dict[str, Any], moment: Moment, began_ns: int) -> None:
        spawn = as_object(as_object(as_object(meta.get("source")).get("subagent")).get("thread_spawn"))
        above = text(spawn.get("parent_thread_id")) or text(meta.get("parent_thread_id"))
        self.span_id = text(meta.get("id")) or text(meta.get("session_id")) or "session"
        self.line = moment.line
        self.copied = 0
        self.opening = moment.timed and bool(above or tells(meta.get("forked_from_id")))
        self._trace_id = text(meta.get("session_id")) or above or self.span_id
        self._name = _name({**meta, **spawn}) if above else _MAIN
        self._resource = _resource(meta)
        self._start, self._began_ns = moment, began_ns
        self._ready_ns = self._end_ns = began_ns
        self._now = moment
        self._context: dict[str, Any] = {"codex.model_provider": text(meta.get("model_provider"))}
        self._attributes = {f"codex.{key}": value for key, value in meta.items() if key not in _INNER and tells(value)}
        self._above = above
        self._events: list[RawEvent] = []
        self._tools: dict[str, RawSpan] = {}
        self._turn: RawSpan | None = None
        self._turn_is_told = False
        self._call: RawSpan | None = None  # that more may come for
        self._uncounted: RawSpan | None = None  # that only its token count may come for
        self._count: dict[str, Any] | None = None  # that came before its call
        self._counted: dict[str, Any] = {}
        self._asked: Any = None
        base = meta.get("base_instructions")
        self._instructions = base.get("text") if isinstance(base, dict) else base or meta.get("instructions")
        self._whole = tells(self._instructions)
        self._prompts = Prompts()
        self._instruct()

    def at(self, moment: Moment) -> None:
        """A record was written. Its time ends what a fork repeats, once it stands after a pause."""
        pause_ns = moment.at_ns - self._now.at_ns
        if self.opening and moment.at_ns >= self._began_ns and (pause_ns >= _PAUSE_NS or not moment.timed):
            self.opening = False
            self._ready_ns = self._now.at_ns
        self._now = moment

    def context(self, context: dict[str, Any]) -> None:
        """What holds for the model calls from here on."""
        told = {f"codex.{key}": context[key] for key in ("model", "effort") if tells(context.get(key))}
        self._context.update(told)
        if self._turn is not None:
            self._turn.attributes.update({f"codex.{key}": value for key, value in context.items() if tells(value)})

    def turn(self, turn_id: str | None, moment: Moment) -> Iterator[RawSpan]:
        """A turn begins."""
        if self._turn is not None and turn_id == self._turn.span_id:
            return
        yield from self._end_turn()
        span_id = turn_id or f"{self.span_id}/turn-{moment.line:06d}"
        self._turn = self._span(span_id, self.span_id, "turn", "turn", moment, {})
        self._turn_is_told = turn_id is not None
        self._ready(moment)

    def prompted(self, event: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """The user said something. Where no record tells of turns, this begins one."""
        if self._turn is None or not self._turn_is_told:
            yield from self.turn(None, moment)
        if self._turn is not None:
            self._turn.attributes.setdefault("codex.task", event.get("message"))
        if not self.opening:
            self._attributes.setdefault("codex.task", event.get("message"))
        self._ready(moment)

    def turn_ended(self, event: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        self._ready(moment)
        if self._turn is not None:
            told = {key: value for key, value in event.items() if key not in ("type", "turn_id", "last_agent_message")}
            self._turn.attributes.update({f"codex.{key}": value for key, value in told.items() if tells(value)})
            if event.get("type") == "turn_aborted":
                self._turn.attributes["codex.aborted"] = True
        yield from self._end_turn()

    def told(self, item: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """A message to the model."""
        yield from self.paused()
        self._prompts.add(item)
        self._asked = item.get("content") if item.get("role") == "user" else self._asked
        self._ready(moment)

    def answered(self, item: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """An item of the model's answer: more of the one before, or a new one."""
        said = _as_call(item)
        if self.opening:
            self._prompts.add(said)
            self.copied += 1
            return
        if self._call is None:
            yield from self._end_call()
            self._call = self._begin_call(moment)
        self._prompts.add(said)
        self._call.attributes["codex.output"].append(said)
        self._call.end_ns = moment.at_ns
        self._ready(moment)
        if item.get("type") == "message":
            for attributes in (self._attributes, self._turn.attributes if self._turn is not None else {}):
                attributes["codex.answer"] = item.get("content")

    def asked(self, item: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """A tool call. One without an id is done by the model's provider: no result will come."""
        if self.opening:
            return
        call_id = text(item.get("call_id"))
        told = text(item.get("name")) or str(item["type"]).removesuffix("_call")
        span_id = call_id or text(item.get("id")) or f"{self.span_id}/tool-{moment.line:06d}"
        span = self._span(span_id, self._parent(), told, "tool", moment, {"codex.call": item})
        if call_id is not None:
            self._tools[call_id] = span
        else:
            span.end_ns = moment.at_ns
            yield span

    def result(self, item: dict[str, Any], moment: Moment) -> RawSpan | None:
        """The tool call that an output belongs to, ended by it. None where no call was waiting for it."""
        self._prompts.add(item)
        self._ready(moment)
        span = self._tools.pop(str(item.get("call_id")), None)
        if span is not None:
            span.end_ns = moment.at_ns
            span.attributes["codex.result"] = item
            if (failure := _failure(item.get("output"), span.attributes["codex.call"])) is not None:
                span.status, span.status_message = "error", failure
        return span

    def paused(self) -> Iterator[RawSpan]:
        """Something was said to the model: what it says next is another answer."""
        if self._call is not None:
            yield from self._end_call()

    def counted(self, info: dict[str, Any]) -> Iterator[RawSpan]:
        """The tokens of a call. What only repeats the last count tells of the limits beside it."""
        total, last = as_object(info.get("total_token_usage")), as_object(info.get("last_token_usage"))
        before = as_object(self._counted.get("total_token_usage"))
        if not (total or last) or (total == before if total else info == self._counted and self._idle()):
            return
        self._counted = info
        if self.opening:
            return
        told = {**info, "last_token_usage": last or _difference(total, before)}
        call = self._uncounted or self._call
        if call is not None and "codex.token_count" not in call.attributes:
            call.attributes["codex.token_count"] = told
            self._uncounted = None if call is self._uncounted else self._uncounted
            self._call = None if call is self._call else self._call
            yield call
        else:
            yield from self._end_call()
            yield from self._unseen()
            self._count = told

    def compacted(self, record: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """The thread goes on with a summary of itself."""
        yield from self._end_call()
        yield from self._unseen()
        self._prompts.forget()
        self._instruct()
        history = record.get("replacement_history")
        self._whole = self._whole and isinstance(history, list)
        for item in history if isinstance(history, list) else [{"role": "user", "content": record.get("message")}]:
            if isinstance(item, dict):
                self._prompts.add(item)
        self._ready(moment)

    def event(self, kind: str, event: dict[str, Any], moment: Moment) -> None:
        """What Codex tells of a tool it runs, or of itself."""
        if self.opening:
            return
        told = {key: value for key, value in event.items() if key not in ("type", "call_id") and tells(value)}
        if (span := self._tools.get(str(event.get("call_id")))) is not None:
            span.attributes[f"codex.{kind}"] = told
            return
        if kind == "error" and self._turn is not None:
            self._turn.status, self._turn.status_message = "error", text(event.get("message"))
        self._whole = self._whole and kind != "thread_rolled_back"
        self._events.append(RawEvent(kind, moment.at_ns, told))

    def close(self) -> Iterator[RawSpan]:
        """All that was still open: a tool whose output never came has no end."""
        yield from self._end_turn()
        yield from self._tools.values()
        span = self._span(self.span_id, self._above, self._name, "agent", self._start, self._attributes)
        span.start_ns, span.end_ns, span.events = self._began_ns, self._end_ns, self._events
        yield span

    def _instruct(self) -> None:
        if tells(self._instructions):
            self._prompts.add({"type": "message", "role": "system", "content": self._instructions})

    def _ready(self, moment: Moment) -> None:
        """Now the model may be asked."""
        self._ready_ns = moment.at_ns
        self._end_ns = max(self._end_ns, moment.at_ns)

    def _idle(self) -> bool:
        return self._call is None and self._uncounted is None

    def _begin_call(self, moment: Moment) -> RawSpan:
        found, whole = self._prompts.take()
        if self._asked is not None:
            self._attributes.setdefault("codex.task", self._asked)
        span = self._model_call(f"{self.span_id}/call-{moment.line:06d}", moment, whole and self._whole)
        span.attributes["codex.input"], span.attributes["codex.output"] = found, []
        if self._count is not None:
            span.attributes["codex.token_count"], self._count = self._count, None
        return span

    def _model_call(self, span_id: str, moment: Moment, whole: bool = True) -> RawSpan:
        told = {key: value for key, value in self._context.items() if value is not None}
        span = self._span(span_id, self._parent(), "response", "call", moment, told, whole)
        span.start_ns, span.end_ns = self._ready_ns, moment.at_ns
        return span

    def _unseen(self) -> Iterator[RawSpan]:
        """A call that only its token count tells of, such as the one that wrote a summary."""
        if self._count is not None:
            span = self._model_call(f"{self.span_id}/call-{self._now.line:06d}-unseen", self._now)
            span.attributes["codex.token_count"], self._count = self._count, None
            yield span

    def _end_call(self) -> Iterator[RawSpan]:
        """The call takes no more. One whose tokens are not known yet waits for them."""
        if self._uncounted is not None:
            yield self._uncounted
            self._uncounted = None
        if self._call is not None and "codex.token_count" in self._call.attributes:
            yield self._call
        elif self._call is not None:
            self._uncounted = self._call
        self._call = None

    def _end_turn(self) -> Iterator[RawSpan]:
        yield from self._end_call()
        yield from self._end_call()
        yield from self._unseen()
        if self._turn is not None and not self.opening:
            self._turn.end_ns = self._end_ns
            yield self._turn
        self._turn = None

    def _parent(self) -> str:
        return self._turn.span_id if self._turn is not None else self.span_id

    def _span(
        self, span_id: str, parent_id: str | None, name: str, what: str, moment: Moment, attributes: dict[str, Any],
        whole: bool = True,
    ) -> RawSpan:  # fmt: skip
        attributes["codex.span"] = what
        return derived_span(self._trace_id, span_id, parent_id, name, moment, attributes, SCOPE, self._resource, whole)


def _difference(total: dict[str, Any], before: dict[str, Any]) -> dict[str, int]:
    """What was added to the counts of a total."""
    told = {key: (value, before.get(key, 0)) for key, value in total.items()}
    return {key: now - then for key, (now, then) in told.items() if isinstance(now, int) and isinstance(then, int)}


def _name(told: dict[str, Any]) -> str:
    """A sub-agent's name: its role, else the one it goes by."""
    role = text(told.get("agent_role"))
    names = (role if role != _NO_ROLE else None, *(text(told.get(key)) for key in ("agent_nickname", "agent_path")))
    return next((name for name in names if name is not None), "subagent")


def _resource(meta: dict[str, Any]) -> dict[str, Any]:
    told = {"service.name": SCOPE, "service.version": meta.get("cli_version")}
    told.update({f"codex.{key}": meta.get(key) for key in ("cwd", "originator")})
    return {key: value for key, value in told.items() if tells(value)}


def _as_call(item: dict[str, Any]) -> dict[str, Any]:
    """An item of an answer; calls of built-in tools as function calls, which is what they are to the model."""
    if "action" not in item:
        return item
    named = {"call_id": item.get("call_id") or item.get("id"), "name": str(item["type"]).removesuffix("_call")}
    return {"type": "function_call", **named, "arguments": item["action"]}


def _failure(output: Any, call: dict[str, Any]) -> str | None:
    """What went wrong, where an output tells that something did: `success` or the exit code of a command."""
    told = as_object(output)
    if told.get("success") is False:
        return text(told.get("content")) or "no success"
    code = as_object(told.get("metadata")).get("exit_code")
    if isinstance(output, str) and (found := _EXITED.match(output)) is not None:
        code = int(found[1])
    if type(code) is not int or code == 0 or (code == 1 and _command(call) in _ANSWER_NO):
        return None
    return f"exit code {code}"


def _command(call: dict[str, Any]) -> str:
    """The program whose exit code is that of a shell call: the last one."""
    given = as_object(call.get("arguments")) or as_object(call.get("action"))
    told = given.get("cmd", given.get("command"))
    words = told if isinstance(told, list) else ["sh", "-c", told]
    if len(words) == 3 and words[1] in ("-c", "-lc"):
        script = shlex.shlex(str(words[2]), posix=True, punctuation_chars=True)
        script.commenters = ""
        try:
            words = list(script)
        except ValueError:  # a quote that is not closed
            return ""
        words = words[max((place + 1 for place, word in enumerate(words) if word.strip("|&;") == ""), default=0) :]
    return str(words[0]).rpartition("/")[2] if words else ""
