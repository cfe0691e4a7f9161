"""Runs in figures from the views: the same as what is made of the whole trace, and the right ones in the right order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agentdbg.check.judging import judge_and_keep
from agentdbg.importers import expand
from agentdbg.model import Severity
from agentdbg.store import ImportOptions, Store
from agentdbg.view.listing import Choice, lines, summaries
from agentdbg.view.report import summarise
from tests.commandline import SAMPLES
from tests.stores import of_files

HOUR_NS = 3_600 * 1_000_000_000
RUN = '{{"trace_id": "{0}", "id": "{0}", "name": "{0}", "start": {1}, "end": {2}, "agent": "{3}"{4}}}\n'


@pytest.fixture(scope="module")
def samples() -> Store:
    store = Store.in_memory()
    store.ingest(expand([str(SAMPLES)]), ImportOptions())
    return store


def test_the_figures_are_those_of_the_whole_traces(samples: Store) -> None:
    reader = samples.reader()
    listed = summaries(reader)
    assert [one.trace_id for one in listed] == list(reader.trace_ids())
    for one in listed:
        whole = summarise(reader.trace(one.trace_id))
        assert (one.cost_usd is None) == (whole.cost_usd is None)
        assert one.cost_usd == pytest.approx(whole.cost_usd)
        assert replace(one, cost_usd=None) == replace(whole, cost_usd=None)


@pytest.fixture
def runs(tmp_path: Path) -> Store:
    """first (12 hours before the last, failed), second (half an hour before), last."""
    file = tmp_path / "runs.jsonl"
    file.write_text(
        RUN.format("first", 1_700_000_000, 1_700_000_009, "Planner", ', "error": "boom"')
        + RUN.format("second", 1_700_041_400, 1_700_041_401, "writer", "")
        + RUN.format("last", 1_700_043_200, 1_700_043_205, "writer", ""),
        "utf-8",
    )
    return of_files(file)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), ["last", "second", "first"]),
        (Choice(failed=True), ["first"]),
        (Choice(within_ns=HOUR_NS), ["last", "second"]),
        (Choice(since_ns=1_700_041_400 * 10**9), ["last", "second"]),
        (Choice(agent="planner"), ["first"]),
        (Choice(agent="plan"), []),
        (Choice(order="wall"), ["first", "last", "second"]),
        (Choice(order="wall", limit=2), ["first", "last"]),
    ],
)
def test_choosing_and_ordering(choice: Choice, expected: list[str], runs: Store) -> None:
    assert [line.summary.name for line in lines(runs.reader(), choice)] == expected


def test_a_line_has_the_worst_finding_and_knows_what_was_not_judged(samples: Store) -> None:
    judge_and_keep(samples, {})
    reader = samples.reader()
    order: list[Severity | None] = [None, "info", "low", "medium", "high", "critical"]
    listed = lines(reader, Choice(order="findings"), unjudged=[])
    assert [order.index(line.worst) for line in listed] == sorted(
        (order.index(line.worst) for line in listed), reverse=True
    )
    for line in listed:
        own = reader.findings(line.summary.trace_id)
        assert line.findings == len(own)
        assert (line.worst, line.worst_detector) == ((own[0].severity, own[0].detector) if own else (None, None))
    unknown = lines(reader, Choice(limit=1), unjudged=[lines(reader, Choice(limit=1))[0].summary.trace_id])
    assert (unknown[0].findings, unknown[0].worst) == (None, None)
