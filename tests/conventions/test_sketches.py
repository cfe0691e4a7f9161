"""One small trace of every convention in its own attributes (`traces/`), and the whole of what is told of it (`tests/golden/conventions/`).
`UPDATE_GOLDEN=1 pytest tests/conventions/test_sketches.py` writes the sketches anew; read the difference before you keep it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdbg.conventions import shelf
from tests.commandline import agentdbg_here
from tests.reporters.golden import same_as_golden
from tests.stores import of_files, otlp

TRACES = Path(__file__).parent / "traces"
FORMATS = ("atif", "claude_code", "codex", "langfuse", "mlflow", "weave")
"""Conventions of one format each: tests/importers compares whole sketches of theirs."""


def file_of(convention: str, folder: Path) -> Path:
    """The trace as an export. `.spans.json` are spans whose attributes are written plainly, for OTLP."""
    [path] = TRACES.glob(f"{convention}.*")
    if not path.name.endswith(".spans.json"):
        return path
    told = json.loads(path.read_text("utf-8"))
    return otlp(folder, told["spans"], scope=told["scope"])


def test_every_convention_has_a_trace_here_or_a_format_of_its_own() -> None:
    here = {path.name.split(".")[0] for path in TRACES.iterdir()}
    assert sorted(here | set(FORMATS)) == sorted(convention.name for convention in shelf())


@pytest.mark.parametrize("convention", sorted({path.name.split(".")[0] for path in TRACES.iterdir()}))
def test_the_sketch_of_a_trace(convention: str, tmp_path: Path) -> None:
    file = file_of(convention, tmp_path)
    spoken = of_files(file).reader().rows("SELECT DISTINCT convention FROM spans")
    assert any(convention in found.split("+") for (found,) in spoken)
    shown = agentdbg_here("show", "--sketch", file)
    assert shown.exit_code == 0, shown.stderr
    same_as_golden(f"conventions/{convention}.sketch", shown.stdout)
