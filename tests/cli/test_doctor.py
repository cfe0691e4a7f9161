"""`agentdbg doctor`: on files and on a store, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commandline import SAMPLES, agentdbg_here


def test_a_whole_run_needs_one_line() -> None:
    done = agentdbg_here("doctor", "good.sketch")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:4] == [
        "whole: 100 %, 1 of 1 run; model calls 2 of 2 with tokens, 2 with prompts and answers, 2 with a model, 2 with an agent",
        "read:  1 file, 6 spans",
        "",
        "nothing is lost or missing",
    ]


def test_what_is_missing_exits_0_and_names_the_command_to_type_next() -> None:
    done = agentdbg_here("doctor", "silent.sketch", "--width", "72")
    assert done.exit_code == 0
    assert done.stdout.startswith("whole: 0 of 1 run; model calls 1 of 1 with tokens, 0 with prompts")
    assert "MISSING payloads: 1 of 1 model call " in done.stdout
    assert " silent.sketch\n" in done.stdout.split("next:")[1]
    typed = done.stdout.split("next:")[1].split("\n")[0].split()
    assert agentdbg_here(*typed[1:]).exit_code == 0


def test_a_store_is_told_of_like_its_files() -> None:
    agentdbg_here("ingest", "silent.sketch", "good.sketch")
    stored = json.loads(agentdbg_here("doctor", "--json").stdout)
    read = json.loads(agentdbg_here("doctor", "silent.sketch", "good.sketch", "--json").stdout)
    assert [run["gaps"] for run in stored["runs"]] == [run["gaps"] for run in read["runs"]]
    assert [gap | {"next": ""} for gap in stored["gaps"]] == [gap | {"next": ""} for gap in read["gaps"]]
    assert [(file["path"], file["spans"]) for file in stored["files"]] == [("good.sketch", 6), ("silent.sketch", 4)]


def test_what_cannot_be_read_exits_2(folder: Path) -> None:
    (folder / "notes.txt").write_text("no trace", "utf-8")
    assert agentdbg_here("doctor", "notes.txt").exit_code == 2
    assert agentdbg_here("doctor").exit_code == 2  # no store here
    done = agentdbg_here("doctor", "notes.txt", "good.sketch")
    assert (done.exit_code, done.stdout[:7]) == (2, "whole: ")


def test_a_killed_process_is_told_to_flush() -> None:
    text = agentdbg_here("doctor", SAMPLES / "killed-run", "--ascii", "--width", "72").stdout
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 72
    assert "LOST no_root: 2 of 8 spans whose parents are missing" in text
    assert "get_tracer_provider().shutdown()" in text
