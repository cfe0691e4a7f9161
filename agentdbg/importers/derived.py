"""Spans for formats that record a sequence of messages and no spans: what is derived says so, and what a model was
given is put together from what was said before."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec

from agentdbg.importers.notes import Notebook
from agentdbg.importers.record_fields import time_ns
from agentdbg.rows import NoteRow, RawSpan

DERIVED = "agentdbg.derived"
PROMPT_BYTES = 16 * 1024 * 1024  # of one agent's prompts: each repeats all that was said before it


def mark(attributes: dict[str, Any], *what: str) -> dict[str, Any]:
    """The attributes with a list of what the file does not record: "tree" (the span and its place), "times" (only
    their order is known), "input" (a prompt, part of which is missing)."""
    attributes[DERIVED] = list(what)
    return attributes


def note(what: str, times: bool = True) -> NoteRow:
    """The note on a file whose spans are derived. what: "an ATIF trajectory"; times: whether it records any."""
    unsaid = ", times tell only their order" if not times else ""
    return NoteRow("info", f"{what} records messages, no spans: the tree was derived from their order{unsaid}")


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where a record was written. at_ns: its time; where it tells none, that of the record before it; where
    none does, its place in their order."""

    at_ns: int
    timed: bool
    line: int


def derived_span(
    trace_id: str, span_id: str, parent_id: str | None, name: str, moment: Moment, attributes: dict[str, Any],
    scope: str, resource: dict[str, Any], whole: bool,
) -> RawSpan:  # fmt: skip
    """A span that begins at a record and is marked as derived. whole: what it was given is all known."""
    derived = ["tree", *(() if moment.timed else ("times",)), *(() if whole else ("input",))]
    return RawSpan(
        trace_id,
        span_id,
        parent_id,
        name,
        moment.at_ns,
        None,
        attributes=mark(attributes, *derived),
        scope=scope,
        resource=resource,
        line=moment.line,
    )


class Clock:
    """The moments of one file's records. recorded: whether all of them are times."""

    def __init__(self, notes: Notebook) -> None:
        self.recorded = True
        self._notes = notes
        self._ticks = count(1)
        self._last: Moment | None = None

    def moment(self, timestamp: Any, line: int) -> Moment:
        at_ns = time_ns(timestamp, "timestamp", line, self._notes)
        if at_ns is None and self._last is not None and self._last.timed:
            at_ns = self._last.at_ns
        self.recorded = self.recorded and at_ns is not None
        self._last = Moment(next(self._ticks), False, line) if at_ns is None else Moment(at_ns, True, line)
        return self._last


class Prompts:
    """What one agent's model calls were given: all that was said before each, as long as that stays small altogether;
    then only what is new."""

    def __init__(self) -> None:
        self._said: list[dict[str, Any]] = []
        self._bytes = self._spent = self._seen = 0

    def add(self, message: dict[str, Any]) -> None:
        self._said.append(message)
        self._bytes += len(msgspec.json.encode(message))

    def grow(self, part: Any) -> None:
        """A message that was added has got one part more."""
        self._bytes += len(msgspec.json.encode(part))

    def forget(self) -> None:
        """The agent goes on with a new conversation, such as a summary of the old one."""
        self._said, self._bytes, self._seen = [], 0, 0

    def take(self) -> tuple[list[dict[str, Any]], bool]:
        """The prompt of a call, and whether it is all of it."""
        self._spent += self._bytes
        whole = self._seen == 0 or self._spent <= PROMPT_BYTES
        found = self._said[0 if whole else self._seen :]
        self._seen = len(self._said)
        return found, whole
