"""The options that commands share, each said once. A command takes them as one argument."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

Paths = Annotated[
    list[str],
    typer.Argument(metavar="[PATH]...", default_factory=list, show_default=False, help="Trace files; else the store."),
]
PROGRAM = "agentdbg.program"
"""Where the context of a command holds what stood behind `--`, a program with its arguments."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where traces come from and how they are read."""

    db: Annotated[
        Path | None,
        typer.Option(
            "--db",
            envvar="AGENTDBG_DB",
            metavar="FILE",
            help="The store; else the nearest .agentdbg/traces.duckdb upward.",
        ),
    ] = None
    forced: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="Input format, where it is not to be told by content.")
    ] = None
    mapping: Annotated[
        list[str],
        typer.Option("--map", metavar="FIELD=PATH", help="Where unusual JSON lines hold a field of ours; repeatable."),
    ] = ()  # type: ignore[assignment]  # typer makes a list of it
    prices: Annotated[
        Path | None, typer.Option("--prices", metavar="FILE", help="Your own prices, before the bundled list.")
    ] = None
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="AGENTDBG_CONFIG",
            metavar="FILE",
            help="Configuration; else the nearest agentdbg.toml or pyproject.toml.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the output looks like."""

    formats: Annotated[
        list[str],
        typer.Option(
            "--format", metavar="NAME[=FILE]", help="text (default) or json, to stdout or a file; repeatable."
        ),
    ] = ()  # type: ignore[assignment]
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False
    color: Annotated[Literal["auto", "always", "never"], typer.Option("--color", help="When to colour text.")] = "auto"
    ascii: Annotated[bool, typer.Option("--ascii", help="No sign beyond ASCII.")] = False
    width: Annotated[
        int | None, typer.Option("--width", min=20, metavar="CELLS", help="Instead of the terminal's width.")
    ] = None
    no_pager: Annotated[bool, typer.Option("--no-pager", help="Never page on a terminal.")] = False


def spread(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with each argument that is a dataclass replaced by its fields, which is what typer can read."""
    hints = get_type_hints(command, include_extras=True)
    hints.pop("return", None)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    own: list[inspect.Parameter] = []
    shared: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            shared += _parameters(groups[name])
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            own.append(inspect.Parameter(name, kind, default=parameter.default, annotation=hints[name]))

    parameters = [*own, *shared]  # in --help what is a command's own comes first

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        gathered = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)}) for name, kind in groups.items()
        }
        return command(**given, **gathered)

    del run.__wrapped__  # its hints would be taken for those of the signature
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters(kind: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(kind)
    ]
