"""Ids that mean nothing, or too much: exit 2, the nearest candidates, and for a trace that is not here how to get it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commandline import agentdbg_here

RUNS = "".join(
    f'{{"trace_id": "{trace}", "id": "{span}", "name": "{name}", "start": {start}, "end": {start + 1}}}\n'
    for trace, span, name, start in (
        ("feedc0de01", "aaaa0001", "first", 1_700_000_000),
        ("feedc0de02", "aaaa0002", "second", 1_700_000_100),
        ("0badcafe03", "aaaa0002", "third", 1_700_000_200),
    )
)


@pytest.fixture(autouse=True)
def _runs(folder: Path) -> None:
    (folder / "runs.jsonl").write_text(RUNS, "utf-8")


def refused(*arguments: str) -> str:
    """What a command that must be refused says."""
    done = agentdbg_here(*arguments, "runs.jsonl")
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def test_an_ambiguous_beginning_lists_what_it_could_be() -> None:
    assert refused("show", "feedc0de") == (
        "error: feedc0de is the beginning of 2 trace ids\n"
        "hint: they are, the newest first: feedc0de02 (second), feedc0de01 (first)\n"
    )
    assert refused("span", "aaaa") == (
        "error: aaaa is the beginning of 2 span ids\nhint: they are: aaaa0001, aaaa0002\n"
    )


def test_an_unknown_trace_tells_near_ones_and_how_to_export_it() -> None:
    text = refused("show", "feedc0da")
    assert text.startswith("error: there is no trace feedc0da\nhint: nearest: feedc0de01 (first), feedc0de02 (second)")
    for source in ("LangSmith", "Langfuse", "Phoenix", "Jaeger", "OTel Collector"):
        assert source in text
    assert text.count("feedc0da") > 5


def test_an_unknown_span_tells_near_ones() -> None:
    assert refused("replay", "aaaa0003").startswith("error: there is no span aaaa0003\nhint: nearest: aaaa0001 (first)")
    assert "LangSmith" in refused("span", "nowhere:aaaa0001")
    assert refused("span", "feedc0de01:aaaa0002").startswith("error: there is no span aaaa0002 in trace feedc0de01\n")


def test_a_span_of_several_traces_asks_for_the_long_form() -> None:
    assert refused("span", "aaaa0002") == (
        "error: span aaaa0002 occurs in 2 traces\nhint: say which: 0badcafe03:aaaa0002, feedc0de02:aaaa0002\n"
    )
    assert agentdbg_here("span", "0bad:aaaa0002", "runs.jsonl").exit_code == 0


def test_ids_of_the_other_kind_are_recognised() -> None:
    assert refused("show", "aaaa0001").startswith("error: aaaa0001 is the id of a span, not of a trace\n")
    assert refused("span", "0badcafe03").startswith("error: 0badcafe03 is the id of a trace, not of a span\n")


def test_three_characters_are_too_few_for_a_beginning() -> None:
    for command, what in (("show", "trace"), ("span", "span")):
        assert refused(command, "fee") == (
            f"error: there is no {what} fee, and it is too short for the beginning of an id\n"
            "hint: give at least 4 characters of it\n"
        )


ODD = "".join(
    f'{{"trace_id": "{trace}", "id": "{span}", "name": "{trace} {span}", "start": 1700000000, "end": 1700000001}}\n'
    for trace, span in (
        ("t1", "s1"), ("t1", "s2"), ("run.1", "call:1"), ("run.1", "call:2"), ("team/run:7", "call:2"), ("team/run:7", "a/b")
    )
)  # fmt: skip


@pytest.mark.parametrize("asked", ["t1", "T1", "run.1", "team/run:7", "team"])
def test_a_trace_is_named_by_its_id_however_short_and_odd(asked: str, folder: Path) -> None:
    (folder / "odd.jsonl").write_text(ODD, "utf-8")
    done = agentdbg_here("show", asked, "odd.jsonl", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["trace"]["trace_id"].startswith(asked.lower())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "trace", "span"),
    [
        ("s2", "t1", "s2"),
        ("t1:s2", "t1", "s2"),
        ("call:1", "run.1", "call:1"),
        ("run.1:call:2", "run.1", "call:2"),
        ("team/run:7:call:2", "team/run:7", "call:2"),
        ("team:call", "team/run:7", "call:2"),
        ("a/b", "team/run:7", "a/b"),
    ],
)
def test_a_span_is_named_by_its_id_however_short_and_odd(asked: str, trace: str, span: str, folder: Path) -> None:
    (folder / "odd.jsonl").write_text(ODD, "utf-8")
    agentdbg_here("ingest", "odd.jsonl")
    for more in (["odd.jsonl"], []):
        done = agentdbg_here("span", asked, *more, "--json")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)["span"]
        assert (told["trace_id"], told["span_id"]) == (trace, span)
        assert json.loads(agentdbg_here("replay", asked, *more, "--json").stdout)["span_id"] == span


def test_what_an_error_proposes_for_odd_ids_works(folder: Path) -> None:
    (folder / "runs.jsonl").write_text(ODD, "utf-8")
    text = refused("span", "call:2")
    assert text == ("error: span call:2 occurs in 2 traces\nhint: say which: run.1:call:2, team/run:7:call:2\n")
    for form in ("run.1:call:2", "team/run:7:call:2"):
        assert agentdbg_here("span", form, "runs.jsonl").exit_code == 0


def test_an_unknown_id_with_a_colon_is_a_span_where_spans_have_colons(folder: Path) -> None:
    (folder / "runs.jsonl").write_text(ODD, "utf-8")
    assert refused("span", "call:9").startswith("error: there is no span call:9\nhint: nearest: call:1 (run.1 call:1)")
    assert refused("span", "run.1:call:9").startswith("error: there is no span call:9 in trace run.1\n")


def test_what_may_have_been_a_file_is_said_not_to_be_one(folder: Path) -> None:
    assert refused("show", "exports/run").startswith(
        "error: there is no trace exports/run, and there is no such file\nhint: nearest: "
    )


def test_too_many_and_too_few_ids() -> None:
    assert refused("show", "feedc0de01", "feedc0de02").startswith("error: one run at a time, not 2")
    assert refused("span", "aaaa0001", "aaaa0002").startswith("error: one span at a time, not 2")
    assert refused("replay").startswith("error: no span is named")


def test_what_is_asked_for_is_quoted_for_the_shell() -> None:
    assert "-o 'a$(rm *).json'" in refused("show", "a$(rm *)".replace("*", "x")).replace("x)", "*)")
