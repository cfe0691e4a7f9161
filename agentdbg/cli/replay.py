"""`agentdbg replay`."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from agentdbg.cli.live import Asking, asked_for_real
from agentdbg.cli.options import PROGRAM, Drawing, Sources
from agentdbg.cli.output import targets, write
from agentdbg.cli.recording import recording
from agentdbg.cli.updating import Updating, accept, check
from agentdbg.cli.whatif import Supposing, foreseen
from agentdbg.errors import FINDINGS, NOT_JUDGED, AgentdbgError

if TYPE_CHECKING:
    from agentdbg.cli.recording import Recording
    from agentdbg.replay.inspection import Inspection
    from agentdbg.replay.replayed import Replayed
    from agentdbg.replay.rerun import Rerun
    from agentdbg.replay.verify import Verification
    from agentdbg.reporters.terminal import Look

_EXITS = {"diverged": FINDINGS, "not_judged": NOT_JUDGED}
"""Of verdicts; 0 of all others, which answer what was asked."""


@dataclass(frozen=True, slots=True)
class Running:
    """How a program is run again."""

    target: Annotated[
        str | None,
        typer.Option("--target", metavar="MODULE:FUNCTION", help="Call this function with the recorded input."),
    ] = None
    args: Annotated[
        list[str],
        typer.Option("--arg", metavar="NAME=PATH", help="An argument of the target, out of the input; repeatable."),
    ] = ()  # type: ignore[assignment]
    serve: Annotated[
        bool, typer.Option("--serve", help="Print the environment for a program, and serve until Ctrl-C.")
    ] = False
    verify: Annotated[
        bool, typer.Option("--verify", help="Send every call through the providers' SDKs, and compare the answers.")
    ] = False
    mode: Annotated[
        Literal["content", "strict", "ordered"],
        typer.Option("--mode", help="By content in any order; in recorded order; or whatever is asked."),
    ] = "content"
    hard: Annotated[
        str, typer.Option("--hard", metavar="LAYERS", help="Must be equal: system,messages,tools,model,parameters.")
    ] = ""
    soft: Annotated[str, typer.Option("--soft", metavar="LAYERS", help="May differ, and is told.")] = ""
    off: Annotated[str, typer.Option("--off", metavar="LAYERS", help="Is not looked at.")] = ""
    tools: Annotated[
        list[str],
        typer.Option("--tool", metavar="NAME=POLICY", help="recorded, live, deny or stub:FILE; repeatable."),
    ] = ()  # type: ignore[assignment]
    allowed: Annotated[
        list[str],
        typer.Option("--allow-network", metavar="HOST", help="May be reached for real; repeatable."),
    ] = ()  # type: ignore[assignment]


def command(
    context: typer.Context,
    running: Running,
    supposing: Supposing,
    asking: Asking,
    updating: Updating,
    sources: Sources,
    drawing: Drawing,
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="{SPAN_ID [PATH]... | [SPAN_ID] CASE} [-- PROGRAM]",
            help="A span (4 characters of its id) or trace; or a case.",
        ),
    ],
) -> None:
    """What exactly an agent was given and answered; or the program again, with recorded answers.

    Call by call, with how faithfully it can be replayed and whether the recording holds together. Any span of the
    agent's turn will do; a model call is inspected alone.

    With `-- PROGRAM` or `--target` the program runs without model, network or tools: model calls and tools give back
    what was recorded. Exit 0: it asked the same. 1: it diverged. 2: could not judge.

    `--set` and `--override-output` suppose another input, question or answer, and tell what follows as far as the
    recording reaches. `--live` asks a real model the recorded question: nothing else here reaches out.

    A CASE (`agentdbg case`) is replayed as a span is, without its trace.

    \b
    Examples:
      agentdbg replay 7f3a run.jsonl
      agentdbg replay 7f3a run.jsonl -- python app.py
      agentdbg replay 7f3a --target app.agents:research --tool search=live
      agentdbg replay 7f3a --serve
      agentdbg replay 7f3a --override-output 'call[1]=answer.json' -- python app.py
      agentdbg replay 7f3a --live --base-url http://localhost:8000/v1 --set system=@prompt.txt
      agentdbg replay refund.case.json --update --reason "prompt v7" -- python app.py
    """
    from agentdbg.replay.inspect import inspect

    program = context.meta.get(PROGRAM)
    wanted = [program is not None, running.target is not None, running.serve, running.verify, asking.live]
    if sum(wanted) > 1:
        raise AgentdbgError("a program, --target, --serve, --verify and --live exclude one another")
    if asking.stray:
        raise AgentdbgError(f"{asking.stray} goes with --live", "--live asks a real model")
    if running.verify and supposing.line:
        raise AgentdbgError("--verify sends what is recorded, and supposes nothing", "leave --set and its like out")
    if program == []:
        raise AgentdbgError("no program stands behind --", "agentdbg replay SPAN_ID -- python app.py")
    targets(drawing, {"text": None, "json": None})
    with recording(asked, sources) as recorded:
        check(updating, recorded, program is not None or running.target is not None, supposing.line)
        if asking.live:
            asked_for_real(recorded, asking, supposing, drawing)
        elif running.verify:
            _verified(recorded, drawing)
        elif any(wanted):
            _rerun(recorded, running, supposing, updating, program, drawing)
        elif supposing.sets or supposing.outputs:
            foreseen(recorded, supposing, drawing)
        else:
            inspection = inspect(recorded.reader, recorded.trace_id, recorded.span_id)
            _write_inspection(replace(inspection, next=recorded.typed(inspection.next)), drawing)


def _write_inspection(inspection: Inspection, drawing: Drawing) -> None:
    from agentdbg.replay.inspection import to_json
    from agentdbg.reporters.replay import replay

    def text(stream: TextIO, look: Look) -> None:
        page = io.StringIO()
        replay(inspection, page, look.width, look.color)
        stream.write(look.own(page.getvalue()))

    as_json = json.dumps(to_json(inspection), indent=1) + "\n"
    write(drawing, {"text": text, "json": lambda stream, look: stream.write(as_json)})


def _rerun(
    recorded: Recording,
    running: Running,
    supposing: Supposing,
    updating: Updating,
    program: list[str] | None,
    drawing: Drawing,
) -> None:
    from agentdbg.replay.matching import HARD, USUAL
    from agentdbg.replay.program import of_target
    from agentdbg.replay.rerun import layers, prepare
    from agentdbg.replay.tape import Policies
    from agentdbg.replay.verdict import judge

    weights = layers(running.hard, running.soft, running.off, HARD if running.mode == "strict" else USUAL)
    alone = running.target is not None
    line = of_target(running.target) if running.target is not None else program
    policies = Policies.of(running.tools)
    ready = prepare(
        recorded.reader, recorded.trace_id, recorded.span_id, policies, running.mode, weights, alone, running.args,
        supposing.sets, supposing.outputs, recorded.redaction, updating.update,
    )  # fmt: skip
    done = judge(ready, _run(ready, line, running.allowed))
    if updating.update:
        return accept(updating, recorded, ready, done, drawing)
    _write_replayed(recorded.told(done), drawing)
    raise typer.Exit(_EXITS.get(done.verdict, 0))


def _run(ready: Rerun, line: list[str] | None, allowed: Sequence[str]) -> int | None:
    """The program's exit code; None where it is for others to start."""
    from secrets import token_urlsafe

    from agentdbg.cli import messages
    from agentdbg.replay import program
    from agentdbg.replay.server import served

    token = token_urlsafe()
    with served(ready.playback, token) as address:
        if line is None:
            _serve(program.lines(address))
            return None
        code = program.run(line, address, token, allowed)
    messages.note(f"the program ended with exit code {code}")
    return code


def _serve(environment: dict[str, str]) -> None:
    """Until Ctrl-C. The lines go to stdout, to be evaluated by a shell; the report follows them on stderr."""
    import sys
    from threading import Event

    from agentdbg.cli import messages

    sys.stdout.write("".join(f"export {name}={value}\n" for name, value in environment.items()))
    sys.stdout.flush()
    messages.note("serving until Ctrl-C, which prints what was asked")
    try:
        Event().wait()
    except KeyboardInterrupt:
        return


def _write_replayed(done: Replayed, drawing: Drawing) -> None:
    from agentdbg.reporters import rerun

    write(
        drawing,
        {
            "text": lambda stream, look: rerun.text(done, stream, look),
            "json": lambda stream, look: rerun.as_json(done, stream),
        },
    )


def _verified(recorded: Recording, drawing: Drawing) -> None:
    """The calls of the subject, through every SDK that is installed."""
    from agentdbg.replay.inspect import inspect
    from agentdbg.replay.verify import verify
    from agentdbg.reporters import rerun

    inspection = inspect(recorded.reader, recorded.trace_id, recorded.span_id)
    done: Verification = verify([view.call for view in inspection.calls])
    write(
        drawing,
        {
            "text": lambda stream, look: rerun.verification(done, stream, look),
            "json": lambda stream, look: rerun.verification_json(done, stream),
        },
    )
    raise typer.Exit(FINDINGS if done.problems else 0 if done.results else NOT_JUDGED)
