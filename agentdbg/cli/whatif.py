"""What `agentdbg replay` is told to suppose otherwise than it was recorded."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from agentdbg.cli.output import write

if TYPE_CHECKING:
    from agentdbg.cli.options import Drawing
    from agentdbg.cli.recording import Recording


@dataclass(frozen=True, slots=True)
class Supposing:
    """What is supposed."""

    sets: Annotated[
        list[str],
        typer.Option("--set", metavar="PATH=VALUE", help="Suppose another input or question; @FILE is a file's text."),
    ] = ()  # type: ignore[assignment]
    outputs: Annotated[
        list[str],
        typer.Option("--override-output", metavar="CALL=FILE", help="Suppose another answer of a model or tool."),
    ] = ()  # type: ignore[assignment]

    @property
    def line(self) -> str:
        """The options as they are typed."""
        told = (("--set", self.sets), ("--override-output", self.outputs))
        return "".join(f" {name} {shlex.quote(value)}" for name, values in told for value in values)


def foreseen(recorded: Recording, supposing: Supposing, drawing: Drawing) -> None:
    """Without a program: what would be asked, and what cannot be known."""
    from agentdbg.replay.foresight import foresee, to_json
    from agentdbg.reporters.foresight import text

    told = foresee(recorded.reader, recorded.trace_id, recorded.span_id, supposing.sets, supposing.outputs)
    start = recorded.typed([f"agentdbg replay {told.span_id}"])[0] + supposing.line
    kinds = {change.kind for change in told.changes}
    ends = (("question", "--live --base-url URL"), ("input", "--target MODULE:FUNCTION"), ("answer", "-- PROGRAM"))
    commands = [f"{start} {end}" for kind, end in ends if kind in kinds or (kind == "answer" and "result" in kinds)]
    told = replace(told, next=tuple(commands[:1]))
    as_json = json.dumps(to_json(told), indent=1) + "\n"
    write(
        drawing,
        {"text": lambda stream, look: text(told, stream, look), "json": lambda stream, look: stream.write(as_json)},
    )
