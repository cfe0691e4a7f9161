"""`agentdbg span`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from agentdbg.cli.asked import span_of
from agentdbg.cli.judged import of_trace
from agentdbg.cli.nexts import typed
from agentdbg.cli.opening import one_id, opened
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import write


def command(
    sources: Sources,
    drawing: Drawing,
    asked: Annotated[
        list[str], typer.Argument(metavar="SPAN_ID [PATH]...", help="A span (4 characters of its id), trace files.")
    ],
    full: Annotated[
        bool, typer.Option("--full", help="Cut no text, and show messages of the call before too.")
    ] = False,
) -> None:
    """One span in full, its messages as a chat.

    Tools, parameters and attributes too, and where each part of a prompt came from.

    \b
    Examples:
      agentdbg span 7f3a
      agentdbg span 7f3a run.jsonl --full
      agentdbg span 4bf9:7f3a --json
    """
    from agentdbg.reporters import terminal
    from agentdbg.reporters.json import span as as_json
    from agentdbg.view.span_detail import span_detail

    wanted, paths = one_id(asked, "span")
    with opened(paths, sources, [wanted]) as here:
        trace_id, span_id = span_of(here, wanted)
        reader = here.store.reader()
        trace = reader.trace(trace_id)
        detail = span_detail(trace, reader.span(trace_id, span_id), of_trace(here, trace_id).findings)
        detail = replace(detail, next=tuple(typed(here, command, trace_id) for command in detail.next))
        write(
            drawing,
            {
                "text": lambda stream, look: terminal.span(detail, stream, look, full),
                "json": lambda stream, look: as_json(detail, stream),
            },
        )
