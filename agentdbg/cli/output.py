"""The payload to where it belongs: stdout, a pager on a terminal, or files. Stdout gets one format, unmixed."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from agentdbg.errors import AgentdbgError

if TYPE_CHECKING:
    from agentdbg.cli.options import Drawing
    from agentdbg.reporters.terminal import Look

Writer = Callable[[TextIO, "Look"], object]
"""Draws one format on a stream; what it answers is of no use. Machine formats have no use for the look."""

_PIPE_WIDTH = 120


def targets(drawing: Drawing, known: Mapping[str, object]) -> dict[str, list[Path | None]]:
    """Format → where it goes, None being stdout. AgentdbgError for unknown formats and for two of them on stdout."""
    out: dict[str, list[Path | None]] = {}
    for asked in [*drawing.formats, *(["json"] if drawing.json and "json" not in drawing.formats else [])]:
        name, equals, path = asked.partition("=")
        if name not in known:
            from agentdbg.config import nearest

            raise AgentdbgError(f"there is no format {name!r} here", nearest(name, known))
        if equals and not path:
            raise AgentdbgError(
                f"--format {asked} names no file", f"--format {name}=FILE, or --format {name} for stdout"
            )
        out.setdefault(name, []).append(Path(path) if equals and path != "-" else None)
    on_stdout = [name for name, places in out.items() if None in places]
    if len(on_stdout) > 1:
        raise AgentdbgError(
            f"{' and '.join(on_stdout)} cannot both go to stdout", f"send one to a file: --format {on_stdout[-1]}=FILE"
        )
    if not on_stdout:
        out.setdefault("text", []).insert(0, None)
    return out


def write(drawing: Drawing, writers: Mapping[str, Writer]) -> None:
    """Draw every format that was asked for. A reader that went away (`| head`) is no failure."""
    for name, places in targets(drawing, writers).items():
        for place in places:
            if place is None:
                _to_stdout(name, writers[name], drawing)
            else:
                _to_file(place, writers[name])


def _to_file(place: Path, writer: Writer) -> None:
    from agentdbg.reporters.terminal import Look

    replace_file(place, lambda stream: writer(stream, Look(width=_PIPE_WIDTH)))


def replace_file(place: Path, writer: Callable[[TextIO], object]) -> None:
    """Write a file whole or not at all: whoever reads it meanwhile (a scraper, a build) sees the one before. What is no
    regular file, a pipe or a terminal, is written to."""
    whole = place.is_file() or not place.exists()
    target = place.resolve() if whole else place
    made = target.with_name(f".{target.name}.{os.getpid()}") if whole else place
    try:
        with made.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            writer(stream)
        if whole:
            if target.exists():
                shutil.copymode(target, made)
            made.replace(target)
    except OSError as error:
        hint = None if place.parent.exists() else f"mkdir -p {shlex.quote(str(place.parent))}"
        raise AgentdbgError(f"{place} cannot be written: {error.strerror or error}", hint) from error
    finally:
        if whole:
            made.unlink(missing_ok=True)


def _to_stdout(name: str, writer: Writer, drawing: Drawing) -> None:
    text = io.StringIO()
    look = look_of(drawing)
    writer(text, look)
    if name != "text":
        _reconfigure("utf-8")  # JSON is UTF-8 whatever the terminal speaks
    try:
        if name == "text" and sys.stdout.isatty() and not drawing.no_pager and _page(text.getvalue()):
            return
        sys.stdout.write(text.getvalue())
        sys.stdout.flush()
    except BrokenPipeError:
        hush()


def hush() -> None:
    """Nobody reads on: what is still to be written, the interpreter's last flush too, goes nowhere."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def look_of(drawing: Drawing) -> Look:
    """How text is drawn on this stdout: its width, its colours, its signs."""
    from agentdbg.reporters.terminal import Look

    return Look(
        width=drawing.width or _width(), color=_colored(drawing.color), ascii=drawing.ascii or not _speaks_unicode()
    )


def _width() -> int:
    """The terminal's width; in a pipe COLUMNS or 120, so that its bytes do not depend on the window."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if sys.stdout.isatty() else _PIPE_WIDTH


def _colored(asked: str) -> bool:
    if asked != "auto":
        return asked == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")


def _reconfigure(encoding: str | None = None) -> None:
    """What a stream cannot encode, half a surrogate pair for one, is written as an escape, which JSON reads as well."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def _page(text: str) -> bool:
    """Give a text that is longer than the screen to $PAGER. False where there is none, or no need."""
    import shlex
    import signal
    import subprocess

    command = shlex.split(os.environ.get("PAGER", "less"))
    if text.count("\n") < shutil.get_terminal_size().lines or not command or shutil.which(command[0]) is None:
        return False
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pager's to understand
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, env={"LESS": "FRX", **os.environ}) as pager:
            pager.communicate(text.encode("utf-8", "backslashreplace"))
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, before)
    return True
