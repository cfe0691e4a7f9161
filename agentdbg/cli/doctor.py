"""`agentdbg doctor`."""

from __future__ import annotations

from dataclasses import replace

from agentdbg.cli.nexts import typed
from agentdbg.cli.opening import opened
from agentdbg.cli.options import Drawing, Paths, Sources
from agentdbg.cli.output import targets, write
from agentdbg.errors import AgentdbgError


def command(
    sources: Sources,
    drawing: Drawing,
    paths: Paths,
) -> None:
    """How whole the traces are, and what would make them so.

    Tells what is missing, which detectors and which replay that prevents, and the line of configuration that mends it,
    for the instrumentation that wrote the spans. Exit 0, also where much is missing; 2 where nothing could be read.

    \b
    Examples:
      agentdbg doctor
      agentdbg doctor traces/*.jsonl
      agentdbg doctor run.jsonl --json
    """
    from agentdbg.analysis.coverage import coverage
    from agentdbg.check.judging import judgement
    from agentdbg.reporters import doctor as pages

    targets(drawing, {"text": None, "json": None})
    with opened(paths, sources) as here:
        judged, _ = judgement(here.store, here.config.detectors)
        found = coverage(here.store.reader(), judged)
        if not found.runs:
            raise AgentdbgError("the store holds no trace", "`agentdbg ingest PATH...` reads some in")
        gaps = [replace(gap, next=typed(here, gap.next, gap.next_trace_id)) for gap in found.gaps]
        found = replace(found, gaps=tuple(gaps))
        write(
            drawing,
            {
                "text": lambda stream, look: pages.text(found, stream, look),
                "json": lambda stream, look: pages.as_json(found, stream),
            },
        )
