"""Every way a trace file can be bad, from one end to the other: no traceback, an honest word, the right exit code."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commandline import SAMPLES, Done, agentdbg_here

GOOD = (SAMPLES / "empty-result" / "openai.otlp.jsonl").read_bytes()
SPAN = {
    "traceId": "a" * 32, "spanId": "b" * 16, "name": "x",
    "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000",
}  # fmt: skip


def otlp(*spans: dict[str, Any]) -> bytes:
    """One OTLP/JSON request a span, in lines."""
    return b"".join(
        json.dumps(
            {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "t"}, "spans": [{**SPAN, **span}]}]}]}
        ).encode()
        + b"\n"
        for span in spans
    )


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"attributes": [{"key": key, "value": value}]}


UNREADABLE = {
    "not JSON": b"hello world\nthis is no trace\n",
    "JSON of another kind": b'{"weather": "rain"}\n{"weather": "sun"}\n',
    "binary garbage": random.Random(7).randbytes(5000),
    "empty": b"",
    "blank": b"\n\n  \n",
    "gzip of nothing": gzip.compress(b"", mtime=0),
    "broken gzip": gzip.compress(GOOD, mtime=0)[:20],
    "zip": b"PK\x03\x04 and so on",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_named_file_without_a_trace_is_2_everywhere(content: bytes, folder: Path) -> None:
    (folder / "bad.jsonl").write_bytes(content)
    for command in (["show", "bad.jsonl"], ["traces", "bad.jsonl"], ["query", "FROM spans", "bad.jsonl"]):
        done = agentdbg_here(*command)
        assert (done.exit_code, done.stdout) == (2, ""), command
        assert "bad.jsonl" in done.stderr.splitlines()[0]
        assert done.stderr.startswith("error: ")
    report = agentdbg_here("check", "bad.jsonl", "--json")
    assert report.exit_code == 2
    assert json.loads(report.stdout)["verdict"] == "not_judged"
    assert [note["source"] for note in json.loads(report.stdout)["notes"] if note["severity"] == "error"] == [
        "bad.jsonl"
    ]
    taken = agentdbg_here("ingest", "bad.jsonl", "--json")
    assert taken.exit_code == 2
    assert [file["state"] for file in json.loads(taken.stdout)["files"]] == ["unreadable"]


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_bad_file_among_good_ones_leaves_their_result(content: bytes, folder: Path) -> None:
    (folder / "bad.jsonl").write_bytes(content)
    for named, code in (("good.sketch", 2), ("failed.sketch", 1)):  # findings go before what could not be read
        done = agentdbg_here("check", named, "bad.jsonl", "--json")
        assert done.exit_code == code
        assert len(json.loads(done.stdout)["traces"]) == 1
    done = agentdbg_here("show", "good.sketch", "bad.jsonl")
    assert done.exit_code == 2
    assert done.stdout.startswith("trace ")
    assert done.stderr.startswith("error: bad.jsonl")
    assert agentdbg_here("ingest", "good.sketch", "bad.jsonl").exit_code == 2
    assert len(json.loads(agentdbg_here("traces", "--json").stdout)["traces"]) == 1


def test_in_a_folder_other_files_are_no_fault(folder: Path) -> None:
    (folder / "costs.csv").write_text("run,usd\n", "utf-8")
    done = agentdbg_here("check", ".", "--json")
    assert done.exit_code == 1
    assert [note["message"] for note in json.loads(done.stdout)["notes"]] == ["this holds no trace"]
    assert agentdbg_here("ingest", ".").exit_code == 0


@pytest.mark.parametrize("name", ["README.md", "readme", "LICENSE", "NOTICE.txt", "notes.rst"])
def test_documentation_in_a_folder_is_passed_over_and_named_it_is_refused(name: str, folder: Path) -> None:
    (folder / name).write_text("# what these are\n", "utf-8")
    assert json.loads(agentdbg_here("check", ".", "--json").stdout)["notes"] == []
    assert f"{name} holds no trace" in agentdbg_here("show", f"./{name}").stderr
    (folder / "docs").mkdir()
    (folder / name).rename(folder / "docs" / name)
    assert agentdbg_here("show", "docs").stderr.startswith("error: no file in docs holds a trace\n")


def test_a_folder_with_nothing_readable_is_2(folder: Path) -> None:
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("a", "utf-8")
    (folder / "nothing").mkdir()
    for name in ("texts", "nothing"):
        for command in ("show", "check", "ingest", "traces"):
            assert agentdbg_here(command, name).exit_code == 2, (command, name)
    assert agentdbg_here("show", "texts").stderr.startswith("error: no file in texts holds a trace\nhint: formats: ")


def test_a_folder_with_nothing_readable_is_2_however_often_it_is_read(folder: Path) -> None:
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("a", "utf-8")
    (folder / "bad.jsonl").write_text("no trace\n", "utf-8")
    for named in (["texts"], ["bad.jsonl"], ["texts", "bad.jsonl"]):
        first, second = agentdbg_here("ingest", *named, "--json"), agentdbg_here("ingest", *named, "--json")
        assert (first.exit_code, second.exit_code) == (2, 2), named
        assert (first.stdout, first.stderr) == (second.stdout, second.stderr)
    for _ in range(2):
        assert agentdbg_here("ingest", "texts", "good.sketch").exit_code == 0


@pytest.mark.parametrize("name", ["missing.jsonl", "missing/", "*.nothing", "missing/run", "missing.txt"])
def test_what_is_not_there_is_said_to_be_not_there(name: str) -> None:
    done = agentdbg_here("show", name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{name}: there is no such file" in done.stderr


def test_check_names_what_it_could_not_read_once(folder: Path) -> None:
    (folder / "zero.jsonl").write_bytes(b"")
    (folder / "nothing").mkdir()
    told = agentdbg_here("check", "zero.jsonl", "nothing", "missing.jsonl").stdout
    assert [" ".join(line.split()) for line in told.splitlines()[:3]] == [
        "error zero.jsonl: holds no trace: it is empty",
        "error nothing: is a folder that holds no files",
        "error missing.jsonl: there is no such file – paths are files, folders, quoted globs, or - for stdin",
    ]


def test_the_wrong_format_is_named_with_the_right_one(folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(GOOD)
    done = agentdbg_here("show", "run.jsonl", "--from", "langsmith")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "error: run.jsonl is not langsmith: it looks like otlp-json\nhint: leave out --from, or say --from otlp-json\n"
    )
    done = agentdbg_here("show", "run.jsonl", "--from", "otlp-jsn")
    assert done.exit_code == 2
    assert "did you mean 'otlp-json'?" in done.stderr


# what is bad about one record leaves the others


def lines_of(done: Done) -> int:
    return int(json.loads(done.stdout)["trace"]["span_count"])


def test_a_truncated_last_line_loses_that_record_alone(folder: Path) -> None:
    (folder / "cut.jsonl").write_bytes(GOOD[:-40])
    done = agentdbg_here("show", "cut.jsonl", "--json")
    assert done.exit_code == 0
    assert lines_of(done) == lines_of(agentdbg_here("show", str(SAMPLES / "empty-result"), "--json")) - 1
    assert done.stderr.startswith("note: cut.jsonl:1: the input is cut off here")


def test_a_bad_line_among_good_ones_is_a_note_with_its_place(folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(otlp({}) + b'{"broken": \n' + otlp({"spanId": "c" * 16}))
    done = agentdbg_here("show", "run.jsonl", "--json")
    assert (done.exit_code, lines_of(done)) == (0, 2)
    assert done.stderr.startswith("note: run.jsonl:2: ")
    report = agentdbg_here("check", "run.jsonl", "--json")
    assert report.exit_code == 0
    assert "run.jsonl:2" in [note["source"] for note in json.loads(report.stdout)["notes"]]
    assert "run.jsonl:2" in agentdbg_here("ingest", "run.jsonl").stdout


def test_ten_thousand_bad_lines_make_a_few_notes(folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(otlp({}) + b"no\n" * 10_000)
    done = agentdbg_here("show", "run.jsonl")
    assert done.exit_code == 0
    assert len(done.stderr.splitlines()) <= 6
    assert len(agentdbg_here("ingest", "run.jsonl").stdout.splitlines()) < 20


@pytest.mark.parametrize(
    "recode",
    [lambda text: text.decode().encode("utf-16"), lambda text: b"\xef\xbb\xbf" + text],
    ids=["UTF-16", "byte order mark"],
)
def test_other_encodings_give_the_same_run(recode: Callable[[bytes], bytes], folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(GOOD)
    plain = agentdbg_here("show", "run.jsonl", "--json")
    (folder / "run.jsonl").write_bytes(recode(GOOD))
    assert agentdbg_here("show", "run.jsonl", "--json").stdout == plain.stdout


def test_nan_and_huge_numbers_are_unknown_not_zero(folder: Path) -> None:
    huge = "9" * 29
    (folder / "run.jsonl").write_bytes(
        otlp(
            attribute("gen_ai.usage.input_tokens", doubleValue=float("nan")),
            {"spanId": "c" * 16, "endTimeUnixNano": huge},
        )
        + otlp({"spanId": "d" * 16, **attribute("gen_ai.usage.output_tokens", intValue=huge)})
    )
    done = agentdbg_here(
        "query", "SELECT input_tokens, output_tokens, end_ns FROM spans ORDER BY span_id", "run.jsonl", "--json"
    )
    rows = json.loads(done.stdout)
    assert [row["input_tokens"] for row in rows] == [None] * 3
    assert [row["output_tokens"] for row in rows] == [None] * 3
    assert rows[1]["end_ns"] is None
    assert agentdbg_here("show", "run.jsonl").exit_code == 0
    json.loads(agentdbg_here("show", "run.jsonl", "--json").stdout, parse_constant=pytest.fail)


def test_ids_of_the_wrong_length_are_taken_as_they_are(folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(
        otlp({"traceId": "abcd", "spanId": "1" * 40}, {"traceId": "abcd", "spanId": "2" * 5})
    )
    done = agentdbg_here("show", "abcd", "run.jsonl", "--json")
    assert (done.exit_code, lines_of(done)) == (0, 2)
    assert agentdbg_here("span", "22222", "run.jsonl").exit_code == 0


def test_an_end_before_the_start_is_shown_as_no_time(folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(otlp({"endTimeUnixNano": "1600000000000000000"}))
    done = agentdbg_here("show", "run.jsonl")
    assert done.exit_code == 0
    assert "1 span ends before it starts" in done.stdout


def test_a_span_that_is_its_own_ancestor_is_shown_once(folder: Path) -> None:
    circle = [
        {"parentSpanId": "c" * 16},
        {"spanId": "c" * 16, "parentSpanId": "b" * 16},
        {"spanId": "d" * 16, "parentSpanId": "d" * 16},
    ]
    (folder / "run.jsonl").write_bytes(otlp(*circle))
    done = agentdbg_here("show", "run.jsonl", "--json")
    assert (done.exit_code, lines_of(done)) == (0, 3)
    assert sorted(row["id"][0] for row in json.loads(done.stdout)["rows"]) == ["b", "c", "d"]
    for command in ("check", "replay"):
        assert agentdbg_here(command, *(["bbbb"] if command == "replay" else []), "run.jsonl").exit_code == 0


def test_spans_without_a_trace_id_are_kept_and_told(folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(otlp({"traceId": ""}, {"spanId": "c" * 16}))
    done = agentdbg_here("check", "run.jsonl", "--json")
    assert done.exit_code == 0
    assert sum(trace["span_count"] for trace in json.loads(done.stdout)["traces"]) == 2
    assert any("trace id" in note["message"] for note in json.loads(done.stdout)["notes"])


@pytest.mark.slow
def test_hostile_text_never_reaches_the_terminal(folder: Path) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe"
    (folder / "run.jsonl").write_bytes(otlp({"name": evil, **attribute("gen_ai.agent.name", stringValue=evil)}))
    (folder / "bad\x1b[31m.jsonl").write_bytes(b"\x1b[31mred")
    commands = (["show", "run.jsonl"], ["traces", "run.jsonl"], ["check", "run.jsonl"], ["span", "bbbb", "run.jsonl"])
    more = (["replay", "bbbb", "run.jsonl"], ["query", "FROM spans", "run.jsonl"], ["show", "bad\x1b[31m.jsonl"])
    machine = [[*command, "--json"] for command in (*commands, *more)]
    for command in (*commands, *more, *machine, ["ingest", "run.jsonl", "bad\x1b[31m.jsonl"]):
        done = agentdbg_here(*command)
        assert done.exit_code in (0, 2), command
        for stream in (done.stdout, done.stderr):
            assert not {"\x1b", "\x07", "\u202e"} & set(stream), command


LOG = {
    "traceId": "a" * 32, "spanId": "b" * 16, "eventName": "app.started",
    "attributes": [{"key": "port", "value": {"intValue": "80"}}],
}  # fmt: skip


def test_log_records_without_their_spans_are_no_trace_and_say_so(folder: Path) -> None:
    (folder / "logs.jsonl").write_text(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [LOG]}]}]}), "utf-8")
    (folder / "spans.jsonl").write_bytes(otlp({}))
    for command in ("show", "traces"):
        done = agentdbg_here(command, "logs.jsonl")
        assert done.exit_code == 2
        assert done.stderr.startswith("error: 1 log record and no span")
        assert "agentdbg show SPANS LOGS" in done.stderr
    report = agentdbg_here("check", "logs.jsonl", "--json")
    assert report.exit_code == 2
    assert "1 log record and no span" in json.loads(report.stdout)["notes"][0]["message"]
    taken = agentdbg_here("ingest", "logs.jsonl")
    assert taken.exit_code == 0
    assert "1 log record without a span" in taken.stderr
    assert agentdbg_here("show").stderr.startswith("error: 1 log record and no span")
    assert agentdbg_here("show", "spans.jsonl", "logs.jsonl").exit_code == 0
    assert "without a span" not in agentdbg_here("ingest", "spans.jsonl", "logs.jsonl").stderr
