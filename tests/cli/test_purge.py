"""`agentdbg purge`: what is removed is in no byte of the store, what stays is as it would be without it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commandline import PROGRAM, agentdbg_here, environment
from tests.stores import otlp

SECRET = "the-password-is-Xyzzy-{}"
STORE = Path(".agentdbg") / "traces.duckdb"


def run(folder: Path, number: int, secret: str, start: int = 0, link: int | None = None) -> Path:
    """A run with a secret in its prompt, its answer, an error and its log record."""
    trace, top, leaf = f"{number:032x}", f"{number:015x}a", f"{number:015x}b"
    told = {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": secret}]}]),
    }  # fmt: skip
    root = {
        "trace": trace, "id": top, "name": "work", "start": start, "end": start + 90,
        "status": {"code": 2, "message": f"Boom: {secret}"}, "links": [(f"{link:032x}", f"{link:015x}b")] if link else [],
        "attributes": {"messaging.system": "queue"},
    }  # fmt: skip
    call = {"trace": trace, "id": leaf, "parent": top, "name": "chat", "attributes": told, "start": start}
    file = otlp(folder, [root, call], f"run{number}.jsonl")
    record = {"traceId": trace, "spanId": leaf, "eventName": "gen_ai.choice", "body": {"stringValue": secret}}
    logs = {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "s"}, "logRecords": [record]}]}]}
    odd = {secret: 1}  # a note quotes what it could not read
    file.write_text(f"{file.read_text()}{json.dumps(logs)}\n{json.dumps(odd)}\n")
    return file


def said(*arguments: str | Path) -> dict[str, Any]:
    done = agentdbg_here(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def rows(sql: str) -> list[dict[str, Any]]:
    return json.loads(agentdbg_here("query", sql, "--json").stdout)  # type: ignore[no-any-return]


def on_disk(text: str) -> list[str]:
    """The files of the store in which this text stands, as it is or as hex."""
    return [file.name for file in STORE.parent.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def everything() -> list[Any]:
    views = ("traces", "spans", "llm_calls", "agent_turns", "handoffs", "messages", "findings", "notes")
    return [rows(f"SELECT * FROM {view} ORDER BY ALL") for view in views]


@pytest.mark.slow
def test_nothing_of_a_run_is_left_in_the_file(folder: Path) -> None:
    files = [run(folder, n, SECRET.format(n)) for n in (1, 2, 3)]
    agentdbg_here("ingest", files[0], files[2], "--db", "without.duckdb")
    agentdbg_here("ingest", *files)
    for text in (SECRET.format(2), "run2.jsonl", f"{2:032x}"):
        assert on_disk(text), text
    done = said("purge", f"{2:032x}")
    assert [(one["trace_id"], one["spans"]) for one in done["runs"]] == [(f"{2:032x}", 2)]
    assert (done["spans"], done["logs"], done["stay"], done["files"]) == (2, 1, 2, [str(files[1])])
    for text in (SECRET.format(2), "run2.jsonl", f"{2:032x}"):
        assert on_disk(text) == [], text
    purged = everything()
    os.environ["AGENTDBG_DB"] = "without.duckdb"
    try:
        assert purged == everything()
    finally:
        del os.environ["AGENTDBG_DB"]
    assert STORE.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in STORE.parent.iterdir()) == [".gitignore", "traces.duckdb"]


def test_a_purged_run_comes_back_with_its_file_and_the_others_are_known(folder: Path) -> None:
    both = folder / "both.jsonl"
    both.write_text("".join(run(folder, n, SECRET.format(n)).read_text() for n in (1, 2)))
    said("ingest", both)
    before = rows("SELECT * FROM spans ORDER BY ALL")
    said("purge", f"{2:032x}")
    assert rows("SELECT DISTINCT trace_id AS t FROM spans") == [{"t": f"{1:032x}"}]
    (file,) = said("ingest", both)["files"]
    assert (file["state"], file["spans"], file["known"]) == ("new", 4, 2)
    assert rows("SELECT * EXCLUDE (source) FROM spans ORDER BY ALL") == [
        {name: value for name, value in row.items() if name != "source"} for row in before
    ]


def test_a_run_of_several_traces_goes_whole(folder: Path) -> None:
    said("ingest", run(folder, 1, SECRET.format(1)), run(folder, 2, SECRET.format(2), 50, link=1))
    assert [row["joined"] for row in rows("SELECT joined FROM traces")] == [[f"{2:032x}"]]
    done = said("purge", f"{2:032x}")  # any of its ids means the run
    assert ([one["trace_id"] for one in done["runs"]], done["spans"], done["stay"]) == ([f"{1:032x}"], 4, 0)
    assert on_disk(SECRET.format(1)) + on_disk(SECRET.format(2)) + on_disk(f"{1:032x}") == []


def test_runs_of_an_age_go_by_the_clock(folder: Path) -> None:
    day = 86_400_000
    today = time.time_ns() // 1_000_000 - 1_700_000_000_000
    for number, age in ((1, 40), (2, 20), (3, 0)):
        said("ingest", run(folder, number, SECRET.format(number), today - age * day - 1000))
    done = said("purge", "--older-than", "30d")
    assert [one["trace_id"] for one in done["runs"]] == [f"{1:032x}"]
    assert said("purge", "--older-than", "30d")["runs"] == []
    said("purge", "--older-than", "2099-01-01")
    assert rows("SELECT trace_id FROM traces") == []
    assert [on_disk(SECRET.format(n)) for n in (1, 2, 3)] == [[], [], []]


def test_all_of_it_goes_only_when_it_is_meant(folder: Path) -> None:
    file = run(folder, 1, SECRET.format(1))
    said("ingest", file)
    refused = agentdbg_here("purge", "--all")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("hint: if that is meant: agentdbg purge --all --yes\n")
    assert said("purge", "--all", "--yes")["stay"] == 0
    assert on_disk(SECRET.format(1)) == []
    assert rows("FROM traces") + rows("FROM notes") + rows("FROM findings") == []
    assert said("ingest", file)["files"][0]["state"] == "new"


def test_what_is_not_named_right_purges_nothing(folder: Path) -> None:
    said("ingest", run(folder, 1, SECRET.format(1)))
    for wrong in ([], ["--all", "--older-than", "1d"], ["ffff"], [f"{1:032x}", "ffff"], ["--older-than", "soon"]):
        assert agentdbg_here("purge", *wrong).exit_code == 2
    assert len(rows("FROM traces")) == 1
    assert agentdbg_here("purge", "ffff", "--db", "nowhere.duckdb").stderr.startswith(
        "error: no store at nowhere.duckdb"
    )
    assert not Path("nowhere.duckdb").exists()


def test_log_records_whose_spans_never_came_can_be_purged(folder: Path) -> None:
    file = run(folder, 7, SECRET.format(7))
    file.write_text(file.read_text().splitlines()[1] + "\n")
    said("ingest", file, "good.sketch")
    assert on_disk(f"{7:032x}") or rows("SELECT 1 AS one") == [{"one": 1}]
    assert said("purge", f"{7:032x}")["logs"] == 1
    assert on_disk(SECRET.format(7)) == []


def test_people_are_told_what_went_and_where_it_still_is(folder: Path) -> None:
    said("ingest", "failed.sketch", "good.sketch")
    trace = rows("SELECT trace_id FROM traces WHERE name = 'report' ORDER BY trace_id LIMIT 1")[0]["trace_id"]
    text = agentdbg_here("purge", trace).stdout
    assert "purged 1 run, " in text
    assert "1 run left; store" in text
    assert "delete it there, too" in text


@pytest.mark.slow
def test_a_purge_that_is_killed_is_done_or_not(folder: Path) -> None:
    files = [run(folder, n, SECRET.format(n)) for n in range(1, 9)]
    said("ingest", *files)
    for number, wait in enumerate((0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), 1):
        running = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "purge", f"{number:032x}"], cwd=folder, env=environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(wait)
        running.send_signal(signal.SIGKILL)
        running.wait()
        there = {"t": f"{number:032x}"} in rows("SELECT trace_id AS t FROM traces")
        assert len(rows("SELECT span_id FROM spans")) == 2 * (8 - number + there)
        if there:
            said("purge", f"{number:032x}")
        assert on_disk(SECRET.format(number)) == []
