"""Many small files: a report that can be read."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commandline import agentdbg_here


def runs(folder: Path, count: int) -> Path:
    folder.mkdir()
    for n in range(count):
        text = f'trace run{n}\nworkflow w{n % 7}\n  agent a\n    llm gpt-4o in=10 out=2 "q{n}" -> "a{n}"\n'
        (folder / f"{n:06}.sketch").write_text(text, "utf-8")
    return folder


def test_the_report_of_many_files_is_short_and_names_those_that_were_not_read(folder: Path) -> None:
    many = runs(folder / "many", 80)
    (folder / "bad.txt").write_text("nothing", "utf-8")
    done = agentdbg_here("ingest", many, "bad.txt", "--no-detect")
    lines = done.stdout.splitlines()
    assert done.exit_code == 2
    assert len(lines) < 60
    assert lines[1].split()[:2] == ["bad.txt", "NOT"]
    assert "  and 31 more files; --json lists them all" in lines
    assert len(json.loads(agentdbg_here("ingest", many, "--no-detect", "--json").stdout)["files"]) == 80
