"""`agentdbg why`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from agentdbg.cli.asked import newest_saying, trace_of, worst_recent
from agentdbg.cli.judged import of_trace
from agentdbg.cli.nexts import typed
from agentdbg.cli.opening import opened, split
from agentdbg.cli.options import Drawing, Sources
from agentdbg.cli.output import targets, write
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.cli.opening import Opened


def command(
    sources: Sources,
    drawing: Drawing,
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar='[TRACE_ID] [SPAN_ID|"TEXT"] [PATH]...',
            default_factory=list,
            show_default=False,
            help="A run, in it a span or words that somebody said (quoted), trace files.",
        ),
    ],
) -> None:
    """From a wrong output back to where it entered.

    Hop by hop, with the words that were carried, and what was built on it. Asks about the failure of the run or its
    last answer, or about a span, or about words that stand in some output. Without TRACE_ID it is the newest run that
    says the words, or the worst of the newest hour.

    \b
    Examples:
      agentdbg why run.jsonl
      agentdbg why 4bf9
      agentdbg why 4bf9 7c1e
      agentdbg why 4bf9 "214 invoices paid on time"
      agentdbg why 4bf9 "closing the office" run.jsonl --json
    """
    from agentdbg.analysis.why import why
    from agentdbg.reporters import why as pages

    targets(drawing, {"text": None, "json": None})
    trace, about, paths = _read(asked)
    with opened(paths, sources, [trace] if trace else []) as here:
        trace_id = trace_of(here, trace) if trace else newest_saying(here, about) if about else worst_recent(here)
        span_id = _span(here, trace_id, about) if about else None
        judged = of_trace(here, trace_id).findings
        found = why(here.store.reader(), trace_id, judged, span_id, about if about and span_id is None else None)
        found = replace(found, next=tuple(typed(here, command, trace_id) for command in found.next))
        write(
            drawing,
            {
                "text": lambda stream, look: pages.text(found, stream, look),
                "json": lambda stream, look: pages.as_json(found, stream),
            },
        )


def _read(asked: list[str]) -> tuple[str, str, list[str]]:
    """(the run, the span or words, paths), "" for what is not there. What has blanks in it and is no file is words."""
    said = [one for one in asked if any(char.isspace() for char in one) and not os.path.exists(one)]
    ids, paths = split([one for one in asked if one not in said])
    if len(ids) + len(said) > 2 or len(said) > 1:
        raise AgentdbgError(
            f"a run and one span or text at a time, not {len(ids) + len(said)} arguments: {', '.join([*ids, *said])}",
            "quote words that belong together; files that do not exist are taken for ids or words",
        )
    return ids[0] if ids else "", (said or ids[1:] or [""])[0], paths


def _span(here: Opened, trace_id: str, about: str) -> str | None:
    """The id of the span that is meant, None for words."""
    from agentdbg.store.ids import find_span

    try:
        return find_span(here.store.reader(), f"{trace_id}:{about}")[1]
    except AgentdbgError as problem:
        if "is the beginning of" in problem.message:
            raise
        return None
