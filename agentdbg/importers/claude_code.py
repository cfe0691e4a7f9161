"""Claude Code's sessions: the JSON lines it keeps of each, those of its sub-agents, and what it prints as stream-json.

A session is a trace: the main agent, a turn for each prompt, the model calls and tools of the turn. A sub-agent stands
below the tool call that started it, whether its records are in the same file (side chains) or in one of their own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from agentdbg.importers.claude_code_lanes import SPAWNS, Lane, fields
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.derived import Clock, Moment, note
from agentdbg.importers.json_pieces import pieces
from agentdbg.importers.json_records import records, unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import as_object, tells, text
from agentdbg.rows import NoteRow, RawEvent, RawSpan

_MAIN = "claude-code"
_NO_MODEL = "<synthetic>"  # an answer that Claude Code wrote itself
_RECORD = "a record of a Claude Code session: type with sessionId"
_TOLD = re.compile(r"<tool-use-id>(.*?)</tool-use-id>.*?<status>(.*?)</status>", re.DOTALL)


class ClaudeCode:
    name = "claude-code"
    rank = 42

    def sniff(self, head: bytes, name: str) -> bool:
        return any(
            ("sessionId" in shape and bool({"parentUuid", "isSidechain", "leafUuid"} & shape))
            or {"session_id", "parent_tool_use_id", "type"} <= shape
            for shape in shapes(head)
        )

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        notes = Notebook()
        session = _Session(notes)
        for piece in pieces(stream):
            for record in records(piece, _RECORD, notes):
                if isinstance(record, dict) and isinstance(record.get("type"), str):
                    yield from session.record(record, piece.line)
                else:
                    unknown(record, _RECORD, piece.line, notes)
            yield from notes.drain()
        yield from session.close()
        yield from notes.finish()


class _Session:
    """The agents of one file. Several sessions in it are several traces."""

    def __init__(self, notes: Notebook) -> None:
        self._notes = notes
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._chains: dict[str, str] = {}  # record of a side chain: the lane it belongs to
        self._clock = Clock(notes)
        self._id = ""
        self._skipped: Counter[str] = Counter()

    def record(self, record: dict[str, Any], line: int) -> Iterator[RawSpan]:
        kind, message = record["type"], as_object(record.get("message"))
        self._id = text(record.get("sessionId")) or text(record.get("session_id")) or self._id or "session"
        if not _is_step(record, message):
            self._skipped[kind if kind != "assistant" else "assistant (by Claude Code itself)"] += 1
            return
        moment = self._clock.moment(record.get("timestamp"), line)
        lane = self._lane(record, message, moment)
        if kind == "assistant":
            yield from lane.answer(message, record, moment)
        elif kind == "system":
            yield from self._system(lane, record, moment)
        elif kind == "result":
            self._result(lane, record)
        else:
            yield from self._said(lane, record, message, moment)

    def close(self) -> Iterator[Row]:
        """The agents themselves, and notes on what is in no span."""
        for lane in self._lanes.values():
            yield from lane.close()
        if self._lanes:
            yield note("a Claude Code session", self._clock.recorded)
        if self._skipped:
            told = ", ".join(f"{number} {kind}" for kind, number in sorted(self._skipped.items()))
            yield NoteRow("info", f"records that are no step of an agent were left out: {told}")

    def _lane(self, record: dict[str, Any], message: dict[str, Any], moment: Moment) -> Lane:
        key = text(record.get("parent_tool_use_id")) or ""
        if record.get("isSidechain"):
            uuid, above = text(record.get("uuid")), text(record.get("parentUuid"))
            key = text(record.get("agentId")) or self._chains.get(above or "") or uuid or ""
            if uuid is not None and not record.get("agentId"):
                self._chains[uuid] = key
        if (lane := self._lanes.get((self._id, key))) is None:
            lane = self._lanes[self._id, key] = self._new(key, record, message, moment)
        return lane

    def _new(self, key: str, record: dict[str, Any], message: dict[str, Any], moment: Moment) -> Lane:
        resource = {"service.name": _MAIN, "service.version": record.get("version")}
        resource.update({f"claude_code.{name}": record.get(name) for name in ("cwd", "gitBranch", "userType")})
        resource = {name: value for name, value in resource.items() if tells(value)}
        named = text(record.get("agentName")) or _MAIN
        if not key:
            return Lane(self._id, self._id, None, named, resource, True, moment, moment.at_ns)
        spawn = self._spawn(key, message)
        return Lane(
            self._id,
            f"{key}/agent" if spawn is not None and spawn.span_id == key else key,
            spawn.span_id if spawn is not None else self._id,
            _agent_type(spawn) or key,
            resource,
            False,
            moment,
            moment.at_ns,
        )

    def _spawn(self, key: str, message: dict[str, Any]) -> RawSpan | None:
        """The tool call, still waiting for its result, that started a sub-agent: the one that is named, else the one
        whose prompt is the first thing the sub-agent was told."""
        waiting = [span for lane in self._lanes.values() for span in lane.tools.values()]
        named = next((span for span in waiting if span.span_id == key), None)
        return named or next((span for span in waiting if _prompt(span) == message.get("content")), None)

    def _said(self, lane: Lane, record: dict[str, Any], message: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """A record in the user's name: results of tools, or a prompt."""
        content = message.get("content")
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        results = [block for block in blocks if block.get("type") == "tool_result"]
        for block in results:
            span = lane.result(block, record if len(results) == 1 else {}, moment)
            if span is None:
                self._notes.add("info", "results without their tool call are only in the next prompt", line=moment.line)
                continue
            self._joined(lane, span, record, moment)
            yield span
        rest = [block for block in blocks if block.get("type") != "tool_result"]
        if not results or rest:
            told = rest if results else content
            if as_object(record.get("origin")).get("kind") == "task-notification":
                self._notified(told, moment)
            if record.get("isCompactSummary"):
                lane.prompts.forget()
            yield from lane.prompt(told, record, moment)

    def _joined(self, lane: Lane, span: RawSpan, record: dict[str, Any], moment: Moment) -> None:
        """The sub-agent that a result came from: its records may be here, or in a file of its own."""
        if span.name not in SPAWNS:
            return
        told = as_object(record.get("toolUseResult"))
        child = self._child(text(told.get("agentId")), lane, span, moment)
        if child is None:
            return
        child.parent_id, child.start = span.span_id, _start(span, moment)
        child.name = text(told.get("agentType")) or _agent_type(span) or child.name
        child.attributes.update({f"claude_code.{key}": told[key] for key in told if key not in ("content", "prompt")})
        child.attributes.setdefault("claude_code.task", _prompt(span))
        if span.status == "error" or told.get("status", "completed") == "completed":
            if tells(told.get("content")):
                child.attributes.setdefault("claude_code.answer", told["content"])
            child.until(moment)
            child.status, child.error = ("error", span.status_message) if span.status == "error" else ("ok", None)

    def _child(self, agent_id: str | None, lane: Lane, span: RawSpan, moment: Moment) -> Lane | None:
        """The agent that this tool call started; None where no record tells of one."""
        if agent_id is None:
            return next((one for one in self._lanes.values() if one.parent_id == span.span_id), None)
        if (self._id, agent_id) not in self._lanes:
            child = Lane(self._id, agent_id, span.span_id, agent_id, lane.resource, False, _start(span, moment), None)
            self._lanes[self._id, agent_id] = child
        return self._lanes[self._id, agent_id]

    def _notified(self, content: Any, moment: Moment) -> None:
        """A sub-agent in the background is done."""
        found = _TOLD.search(content) if isinstance(content, str) else None
        for lane in self._lanes.values():
            if found and lane.parent_id == found[1]:
                lane.until(moment)
                lane.status = "ok" if found[2] == "completed" else lane.status

    def _system(self, lane: Lane, record: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """What Claude Code tells of itself. A failed request that it will repeat is a model call; everything else
        stays an event of the agent."""
        told = fields(record)
        if record.get("subtype") == "api_error":
            error = as_object(record.get("error")) or as_object(record.get("cause"))
            status = error.get("status") or error.get("code")
            yield lane.failed(record, moment, f"API error {status}" if status else "API error")
            return
        if record.get("subtype") == "init":
            lane.attributes.update(told)
        elif record.get("subtype") == "compact_boundary":
            lane.prompts.forget()
        lane.events.append(RawEvent(f"system.{record.get('subtype') or 'message'}", moment.at_ns, told))

    def _result(self, lane: Lane, record: dict[str, Any]) -> None:
        """How a printed session ended: sums over the whole of it."""
        lane.attributes.update({f"claude_code.result.{key.removeprefix('claude_code.')}": value
                                for key, value in fields(record).items()})  # fmt: skip
        if record.get("is_error"):
            lane.status, lane.error = "error", text(record.get("result")) or text(record.get("subtype"))


def _is_step(record: dict[str, Any], message: dict[str, Any]) -> bool:
    if record["type"] == "assistant":
        return bool(message) and (message.get("model") != _NO_MODEL or bool(record.get("isApiErrorMessage")))
    if record["type"] == "result":
        return "subtype" in record
    return record["type"] == "system" or (record["type"] in ("user", "tool_result") and bool(message))


def _start(span: RawSpan, moment: Moment) -> Moment:
    """When a tool call was asked for whose result came now."""
    return Moment(span.start_ns or moment.at_ns, moment.timed, span.line or moment.line)


def _agent_type(span: RawSpan | None) -> str | None:
    given = as_object(as_object(span.attributes.get("claude_code.tool_use")).get("input")) if span is not None else {}
    return text(given.get("subagent_type")) or text(given.get("name"))


def _prompt(span: RawSpan) -> Any:
    """The prompt of a tool call that starts a sub-agent; of any other tool, what no message is."""
    if span.name not in SPAWNS:
        return object()
    return as_object(as_object(span.attributes.get("claude_code.tool_use")).get("input")).get("prompt", object())
