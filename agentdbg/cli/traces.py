"""`agentdbg traces`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from agentdbg.cli.judged import judge_files
from agentdbg.cli.opening import opened
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import write
from agentdbg.cli.times import length_ns, moment_ns


def command(
    sources: Sources,
    drawing: Drawing,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="[PATH]...", default_factory=list, show_default=False, help="Trace files; else the store."
        ),
    ],
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that ended in an error.")] = False,
    since: Annotated[
        str | None,
        typer.Option(metavar="1h|DATE", help="Runs of the last hour before the newest run, or from a date on."),
    ] = None,
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Only runs in which this agent took part.")] = None,
    sort: Annotated[
        Literal["start", "wall", "tokens", "cost", "findings"], typer.Option(help="The largest first.")
    ] = "start",
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many.")] = None,
) -> None:
    """One line a run, with its worst finding.

    \b
    Examples:
      agentdbg traces
      agentdbg traces --failed --since 12h
      agentdbg traces exports/ --sort cost --limit 10
    """
    from agentdbg.check.judging import stale
    from agentdbg.reporters import terminal
    from agentdbg.reporters.json import traces as as_json
    from agentdbg.view.listing import Choice, lines

    start = moment_ns(since) if since else None
    within = length_ns(since, "--since") if since and start is None else None
    with opened(paths, sources) as here:
        judge_files(here)
        choice = Choice(failed, start, within, agent, sort, limit)
        found = lines(here.store.reader(), choice, stale(here.store, here.config.detectors))
        write(
            drawing,
            {
                "text": lambda stream, look: terminal.traces(found, stream, look),
                "json": lambda stream, look: as_json(found, stream),
            },
        )
