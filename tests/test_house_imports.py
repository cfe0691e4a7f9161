"""What a command does not need, it does not load: `--help` is quick, and `show` of a stored trace reads no files."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.cli.main import COMMANDS
from tests.commandline import SAMPLES, agentdbg

HEAVY = {
    "duckdb",
    "pyarrow",
    "google.protobuf",
    "opentelemetry",
    "rich",
    "msgspec",
    "genai_prices",
    "pydantic",
    "uvicorn",
    "starlette",
    "http.client",
}
LISTING = """
import sys
from agentdbg.cli.main import main
code = main(sys.argv[1:])
print("loaded", *sorted(sys.modules), sep="\\n", file=sys.stderr)
sys.exit(code)
"""


def modules(*arguments: str | Path, cwd: Path) -> set[str]:
    done = agentdbg(*arguments, cwd=cwd, program=LISTING)
    assert done.exit_code == 0, done.stderr
    return set(done.stderr.split("loaded\n")[1].splitlines())


def loaded(*arguments: str | Path, cwd: Path) -> set[str]:
    """The heavy modules that a command loads."""
    return HEAVY & modules(*arguments, cwd=cwd)


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help"), ("--version",)], ids=" ".join)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert loaded(*arguments, cwd=tmp_path) == set()


def test_show_of_a_stored_trace_loads_neither_arrow_nor_the_rows_of_ingest(tmp_path: Path) -> None:
    assert agentdbg("ingest", SAMPLES / "empty-result", cwd=tmp_path).exit_code == 0
    used = loaded("show", "latest", cwd=tmp_path)
    assert "duckdb" in used
    assert not {"pyarrow", "msgspec", "google.protobuf", "opentelemetry", "pydantic"} & used


def test_replay_without_a_program_loads_no_server(tmp_path: Path) -> None:
    used = loaded("replay", "ae5b0cd166866be9", SAMPLES / "empty-result", cwd=tmp_path)
    assert not {"uvicorn", "starlette"} & used


def test_a_command_loads_no_other_command(tmp_path: Path) -> None:
    used = modules("schema", cwd=tmp_path)
    assert {name for name in COMMANDS if f"agentdbg.cli.{name}" in used} == {"schema"}
