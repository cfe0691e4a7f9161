"""Text for people: on a terminal, and into a pipe as plain and stable bytes.

Nothing of a trace is ever interpreted: it is cleaned, measured in cells and cut, and colour is put beside it, never
into it.
"""

from agentdbg.reporters.terminal.findings import check
from agentdbg.reporters.terminal.line import Look
from agentdbg.reporters.terminal.listing import traces
from agentdbg.reporters.terminal.one_span import span
from agentdbg.reporters.terminal.run import show

__all__ = ["Look", "check", "show", "span", "traces"]
