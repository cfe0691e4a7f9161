"""`agentdbg handoffs`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from agentdbg.cli.asked import trace_of, worst_recent
from agentdbg.cli.nexts import typed
from agentdbg.cli.opening import opened, split
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import targets, write
from agentdbg.errors import AgentdbgError


def command(
    sources: Sources,
    drawing: Drawing,
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="[TRACE_ID] [PATH]...",
            default_factory=list,
            show_default=False,
            help="A run (4 characters of its id), trace files.",
        ),
    ],
) -> None:
    """What passed from agent to agent.

    One row an edge: what the sender was asked and sent, what the receiver was given, what did not arrive, and whether
    the message is written as it usually is; the other runs that are here tell what is usual. Without TRACE_ID it is the
    worst run of the newest hour.

    \b
    Examples:
      agentdbg handoffs 4bf9
      agentdbg handoffs run.jsonl
      agentdbg handoffs 4bf9 traces/ --json
    """
    from agentdbg.analysis.handoffs import exchanges
    from agentdbg.reporters import handoffs as pages

    targets(drawing, {"text": None, "json": None})
    ids, paths = split(asked)
    if len(ids) > 1:
        raise AgentdbgError(f"one run at a time, not {len(ids)}: {', '.join(ids)}", "`agentdbg traces` lists runs")
    with opened(paths, sources, ids) as here:
        trace_id = trace_of(here, ids[0]) if ids else worst_recent(here)
        found = exchanges(here.store.reader([trace_id]), trace_id)
        found = replace(found, next=tuple(typed(here, command, trace_id) for command in found.next))
        write(
            drawing,
            {
                "text": lambda stream, look: pages.text(found, stream, look),
                "json": lambda stream, look: pages.as_json(found, stream),
            },
        )
