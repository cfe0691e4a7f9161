"""`agentdbg agents`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentdbg.cli.asked import trace_of
from agentdbg.cli.opening import opened, split
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import targets, write
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.cli.opening import Opened


def command(
    sources: Sources,
    drawing: Drawing,
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[TRACE_ID] [PATH]...",
            default_factory=list,
            show_default=False,
            help="One run, or all of these files; else of the store.",
        ),
    ],
    sort: Annotated[
        Literal["time", "cost", "tokens", "errors", "calls", "turns", "name"],
        typer.Option(help="What the first agent has most of."),
    ] = "time",
) -> None:
    """Who did how much, how well, how fast, for how much, and what was handed to whom.

    ok: turns that ended well, of those that ended. own time: time that no span below explains better; path: how long
    the run waited for it (of one run). rounds: most model calls in one turn. share: of what is sorted by. findings:
    without hints and mere information. A cost with a sign before it is the least it was, since some calls have no
    price.

    \b
    Examples:
      agentdbg agents run.jsonl
      agentdbg agents --sort cost
      agentdbg agents 371e6f59 --sort errors --json
    """
    from agentdbg.analysis.metrics import metrics
    from agentdbg.check.judging import judgement
    from agentdbg.reporters import metrics as pages

    targets(drawing, {"text": None, "json": None})
    ids, paths = split(arguments)
    if len(ids) > 1:
        raise AgentdbgError(f"one run at a time, not {len(ids)}: {', '.join(ids)}", "without an id: all of them")
    with opened(paths, sources, ids) as here:
        trace_id = trace_of(here, ids[0]) if ids else _only(here)
        judged, _ = judgement(here.store, here.config.detectors, [trace_id] if trace_id else None)
        found = metrics(here.store.reader(), judged.findings, trace_id)
        title = f"run {trace_id[:8]}" if ids and trace_id else ""
        write(
            drawing,
            {
                "text": lambda stream, look: pages.agents_text(found, sort, title, stream, look),
                "json": lambda stream, look: pages.as_json(found, sort, stream),
            },
        )


def _only(here: Opened) -> str | None:
    """The run, where there is but one."""
    trace_ids = here.store.reader().trace_ids()
    return trace_ids[0] if len(trace_ids) == 1 else None
