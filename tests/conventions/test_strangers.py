"""Traces as instrumentations that were never captured here write them, each built from what their makers publish (`strangers/`), and the
whole of what is told of it (`tests/golden/strangers/`). `UPDATE_GOLDEN=1 pytest tests/conventions/test_strangers.py` writes the sketches
anew; read the difference before you keep it: agents, calls once, tokens, tools, payloads, handoffs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commandline import agentdbg_here
from tests.reporters.golden import same_as_golden
from tests.stores import of_files, otlp

STRANGERS = Path(__file__).parent / "strangers"
HANDOFFS = "SELECT from_agent, to_agent, rule FROM handoffs ORDER BY trace_id, seq"


@pytest.mark.parametrize("name", sorted(path.name.split(".")[0] for path in STRANGERS.iterdir()))
def test_the_sketch_of_a_strangers_trace(name: str, tmp_path: Path) -> None:
    told = json.loads((STRANGERS / f"{name}.spans.json").read_text("utf-8"))
    file = otlp(tmp_path, told["spans"], scope=told["scope"])
    shown = agentdbg_here("show", "--sketch", file)
    assert shown.exit_code == 0, shown.stderr
    handed = [
        f"# {sender} -> {receiver}: {rule}\n" for sender, receiver, rule in of_files(file).reader().rows(HANDOFFS)
    ]
    same_as_golden(f"strangers/{name}.sketch", shown.stdout + "".join(handed))
