"""Trace files and streams in, raw spans and notes out. One file a format; see `contract.Importer` for what a new one
needs."""

from agentdbg.importers.contract import Importer, Row, Source, Unreadable
from agentdbg.importers.discover import Reading, format_of, names, nothing_in, read_input, read_lines, shelf
from agentdbg.importers.inputs import Input, expand
from agentdbg.importers.streams import Opened, open_input

__all__ = [
    "Importer",
    "Input",
    "Opened",
    "Reading",
    "Row",
    "Source",
    "Unreadable",
    "expand",
    "format_of",
    "names",
    "nothing_in",
    "open_input",
    "read_input",
    "read_lines",
    "shelf",
]
