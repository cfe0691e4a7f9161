"""`agentdbg schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from agentdbg.cli.options import Drawing
from agentdbg.cli.output import write


def command(
    drawing: Drawing,
    view: Annotated[
        str | None, typer.Argument(metavar="[VIEW]", help="One view in full; without it all of them in short.")
    ] = None,
) -> None:
    """The views that `query` asks.

    \b
    Examples:
      agentdbg schema
      agentdbg schema llm_calls
      agentdbg schema --json
    """
    from agentdbg.config import nearest
    from agentdbg.errors import AgentdbgError
    from agentdbg.reporters import schema as pages
    from agentdbg.store import Store
    from agentdbg.store.documentation import documented

    with Store.in_memory() as store:
        store.document()
        views = documented(store.reader())
    named = [one for one in views if view in (None, one.name)]
    if not named:
        raise AgentdbgError(f"there is no view {view}", nearest(str(view), [one.name for one in views]))
    write(
        drawing,
        {
            "text": lambda stream, look: (
                pages.view(named[0], stream, look) if view else pages.listing(named, stream, look)
            ),
            "json": lambda stream, look: pages.as_json(named, stream),
        },
    )
