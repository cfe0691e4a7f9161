"""`agentdbg metrics`."""

from __future__ import annotations

from agentdbg import __version__
from agentdbg.cli.opening import opened, split
from agentdbg.cli.options import Drawing, Paths, Sources
from agentdbg.cli.output import targets, write
from agentdbg.errors import AgentdbgError


def command(
    sources: Sources,
    drawing: Drawing,
    paths: Paths,
) -> None:
    """Success, errors, time, tokens and cost by agent, tool and workflow, for people and for dashboards.

    --format prometheus=FILE replaces FILE whole, as a node exporter's textfile collector wants it. The dashboard for
    these metrics is docs/grafana-dashboard.json.

    \b
    Examples:
      agentdbg metrics
      agentdbg metrics traces/*.jsonl --json
      agentdbg metrics --format prometheus=/var/lib/node_exporter/agentdbg.prom
    """
    from agentdbg.analysis.metrics import metrics
    from agentdbg.check.judging import judgement
    from agentdbg.reporters import metrics as pages
    from agentdbg.reporters import prometheus

    targets(drawing, {"text": None, "json": None, "prometheus": None})
    ids, _ = split(paths)
    if ids:
        raise AgentdbgError(
            f"{ids[0]}: there is no such file, and metrics are those of many runs",
            f"agentdbg agents {ids[0]} tells those of one; or name files, folders, or nothing for the whole store",
        )
    with opened(paths, sources) as here:
        judged, _ = judgement(here.store, here.config.detectors)
        found = metrics(here.store.reader(), judged.findings)
        write(
            drawing,
            {
                "text": lambda stream, look: pages.text(found, stream, look),
                "json": lambda stream, look: pages.as_json(found, "name", stream),
                "prometheus": lambda stream, look: prometheus.text(found, __version__, stream),
            },
        )
