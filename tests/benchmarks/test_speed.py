"""The data that speed is measured on, and the table that tells it. No times: those are for the benchmark itself."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from agentdbg.importers import expand
from agentdbg.store import ImportOptions, Store
from benchmarks.speed import table
from benchmarks.speed.cases import READING, TARGETS, Target
from benchmarks.speed.encodings import ENCODINGS, write
from benchmarks.speed.measure import Sample
from benchmarks.speed.runs import Model, Span

RATIO = Target("ingest, times parsing", "otlp-json", "parse", 7, at=100)


def spans(count: int, seed: int = 7) -> list[Span]:
    return [span for batch in Model(seed).batches(count) for span in batch]


def sample(seconds: float, memory_mb: float = 100, stored: float | None = None) -> Sample:
    return Sample(seconds, seconds, memory_mb, stored)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write(folder, 400)
    return folder


@pytest.mark.slow
def test_the_same_seed_gives_the_same_files(data: Path, tmp_path: Path) -> None:
    write(tmp_path, 400)
    for name in ENCODINGS:
        assert sha256((tmp_path / name).read_bytes()).digest() == sha256((data / name).read_bytes()).digest(), name
    assert spans(50) != spans(50, seed=8)


def test_runs_are_whole_and_hang_together() -> None:
    made = spans(400)
    known = {(span.trace, span.id) for span in made}
    assert len(known) == len(made) >= 400
    assert all(span.parent is None or (span.trace, span.parent) in known for span in made)
    assert all(span.start_ns < span.end_ns for span in made)
    roots = Counter(span.trace for span in made if span.parent is None)
    assert set(roots) == {span.trace for span in made}
    assert set(roots.values()) == {1}


def test_a_batch_mixes_runs_as_a_collector_does() -> None:
    assert all(len({span.trace for span in batch}) > 1 for batch in Model().batches(200) if len(batch) > 50)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_is_read_without_a_note(data: Path, name: str) -> None:
    with Store.in_memory() as store:
        (report,) = store.ingest(expand([str(data / name)]), ImportOptions())
        told = store.reader().rows(
            "SELECT count(*), count(DISTINCT trace_id), count(*) FILTER (kind = 'llm'), "
            "count(*) FILTER (kind = 'tool' AND tool IS NOT NULL AND input IS NOT NULL AND output IS NOT NULL), "
            "count(DISTINCT agent) FILTER (kind = 'llm') FROM spans"
        )
        notes = store.reader().notes()
    made = spans(400)
    kinds = Counter(span.kind for span in made)
    agents = {span.agent for span in made if span.kind == "llm"}
    assert (report.state, report.known, notes) == ("new", 0, [])
    assert told == [(len(made), len({span.trace for span in made}), kinds["llm"], kinds["tool"], len(agents))]


def test_ratios_are_medians_of_what_ran_side_by_side() -> None:
    measured = {"otlp-json": [sample(6), sample(20), sample(5)], "parse": [sample(1), sample(2), sample(1)]}
    assert table.ratio(measured, RATIO) == 6  # 6, 10 and 5; of the medians it would be as well 6, of the sums 7.75
    assert table.ratio({"otlp-json": [sample(6)]}, RATIO) is None


def test_promises_are_told_for_the_sizes_they_are_made_for() -> None:
    small = {"otlp-json": [sample(2, 700, 0.2)], "parse": [sample(0.1)]}
    assert table.promises({10_000: small}) == [
        {
            "promise": "peak memory of ingest, MB",
            "spans": 10_000,
            "limit": 600,
            "at_least": False,
            "found": 700,
            "kept": False,
        },
        {
            "promise": "store, share of the input's bytes",
            "spans": 10_000,
            "limit": 0.25,
            "at_least": False,
            "found": 0.2,
            "kept": True,
        },
    ]


def test_linear_means_as_many_spans_a_second_at_ten_times_the_size() -> None:
    by_size = {100_000: {"otlp-json": [sample(5)]}, 1_000_000: {"otlp-json": [sample(80)]}}
    (told,) = [one for one in table.promises(by_size) if "a second" in one["promise"]]
    assert (told["found"], told["kept"]) == (0.625, False)


def test_a_table_in_plain_text_and_in_markdown() -> None:
    head, lines = table.HEAD, table.rows({"otlp-json": [sample(2, 300, 0.25)], "help": [sample(0.0812, 20)]}, 1_000)
    assert table.plain(head, lines).splitlines() == [
        "what              seconds  spans/s  peak MB  stored",
        "ingest OTLP/JSON     2.00      500      300     25%",
        "agentdbg --help     0.081                20",
    ]
    assert table.markdown(head, lines).splitlines() == [
        "| what | seconds | spans/s | peak MB | stored |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| ingest OTLP/JSON | 2.00 | 500 | 300 | 25% |",
        "| agentdbg --help | 0.081 |  | 20 |  |",
    ]


def test_every_target_names_cases_that_there_are() -> None:
    names = {case.name for case in READING}
    assert {target.ours for target in TARGETS} | {target.theirs for target in TARGETS if target.theirs} <= names
