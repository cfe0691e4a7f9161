"""The tour works as it is, from anywhere, and leaves nothing behind."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.commandline import ROOT, agentdbg

pytestmark = pytest.mark.slow  # every test starts processes


def test_the_demo_runs_every_step_and_prints_its_command(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = agentdbg("demo", cwd=folder)
    assert done.exit_code == 0, done.stderr
    commands = re.findall(r"^\$ agentdbg ([a-z]+)", done.stdout, re.M)
    assert commands == ["ingest", "traces", "show", "replay", "check"]
    assert "(exit code 1)" in done.stdout
    assert sorted(folder.rglob("*")) == before


def test_the_demo_is_not_disturbed_by_the_users_own_settings(folder: Path) -> None:
    (folder / "agentdbg.toml").write_text('[check]\nfail_on = "never"\n', "utf-8")
    done = agentdbg("demo", cwd=folder, env={"AGENTDBG_DB": str(folder / "mine.duckdb"), "PAGER": "false"})
    assert done.exit_code == 0, done.stderr
    assert not (folder / "mine.duckdb").exists()


def test_the_demo_is_not_disturbed_by_a_configuration_above_the_samples(folder: Path) -> None:
    for part in ("agentdbg", "sample_traces"):
        shutil.copytree(ROOT / part, folder / "project" / part, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "project" / "agentdbg.toml").write_text('[check]\nfail_on = "never"\n', "utf-8")
    done = agentdbg("demo", cwd=folder, env={"PYTHONPATH": str(folder / "project")})
    assert done.exit_code == 0, done.stderr
    assert "(exit code 1)" in done.stdout


def test_the_demo_needs_no_network(folder: Path) -> None:
    program = """
import socket, sys
def refuse(*args, **kwargs): raise OSError("no network here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
sys.argv[0] = 'agentdbg'
from agentdbg.cli.main import run; run()
"""
    assert agentdbg("demo", cwd=folder, program=program).exit_code == 0
