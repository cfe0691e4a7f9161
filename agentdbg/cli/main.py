"""The program `agentdbg`: its commands, and the one place where what went wrong becomes words and an exit code."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from agentdbg import __version__
from agentdbg.cli import messages
from agentdbg.cli.interrupts import interruptible
from agentdbg.cli.options import PROGRAM, spread
from agentdbg.cli.output import hush
from agentdbg.cli.values import as_typed
from agentdbg.errors import INTERRUPTED, NOT_JUDGED, OUR_BUG, AgentdbgError

COMMANDS = (
    "ingest",
    "traces",
    "show",
    "span",
    "why",
    "handoffs",
    "replay",
    "case",
    "check",
    "agents",
    "metrics",
    "baseline",
    "suspects",
    "doctor",
    "explain",
    "query",
    "schema",
    "purge",
    "demo",
)
"""In the order of --help; each is the `command` of the module of its name."""
WITH_PROGRAM = ("replay", "case")


@cache
def _command(name: str) -> Any:
    alone = typer.Typer(rich_markup_mode=None, add_completion=False)
    alone.command(name, cls=_Command)(spread(import_module(f"agentdbg.cli.{name}").command))
    return typer.main.get_command(alone)


class _Commands(Mapping[str, Any]):
    """The commands by name, each built when it is asked for: nine of ten are not, and all together take 30 ms."""

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Command(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What stands behind `--` of a command that runs programs is the program's, and no argument of ours."""
        if self.name in WITH_PROGRAM and "--" in args:
            end = args.index("--")
            ctx.meta[PROGRAM] = args[end + 1 :]
            args = args[:end]
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        return as_typed(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Arguments as their metavars have them, which tell themselves what may be left out and what repeated."""
        return ["[OPTIONS]", *(one.metavar for one in self.get_params(ctx) if one.param_type_name == "argument")]


class _Group(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": {}})
        self.commands = _Commands()  # type: ignore[assignment]  # nobody adds to them

    def get_params(self, ctx: Any) -> list[Any]:
        return as_typed(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The first sentence of each: what a command takes is not asked for it, which would be most of the time."""
        told = {name: import_module(f"agentdbg.cli.{name}").command.__doc__ for name in COMMANDS}
        with formatter.section("Commands"):
            formatter.write_dl([(name, " ".join(text.split("\n\n")[0].split())) for name, text in told.items()])


app = typer.Typer(
    name="agentdbg",
    cls=_Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


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
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed by the caller: the next file that is opened must not take its place
            setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), "r" if fd == 0 else "w"))  # noqa: SIM115
    gc.set_threshold(50_000, 20, 20)  # a short life makes little garbage, and much that is walked in vain
    code = main(sys.argv[1:])
    with suppress(OSError):  # the interpreter's own end says what is wrong with a stream
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # freeing object by object what ends anyhow takes an eighth of a short command's time
    sys.exit(code)


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
    except OSError as problem:
        return _refused(problem)
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


def _refused(problem: OSError) -> int:
    """A full disk and its like: whatever is not told where it happened, in better words."""
    _traceback(problem)
    hush()  # where stdout is what refuses, what it still holds would be refused again
    where = problem.filename or "the output cannot be written"
    messages.error(AgentdbgError(f"{where}: {problem.strerror or problem}"))
    return NOT_JUDGED


def _traceback(problem: Exception) -> None:
    if os.environ.get("AGENTDBG_DEBUG"):
        import traceback

        traceback.print_exception(problem)


def _our_bug(problem: Exception) -> int:
    _traceback(problem)
    told = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]
    hint = "please report it with the command that you typed; AGENTDBG_DEBUG=1 prints where it happened"
    messages.error(AgentdbgError(f"a bug of agentdbg, not of yours: {told}", hint))
    return OUR_BUG
