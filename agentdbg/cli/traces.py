"""`agentdbg traces`."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Annotated, Literal

import typer

from agentdbg.cli import messages
from agentdbg.cli.judged import judge_files
from agentdbg.cli.opening import opened
from agentdbg.cli.options import Drawing, Paths, Sources
from agentdbg.cli.output import write
from agentdbg.cli.times import length_ns, moment_ns

_NEAR = 3


def command(
    sources: Sources,
    drawing: Drawing,
    paths: Paths,
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
    from agentdbg.view.listing import Choice, lines, summaries

    start = moment_ns(since) if since else None
    within = length_ns(since, "--since") if since and start is None else None
    with opened(paths, sources) as here:
        judge_files(here)
        choice = Choice(failed, start, within, agent, sort, limit)
        found = lines(here.store.reader(), choice, stale(here.store, here.config.detectors))
        if agent and not found:
            _tell_unknown(agent, {name for run in summaries(here.store.reader()) for name in run.agents})
        write(
            drawing,
            {
                "text": lambda stream, look: terminal.traces(found, stream, look),
                "json": lambda stream, look: as_json(found, stream),
            },
        )


def _tell_unknown(agent: str, names: Collection[str]) -> None:
    """A misspelt agent is not one that did nothing."""
    if agent.lower() in {name.lower() for name in names}:
        return
    near = difflib.get_close_matches(agent, sorted(names), _NEAR) or sorted(names)[:_NEAR]
    messages.note(f"no run of agent {agent}; " + (f"nearest: {', '.join(near)}" if near else "no run names an agent"))
