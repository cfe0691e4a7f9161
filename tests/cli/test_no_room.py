"""A disk that is full, and two that write at once: told in words, with exit 2, and what was whole before stays whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_interrupts import counts, spans
from tests.commandline import PROGRAM, Done, agentdbg, environment

# A file that may not grow further is the nearest to a full disk that needs no privileges: the signal is ignored as in
# any Python, and the write fails.
# No bytecode: what Python writes under the limit is cut as well, and would stay for the tests that follow.
LIMITED = (
    "import resource, sys; sys.dont_write_bytecode = True; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))\n"
    + PROGRAM
)


def limited(folder: Path, room: int, *arguments: str) -> Done:
    return agentdbg(*arguments, cwd=folder, program=LIMITED.format(room))


@pytest.mark.slow
def test_a_full_disk_is_told_and_leaves_a_store_that_goes_on(folder: Path) -> None:
    assert agentdbg("ingest", "failed.sketch", cwd=folder).exit_code == 0
    before = counts(folder)
    store = folder / ".agentdbg" / "traces.duckdb"
    (folder / "big.jsonl").write_text(spans(0, 6_000), "utf-8")
    done = limited(folder, store.stat().st_size + 4096, "ingest", "big.jsonl")
    assert (done.exit_code, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: the store cannot be written: "), done.stderr
    assert "Traceback" not in done.stderr
    assert counts(folder) == before
    assert agentdbg("ingest", "big.jsonl", cwd=folder).exit_code == 0
    assert counts(folder)["spans"] == before["spans"] + 6_000


def test_no_room_for_a_store_at_all(folder: Path) -> None:
    done = limited(folder, 4096, "ingest", "failed.sketch")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert agentdbg("ingest", "failed.sketch", cwd=folder).exit_code == 0


@pytest.mark.slow
def test_no_room_to_purge_leaves_the_store_as_it_was(folder: Path) -> None:
    assert agentdbg("ingest", "failed.sketch", "good.sketch", cwd=folder).exit_code == 0
    before = counts(folder)
    done = limited(folder, 8192, "purge", "--older-than", "2099-01-01")
    assert (done.exit_code, done.stdout) == (2, ""), done.stderr
    assert counts(folder) == before


@pytest.mark.slow
def test_two_ingests_at_once_are_one_and_a_word(folder: Path) -> None:
    """The second waits for nothing and breaks nothing: it says who holds the store, and works afterwards."""
    (folder / "one.jsonl").write_text(spans(0, 4_000), "utf-8")
    (folder / "two.jsonl").write_text(spans(4_000, 4_000), "utf-8")
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "ingest", name, "--json"],
            cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )
        for name in ("one.jsonl", "two.jsonl")
    ]  # fmt: skip
    told = [one.communicate() for one in both]
    codes = sorted(one.returncode for one in both)
    assert codes in ([0, 2], [0, 0]), told  # one may be through before the other begins
    for one, (out, err) in zip(both, told, strict=True):
        if one.returncode == 0:
            assert json.loads(out)["files"][0]["state"] == "new"
        else:
            assert "another process has" in err
    assert agentdbg("ingest", "one.jsonl", "two.jsonl", cwd=folder).exit_code == 0
    assert counts(folder) == {"traces": 400, "spans": 8_000}
