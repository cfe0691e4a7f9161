"""Text for people: on a terminal, and into a pipe as plain and stable bytes.

Nothing of a trace is ever interpreted: it is cleaned, measured in cells and cut, and colour is put beside it, never
into it. Each page is imported when it is drawn.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from agentdbg.reporters.terminal.line import Look

if TYPE_CHECKING:
    from agentdbg.reporters.terminal.findings import check
    from agentdbg.reporters.terminal.listing import traces
    from agentdbg.reporters.terminal.one_span import span
    from agentdbg.reporters.terminal.run import show

__all__ = ["Look", "check", "show", "span", "traces"]

_PAGES = {"check": "findings", "show": "run", "span": "one_span", "traces": "listing"}


def __getattr__(name: str) -> object:
    if name not in _PAGES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_PAGES[name]}"), name)
