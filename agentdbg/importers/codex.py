"""Codex's session files ("rollouts"): lines of {timestamp, type, payload}.

A thread is an agent: its turns, their model calls and tools. A sub-agent's thread has a file of its own and stands
below the thread that started it, in one trace. The file of a fork begins with what the other thread said; that is only
in its prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from agentdbg.importers.codex_threads import Thread
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.derived import Clock, Moment, note
from agentdbg.importers.json_pieces import pieces
from agentdbg.importers.json_records import records, unknown
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import as_object, text, time_ns
from agentdbg.rows import NoteRow, RawSpan

_RECORD = "a record of a Codex session: type and payload"
_KINDS = (b'"session_meta"', b'"response_item"', b'"event_msg"', b'"turn_context"')
_REPEATS = frozenset({"agent_message", "agent_reasoning", "agent_reasoning_raw_content"})  # events beside the items
_CALLS, _RESULTS = "_call", "_output"
_COPIED = "what a fork repeats of the thread it was forked from is only in its prompts"


class Codex:
    name = "codex"
    rank = 44

    def sniff(self, head: bytes, name: str) -> bool:
        return any(kind in head for kind in _KINDS) and any({"type", "payload"} <= shape for shape in shapes(head))

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        notes = Notebook()
        session = _Session(notes)
        for piece in pieces(stream):
            for record in records(piece, _RECORD, notes):
                if isinstance(record, dict) and isinstance(record.get("payload"), dict) and "type" in record:
                    yield from session.record(record, piece.line)
                else:
                    unknown(record, _RECORD, piece.line, notes)
            yield from notes.drain()
        yield from session.close()
        yield from notes.finish()


class _Session:
    """The threads of one file: one, unless files were put together."""

    def __init__(self, notes: Notebook) -> None:
        self._notes = notes
        self._clock = Clock(notes)
        self._thread: Thread | None = None
        self._left_out: Counter[str] = Counter()

    def record(self, record: dict[str, Any], line: int) -> Iterator[RawSpan]:
        kind, payload = str(record["type"]), record["payload"]
        moment = self._clock.moment(record.get("timestamp") or payload.get("timestamp"), line)
        if kind == "session_meta":
            yield from self._meta(payload, moment)
            return
        thread = self._thread = self._thread or self._begun({}, moment)
        thread.at(moment)
        if kind == "response_item":
            yield from self._item(thread, payload, moment)
        elif kind == "event_msg":
            yield from self._event(thread, payload, moment)
        elif kind == "turn_context":
            thread.context(payload)
        elif kind == "compacted":
            yield from thread.compacted(payload, moment)
        else:
            self._left_out[kind] += 1

    def close(self) -> Iterator[Row]:
        if self._thread is not None:
            yield from self._ended(self._thread)
            yield note("a Codex session", self._clock.recorded)
        if self._left_out:
            told = ", ".join(f"{number} {kind}" for kind, number in sorted(self._left_out.items()))
            yield NoteRow("info", f"records that are no step of an agent, or repeat one, were left out: {told}")

    def _meta(self, meta: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """A thread begins; or one that forked another repeats what that one is, or one that goes on what it is."""
        if self._thread is not None and (self._thread.opening or text(meta.get("id")) == self._thread.span_id):
            self._left_out["session_meta"] += 1
            return
        if self._thread is not None:
            yield from self._ended(self._thread)
        self._thread = self._begun(meta, moment)

    def _begun(self, meta: dict[str, Any], moment: Moment) -> Thread:
        began_ns = time_ns(meta.get("timestamp"), "timestamp", moment.line, self._notes)
        return Thread(meta, moment, began_ns if began_ns is not None and moment.timed else moment.at_ns)

    def _ended(self, thread: Thread) -> Iterator[RawSpan]:
        if thread.copied:
            self._notes.add("info", _COPIED, f"{thread.copied} answers", line=thread.line)
        yield from thread.close()

    def _item(self, thread: Thread, item: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """What was said to the model, or by it."""
        kind = str(item.get("type"))
        if kind == "reasoning" or (kind == "message" and item.get("role") == "assistant"):
            yield from thread.answered(item, moment)
        elif kind == "message":
            yield from thread.told(item, moment)
        elif kind.endswith(_CALLS):
            yield from thread.answered(item, moment)
            yield from thread.asked(item, moment)
        elif kind.endswith(_RESULTS):
            if (span := thread.result(item, moment)) is not None:
                yield span
            elif not thread.opening:
                self._notes.add("info", "results without their tool call are only in the next prompt", line=moment.line)
            yield from thread.paused()
        else:
            self._left_out[kind] += 1

    def _event(self, thread: Thread, event: dict[str, Any], moment: Moment) -> Iterator[RawSpan]:
        """What happened beside that."""
        kind = str(event.get("type"))
        if kind == "token_count":
            yield from thread.counted(as_object(event.get("info")))
        elif kind in ("task_started", "turn_started"):
            yield from thread.turn(text(event.get("turn_id")), moment)
        elif kind in ("task_complete", "turn_complete", "turn_aborted"):
            yield from thread.turn_ended(event, moment)
        elif kind == "user_message":
            yield from thread.prompted(event, moment)
        elif kind in _REPEATS:
            self._left_out[kind] += 1
        else:
            thread.event(kind, event, moment)
