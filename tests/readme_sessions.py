"""The sessions of the documents: what is typed, and what the program really says. `python -m tests.readme_sessions` writes them anew."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.commandline import PROGRAM, ROOT, SAMPLES, environment

README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "replay.md")
"""Those with sessions."""


@dataclass(frozen=True, slots=True)
class Session:
    """A command as typed, and what stands below it up to the next one."""

    command: str
    output: str


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def sessions(block: str) -> list[Session]:
    parts = re.split(r"^\$ (.*)\n", block, flags=re.M)
    return [Session(command, output) for command, output in zip(parts[1::2], parts[2::2], strict=True)]


def desk(folder: Path) -> None:
    """Make of a folder what the reader of README sits at: the samples at hand, the program on the path."""
    (folder / "sample_traces").symlink_to(SAMPLES)
    program = folder / "bin" / "agentdbg"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{PROGRAM}" "$@"\n', "utf-8")
    program.chmod(0o755)


def typed(command: str, folder: Path) -> str:
    """What a terminal shows after a command that is typed in this folder."""
    done = subprocess.run(
        ["sh", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        cwd=folder,
        env=environment(PATH=f"{folder / 'bin'}:/usr/bin:/bin"),
        timeout=120,
        check=False,
    )
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


def rewritten(block: re.Match[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        desk(Path(folder))
        told = [f"$ {one.command}\n{typed(one.command, Path(folder))}" for one in sessions(block[1])]
    return f"```console\n{''.join(told)}```"


if __name__ == "__main__":
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        document.write_text(re.sub(r"^```console\n(.*?)^```", rewritten, text, flags=re.M | re.S), "utf-8")
