"""Every bad input ends in a note or in an error that says what to do; nothing is lost silently, good spans never."""

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.importers import Input, Opened, Source, Unreadable, discover, expand, names, read_input, shelf
from agentdbg.rows import NoteRow, RawSpan


def otlp(*names: str, **fields: Any) -> str:
    spans = [
        {"traceId": "5b8aa5a2d2c872e8321cf37308d69df2", "spanId": f"{place + 1:016x}", "name": name, "startTimeUnixNano": "1",
         "endTimeUnixNano": "2", **fields}
        for place, name in enumerate(names)
    ]  # fmt: skip
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})


RUN = json.dumps({"id": "a", "run_type": "llm", "name": "x", "trace_id": "a", "start_time": "2026-01-01T00:00:00Z"})


@pytest.fixture
def write(tmp_path):
    def _write(content: str | bytes, name: str = "traces.jsonl") -> Input:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Input(str(path))

    return _write


def read(item: Input, **options: Any) -> tuple[list[str], list[NoteRow]]:
    rows = list(read_input(item, **options))
    return [row.name for row in rows if isinstance(row, RawSpan)], [row for row in rows if isinstance(row, NoteRow)]


def refused(item: Input, **options: Any) -> AgentdbgError:
    with pytest.raises(AgentdbgError) as caught:
        list(read_input(item, **options))
    assert caught.value.exit_code == 2
    return caught.value


def test_the_chosen_importer_is_told(write):
    assert read_input(write(otlp("a"))).importer == "otlp-json"
    assert read_input(write(RUN)).importer == "langsmith"


def test_not_json(write):
    error = refused(write("hello, this is a log file\n"))
    assert isinstance(error, Unreadable)
    assert "holds no trace: it is text that begins with 'hello, this is a log file'" in error.message
    assert "--from" in (error.hint or "")


def test_other_json(write):
    assert "its records are of no trace format known here" in refused(write('{"hello": "world"}')).message


def test_truncated_last_line(write):
    found, [note] = read(write(otlp("a") + "\n" + otlp("b", "c")[:-60]))
    assert found == ["a", "b"]
    assert (note.severity, note.line) == ("data_loss", 2)
    assert "cut off" in note.message


def test_one_bad_line_among_good_ones(write):
    found, [note] = read(write(f"{otlp('a')}\n{{oops\n{otlp('b')}\n"))
    assert found == ["a", "b"]
    assert (note.severity, note.line) == ("data_loss", 2)
    assert note.advice


def test_a_bad_first_line(write):
    found, [note] = read(write(f"Starting exporter…\n{otlp('a')}\n"))
    assert found == ["a"]
    assert note.line == 1


def test_binary_garbage_with_a_jsonl_name(write):
    assert "it is binary" in refused(write(bytes(range(256)) * 50)).message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PAR1" + bytes(50), "Parquet"),
        (b"PK\x03\x04" + bytes(50), "zip archive"),
        (b"SQLite format 3\0" + bytes(50), "SQLite"),
        (b"BZh91AY", "bzip2"),
    ],
)
def test_known_formats_of_other_kinds_are_named(write, content, what):
    assert what in refused(write(content)).message


# A gzip header holds the time it was written; the named ids are what keeps the tests the same in every worker.
@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n  \n", gzip.compress(b"", mtime=0), b"\xef\xbb\xbf"],
    ids=["no bytes", "blank lines", "gzip of nothing", "a lone byte order mark"],
)
def test_empty_file(write, content):
    assert "holds no trace" in refused(write(content)).message


def test_a_request_without_spans_is_no_trace(write):
    assert "nothing in it could be read as otlp-json" in refused(write('{"resourceSpans": []}')).message


def test_missing_file():
    assert "there is no such file" in refused(Input("/nowhere/typo.jsonl")).message


def test_an_empty_folder(tmp_path):
    [item] = expand([str(tmp_path)])
    assert "is a folder that holds no files" in refused(item).message


def test_a_folder_with_nothing_readable(tmp_path):
    (tmp_path / "README.md").write_text("# Traces")
    (tmp_path / "healthy.headers.json").write_text('[{"file": "x", "method": "POST"}]')
    (tmp_path / "bad.jsonl").write_text('{"resourceSpans": 5}')
    (tmp_path / "empty.jsonl").write_text("")
    found = {Path(item.path).name: read(item) for item in expand([str(tmp_path)])}
    assert all(spans == [] for spans, _ in found.values())
    assert all(any("holds no trace" in note.message for note in notes) for _, notes in found.values())


def test_a_folder_with_one_readable_file_among_others(tmp_path):
    (tmp_path / "a.headers.json").write_text('[{"file": "x"}]')
    (tmp_path / "b.jsonl").write_text(otlp("good"))
    results = [read(item) for item in expand([str(tmp_path)])]
    assert [spans for spans, _ in results] == [[], ["good"]]
    assert [note.severity for _, notes in results for note in notes] == ["info"]


def test_wrong_from_names_what_it_is(write):
    error = refused(write(otlp("a")), forced="langsmith")
    assert "is not langsmith: it looks like otlp-json" in error.message
    assert "--from otlp-json" in (error.hint or "")


def test_unknown_from_names_the_formats(write):
    error = refused(write(otlp("a")), forced="langsmit")
    assert "did you mean 'langsmith'?" in error.message
    assert all(name in (error.hint or "") for name in names())


def test_from_may_force_a_format_that_is_not_recognised(write):
    found, notes = read(write("# nothing but a comment\nhello\nagent planner\n"), forced="sketch")
    assert found == ["planner"]
    assert [note.line for note in notes] == [2]


def test_underscores_do_for_dashes(write):
    assert read(write(otlp("a")), forced="otlp_json")[0] == ["a"]


def test_a_mapping_means_json_lines(write):
    item = write('{"run": 1, "step": 2, "who": "planner"}\n')
    assert "holds no trace" in refused(item).message
    assert read(item, mapping={"trace_id": "run", "span_id": "step", "agent": "who"})[0] == ["2"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_utf16_and_byte_order_marks(write, encoding):
    found, notes = read(write((otlp("a") + "\n").encode(encoding)))
    assert found == ["a"]
    assert [note.message for note in notes] == ([] if encoding == "utf-8-sig" else [f"read as {encoding.upper()}"])


def test_nan_and_huge_numbers(write):
    attributes = [{"key": "n", "value": {"doubleValue": float("nan")}}, {"key": "h", "value": {"intValue": 10**30}}]
    [row] = list(read_input(write(otlp("a", attributes=attributes))))
    assert row.attributes == {"n": "NaN", "h": "1" + "0" * 30}
    [row] = list(read_input(write('{"trace_id": "t", "span_id": "s", "x": NaN, "y": 1e999, "z": ' + "9" * 5000 + "}")))
    assert row.attributes == {"x": "NaN", "y": "1e999", "z": "9" * 5000}


def test_ids_of_wrong_length(write):
    found, notes = read(write(otlp("a", spanId="abc")))
    assert found == ["a"]
    assert [note.severity for note in notes] == ["info"]


def test_end_before_start(write):
    found, notes = read(write(otlp("a", endTimeUnixNano="0001", startTimeUnixNano="9")))
    assert found == ["a"]
    assert "end before they start" in notes[0].message


def test_missing_trace_id(write):
    found, notes = read(write(otlp("a", "b", traceId="")))
    assert found == ["a", "b"]
    assert "without a trace id" in notes[0].message


def test_a_truncated_archive(write):
    lines = "".join(otlp(f"span{number}") + "\n" for number in range(2000))
    found, notes = read(write(gzip.compress(lines.encode())[:-2000], "x.jsonl.gz"))
    assert found[:2] == ["span0", "span1"]
    assert any("ends early" in note.message for note in notes)


def test_a_file_that_stops_being_readable():
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 65536:
                raise OSError(5, "Input/output error")
            return super().read(size)

    lines = "".join(otlp(f"s{number}") + "\n" for number in range(1000))
    [importer] = [importer for importer in shelf() if importer.name == "otlp-json"]
    first, *_, note = discover._rows(
        Opened(Failing(lines.encode())), importer, Input("flaky.jsonl"), Source("flaky.jsonl")
    )
    assert first.name == "s0"
    assert (note.severity, note.message) == ("error", "reading stopped: Input/output error")


def test_stdin(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(otlp("a").encode())))
    assert read(Input("-"))[0] == ["a"]


@pytest.mark.slow
def test_a_single_line_of_72_mb(write):
    text = otlp(
        *[f"s{number}" for number in range(700)], attributes=[{"key": "k", "value": {"stringValue": "x" * 103_000}}]
    )
    assert len(text) > 72_000_000
    found, notes = read(write(text))
    assert (len(found), notes) == (700, [])


@pytest.mark.slow
def test_a_single_document_of_72_mb_over_many_lines(write):
    spans = [f's{number}": "x' for number in range(700)]
    text = json.dumps(
        json.loads(otlp(*spans, attributes=[{"key": "k", "value": {"stringValue": "{\\" * 35_000}}])), indent=1
    )
    assert len(text) > 72_000_000
    assert len(read(write(text))[0]) == 700


def test_names_and_ranks_of_the_shelf():
    known = {
        "chat",
        "jsonl",
        "langsmith",
        "langsmith-fetch",
        "langsmith-wire",
        "openai-agents",
        "otlp-json",
        "otlp-protobuf",
        "sketch",
    }
    assert known <= set(names())
    assert names() == sorted(names())
    assert len({importer.rank for importer in shelf()}) == len(shelf())
