"""`agentdbg replay CASE --update`: what the program asks now, taken into the case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentdbg.cli.output import replace_file, write
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.cli.options import Drawing
    from agentdbg.cli.recording import Recording
    from agentdbg.replay.replayed import Replayed
    from agentdbg.replay.rerun import Rerun


@dataclass(frozen=True, slots=True)
class Updating:
    """Whether a changed program is accepted."""

    update: Annotated[
        bool, typer.Option("--update", help="Take what the program asks now into the case; answers stay.")
    ] = False
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it is kept in the case.")] = None


def check(updating: Updating, recorded: Recording, is_run: bool, supposed: str) -> None:
    """AgentdbgError for an update that nobody could make, or understand later."""
    if updating.reason is not None and not updating.update:
        raise AgentdbgError("--reason is for --update", "agentdbg replay CASE --update --reason TEXT -- PROGRAM")
    if not updating.update:
        return
    if recorded.case is None:
        raise AgentdbgError(
            "--update is for cases: a trace stays what it was", "agentdbg case SPAN_ID -o FILE makes one"
        )
    if recorded.span_id != recorded.case.span_id:
        raise AgentdbgError(
            "--update takes what the whole case's program asks", f"agentdbg replay {recorded.path} --update"
        )
    if not (updating.reason or "").strip():
        raise AgentdbgError("--update needs a reason, which is kept in the case", '--reason "prompt v7"')
    if supposed:
        raise AgentdbgError(f"--update takes what the program asks, and nothing that is supposed ({supposed.strip()})")
    if not is_run:
        raise AgentdbgError(
            "--update needs a program: what it asks is taken into the case",
            f'agentdbg replay {recorded.path} --update --reason "{updating.reason}" -- PROGRAM',
        )


def accept(updating: Updating, recorded: Recording, ready: Rerun, done: Replayed, drawing: Drawing) -> None:
    """Write the case anew, and what changed in it."""
    from agentdbg.replay.case_file import text
    from agentdbg.replay.updating import update
    from agentdbg.reporters import updated

    assert recorded.case is not None
    case, told = update(recorded.case, ready.playback.journal, done, updating.reason or "", recorded.path)
    if told.diff:
        content = text(case)
        replace_file(Path(recorded.path), lambda stream: stream.write(content))
    write(
        drawing,
        {
            "text": lambda stream, look: updated.text(told, stream, look),
            "json": lambda stream, look: updated.as_json(told, stream),
        },
    )
