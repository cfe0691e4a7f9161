"""JSON that holds chat messages, to conversations: an array of messages, one message a line, an object that holds such
an array, and any number of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeAlias

from agentdbg.importers.contract import Row
from agentdbg.importers.conversation import Conversations, Told, Turn, is_item
from agentdbg.importers.derived import note
from agentdbg.importers.json_pieces import Piece, pieces
from agentdbg.importers.json_records import salvaged, unknown
from agentdbg.importers.notes import Notebook
from agentdbg.rows import RawSpan
from agentdbg.vocabulary.messages import is_message, message

LISTS = ("messages", "history", "chat_history", "conversation", "trajectory", "traj", "transcript")
_EXPECTED = "chat messages"
_OPENING = re.compile(rb"[\s\[]*")

Record: TypeAlias = Callable[[dict[str, Any], list[Turn], int], Told]
"""What an object tells that holds messages: called with it, its messages, and its line."""


def rows(stream: BinaryIO, scope: str, record: Record, *, alone: bool) -> Iterator[Row]:
    """The spans of every conversation in a stream. alone: every record is a run of its own, also where it begins with
    what an earlier one says."""
    notes = Notebook()
    conversations = Conversations(scope, notes)
    loose: list[Turn] = []
    first_line = 0
    for piece in pieces(stream, arrays=True):
        value, _ = salvaged(piece, _EXPECTED, notes, _depth(piece.text))
        if isinstance(value, dict) and _is_turn(value):
            loose += turns([value], piece.line, notes)
            first_line = first_line or piece.line
            continue
        for told in _told(value, piece, record, notes):
            yield from _spans(told, conversations, alone)
        yield from notes.drain()
    if loose:
        yield from conversations.spans(Told(loose, line=first_line))
    yield from conversations.rest()
    yield from notes.finish()
    if conversations.timed is not None:
        yield note("a list of messages", conversations.timed)


def turns(values: list[Any], line: int, notes: Notebook) -> list[Turn]:
    """The messages of an array. A role that is none is the name of the agent that speaks; in a group chat, where
    everybody but the one who kept it has the user's role, the names are those of agents."""
    found: list[Turn] = []
    for value in values:
        if not isinstance(value, dict) or not _is_turn(value):
            unknown(value, "a chat message", line, notes)
        elif _is_said(value):
            found.append(Turn(value, message(value)))
        else:
            found.append(Turn(value, message({"name": value["role"], **value, "role": "assistant"})))
    others = [turn for turn in found[1:] if turn.said["role"] == "user"]
    names = {turn.said.get("name") for turn in others}
    if len(names) > 1 and None not in names:
        for turn in others:
            turn.said["role"] = "assistant"
    return found


def listed(record: dict[str, Any]) -> tuple[str, list[Any]] | None:
    """The field of an object that holds messages, and these."""
    return next(((key, record[key]) for key in LISTS if isinstance(record.get(key), list)), None)


def _spans(told: Told, conversations: Conversations, alone: bool) -> Iterator[RawSpan]:
    yield from conversations.spans(told)
    if alone:
        yield from conversations.rest()


def _told(value: Any, piece: Piece, record: Record, notes: Notebook) -> Iterator[Told]:
    """The conversations in a JSON value: an array is one if its elements are messages, else it holds some."""
    if isinstance(value, dict):
        inner = value.get("request")
        found = listed(value) or (listed(inner) if isinstance(inner, dict) else None)
        if found is not None:
            yield record(value, turns(found[1], piece.line, notes), piece.line)
            return
    if isinstance(value, list) and any(isinstance(one, dict) and _is_turn(one) for one in value):
        yield Told(turns(value, piece.line, notes), line=piece.line)
    elif isinstance(value, list):
        for one in value:
            yield from _told(one, piece, record, notes)
    elif value is not None:
        unknown(value, _EXPECTED, piece.line, notes)


def _is_turn(value: dict[str, Any]) -> bool:
    return _is_said(value) or (isinstance(value.get("role"), str) and "content" in value)


def _is_said(value: dict[str, Any]) -> bool:
    return is_message(value) or is_item(value)


def _depth(text: bytes) -> int:
    """How many brackets are open around a message of this text, for the case that it breaks off."""
    opening = _OPENING.match(text)
    around = opening[0].count(b"[") if opening else 0
    holds = any(f'"{key}"'.encode() in text[:4096] for key in LISTS)
    return around + 2 if holds else max(1, around)
