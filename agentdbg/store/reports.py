"""How inputs are to be read, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentdbg.errors import AgentdbgError
from agentdbg.model import Note

if TYPE_CHECKING:
    from agentdbg.pricing import OwnPrices


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """forced: format name of `--from`. mapping: our field → path, of `--map`. prices: the user's own, before the
    library's. jobs: how many processes read (1: this one alone); None: as many as there are processors, where there is
    much to read. redact: secrets and personal data do not get into the store; one process reads."""

    forced: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    prices: OwnPrices | None = None
    jobs: int | None = None
    redact: bool = False


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one input. state:

    - new: read, it or its content was not in the store
    - grown: its beginning was in the store; what followed was read
    - anew: read before, but not in this way, or not to this length: what it gave then was replaced
    - priced: as unchanged, but its costs are made anew, by other prices
    - unchanged: its bytes are in the store already
    - unreadable: no trace in a file that was named
    - note: no trace in a file inside a folder

    known: spans that were in the store already or twice in the input. notes: of an input that was not kept; those of
    others are in the store.
    """

    source: str
    state: str
    spans: int = 0
    logs: int = 0
    known: int = 0
    bytes: int = 0
    error: AgentdbgError | None = None
    notes: tuple[Note, ...] = ()


READ = ("new", "grown", "anew")
"""States of inputs of which something was read and kept."""

Progress = Callable[[str, int], None]
"""Called with (source, spans read of it so far)."""
