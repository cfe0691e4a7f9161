"""What `langsmith-fetch` prints: the messages of a trace or thread, or {"trace_id", "messages", "metadata", …}, one or
an array of them. It tells no runs, so the tree is rebuilt from the messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from agentdbg.importers.chat_records import rows
from agentdbg.importers.contract import Row, Source
from agentdbg.importers.conversation import Told, Turn
from agentdbg.importers.json_shape import shapes
from agentdbg.importers.times import to_ns

SCOPE = "langsmith-fetch"
_IDS = frozenset({"trace_id", "thread_id"})
_FIELDS = _IDS | {"messages", "metadata", "feedback"}
_OF_LANGCHAIN = frozenset({"additional_kwargs", "response_metadata"})
_STATUS = {"success": "ok", "error": "error"}


class LangSmithFetch:
    name = "langsmith-fetch"
    rank = 12

    def sniff(self, head: bytes, name: str) -> bool:
        return any(_is_trace(shape) or _is_message(shape) for shape in shapes(head))

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        return rows(stream, SCOPE, _told, alone=True)


def _is_trace(shape: frozenset[str]) -> bool:
    top = frozenset(path for path in shape if "." not in path)
    return bool(top & _IDS) and "messages" in top and top <= _FIELDS


def _is_message(shape: frozenset[str]) -> bool:
    return {"type", "content"} <= shape and bool(_OF_LANGCHAIN & shape) and "role" not in shape


def _told(record: dict[str, Any], turns: list[Turn], line: int) -> Told:
    metadata = record.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    trace_id = record.get("trace_id")
    return Told(
        turns,
        beside={key: value for key, value in record.items() if key not in ("messages", "trace_id")},
        trace_id=str(trace_id) if trace_id else None,
        status=_STATUS.get(str(metadata.get("status")), "unset"),
        start_ns=to_ns(metadata.get("start_time")),
        end_ns=to_ns(metadata.get("end_time")),
        line=line,
    )
