"""Payload on stdout, everything else on stderr; colour, width and signs as asked for; pipes that break, pagers, stdin."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commandline import PROGRAM, agentdbg, agentdbg_here, environment

pytestmark = pytest.mark.slow  # every test starts processes

PAYLOADS = (
    ["show", "failed.sketch"],
    ["traces", "failed.sketch"],
    ["check", "failed.sketch"],
    ["query", "FROM llm_calls", "failed.sketch"],
    ["schema"],
    ["explain"],
    ["explain", "--symptoms"],
    ["ingest", "failed.sketch"],
)


@pytest.mark.parametrize("command", PAYLOADS, ids=" ".join)
def test_json_is_the_same_by_either_name_and_nothing_else_is_on_stdout(command: list[str]) -> None:
    done = (
        agentdbg_here(*command, "--json", "--db", "a.duckdb")
        if command[0] == "ingest"
        else agentdbg_here(*command, "--json")
    )
    again = [*command, "--format", "json", *(["--db", "b.duckdb"] if command[0] == "ingest" else [])]
    assert json.loads(done.stdout).keys() if command[0] != "query" else json.loads(done.stdout)
    assert agentdbg_here(*again).stdout.replace("b.duckdb", "a.duckdb") == done.stdout


@pytest.mark.parametrize("command", PAYLOADS, ids=" ".join)
def test_text_in_a_pipe_is_plain_and_no_wider_than_asked(command: list[str]) -> None:
    for width in (60, 100):
        done = agentdbg_here(*command, "--width", str(width))
        assert "\x1b" not in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= width
    ascii_only = agentdbg_here(*command, "--ascii").stdout
    assert ascii_only.isascii()


def test_two_formats_on_stdout_and_unknown_ones_are_refused(folder: Path) -> None:
    for options, words in (
        (["--format", "text", "--format", "json"], "text and json cannot both go to stdout"),
        (["--format", "jsn"], "did you mean json?"),
        (["--format", "json="], "names no file"),
        (["--format", f"json={folder}"], "cannot be written"),
    ):
        done = agentdbg_here("check", "failed.sketch", *options)
        assert done.exit_code == 2
        assert words in done.stderr


def test_colour_is_for_terminals_and_for_those_who_ask() -> None:
    show = ("show", "good.sketch")
    cwd = Path.cwd()
    assert "\x1b[" not in agentdbg(*show, cwd=cwd).stdout
    assert "\x1b[" in agentdbg(*show, cwd=cwd, env={"FORCE_COLOR": "1"}).stdout
    assert "\x1b[" in agentdbg(*show, "--color", "always", cwd=cwd).stdout
    assert "\x1b[" not in agentdbg(*show, cwd=cwd, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout
    assert "\x1b[" not in agentdbg(*show, "--color", "never", cwd=cwd, env={"FORCE_COLOR": "1"}).stdout


def test_the_width_of_a_pipe_comes_from_columns() -> None:
    wide, narrow = (
        agentdbg("show", "good.sketch", cwd=Path.cwd(), env={"COLUMNS": width}).stdout for width in ("120", "70")
    )
    assert agentdbg("show", "good.sketch", cwd=Path.cwd()).stdout == wide
    assert max(map(len, narrow.splitlines())) <= 70


def test_a_stdout_that_speaks_no_unicode_gets_signs_it_can_show() -> None:
    done = agentdbg("show", "failed.sketch", cwd=Path.cwd(), env={"PYTHONIOENCODING": "ascii"})
    assert done.exit_code == 0
    assert done.stdout.isascii()
    assert "\\u" not in done.stdout


def test_a_reader_that_goes_away_is_no_failure(folder: Path) -> None:
    for command, code in (("query 'FROM range(200000)' good.sketch --json", 0), ("check failed.sketch", 1)):
        line = f'{sys.executable} -c "{PROGRAM}" {command} | head -c 1; echo ${{PIPESTATUS[0]}}'
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, cwd=folder, env=environment(), check=False
        )
        assert done.stdout.splitlines()[-1][-1] == str(code)
        assert done.stderr == ""


def test_a_full_disk_is_told_and_is_no_bug_of_ours(folder: Path) -> None:
    for command in ("show good.sketch", "--help", "query 'FROM range(200000)' good.sketch"):
        done = in_bash(f"{command} > /dev/full", folder)
        assert done.returncode == 2
        assert done.stderr == "error: the output cannot be written: No space left on device\n"


def test_closed_streams_are_nowhere_and_never_a_file_of_ours(folder: Path) -> None:
    assert in_bash("ingest good.sketch >&- 2>&- <&-", folder).returncode == 0
    assert in_bash("show latest >&- 2>&- <&-", folder).returncode == 0
    assert in_bash("show latest <&-", folder).stdout.startswith("trace ")


def in_bash(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    line = f'{sys.executable} -c "{PROGRAM}" {command}'
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, cwd=folder, env=environment(), check=False
    )


def test_traces_come_from_stdin(folder: Path) -> None:
    for compressed in ([], ["--from", "sketch"]):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "check", "-", *compressed, "--json"],
            input=(folder / "failed.sketch").read_text("utf-8"),
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment(),
            check=False,
        )
        assert done.returncode == 1
        assert json.loads(done.stdout)["verdict"] == "findings"


def on_a_terminal(folder: Path, *command: str, **env: str) -> str:
    """What a command prints on a terminal of 24 lines of 80 cells."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-c", PROGRAM, *command], {**environment(TERM="xterm"), **env})
    seen = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not read:
            break
        seen += read
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return seen.decode()


def test_what_is_longer_than_the_screen_is_paged(folder: Path) -> None:
    (folder / "long.sketch").write_text("workflow w\n" + "  tool t {} -> 1\n  agent a\n" * 30, "utf-8")
    paged = on_a_terminal(folder, "show", "long.sketch", "--no-fold", PAGER="sed s/^/>/")
    assert all(line.startswith(">") for line in paged.splitlines())
    assert not on_a_terminal(folder, "show", "long.sketch", "--no-fold", "--no-pager", PAGER="sed s/^/>/").startswith(
        ">"
    )
    assert not on_a_terminal(folder, "show", "long.sketch", "--no-fold", PAGER="").startswith(">")
    assert not on_a_terminal(folder, "show", "good.sketch", PAGER="sed s/^/>/").startswith(">")
    assert not on_a_terminal(folder, "show", "long.sketch", "--json", PAGER="sed s/^/>/").startswith(">")


def test_usage_errors_say_what_and_where_to_look() -> None:
    for arguments, stderr in (
        (["frobnicate"], "error: no such command 'frobnicate'\nhint: agentdbg --help\n"),
        (
            ["check", "--fial-on", "low"],
            "error: no such option: --fial-on (Possible options: --fail-on)\nhint: agentdbg check --help\n",
        ),
        (["query"], "error: missing argument 'SQL'\nhint: agentdbg query --help\n"),
        (
            ["traces", "--since", "soon", "good.sketch"],
            "error: --since soon is no length of time\nhint: for example 200ms, 2s, 1m30s, 1h, 7d\n",
        ),
        (
            ["show", "good.sketch", "--map", "agent"],
            "error: --map agent is not FIELD=PATH\nhint: for example --map agent=meta.worker\n",
        ),
    ):
        done = agentdbg_here(*arguments)
        assert (done.exit_code, done.stdout, done.stderr) == (2, "", stderr)
    done = agentdbg_here()
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: agentdbg")


def test_our_own_bug_is_3_and_asks_to_be_reported(folder: Path) -> None:
    (folder / "broken").mkdir()
    program = "import agentdbg.store.views as views; views.definitions = lambda: 1 / 0\n" + PROGRAM
    done = agentdbg("show", "good.sketch", cwd=folder, program=program)
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith(
        "error: a bug of agentdbg, not of yours: ZeroDivisionError: division by zero\nhint: please"
    )
    assert "Traceback" not in done.stderr
    assert (
        "Traceback" in agentdbg("show", "good.sketch", cwd=folder, program=program, env={"AGENTDBG_DEBUG": "1"}).stderr
    )
