"""An ingest that is killed, not asked to stop: whatever the moment, the store opens, and the same command completes it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.cli.test_interrupts import spans
from tests.commandline import PROGRAM, SAMPLES, agentdbg_here, environment
from tests.stores import otlp

RAW = ("spans", "copies", "logs", "repeats", "notes", "links", "runs")
DERIVED = ("traces", "roles", "calls", "turns", "handoffs", "trace_notes", "findings", "skipped", "judged")
OWN = {"file_id"}  # which file came first is told by `path`


def inputs(folder: Path) -> list[str]:
    """Files of several formats: large and small ones, protobuf, copies of the same spans, parts of one run."""
    whole = {"id": "a" * 16, "name": "root", "attributes": {"messaging.system": "queue"}}
    part = {"trace": "2" * 32, "id": "b" * 16, "name": "part", "links": [("1" * 32, "a" * 16)]}
    otlp(folder, [whole, {**whole, "id": "c" * 16, "parent": "a" * 16}], "1.jsonl")
    otlp(folder, [{**whole, "name": "other"}, {**part, "attributes": {"messaging.system": "queue"}}], "2.jsonl")
    (folder / "3.jsonl").write_text(spans(0, 2_000), "utf-8")
    (folder / "4.jsonl").write_text(spans(1_000, 500), "utf-8")  # again, as other lines of another file
    shutil.copy(SAMPLES / "healthy-team" / "pydantic-ai.lendelim.binpb", folder / "5.binpb")
    shutil.copytree(SAMPLES / "empty-result", folder / "6")
    return ["1.jsonl", "2.jsonl", "3.jsonl", "4.jsonl", "5.binpb", "6"]


def content(store: Path) -> dict[str, list[str]]:
    """Every row of every table, whatever its place."""
    out: dict[str, list[str]] = {}
    with duckdb.connect(str(store), read_only=True) as con:
        for table in [*(f"raw.{name}" for name in RAW), *(f"derived.{name}" for name in DERIVED)]:
            names = [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
            chosen = ", ".join(f't."{name}"' for name in names if name not in OWN)
            path = ", f.path" if "file_id" in names else ""
            source = f"{table} t" + (" LEFT JOIN raw.files f USING (file_id)" if path else "")
            out[table] = sorted(map(repr, con.execute(f"SELECT {chosen}{path} FROM {source}").fetchall()))
        out["pending"] = list(map(repr, con.execute("FROM raw.pending").fetchall()))
        out["files"] = sorted(map(repr, con.execute("SELECT * EXCLUDE (file_id) FROM raw.files").fetchall()))
    return out


def killed(folder: Path, arguments: list[str], after: float) -> float | None:
    """Run an ingest and kill it so many seconds after it began; how long it took where it was through before."""
    began = time.monotonic()
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "ingest", *arguments, "--db", "killed.duckdb"],
        cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        running.wait(timeout=after)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
        return None
    return time.monotonic() - began


def ingest_killed(folder: Path, kills: int, seed: int) -> None:
    """Kill ingests of the same files again and again, each at a random moment, until one comes through; the store is
    that of an ingest that nobody disturbed. Begin anew with an empty store until there were enough kills."""
    chance = random.Random(seed)
    arguments = inputs(folder)
    began = time.monotonic()
    done = agentdbg_here("ingest", *arguments, "--db", "whole.duckdb")
    assert done.exit_code == 0, done.stderr
    took = time.monotonic() - began + 0.5
    expected = content(folder / "whole.duckdb")
    store = folder / "killed.duckdb"
    while kills > 0:
        for _ in range(chance.randint(1, 8)):
            if killed(folder, arguments, chance.uniform(0.2, took)) is None:
                kills -= 1
            if store.exists() and chance.random() < 0.3:
                readable(store)
        assert agentdbg_here("ingest", *arguments, "--db", "killed.duckdb").exit_code == 0
        found = content(store)
        assert {name for name in expected if found[name] != expected[name]} == set(), f"{kills} kills left"
        store.unlink()


def readable(store: Path) -> None:
    """Whatever was killed, the next command opens the store and finds whole files in it; the one that was killed before
    there were tables finds none."""
    done = agentdbg_here("query", "SELECT count(*) AS n FROM spans", "--json", "--db", store)
    if done.exit_code == 0:
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        assert rows[0]["n"] >= 0
    else:
        assert "is an empty DuckDB file" in done.stderr, done.stderr


long = pytest.mark.skipif(not os.environ.get("AGENTDBG_LONG"), reason="takes ten minutes and more: AGENTDBG_LONG=1")


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=[pytest.mark.slow, long])])
def test_an_ingest_that_is_killed_loses_and_doubles_nothing(kills: int, folder: Path) -> None:
    ingest_killed(folder, kills, seed=kills)
