"""Ctrl-C at any moment: nothing is broken, whole files are kept, and the next run goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commandline import HEARING, PROGRAM, agentdbg, environment

pytestmark = pytest.mark.slow  # every test starts processes

SPAN = '{{"trace_id": "t{0}", "id": "s{1}", "name": "step", "start": {1}, "end": {1}.5, "input": "{2}"}}\n'


def spans(first: int, count: int) -> str:
    return "".join(SPAN.format(n // 20, n, "words " * 20) for n in range(first, first + count))


def counts(folder: Path) -> dict[str, int]:
    done = agentdbg(
        "query", "SELECT (SELECT count(*) FROM traces) AS traces, count(*) AS spans FROM spans", "--json", cwd=folder
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows[0]


def stopped_while_reading_stdin(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """A command that has read most of what stdin gives, waits for more, and is then interrupted."""
    running = subprocess.Popen(
        [sys.executable, "-c", HEARING + PROGRAM, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment(),
    )
    assert running.stdin is not None
    running.stdin.write(spans(100, 3_000).encode())  # more than a pipe holds: written means read
    running.stdin.flush()
    for _ in range(3):  # one that comes just before Python goes to wait for input is heard with the next
        running.send_signal(signal.SIGINT)
        try:
            running.wait(timeout=20)
            break
        except subprocess.TimeoutExpired:
            continue
    assert running.returncode is not None
    return running


def said(running: subprocess.Popen[bytes]) -> tuple[str, str]:
    assert running.stdout is not None
    assert running.stderr is not None
    return running.stdout.read().decode(), running.stderr.read().decode()


def test_an_ingest_that_is_stopped_keeps_whole_files_and_goes_on(folder: Path) -> None:
    (folder / "small.jsonl").write_text(spans(0, 100), "utf-8")
    running = stopped_while_reading_stdin(folder, "ingest", "small.jsonl", "-")
    assert running.returncode == 130
    assert said(running) == ("", "note: stopped: what was read whole is kept; the same command goes on from there\n")
    assert counts(folder) == {"traces": 5, "spans": 100}
    (folder / "big.jsonl").write_text(spans(100, 3_000), "utf-8")
    done = agentdbg("ingest", "small.jsonl", "big.jsonl", "--json", cwd=folder)
    assert [file["state"] for file in json.loads(done.stdout)["files"]] == ["unchanged", "new"]
    assert counts(folder) == {"traces": 155, "spans": 3_100}
    assert agentdbg("show", "latest", cwd=folder).exit_code == 0


def test_an_ingest_that_is_stopped_at_any_time_leaves_a_store_that_opens(folder: Path) -> None:
    (folder / "small.jsonl").write_text(spans(0, 100), "utf-8")
    (folder / "big.jsonl").write_text(spans(100, 8_000), "utf-8")
    for wait in (0.5, 1.0, 2.0):
        running = subprocess.Popen(
            [sys.executable, "-c", HEARING + PROGRAM, "ingest", "small.jsonl", "big.jsonl"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(),
        )
        time.sleep(wait)
        running.send_signal(signal.SIGINT)
        running.communicate()
        assert running.returncode in (130, 1, -signal.SIGINT, 0)  # it may not have begun yet, or be through
    assert agentdbg("ingest", "small.jsonl", "big.jsonl", cwd=folder).exit_code == 0
    assert counts(folder) == {"traces": 405, "spans": 8_100}


def test_a_check_that_is_stopped_while_judging_reports_what_it_has(folder: Path) -> None:
    program = f"""{HEARING}
import os, signal
from agentdbg.check import judging
def judge(reader, options):
    os.kill(os.getpid(), signal.SIGINT)
    return reader.rows("SELECT count(*) FROM range(10000000000) a, range(100) b")
judging.judge = judge
{PROGRAM}
"""
    done = agentdbg("check", "failed.sketch", "--json", cwd=folder, program=program)
    assert done.exit_code == 2
    report = json.loads(done.stdout)
    assert (report["verdict"], report["reason"]) == ("not_judged", "interrupted while judging")
    assert len(report["traces"]) == 1


def test_a_check_that_is_stopped_while_reading_judges_what_was_read(folder: Path) -> None:
    running = stopped_while_reading_stdin(folder, "check", "failed.sketch", "-", "--json")
    assert running.returncode == 2
    report = json.loads(said(running)[0])
    assert (report["verdict"], report["reason"]) == ("not_judged", "interrupted while reading")
    assert [one["detector"] for one in report["findings"]] == ["cascade.root"]


def test_a_background_job_is_not_stopped_by_the_keyboard(folder: Path) -> None:
    ignoring = "import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    interrupted = PROGRAM.replace("run()", "os.kill(os.getpid(), signal.SIGINT); run()")
    assert agentdbg("check", "good.sketch", cwd=folder, program=ignoring + interrupted).exit_code == 0
