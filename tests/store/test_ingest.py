"""What the store keeps: every span once, whatever the order, the pieces and the repetitions of an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from agentdbg.errors import AgentdbgError
from agentdbg.importers import Input
from agentdbg.store import FileReport, ImportOptions, Store
from tests.stores import of_files, otlp

ROOT = {"name": "root", "id": "a" * 16, "end": 500}
CHILD = {"name": "child", "id": "b" * 16, "parent": "a" * 16, "start": 10, "end": 400}
LEAF = {
    "name": "chat", "id": "c" * 16, "parent": "b" * 16, "start": 20, "end": 300,
    "attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 10},
}  # fmt: skip
SPANS = "SELECT span_id, name, parent_id, end_ns, status, input, output FROM spans ORDER BY span_id"


def ingest(store: Store, *files: Path) -> list[FileReport]:
    return store.ingest([Input(str(file)) for file in files], ImportOptions())


def everything(store: Store) -> list[list[tuple[Any, ...]]]:
    reader = store.reader()
    told = "SELECT * EXCLUDE (source) FROM spans ORDER BY span_id"
    return [reader.rows(sql) for sql in (told, "FROM traces", "FROM llm_calls", "FROM agent_turns", "FROM handoffs")]


def test_a_second_export_of_the_same_spans_changes_nothing(tmp_path: Path) -> None:
    once = of_files(otlp(tmp_path, [ROOT, CHILD, LEAF]))
    twice = of_files(otlp(tmp_path, [ROOT, CHILD, LEAF, ROOT, CHILD, LEAF], "twice.jsonl"))
    assert everything(twice) == everything(once)


def test_files_reversed_halved_and_repeated_give_the_same_store(tmp_path: Path) -> None:
    whole = of_files(otlp(tmp_path, [ROOT, CHILD, LEAF]))
    reverse = of_files(otlp(tmp_path, [LEAF, CHILD, ROOT], "reverse.jsonl"))
    top, bottom = otlp(tmp_path, [ROOT], "top.jsonl"), otlp(tmp_path, [CHILD, LEAF], "bottom.jsonl")
    for other in (reverse, of_files(bottom, top), of_files(top, bottom, top, bottom)):
        assert everything(other) == everything(whole)


def test_a_late_more_complete_copy_replaces_an_earlier_one(tmp_path: Path) -> None:
    early = otlp(tmp_path, [{**LEAF, "end": None, "attributes": {"gen_ai.operation.name": "chat"}}], "early.jsonl")
    late = otlp(tmp_path, [LEAF], "late.jsonl")
    one, other = of_files(early, late), of_files(late, early)
    assert everything(one) == everything(other)
    assert one.reader().rows("SELECT end_ns IS NOT NULL, input_tokens FROM spans") == [(True, 10)]


def test_three_copies_merge_the_same_in_any_order(tmp_path: Path) -> None:
    first = otlp(tmp_path, [{**LEAF, "attributes": {**LEAF["attributes"], "gen_ai.response.id": "r1"}}], "1.jsonl")
    second = otlp(tmp_path, [{**LEAF, "end": None, "attributes": {"gen_ai.agent.name": "planner"}}], "2.jsonl")
    third = otlp(tmp_path, [{**LEAF, "status": {"code": 2, "message": "Boom: x"}}], "3.jsonl")
    stores = [
        of_files(*order) for order in ((first, second, third), (third, second, first), (second, first, third, second))
    ]
    assert everything(stores[0]) == everything(stores[1]) == everything(stores[2])
    assert stores[0].reader().rows("SELECT agent, response_id, status FROM spans") == [("planner", "r1", "error")]


def test_copies_that_contradict_each_other_are_noted_and_kept(tmp_path: Path) -> None:
    store = of_files(otlp(tmp_path, [LEAF], "1.jsonl"), otlp(tmp_path, [{**LEAF, "name": "other"}], "2.jsonl"))
    assert store.reader().rows("SELECT count(*) FROM raw.copies") == [(2,)]
    assert "2 different copies (they differ in name)" in store.reader().notes()[0].message


def logs(folder: Path, name: str = "logs.jsonl") -> Path:
    def record(event: str, body: dict[str, str], at: int) -> dict[str, Any]:
        values = [{"key": key, "value": {"stringValue": value}} for key, value in body.items()]
        return {
            "traceId": "1" * 32, "spanId": "c" * 16, "eventName": event, "timeUnixNano": str(at),
            "body": {"kvlistValue": {"values": values}},
        }  # fmt: skip

    records = [record("gen_ai.user.message", {"content": "hi"}, 1), record("gen_ai.choice", {"content": "hello"}, 2)]
    file = folder / name
    file.write_text(
        json.dumps({"resourceLogs": [{"scopeLogs": [{"scope": {"name": "s"}, "logRecords": records}]}]}) + "\n"
    )
    return file


def test_log_records_join_their_span_before_or_after_it(tmp_path: Path) -> None:
    spans, records = otlp(tmp_path, [LEAF]), logs(tmp_path)
    one, other = of_files(spans, records), of_files(records, spans)
    twice = of_files(spans, records, spans, logs(tmp_path, "again.jsonl"))
    assert everything(one) == everything(other) == everything(twice)
    ((given, answered),) = one.reader().rows("SELECT input, output FROM spans")
    assert json.loads(given) == [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}]
    assert json.loads(answered) == [{"role": "assistant", "parts": [{"type": "text", "text": "hello"}]}]


def test_an_unchanged_file_is_skipped_and_a_known_span_is_counted(tmp_path: Path) -> None:
    file = otlp(tmp_path, [ROOT, CHILD])
    with Store.create(tmp_path / "store" / "traces.duckdb") as store:
        assert ingest(store, file)[0].state == "new"
        assert ingest(store, file)[0].state == "unchanged"
        grown = otlp(tmp_path, [ROOT, CHILD, LEAF])
        (report,) = ingest(store, grown)
        assert (report.spans, report.known) == (3, 2)


def test_an_unreadable_file_leaves_nothing_behind_and_the_others_are_kept(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("not a trace\n")
    with Store.in_memory() as store:
        reports = ingest(store, bad, otlp(tmp_path, [ROOT]))
        assert [report.state for report in reports] == ["unreadable", "new"]
        assert store.reader().rows("SELECT count(*) FROM raw.files") == [(1,)]


def test_small_files_that_are_stored_together_give_what_each_gives_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(number: int) -> dict[str, Any]:
        return {"name": f"run {number}", "id": f"{number + 1:016x}", "trace": f"{number + 1:032x}"}

    files = [otlp(tmp_path, [some(n), some(n % 7)], f"{n}.jsonl") for n in range(30)]
    files += [otlp(tmp_path, [{**some(3), "end": 7}], "other.jsonl"), otlp(tmp_path, [some(5)], "same.jsonl")]
    together, alone = Store.create(tmp_path / "together"), Store.create(tmp_path / "alone")
    with together, alone:
        said = ingest(together, *files)
        monkeypatch.setattr("agentdbg.store.intake.SMALL", 0)
        assert said == ingest(alone, *files)
        for table in ("files", "spans", "copies", "repeats", "notes"):
            one, other = (store.reader().rows(f"FROM raw.{table} ORDER BY ALL") for store in (together, alone))
            assert one == other


def test_an_interrupted_ingest_leaves_whole_files_and_the_rerun_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = otlp(tmp_path, [ROOT], "1.jsonl"), otlp(tmp_path, [CHILD, LEAF], "2.jsonl")
    path = tmp_path / "traces.duckdb"

    def interrupt(source: str, spans: int) -> None:
        if source == str(second):
            raise KeyboardInterrupt

    monkeypatch.setattr("agentdbg.store.packs.BATCH", 1)
    monkeypatch.setattr("agentdbg.store.intake.SMALL", 0)
    with Store.create(path) as store, pytest.raises(KeyboardInterrupt):
        store.ingest([Input(str(first)), Input(str(second))], ImportOptions(), interrupt)
    with Store.open(path) as store:
        assert store.reader().rows("SELECT name FROM spans") == [("root",)]
        assert store.reader().rows("SELECT span_count FROM traces") == [(1,)]
    with Store.create(path) as store:
        assert [report.state for report in ingest(store, first, second)] == ["unchanged", "new"]
        assert store.reader().rows("SELECT span_count FROM traces") == [(3,)]


def test_the_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    Store.create(tmp_path / ".agentdbg" / "traces.duckdb").__exit__()
    assert (tmp_path / ".agentdbg" / "traces.duckdb").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ".agentdbg" / ".gitignore").read_text() == "*\n"


def refused(path: Path) -> AgentdbgError:
    with pytest.raises(AgentdbgError) as caught:
        Store.open(path)
    return caught.value


def test_what_is_no_store_is_told_apart(tmp_path: Path) -> None:
    text = tmp_path / "text.duckdb"
    text.write_text("hello, I am not a database" * 100)
    assert "not an agentdbg store" in refused(text).message
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    assert "not a store" in refused(tmp_path / "empty.duckdb").message
    assert "no store at" in refused(tmp_path / "none.duckdb").message


@pytest.mark.parametrize(("version", "told"), [(99, "newer agentdbg"), (0, "older agentdbg")])
def test_a_store_of_another_version_says_what_to_do(tmp_path: Path, version: int, told: str) -> None:
    path = tmp_path / "traces.duckdb"
    Store.create(path).__exit__()
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE raw.meta SET schema_version = ?", [version])
    assert told in refused(path).message
    assert refused(path).hint


def test_what_a_killed_ingest_leaves_beside_the_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "traces.duckdb"
    with Store.create(path) as store:
        ingest(store, otlp(tmp_path, [ROOT, CHILD]))
        log = path.with_name("traces.duckdb.wal")
        assert not log.exists() or log.stat().st_mode & 0o077 == 0


def test_runs_of_the_same_name_are_judged_again_when_one_more_comes_in(tmp_path: Path) -> None:
    other = [{**ROOT, "trace": "2" * 32}]
    stranger = [{**ROOT, "trace": "3" * 32, "name": "something else"}]
    with Store.create(tmp_path / "traces.duckdb") as store:
        ingest(store, otlp(tmp_path, [ROOT], "1.jsonl"), otlp(tmp_path, stranger, "3.jsonl"))
        store.save_judgement(["1" * 32, "3" * 32], [], [], "c")
        ingest(store, otlp(tmp_path, other, "2.jsonl"))
        assert store.reader().unjudged("c") == ["1" * 32, "2" * 32]


def test_a_file_of_a_folder_that_holds_no_trace_is_looked_at_every_time(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n")
    with Store.create(tmp_path / "db" / "traces.duckdb") as store:
        for _ in range(2):
            (report,) = store.ingest([Input(str(tmp_path / "notes.txt"), explicit=False)], ImportOptions())
            assert (report.state, len(report.notes)) == ("note", 1)


def test_a_damaged_store_is_not_called_locked(tmp_path: Path) -> None:
    path = tmp_path / "traces.duckdb"
    with Store.create(path) as store:
        ingest(store, otlp(tmp_path, [ROOT, CHILD, LEAF]))
    body = bytearray(path.read_bytes())
    body[4096 : len(body)] = bytes(len(body) - 4096)
    path.write_bytes(body)
    assert "another process" not in refused(path).message


def test_a_failed_copy_and_a_finished_one_do_not_mix(tmp_path: Path) -> None:
    failed = otlp(tmp_path, [{**LEAF, "end": None, "status": {"code": 2, "message": "Boom: x"}}], "1.jsonl")
    store = of_files(failed, otlp(tmp_path, [LEAF], "2.jsonl"))
    assert store.reader().rows("SELECT status, error_type, error_message FROM spans") == [("unset", None, None)]


def test_attributes_that_only_one_copy_has_are_kept(tmp_path: Path) -> None:
    early = otlp(tmp_path, [{**LEAF, "end": None, "attributes": {**LEAF["attributes"], "acme.shard": 7}}], "1.jsonl")
    store = of_files(early, otlp(tmp_path, [LEAF], "2.jsonl"))
    assert json.loads(store.reader().rows("SELECT attributes FROM spans")[0][0])["acme.shard"] == 7


def test_an_update_in_a_file_of_its_own_is_read_together_with_its_run(tmp_path: Path) -> None:
    """Only the post says that a model was asked; only the update tells its answer."""
    ids = {"id": "r1", "trace_id": "r1", "dotted_order": "20260101T000000000000Zr1"}
    asked = {"messages": [{"role": "user", "content": "hello"}], "model": "m"}
    post = {**ids, "name": "call", "run_type": "llm", "start_time": "2026-01-01T00:00:00", "inputs": asked}
    answer = {
        "id": "a1", "model": "m-1", "usage": {"prompt_tokens": 9, "completion_tokens": 2},
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
    }  # fmt: skip
    update = {**ids, "end_time": "2026-01-01T00:00:01", "outputs": answer}
    posts, updates = tmp_path / "posts.json", tmp_path / "updates.json"
    posts.write_text(json.dumps({"post": [post]}))
    updates.write_text(json.dumps({"patch": [update]}))
    together = tmp_path / "together.json"
    together.write_text(json.dumps({"post": [post], "patch": [update]}))
    whole = of_files(together)
    assert whole.reader().rows("SELECT model, output_tokens FROM llm_calls") == [("m-1", 2)]
    for order in ((posts, updates), (updates, posts)):
        assert everything(of_files(*order))[1:] == everything(whole)[1:]


def test_settings_are_told_by_the_copy_that_tells_the_messages(tmp_path: Path) -> None:
    """LangSmith's SDK posts a run with its inputs when it starts; the update at its end repeats some settings only."""
    run = {"id": "r", "trace_id": "r", "name": "ChatOpenAI", "run_type": "llm", "start_time": "2026-01-01T00:00:00Z"}
    settings = {"extra": {"metadata": {"ls_temperature": 0.2}}}
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.2, "seed": 7}
    answer = {"choices": [{"message": {"role": "assistant", "content": "ho"}, "finish_reason": "stop"}]}
    post, patch = tmp_path / "post.json", tmp_path / "patch.json"
    post.write_text(json.dumps({"post": [{**run, **settings, "inputs": asked}], "patch": []}))
    patch.write_text(
        json.dumps({"patch": [{**run, **settings, "outputs": answer, "end_time": "2026-01-01T00:00:01Z"}], "post": []})
    )
    for store in (of_files(post, patch), of_files(patch, post)):
        [found] = store.reader().rows("SELECT parameters, replayable FROM spans JOIN llm_calls USING (span_id)")
        assert found == ('{"temperature":0.2,"seed":7}', "exact")
