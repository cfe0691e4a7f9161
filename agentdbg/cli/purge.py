"""`agentdbg purge`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentdbg.cli import messages
from agentdbg.cli.opening import baseline_of, store_path
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import targets, write
from agentdbg.cli.times import length_ns, moment_ns
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.config import Config
    from agentdbg.store import Store


def command(
    sources: Sources,
    drawing: Drawing,
    asked: Annotated[
        list[str],
        typer.Argument(metavar="[TRACE_ID]...", default_factory=list, show_default=False, help="Runs to remove."),
    ],
    older_than: Annotated[
        str | None, typer.Option(metavar="30d|DATE", help="Runs that ended longer ago, or before a date.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every run, and all that is known of files.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, --all is meant.")] = False,
) -> None:
    """Remove runs from the store, and from its file on disk.

    Nothing of them stays: no prompt, no log record, no finding, no note. The trace files are left alone: delete them
    too, since a run comes back when its file is ingested again.

    \b
    Examples:
      agentdbg purge 371e6f59
      agentdbg purge --older-than 30d
      agentdbg purge --all --yes
    """
    from agentdbg.config import load
    from agentdbg.reporters import purge as pages
    from agentdbg.store import Store
    from agentdbg.store.purging import ended_before, to_purge

    if [bool(asked), older_than is not None, everything].count(True) != 1:
        raise AgentdbgError("name the runs to purge", "agentdbg purge TRACE_ID..., --older-than 30d, or --all")
    if everything and not yes:
        raise AgentdbgError("--all removes every run from the store", "if that is meant: agentdbg purge --all --yes")
    before = _moment(older_than) if older_than else 0
    config = load(sources.config, Path.cwd())
    targets(drawing, {"text": None, "json": None})
    with Store.change(store_path(sources, asked)) as store:
        runs = None if everything else to_purge(store.reader(), asked)
        if older_than:
            runs, timeless = ended_before(store.reader(), before)
            if timeless:
                messages.note(f"runs that tell no time stay: {timeless}")
        done = store.purge(runs, lambda kept: _judge(kept, config))
    write(
        drawing,
        {
            "text": lambda stream, look: pages.text(done, stream, look),
            "json": lambda stream, look: pages.as_json(done, stream),
        },
    )


def _judge(store: Store, config: Config) -> None:
    from agentdbg.check.judging import judge_and_keep

    store.baseline = baseline_of(config)
    judge_and_keep(store, config.detectors)


def _moment(older_than: str) -> int:
    """By the clock, not by the newest run as in `traces`: how long something may be kept is a matter of time."""
    moment = moment_ns(older_than)
    return time.time_ns() - length_ns(older_than, "--older-than") if moment is None else moment
