"""What a command does not need, it does not load: `--help` is quick, and `show` of a stored trace reads no files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commandline import PROGRAM, SAMPLES, agentdbg

HEAVY = {"duckdb", "pyarrow", "google.protobuf", "opentelemetry", "rich", "msgspec", "genai_prices"}
LISTING = f"""
import atexit, sys
atexit.register(lambda: print("loaded", *sorted(sys.modules), sep="\\n", file=sys.stderr))
{PROGRAM}
"""


def loaded(*arguments: str | Path, cwd: Path) -> set[str]:
    """The heavy modules that a command loads."""
    done = agentdbg(*arguments, cwd=cwd, program=LISTING)
    assert done.exit_code == 0, done.stderr
    return HEAVY & set(done.stderr.split("loaded\n")[1].splitlines())


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help"), ("--version",)], ids=" ".join)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert loaded(*arguments, cwd=tmp_path) == set()


def test_show_of_a_stored_trace_loads_neither_arrow_nor_the_rows_of_ingest(tmp_path: Path) -> None:
    assert agentdbg("ingest", SAMPLES / "empty-result", cwd=tmp_path).exit_code == 0
    used = loaded("show", "latest", cwd=tmp_path)
    assert "duckdb" in used
    assert not {"pyarrow", "msgspec", "google.protobuf", "opentelemetry"} & used
