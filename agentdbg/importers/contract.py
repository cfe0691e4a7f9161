"""What an importer is: the shape every file on this shelf has, and the words it shares with the rooms beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, TypeAlias

from agentdbg.errors import AgentdbgError
from agentdbg.rows import NoteRow, RawLog, RawSpan

Row: TypeAlias = RawSpan | RawLog | NoteRow


class Unreadable(AgentdbgError):
    """An input that was named by the user and holds no trace. Other inputs are still read; the exit code is 2 in the
    end."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a stream comes from. `mapping` is `--map`: our plain field name to the dotted path that holds it in the
    file. by_line: it is a stretch of whole lines, out of a file whose first line told that it holds JSON lines."""

    name: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    by_line: bool = False


class Importer(Protocol):
    """One trace format. One class a file of this folder; nothing to register.

    name: what `--from` takes. rank: importers are asked in this order, the most specific format first.
    """

    name: str
    rank: int

    def sniff(self, head: bytes, name: str) -> bool:
        """Whether a file that begins with `head` (decompressed, UTF-8, at most 64 KB) is of this format. `name` may
        only break a tie: content decides."""
        ...

    def read(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        """The spans, logs and notes of a stream. Whatever the bytes are: nothing is raised but AgentdbgError, nothing
        that is lost goes without a note, and memory is bounded by the largest single record."""
        ...
