"""`agentdbg case`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentdbg import __version__
from agentdbg.cli import messages
from agentdbg.cli.options import PROGRAM, Sources
from agentdbg.cli.output import replace_file
from agentdbg.cli.recording import recording
from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.replay.case import Case


def command(
    context: typer.Context,
    sources: Sources,
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="SPAN_ID [PATH]... [-- PROGRAM]", help="A span (4 characters of its id) or trace, trace files."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    redact: Annotated[
        bool, typer.Option("--redact/--no-redact", help="Placeholders for secrets and personal data.")
    ] = True,
    test: Annotated[bool, typer.Option("--pytest", help="Write the test that runs the case beside it.")] = False,
    target: Annotated[
        str | None, typer.Option("--target", metavar="MODULE:FUNCTION", help="What the test calls.")
    ] = None,
    args: Annotated[
        list[str],
        typer.Option("--arg", metavar="NAME=PATH", help="An argument of the target, out of the input; repeatable."),
    ] = (),  # type: ignore[assignment]
) -> None:
    """An agent's turn or a whole run in a file to keep, and the test that runs it.

    The file needs no trace: `agentdbg replay FILE` does all that it does with a span. Any span of the turn will do; the
    root or the trace's id stands for the whole run. Secrets and personal data are replaced by placeholders; what they
    stand for is not in the file, and programs that still have them replay all the same.

    \b
    Examples:
      agentdbg case 7f3a run.jsonl -o tests/refund.case.json
      agentdbg case 7f3a -o tests/refund.case.json --pytest -- python app.py
      agentdbg case 7f3a -o tests/research.case.json --pytest --target app.agents:research
    """
    from agentdbg.replay.case import case_of
    from agentdbg.replay.case_file import text

    program = context.meta.get(PROGRAM)
    if (program or target) and not test:
        raise AgentdbgError("a program and --target are for the test", "add --pytest")
    if program and target:
        raise AgentdbgError("a program and --target exclude one another")
    with recording(asked, sources) as recorded:
        if recorded.case is not None:
            raise AgentdbgError(f"{recorded.path} is a case already", f"agentdbg replay {recorded.path}")
        case = case_of(recorded.reader.trace(recorded.trace_id), recorded.span_id, __version__)
        if redact:
            from agentdbg.replay.redacted import redacted

            case = redacted(case)
        written = text(case)
        replace_file(output, lambda stream: stream.write(written))
        _tell(case, output)
        if test:
            _write_test(case, output, program, target, args)


def _tell(case: Case, output: Path) -> None:
    from agentdbg.view.units import count

    calls = count(len(case.trace.calls), "call")
    messages.plain(f"{output}: {_what(case)}, {calls}, graded {case.grade}: {case.reason}")
    hidden = ", ".join(f"{kind} ({n})" for kind, n in sorted((case.redacted or {}).items()))
    if case.redacted is None:
        messages.note("nothing is redacted: whoever reads the file reads all that was said")
    elif hidden:
        messages.note(f"placeholders stand for: {hidden}; names and postal addresses are not looked for")
    else:
        messages.note("no secret and no personal data was found; names and postal addresses are not looked for")


def _what(case: Case) -> str:
    if case.is_whole:
        return f"the whole run {case.trace.name!r}" if case.trace.name else "the whole run"
    top = case.trace.by_id()[case.span_id]
    return f"the turn of {top.agent}" if top.agent else top.name


def _write_test(
    case: Case, output: Path, program: Sequence[str] | None, target: str | None, args: Sequence[str]
) -> None:
    from agentdbg.replay import pytest_file

    place = pytest_file.beside(output)
    written = pytest_file.written(output, _what(case), program, target, args)
    if place.exists() and place.read_text("utf-8") != written:
        messages.note(f"{place} is there already and stays as it is")
        return
    replace_file(place, lambda stream: stream.write(written))
    messages.plain(f"{place}: pytest {place}")
    if not program and not target:
        messages.note(
            "the test is skipped until its marker names a program or a target; -- PROGRAM or --target does so"
        )
