"""`agentdbg suspects`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from agentdbg.cli.judged import judge_files
from agentdbg.cli.nexts import typed
from agentdbg.cli.opening import opened
from agentdbg.cli.options import Drawing, Paths, Sources
from agentdbg.cli.output import targets, write
from agentdbg.config import nearest
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.analysis.suspects import Suspects
    from agentdbg.cli.opening import Opened


def command(
    sources: Sources,
    drawing: Drawing,
    paths: Paths,
    bad: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="Which runs are bad: `error` (they ended with one), a severity (of a finding that is no hint), "
            "@FILE (trace ids, one a line), or a condition in SQL over the view traces.",
        ),
    ] = "error",
    workflow: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only runs of this name, as `traces` lists it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many in the text.")] = 10,
) -> None:
    """What separates bad runs from good ones.

    Agents, tools, models, prompt versions, errors and findings: how many bad runs have them and how many good ones,
    whether that may be chance, and runs to open. Nothing is proven by it: it says where to look.

    \b
    Examples:
      agentdbg suspects
      agentdbg suspects traces/ --bad high
      agentdbg suspects --bad "cost_usd > 1 or duration_ns > 60e9"
      agentdbg suspects traces/ --bad @failed-in-evaluation.txt --json
    """
    from agentdbg.analysis.sides import sides, telling
    from agentdbg.analysis.suspects import suspects
    from agentdbg.analysis.traits import traits
    from agentdbg.check.judging import judgement
    from agentdbg.reporters import suspects as pages

    targets(drawing, {"text": None, "json": None})
    with opened(paths, sources) as here:
        judge_files(here)
        reader, findings = here.store.reader(), judgement(here.store, here.config.detectors)[0].findings
        if workflow:
            _known(workflow, {name for (name,) in reader.rows("SELECT DISTINCT name FROM traces")})
        found_in = traits(reader, telling(findings, bad))
        found = suspects(sides(reader, bad, findings, workflow), found_in)
        following = _next(here, found)
        write(
            drawing,
            {
                "text": lambda stream, look: pages.text(found, limit, following, stream, look),
                "json": lambda stream, look: pages.as_json(found, following, stream),
            },
        )


def _known(workflow: str, names: Collection[str]) -> None:
    if workflow not in names:
        raise AgentdbgError(f"no run is called {workflow}", nearest(workflow, names))


def _next(here: Opened, found: Suspects) -> tuple[str, ...]:
    """The first bad run of the first suspect."""
    first = next((one.bad[0] for one in found.ranked if one.bad and one.odds > 1), None)
    return (typed(here, f"agentdbg why {first}", first), typed(here, f"agentdbg show {first}", first)) if first else ()
