"""The program as users run it: in a process of its own, or, where many runs are compared, in this one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_traces"
CORPUS = ROOT.parent / "shared" / "corpus"

PROGRAM = "import sys; sys.argv[0] = 'agentdbg'; from agentdbg.cli.main import run; run()"
# A job started in the background is deaf to Ctrl-C, and so are its children: a CI may run these tests as one.
HEARING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
OURS = ("AGENTDBG", "GITHUB", "GITLAB", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS", "TERM")


@dataclass(frozen=True, slots=True)
class Done:
    exit_code: int
    stdout: str
    stderr: str


def environment(**more: str) -> dict[str, str]:
    """This environment without what changes output, so that tests say the same here and in any CI."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **more}


def agentdbg(
    *arguments: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, program: str = PROGRAM
) -> Done:
    """Run the command in a process of its own, stdin closed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def agentdbg_here(*arguments: str | Path) -> Done:
    """Run the command in this process: ten times as fast, for tests that compare many runs."""
    from agentdbg.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Done(code, out.getvalue(), err.getvalue())
