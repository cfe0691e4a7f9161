"""A file that was read before and is to be read otherwise: what it gave then is replaced, what others gave stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentdbg.importers import Input
from agentdbg.pricing import OwnPrice, OwnPrices
from agentdbg.store import ImportOptions, Store
from tests.store.test_ingest import CHILD, LEAF, ROOT, everything, logs
from tests.stores import of_files, otlp

ODD = {"trace_id": "t", "span_id": "s", "name": "step", "start": 1, "end": 2, "worker": "Ada", "boss": "Eve"}
DEAR = OwnPrices((OwnPrice("gpt-4o", 1000.0, 1000.0),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "store" / "traces.duckdb") as store:
        yield store


def state(store: Store, file: Path, **options: Any) -> str:
    (report,) = store.ingest([Input(str(file))], ImportOptions(**options))
    assert report.error is None
    return report.state


def mapped(field: str) -> dict[str, Any]:
    return {"forced": "jsonl", "mapping": {"agent": field}}


def odd(folder: Path) -> Path:
    file = folder / "odd.jsonl"
    file.write_text(json.dumps(ODD) + "\n")
    return file


def test_another_mapping_replaces_what_the_file_gave(store: Store, tmp_path: Path) -> None:
    file = odd(tmp_path)
    told = [(state(store, file, **mapped(field)), agents(store)) for field in ("worker", "worker", "boss")]
    assert told == [("new", ["Ada"]), ("unchanged", ["Ada"]), ("anew", ["Eve"])]
    for table, rows in (("spans", 1), ("copies", 0), ("files", 1)):
        assert store.reader().rows(f"SELECT count(*) FROM raw.{table}") == [(rows,)], table
    assert "different copies" not in str(store.reader().notes())


def agents(store: Store) -> list[str]:
    return [row[0] for row in store.reader().rows("SELECT DISTINCT agent FROM spans ORDER BY ALL")]


def test_another_format_that_cannot_read_the_file_leaves_what_is_there(store: Store, tmp_path: Path) -> None:
    file = otlp(tmp_path, [ROOT, CHILD, LEAF])
    state(store, file)
    before = everything(store)
    (report,) = store.ingest([Input(str(file))], ImportOptions(forced="langfuse"))
    assert report.state == "unreadable"
    assert everything(store) == before
    assert state(store, file) == "unchanged"


def test_another_format_reads_the_file_anew(store: Store, tmp_path: Path) -> None:
    file = otlp(tmp_path, [ROOT, CHILD, LEAF])
    state(store, file)
    before = everything(store)
    assert [state(store, file, forced="otlp-json"), state(store, file, forced="otlp-json")] == ["anew", "unchanged"]
    assert everything(store) == before


def test_other_prices_make_costs_anew_and_read_nothing(store: Store, tmp_path: Path) -> None:
    file = otlp(
        tmp_path, [ROOT, CHILD, {**LEAF, "attributes": {**LEAF["attributes"], "gen_ai.usage.output_tokens": 0}}]
    )
    assert state(store, file) == "new"
    cost = "SELECT round(cost_usd, 6), cost_basis FROM llm_calls"
    usual = store.reader().rows(cost)
    assert [state(store, file, prices=DEAR), state(store, file, prices=DEAR)] == ["priced", "unchanged"]
    assert store.reader().rows(cost) == [(0.01, "computed")]
    assert state(store, file) == "priced"
    assert store.reader().rows(cost) == usual


def test_other_prices_are_noticed_after_another_file_was_added_to_the_run(store: Store, tmp_path: Path) -> None:
    leaf = otlp(tmp_path, [LEAF], "leaf.jsonl")
    state(store, leaf, prices=DEAR)
    state(store, otlp(tmp_path, [ROOT, CHILD], "rest.jsonl"))
    assert state(store, leaf, prices=DEAR) == "priced"


# What others gave as well: forgetting one file leaves the store as if only the others had been read.


def forgotten(tmp_path: Path, kept: list[Path], gone: Path, order: list[Path]) -> None:
    """Whatever the order in which files came, without `gone` the store is what `kept` alone would have made."""
    from agentdbg.store.forgetting import forget

    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.duckdb"
    with Store.create(path) as store:
        for file in order:
            state(store, file)
        con = store._con
        ((file_id,),) = con.execute("SELECT file_id FROM raw.files WHERE path = ?", [str(gone)]).fetchall()
        con.execute("BEGIN")
        forget(con, [file_id], [])
        con.execute("COMMIT")
        store.resolve(ImportOptions())
        assert everything(store) == everything(of_files(*kept)), [file.name for file in order]
        source = f"SELECT count(*) FROM spans WHERE starts_with(source, '{gone}')"
        assert store.reader().rows(source) == [(0,)]
        if len(kept) == 1:
            assert store.reader().rows("SELECT count(*) FROM raw.repeats") == [(0,)]


def test_what_another_file_gave_as_well_stays_when_one_is_forgotten(tmp_path: Path) -> None:
    one = otlp(tmp_path, [ROOT, CHILD, LEAF], "one.jsonl")
    two = otlp(tmp_path, [LEAF, ROOT], "two.jsonl")
    for order in ([one, two], [two, one]):
        forgotten(tmp_path, [two], one, order)
        forgotten(tmp_path, [one], two, order)


@pytest.mark.slow
def test_merged_copies_come_apart_when_one_is_forgotten(tmp_path: Path) -> None:
    early = otlp(tmp_path, [{**LEAF, "end": None, "attributes": {"gen_ai.agent.name": "planner"}}, ROOT], "early.jsonl")
    late = otlp(tmp_path, [LEAF], "late.jsonl")
    again = otlp(tmp_path, [LEAF, CHILD], "again.jsonl")
    for order in ([early, late, again], [again, late, early], [late, early, again]):
        for gone in order:
            forgotten(tmp_path, [file for file in (early, late, again) if file != gone], gone, order)


@pytest.mark.slow
def test_log_records_leave_their_span_when_they_are_forgotten(tmp_path: Path) -> None:
    spans, records, same = otlp(tmp_path, [LEAF]), logs(tmp_path), logs(tmp_path, "same.jsonl")
    same.write_text("\n" + same.read_text())  # other bytes, the same records
    for order in ([spans, records], [records, spans]):
        forgotten(tmp_path, [spans], records, order)
    for order in ([spans, records, same], [same, spans, records]):
        forgotten(tmp_path, [spans, same], records, order)
