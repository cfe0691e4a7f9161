"""`agentdbg metrics`."""

from __future__ import annotations

from agentdbg import __version__
from agentdbg.cli.opening import opened
from agentdbg.cli.options import Drawing, Paths, Sources
from agentdbg.cli.output import targets, write


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
