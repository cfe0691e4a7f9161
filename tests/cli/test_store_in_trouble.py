"""Stores that cannot be used: each says why and what to do, with exit 2, and is left as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.store import Store
from tests.commandline import agentdbg_here

READING = (["show"], ["traces"], ["check"], ["span", "abcd"], ["replay", "abcd"], ["query", "SELECT 1"])


def refused(*arguments: str) -> str:
    done = agentdbg_here(*arguments)
    assert (done.exit_code, done.stdout) == (2, ""), arguments
    return done.stderr


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_no_store_at_all(command: list[str]) -> None:
    assert refused(*command).startswith("error: there is no store here or in a folder above\nhint: `agentdbg ingest")
    assert refused(*command, "--db", "nowhere.duckdb").startswith("error: no store at nowhere.duckdb\n")


@pytest.mark.parametrize("command", ["show", "why"])
def test_without_a_store_what_was_asked_for_is_no_file_either(command: str) -> None:
    told = refused(command, "nope")
    assert told.startswith(
        "error: nope: there is no such file, nor a store to look for it as an id\nhint: `agentdbg in"
    )
    assert "; there is no file abcd1234 here" in refused(command, "abcd1234")


@pytest.mark.parametrize("command", [*READING, ["ingest", "good.sketch"]], ids=lambda command: command[0])
def test_a_file_that_is_no_database(command: list[str], folder: Path) -> None:
    before = (folder / "failed.sketch").read_bytes()
    for name in ("failed.sketch", "data.jsonl", "data.csv"):
        (folder / name).write_bytes(before)
        assert refused(*command, "--db", name).startswith(f"error: {name} is not an agentdbg store\n")
        assert (folder / name).read_bytes() == before


def test_somebody_elses_database_is_left_alone(folder: Path) -> None:
    with duckdb.connect(str(folder / "own.duckdb")) as con:
        con.execute("CREATE TABLE customers AS SELECT 1 AS id")
    assert "of another kind" in refused("ingest", "good.sketch", "--db", "own.duckdb")
    assert refused("traces", "--db", "own.duckdb").startswith("error: ")
    with duckdb.connect(str(folder / "own.duckdb")) as con:
        assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("customers",)]


@pytest.mark.parametrize("command", [*READING, ["ingest", "good.sketch"]], ids=lambda command: command[0])
def test_a_store_of_a_newer_version(command: list[str], folder: Path) -> None:
    agentdbg_here("ingest", "failed.sketch", "--db", "s.duckdb")
    with duckdb.connect(str(folder / "s.duckdb")) as con:
        con.execute("UPDATE raw.meta SET schema_version = 999, tool_version = '99.0'")
    assert refused(*command, "--db", "s.duckdb") == (
        "error: s.duckdb was written by a newer agentdbg (99.0)\nhint: upgrade agentdbg, or name another store with --db\n"
    )


def test_a_store_that_another_process_holds(folder: Path) -> None:
    agentdbg_here("ingest", "failed.sketch", "--db", "s.duckdb")
    program = "import duckdb, sys; con = duckdb.connect('s.duckdb'); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    for command in (["traces"], ["ingest", "good.sketch"]):
        text = refused(*command, "--db", "s.duckdb")
        assert text.startswith("error: another process has s.duckdb open for writing\nhint: wait for it to finish")
        assert str(holder.pid) in text
    holder.communicate()
    assert agentdbg_here("traces", "--db", "s.duckdb").exit_code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for the superuser")
def test_a_store_that_may_only_be_read_can_be_read(folder: Path) -> None:
    agentdbg_here("ingest", "failed.sketch", "--db", "s.duckdb")
    (folder / "s.duckdb").chmod(0o400)
    assert agentdbg_here("show", "--db", "s.duckdb").exit_code == 0
    assert refused("ingest", "good.sketch", "--db", "s.duckdb").startswith("error: s.duckdb is read-only\n")


def test_a_place_where_no_store_can_be(folder: Path) -> None:
    (folder / "a-file").write_text("", "utf-8")
    for place in ("a-file/traces.duckdb", "."):
        assert refused("ingest", "good.sketch", "--db", place).startswith("error: ")


def test_too_little_memory_is_no_bug_of_ours() -> None:
    with Store.in_memory() as store:
        store.reader().rows("SET temp_directory = ''")
        store.reader().rows("SET memory_limit = '8MB'")
        with pytest.raises(AgentdbgError, match="the store cannot be read: Out of Memory"):
            store.reader().rows("SELECT list(i) FROM range(5000000) AS t(i)")
