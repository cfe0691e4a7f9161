"""The program `agentdbg`: its commands, and the one place where what went wrong becomes words and an exit code."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from agentdbg import __version__
from agentdbg.cli import check, demo, explain, ingest, messages, query, replay, schema, show, span, traces
from agentdbg.cli.interrupts import interruptible
from agentdbg.cli.options import spread
from agentdbg.cli.output import hush
from agentdbg.errors import INTERRUPTED, NOT_JUDGED, OUR_BUG, AgentdbgError

_COMMANDS = (ingest, traces, show, span, replay, check, explain, query, schema, demo)

app = typer.Typer(
    name="agentdbg",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for _module in _COMMANDS:
    app.command(_module.__name__.rpartition(".")[2])(spread(_module.command))


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"agentdbg {__version__}\n")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def _main(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A debugger for multi-agent LLM systems that works on exported traces, offline.

    \b
    Start here:
      agentdbg demo                     the whole tour on bundled traces
      agentdbg show run.jsonl           one run as a tree, with what went wrong in it
      agentdbg check traces/*.jsonl     the same for many runs, with an exit code for CI
      agentdbg explain --symptoms       from what you see to the command to type
    """


def run() -> None:
    """The entry point of the installed command."""
    gc.set_threshold(50_000, 20, 20)  # a short life makes little garbage, and much that is walked in vain
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run a command line; its exit code. Nothing is raised but SystemExit by shell completion."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with interruptible():
            return int(app(args=list(arguments), prog_name="agentdbg", standalone_mode=False) or 0)
    except AgentdbgError as problem:
        messages.error(problem)
        return problem.exit_code
    except typer.TyperException as problem:
        return _usage(problem)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        hush()
        return 0
    except Exception as problem:
        return _our_bug(problem)


def _usage(problem: typer.TyperException) -> int:
    """A command line that cannot be understood. Where it was empty, the help is what the problem says."""
    context = getattr(problem, "ctx", None)
    message = problem.format_message().replace("Value error, ", "")  # pydantic's word, which typer passes on
    if message.startswith("Usage:"):
        messages.plain(message)
        return NOT_JUDGED
    path = context.command_path if context is not None else "agentdbg"
    words = message.rstrip(".")
    messages.error(AgentdbgError(words[:1].lower() + words[1:], f"{path} --help"))
    return NOT_JUDGED


def _our_bug(problem: Exception) -> int:
    if os.environ.get("AGENTDBG_DEBUG"):
        import traceback

        traceback.print_exception(problem)
    told = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]
    hint = "please report it with the command that you typed; AGENTDBG_DEBUG=1 prints where it happened"
    messages.error(AgentdbgError(f"a bug of agentdbg, not of yours: {told}", hint))
    return OUR_BUG
