"""`agentdbg replay`."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from agentdbg.cli.asked import span_of
from agentdbg.cli.nexts import typed
from agentdbg.cli.opening import one_id, opened
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import write

if TYPE_CHECKING:
    from agentdbg.replay.inspection import Inspection
    from agentdbg.reporters.terminal import Look


def command(
    sources: Sources,
    drawing: Drawing,
    asked: Annotated[
        list[str], typer.Argument(metavar="SPAN_ID [PATH]...", help="A span (4 characters of its id), trace files.")
    ],
) -> None:
    """What exactly an agent was given and answered.

    Call by call, with how faithfully it can be replayed and whether the recording holds together.

    Any span of the agent's turn will do; a model call is inspected alone.

    \b
    Examples:
      agentdbg replay 7f3a
      agentdbg replay 7f3a run.jsonl
      agentdbg replay 4bf9:7f3a --json
    """
    from agentdbg.replay.inspect import inspect
    from agentdbg.replay.inspection import to_json

    span, paths = one_id(asked, "span")
    with opened(paths, sources, [span]) as here:
        trace_id, span_id = span_of(here, span)
        inspection = inspect(here.store.reader(), trace_id, span_id)
        inspection = replace(inspection, next=tuple(typed(here, command, trace_id) for command in inspection.next))
        write(
            drawing,
            {
                "text": lambda stream, look: _draw(inspection, stream, look),
                "json": lambda stream, look: stream.write(json.dumps(to_json(inspection), indent=1) + "\n"),
            },
        )


def _draw(inspection: Inspection, stream: TextIO, look: Look) -> None:
    from agentdbg.reporters.replay import replay

    page = io.StringIO()
    replay(inspection, page, look.width, look.color)
    stream.write(look.own(page.getvalue()))
