"""`agentdbg baseline`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentdbg.cli.opening import baseline_of, known_of, opened
from agentdbg.cli.options import Drawing, Paths, Sources
from agentdbg.cli.output import replace_file, targets, write
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.check.baseline import Known
    from agentdbg.cli.opening import Opened
    from agentdbg.config import Config
    from agentdbg.model import Reader, RunFigures


def command(
    sources: Sources,
    drawing: Drawing,
    action: Annotated[
        Literal["create", "update", "prune"],
        typer.Argument(metavar="create|update|prune", help="What to do with the file."),
    ],
    paths: Paths,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file; else agentdbg.baseline.json by the configuration."
        ),
    ] = None,
) -> None:
    """The yardstick of later runs: a file to commit.

    It holds the figures (time, tokens, cost, concurrency, no prompts) of the latest 50 runs of each workflow that ended
    well. token.spike, cost.baseline, cost.drift, cost.fanout and time.p95 compare runs with them, in every command,
    where the file lies beside the configuration or above; without it they compare the runs at hand with one another.

    It lists what `check` finds in the runs at hand as well, by fingerprint: such findings are told from then on as
    known, and fail no build.

    create makes the file, update adds the runs and findings at hand and drops the oldest runs, prune drops workflows
    that none of the runs at hand belongs to, and findings that are in none of them any more.

    \b
    Examples:
      agentdbg baseline create traces/
      agentdbg baseline update
      agentdbg check new/ --baseline agentdbg.baseline.json
    """
    from agentdbg.check.baseline import text, workflows
    from agentdbg.reporters import baseline as pages

    targets(drawing, {"text": None, "json": None})
    with opened(paths, sources) as here:
        place = output or _beside(here.config)
        runs = _runs(action, here.store.reader(), place, here.config)
        known = _known(action, here, place)
        replace_file(place, lambda stream: stream.write(text(runs, known)))
        found, listed = workflows(runs), [asdict(one) for one in sorted(known)]
        write(
            drawing,
            {
                "text": lambda stream, look: pages.text(str(place), found, len(known), stream, look),
                "json": lambda stream, look: pages.as_json(str(place), found, listed, stream),
            },
        )


def _known(action: str, here: Opened, place: Path) -> frozenset[Known]:
    """The findings to keep: those at hand, and on an update those of the file as well."""
    from agentdbg.check.baseline import told_now, worst
    from agentdbg.check.judging import judgement

    before = frozenset() if action == "create" else known_of(replace(here.config, baseline=place))
    now = told_now(judgement(here.store, here.config.detectors)[0].findings)
    if action == "prune":
        found = {one.fingerprint for one in now}
        return frozenset(one for one in before if one.fingerprint in found)
    return worst(before | now)


def _beside(config: Config) -> Path:
    from agentdbg.config import BASELINE

    place = config.baseline or (config.path.parent / BASELINE if config.path else Path(BASELINE))
    return place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place


def _runs(action: str, reader: Reader, place: Path, config: Config) -> tuple[RunFigures, ...]:
    from agentdbg.check.baseline import pruned, renewed
    from agentdbg.detectors.figures import ok_runs

    if action == "create" and place.exists():
        raise AgentdbgError(
            f"{place} is there already", "`agentdbg baseline update` adds to it; delete it to start anew"
        )
    if action != "create" and not place.exists():
        raise AgentdbgError(f"there is no {place}", "`agentdbg baseline create` makes it")
    before = () if action == "create" else baseline_of(replace(config, baseline=place))
    if action == "prune":
        return pruned(before, (row[0] for row in reader.rows("SELECT DISTINCT workflow FROM traces ORDER BY workflow")))
    runs = ok_runs(reader)
    if not runs:
        raise AgentdbgError(
            "no run ended well, so that there is nothing to compare with", "`agentdbg traces` lists them"
        )
    return renewed(before, runs)
