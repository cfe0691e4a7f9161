"""What each command does with good input: on files, on a store, for people and for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agentdbg.cli.symptoms import SYMPTOMS
from agentdbg.store.views import VIEWS
from tests.commandline import SAMPLES, Done, agentdbg, agentdbg_here

LOOP = """\
workflow memo
  agent researcher x6
    llm gpt-4o "the analyst says: I need more context" -> "Here is the balance sheet of Acme." in=900 out=40
    handoff analyst {"task": "read"}
    agent analyst
      llm gpt-4o "Here is the balance sheet of Acme." -> "I need more context." in=700 out=8
"""


def told(done: Done) -> Any:
    """The JSON on stdout."""
    return json.loads(done.stdout)


def findings(done: Done) -> list[tuple[str, str]]:
    return [(one["detector"], one["severity"]) for one in told(done)["findings"]]


def shown(done: Done) -> str:
    """The name of the run that was shown."""
    return str(told(done)["trace"]["name"])


def stored_ids() -> dict[str, str]:
    """Name of the run → trace id, of the runs in the store. `report` is there twice: the failed one has a star."""
    lines = told(agentdbg_here("traces", "--json"))["traces"]
    return {one["name"] + ("*" if one["status"] == "error" else ""): one["trace_id"] for one in lines}


def span_id(where: str) -> str:
    """The one span of the store's run or the files for which the condition holds."""
    rows = told(agentdbg_here("query", f"SELECT span_id FROM spans WHERE {where}", "--json"))
    assert len(rows) == 1
    return str(rows[0]["span_id"])


# ingest


def test_ingest_makes_a_store_here_and_says_what_it_took_in(folder: Path) -> None:
    done = agentdbg_here("ingest", "failed.sketch", "silent.sketch", "--width", "400")
    store = folder / ".agentdbg" / "traces.duckdb"
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "file           state  read",
        "failed.sketch  new    6 spans",
        "silent.sketch  new    4 spans",
        f"2 files: 2 new; store {store}; 2 traces judged: 1 high, 1 low",
        "next: agentdbg show",
    ]
    assert re.fullmatch(r"10 spans in \d+\.\d s(, [\d,]+ a second)?\n", done.stderr)
    assert (store.parent / ".gitignore").read_text() == "*\n"
    assert store.stat().st_mode & 0o777 == 0o600


def test_ingest_again_adds_nothing() -> None:
    agentdbg_here("ingest", "failed.sketch")
    done = agentdbg_here("ingest", "failed.sketch", "--json")
    assert [(file["state"], file["spans"]) for file in told(done)["files"]] == [("unchanged", 0)]
    assert told(done)["judged_traces"] == 0
    assert len(told(agentdbg_here("traces", "--json"))["traces"]) == 1


def test_ingest_finds_the_store_of_a_folder_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agentdbg_here("ingest", "failed.sketch")
    (folder / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "down")
    agentdbg_here("ingest", str(folder / "good.sketch"))
    assert sorted(stored_ids()) == ["report", "report*"]
    assert not (folder / "deep" / "down" / ".agentdbg").exists()


def test_the_store_can_be_named_by_option_and_by_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agentdbg_here("ingest", "failed.sketch", "--db", "one.duckdb")
    monkeypatch.setenv("AGENTDBG_DB", str(folder / "two.duckdb"))
    agentdbg_here("ingest", "silent.sketch")
    assert sorted(stored_ids()) == ["memo"]
    assert len(told(agentdbg_here("traces", "--db", "one.duckdb", "--json"))["traces"]) == 1
    assert not (folder / ".agentdbg").exists()


def test_what_was_ingested_without_judging_is_judged_when_it_is_shown(folder: Path) -> None:
    done = agentdbg_here("ingest", "failed.sketch", "--no-detect", "--json")
    assert told(done)["judged_traces"] is None
    assert "not judged" in agentdbg_here("traces").stdout
    done = agentdbg_here("show", "latest", "--json")
    assert findings(done) == [("cascade.root", "high")]
    assert done.stderr.startswith("note: judged now")


def test_show_ranks_what_was_not_judged_by_what_it_finds_now(folder: Path) -> None:
    (folder / "loop.sketch").write_text(LOOP, "utf-8")
    agentdbg_here("ingest", "good.sketch", "loop.sketch", "silent.sketch", "--no-detect")
    done = agentdbg_here("show", "--json")
    assert findings(done) == [("loop.cycle", "critical")]
    assert done.stderr.startswith("note: the worst of the 3 runs of the newest hour, 3 of them judged now; ")
    assert "not judged" in agentdbg_here("traces").stdout  # looking keeps nothing


def test_what_says_how_files_are_read_is_refused_for_a_store(folder: Path) -> None:
    (folder / "prices.toml").write_text('["gpt-4o"]\ninput = 1.0\noutput = 2.0\n', "utf-8")
    agentdbg_here("ingest", "failed.sketch")
    for command in (["show"], ["traces"], ["check"], ["query", "from traces"], ["span", "abcd"]):
        for option in (["--prices", "prices.toml"], ["--from", "sketch"], ["--map", "agent=who"]):
            done = agentdbg_here(*command, *option)
            assert (done.exit_code, done.stdout) == (2, "")
            assert done.stderr.startswith(
                f"error: {option[0]} is for reading trace files, and this command reads the store\n"
                f"hint: give it when files are read in: agentdbg ingest {option[0]} "
            )


def test_another_configuration_makes_kept_findings_stale(folder: Path) -> None:
    (folder / "loop.sketch").write_text(LOOP, "utf-8")
    agentdbg_here("ingest", "loop.sketch")
    assert findings(agentdbg_here("check", "--json")) == [("loop.cycle", "critical")]
    (folder / "agentdbg.toml").write_text('[detectors."loop.cycle"]\nleast_laps = 7\n', "utf-8")
    done = agentdbg_here("check", "--json")
    assert findings(done) == [("loop.turns", "medium")]  # what is no cycle any more still has no end
    assert "1 of 1 traces judged now" in done.stderr


# traces


def test_traces_lists_runs_with_their_worst_finding() -> None:
    done = agentdbg_here("traces", "failed.sketch", "silent.sketch", "good.sketch", "--sort", "findings")
    assert done.exit_code == 0
    rows = [re.split(r"  +", line) for line in done.stdout.splitlines()]
    assert rows[0] == ["trace", "start", "workflow", "status", "time", "tokens", "cost", "worst finding"]
    assert [(row[2], row[3], row[7:]) for row in rows[1:4]] == [
        ("report", "FAILED", ["HIGH cascade.root"]),
        ("memo", "ok", ["LOW silent.empty"]),
        ("report", "ok", []),
    ]
    assert done.stdout.splitlines()[4] == "3 traces, 1 failed"


def test_traces_filters_and_limits() -> None:
    agentdbg_here("ingest", ".")
    for options, names in (
        (["--failed"], ["report"]),
        (["--agent", "RESEARCHER"], ["memo"]),
        (["--agent", "nobody"], []),
        (["--sort", "tokens", "--limit", "1"], ["report"]),
        (["--since", "1h"], ["report", "memo", "report"]),
        (["--since", "2030-01-01"], []),
    ):
        lines = told(agentdbg_here("traces", *options, "--json"))["traces"]
        assert sorted(line["name"] for line in lines) == sorted(names), options


def test_traces_says_where_no_run_has_the_agent() -> None:
    agentdbg_here("ingest", ".")
    for agent, said in (
        ("colector", "note: no run of agent colector; nearest: collector\n"),
        ("nobody", "note: no run of agent nobody; nearest: collector, researcher, writer\n"),
        ("COLLECTOR", ""),
    ):
        done = agentdbg_here("traces", "--agent", agent)
        assert (done.exit_code, done.stderr) == (0, said)
    assert agentdbg_here("traces", "--agent", "researcher", "--failed").stderr == ""


# show


def test_show_draws_the_named_run_of_a_file() -> None:
    done = agentdbg_here("show", "failed.sketch")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "report  FAILED" in done.stdout.splitlines()[0]
    assert "HIGH cascade.root" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("failed.sketch")


def test_show_takes_a_beginning_of_an_id_from_store_and_file() -> None:
    agentdbg_here("ingest", ".")
    ids = stored_ids()
    for name, trace_id in ids.items():
        assert shown(agentdbg_here("show", trace_id[:8], "--json")) == name.rstrip("*")
        assert shown(agentdbg_here("show", trace_id.upper(), "--json")) == name.rstrip("*")
    done = agentdbg_here("show", ids["memo"][:8], "failed.sketch", "silent.sketch", "--json")
    assert shown(done) == "memo"


def test_show_without_an_id_takes_the_worst_run_of_the_newest_hour(folder: Path) -> None:
    agentdbg_here("ingest", ".")
    done = agentdbg_here("show", "--json")
    assert told(done)["trace"]["trace_id"] == stored_ids()["report*"]
    assert done.stderr.startswith("note: the worst of the 3 runs of the newest hour")


def test_show_prefers_a_bad_recent_run_to_a_worse_old_one(folder: Path) -> None:
    spans = [
        {
            "trace_id": "old",
            "id": "a",
            "name": "old run",
            "start": 1_700_000_000,
            "end": 1_700_000_001,
            "error": "boom",
        },
        {"trace_id": "new", "id": "b", "name": "new run", "start": 1_700_009_000, "end": 1_700_009_001},
    ]
    (folder / "hours.jsonl").write_text("".join(json.dumps(span) + "\n" for span in spans), "utf-8")
    assert shown(agentdbg_here("show", "hours.jsonl", "--json")) == "new run"


def test_show_filters_leave_what_stands_above() -> None:
    rows = told(agentdbg_here("show", "failed.sketch", "--kind", "tool", "--json"))["rows"]
    assert [row["name"][0]["text"] for row in rows] == ["report", "collector", "fetch_sales"]
    assert "gpt-4o" in agentdbg_here("show", "failed.sketch", "--grep", "fetch the SALES").stdout
    assert "0 spans of 6" in agentdbg_here("show", "failed.sketch", "--min-time", "1h").stdout


def test_show_as_a_sketch_reads_as_the_same_run(folder: Path) -> None:
    first = agentdbg_here("show", "failed.sketch", "--sketch").stdout
    (folder / "again.sketch").write_text(first, "utf-8")
    assert agentdbg_here("show", "again.sketch", "--sketch").stdout == first


def test_show_says_when_it_cannot_open_what_it_was_asked_to() -> None:
    done = agentdbg_here("show", "failed.sketch", "--expand", "C9")
    assert done.exit_code == 0
    assert done.stderr == "note: --expand C9: there is no such fold or span here\n"


# span, replay


def test_span_and_replay_take_an_id_and_files_in_any_order() -> None:
    agentdbg_here("ingest", "failed.sketch")
    span = span_id("tool = 'fetch_sales'")
    trace = stored_ids()["report*"]
    for arguments in ([span], [span[:10]], [f"{trace}:{span}"], [f"{trace[:6]}:{span[:8]}"]):
        done = agentdbg_here("span", *arguments, "--json")
        assert told(done)["span"]["span_id"] == span
        assert told(agentdbg_here("replay", *arguments, "--json"))["span_id"] == span
    assert told(agentdbg_here("span", "failed.sketch", span, "--json"))["span"]["span_id"] == span
    assert "fetch_sales" in agentdbg_here("span", span).stdout


def test_replay_inspects_the_turn_of_an_agent() -> None:
    agentdbg_here("ingest", "failed.sketch")
    done = agentdbg_here("replay", span_id("agent = 'collector' AND kind = 'agent'"))
    assert done.exit_code == 0
    assert "fetch the sales" in done.stdout
    assert done.stdout.startswith("replay  collector")


def test_a_next_command_of_files_names_the_files_and_works() -> None:
    for arguments in (["show", "failed.sketch"], ["check", "failed.sketch"]):
        commands = re.findall(r"next: +(agentdbg (?:span|replay|show) .*)", agentdbg_here(*arguments).stdout)
        assert commands
        for command in commands:
            assert agentdbg_here(*command.split()[1:]).exit_code == 0, command


def test_a_next_command_of_many_files_names_the_one_that_is_meant(folder: Path) -> None:
    (folder / "more.sketch").write_text("workflow other\n", "utf-8")
    done = agentdbg_here("check", "good.sketch", "silent.sketch", "more.sketch", "failed.sketch", "--json")
    assert told(done)["findings"][0]["next"].endswith(" failed.sketch")


# check


def test_check_goes_by_the_threshold() -> None:
    for arguments, code, verdict in (
        (["failed.sketch"], 1, "findings"),
        (["failed.sketch", "--fail-on", "critical"], 0, "clean"),
        (["failed.sketch", "--fail-on", "never"], 0, "clean"),
        (["silent.sketch"], 0, "clean"),
        (["silent.sketch", "--fail-on", "low"], 1, "findings"),
        (["good.sketch", "--fail-on", "info"], 0, "clean"),
    ):
        done = agentdbg_here("check", *arguments, "--json")
        assert (done.exit_code, told(done)["verdict"]) == (code, verdict), arguments


def test_check_of_the_store_equals_check_of_its_files() -> None:
    agentdbg_here("ingest", ".")
    stored, read = agentdbg_here("check", "--json"), agentdbg_here("check", ".", "--json")
    assert stored.exit_code == read.exit_code == 1
    for part in ("verdict", "traces", "skipped", "suppressed"):
        assert told(stored)[part] == told(read)[part], part
    drop = ("next",)  # of files it names the files
    assert [{k: v for k, v in one.items() if k not in drop} for one in told(stored)["findings"]] == [
        {k: v for k, v in one.items() if k not in drop} for one in told(read)["findings"]
    ]


def test_check_takes_threshold_and_suppressions_from_the_configuration(folder: Path) -> None:
    (folder / "agentdbg.toml").write_text('[check]\nfail_on = "low"\n', "utf-8")
    assert agentdbg_here("check", "silent.sketch").exit_code == 1
    (folder / "agentdbg.toml").write_text(
        '[check]\nfail_on = "low"\n[[suppress]]\ndetector = "silent.empty"\nreason = "known"\nexpires = 2999-01-01\n',
        "utf-8",
    )
    done = agentdbg_here("check", "silent.sketch", "--json")
    assert done.exit_code == 0
    assert (told(done)["findings"], told(done)["suppressed"]) == ([], 1)


def test_check_ignores_what_it_is_told_to() -> None:
    done = agentdbg_here("check", "failed.sketch", "--ignore", "cascade.root", "--json")
    assert "cascade.root" not in [detector for detector, _ in findings(done)]
    assert told(done)["suppressed"] == 1


def test_check_writes_several_formats_at_once(folder: Path) -> None:
    done = agentdbg_here("check", "failed.sketch", "--format", "json=report.json")
    assert done.exit_code == 1
    assert done.stdout.startswith("HIGH cascade.root")
    assert json.loads((folder / "report.json").read_text("utf-8"))["verdict"] == "findings"
    done = agentdbg_here("check", "failed.sketch", "--format", "text=report.txt", "--format", "json")
    assert told(done)["verdict"] == "findings"
    assert (folder / "report.txt").read_text("utf-8").startswith("HIGH cascade.root")


def test_check_json_has_the_promised_fields() -> None:
    report = told(agentdbg_here("check", "failed.sketch", "--json"))
    assert report["schema_version"] == 1
    assert report["tool"]["name"] == "agentdbg"
    assert {"verdict", "traces", "findings", "skipped", "notes", "suppressed"} <= report.keys()
    assert {
        "trace_id", "name", "status", "start_ns", "duration_ns", "span_count", "agents", "llm_calls", "tool_calls",
        "handoffs", "input_tokens", "output_tokens", "cost_usd", "coverage",
    } <= report["traces"][0].keys()  # fmt: skip
    assert {
        "detector", "severity", "confidence", "title", "message", "trace_id", "agent", "status", "evidence",
        "wasted_tokens", "wasted_usd", "advice", "next", "fingerprint",
    } <= report["findings"][0].keys()  # fmt: skip


# query, schema, explain


def test_query_answers_with_a_table_or_an_array_of_objects() -> None:
    sql = "SELECT tool, status, count(*) AS n FROM tool_calls GROUP BY ALL ORDER BY ALL"
    assert agentdbg_here("query", sql, "failed.sketch").stdout == (
        "tool         status  n\nfetch_sales  error   1\n1 row\n"
    )
    done = agentdbg_here("query", sql, "failed.sketch", "--format", "json")
    assert told(done) == [{"tool": "fetch_sales", "status": "error", "n": 1}]


def test_query_of_files_has_findings() -> None:
    sql = "SELECT detector, severity FROM findings ORDER BY ALL"
    found = told(agentdbg_here("query", sql, "failed.sketch", "silent.sketch", "--json"))
    assert [row["detector"] for row in found] == ["cascade.root", "silent.empty"]


def test_query_json_holds_every_kind_of_value() -> None:
    sql = """SELECT 1 AS a, 2 AS a, 'nan'::DOUBLE AS nan, 1.5::DECIMAL(4,1) AS d, NULL AS nothing, DATE '2026-01-02' AS day,
        [1, 2] AS list, {'k': 'v'} AS struct, 170141183460469231731687303715884105727::HUGEINT AS huge, 'ü' AS text,
        '\\x00\\x01'::BLOB AS bytes, INTERVAL 90 SECOND AS span"""
    assert told(agentdbg_here("query", sql, "good.sketch", "--json")) == [
        {
            "a": 1, "a_2": 2, "nan": None, "d": 1.5, "nothing": None, "day": "2026-01-02", "list": [1, 2],
            "struct": {"k": "v"}, "huge": 170141183460469231731687303715884105727, "text": "ü", "bytes": "AAE=",
            "span": 90.0,
        }
    ]  # fmt: skip


def test_a_wide_answer_is_told_row_by_row() -> None:
    lines = agentdbg_here("query", "FROM traces", "good.sketch").stdout.splitlines()
    assert [line.split()[0] for line in lines if line.strip()][:3] == ["trace_id", "name", "status"]


def test_a_query_that_the_database_refuses_says_so() -> None:
    done = agentdbg_here("query", "SELECT nothing FROM nowhere", "good.sketch")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nowhere" in done.stderr
    assert "hint: `agentdbg schema` lists the views" in done.stderr


@pytest.mark.parametrize("sql", ["", "  ", ";", "/* only a remark */"])
def test_an_empty_query_says_so(sql: str) -> None:
    done = agentdbg_here("query", sql, "good.sketch")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: the query is empty\nhint: for example")


def test_query_never_reaches_for_the_network() -> None:
    done = agentdbg_here("query", "FROM 'https://localhost:1/x.parquet'", "good.sketch")
    assert done.exit_code == 2
    assert "disabled by configuration" in done.stderr


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_schema_tells_every_column(view: str) -> None:
    text = agentdbg_here("schema", view).stdout
    assert [name for name in VIEWS[view].columns if not re.search(rf"^  {name} ", text, re.M)] == []
    described = told(agentdbg_here("schema", view, "--json"))["views"]
    assert [column["name"] for column in described[0]["columns"]] == list(VIEWS[view].columns)
    assert all(column["comment"] for column in described[0]["columns"])


def test_schema_lists_the_views_and_knows_a_misspelt_one() -> None:
    assert [line.split()[0] for line in agentdbg_here("schema").stdout.splitlines()[1:-1]] == sorted(VIEWS)
    done = agentdbg_here("schema", "llm_cals")
    assert (done.exit_code, done.stderr) == (2, "error: there is no view llm_cals\nhint: did you mean llm_calls?\n")


def test_explain_prints_the_documentation_and_the_options() -> None:
    text = agentdbg_here("explain", "loop.cycle").stdout
    assert text.startswith("loop.cycle\n")
    assert "**" not in text
    for heading in ("What it finds", "Why it matters", "Bad", "Good", "What to do", "Options"):
        assert re.search(rf"^{heading}\b", text, re.M), heading
    assert re.search(r"^  least_laps +3$", text, re.M)
    options = told(agentdbg_here("explain", "loop.cycle", "--json"))["detectors"][0]["options"]
    assert options["least_laps"] == 3


def test_explain_lists_detectors_and_knows_a_misspelt_one() -> None:
    assert re.search(r"^silent\.empty +A tool that answered with nothing", agentdbg_here("explain").stdout, re.M)
    done = agentdbg_here("explain", "loop.cicle")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: no detector is called loop.cicle\nhint: did you mean loop.cycle?\n",
    )


def test_the_symptoms_lead_to_commands_that_exist() -> None:
    commands = re.findall(r"^  ([a-z]+)  ", agentdbg_here("--help").stdout.split("Commands:")[1], re.M)
    detectors = [one["detector"] for one in told(agentdbg_here("explain", "--json"))["detectors"]]
    text = agentdbg_here("explain", "--symptoms").stdout
    for seen, command in SYMPTOMS:
        assert command.split()[1] in commands
        assert command.split()[1] != "explain" or command.split()[2] in detectors
        assert command in text
        assert seen in text


def test_version() -> None:
    assert re.fullmatch(r"agentdbg \d+\.\d+\.\d+\S*\n", agentdbg_here("--version").stdout)


def test_a_query_reaches_neither_files_nor_the_network_and_may_tell_times(tmp_path: Path) -> None:
    sample = SAMPLES / "healthy-team"
    told = agentdbg("query", f"copy (select 1) to '{tmp_path}/out.csv'", sample)
    assert (told.exit_code, (tmp_path / "out.csv").exists()) == (2, False)
    assert agentdbg("query", "select to_timestamp(start_ns / 1e9) from traces", sample).exit_code == 0
