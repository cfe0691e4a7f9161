"""Kept findings are used while they fit, and made anew where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdbg.check.judging import configuration_key, judge_and_keep, judgement, stale
from agentdbg.store import Store, batches
from tests.stores import of_sketch

TWO_RUNS = """\
trace silent
workflow memo
  agent researcher
    tool search {"customer": "C-17"} -> []
    llm gpt-4o in=90 out=9 -> "I found nothing for C-17."
trace circle
workflow memo
  agent researcher x6
    llm gpt-4o "the analyst says: I need more context" -> "Here is the balance sheet of Acme." in=900 out=40
    handoff analyst {"task": "read"}
    agent analyst
      llm gpt-4o "Here is the balance sheet of Acme." -> "I need more context." in=700 out=8
"""


def detectors(store: Store, options: dict[str, dict[str, object]]) -> tuple[list[str], int]:
    """What is found, and how many traces had to be judged for it."""
    found, now = judgement(store, options)
    return sorted(one.detector for one in found.findings), len(now)


def test_what_is_kept_is_not_judged_again(tmp_path: Path) -> None:
    store = of_sketch(tmp_path, TWO_RUNS)
    assert detectors(store, {}) == (["loop.cycle", "silent.empty"], 2)
    assert len(stale(store, {})) == 2
    assert len(judge_and_keep(store, {})) == 2
    assert detectors(store, {}) == (["loop.cycle", "silent.empty"], 0)
    assert judge_and_keep(store, {}) == []


def test_kept_findings_equal_those_made_now(tmp_path: Path) -> None:
    store = of_sketch(tmp_path, TWO_RUNS)
    made, _ = judgement(store, {})
    judge_and_keep(store, {})
    kept, _ = judgement(store, {})
    assert sorted(made.findings, key=repr) == sorted(kept.findings, key=repr)
    assert sorted(made.skipped, key=repr) == sorted(kept.skipped, key=repr)


def test_other_options_make_all_of_it_stale(tmp_path: Path) -> None:
    store = of_sketch(tmp_path, TWO_RUNS)
    judge_and_keep(store, {})
    wider: dict[str, dict[str, object]] = {"loop.cycle": {"least_laps": 7}}
    assert detectors(store, wider) == (["loop.turns", "silent.empty"], 2)  # no cycle any more, and still no end
    assert detectors(store, {"loop.cycle": {}}) == (["loop.cycle", "silent.empty"], 0)  # an empty table sets nothing


def test_one_trace_can_be_judged_alone(tmp_path: Path) -> None:
    store = of_sketch(tmp_path, TWO_RUNS)
    both = store.reader().trace_ids()
    judge_and_keep(store, {}, both[:1])
    assert stale(store, {}) == list(both[1:])
    found, now = judgement(store, {}, both[1:])
    assert now == list(both[1:])
    assert {one.trace_id for one in found.findings} == set(both[1:])


def test_one_trace_of_a_large_store_is_not_compared_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [2, 2.1, 1.9, 2.2, 2, 2.4, 2, 2.1, 11]
    runs = [f"trace r{n}\nagent clerk dur={took}s" for n, took in enumerate(seconds)]
    store = of_sketch(tmp_path, "\n".join(runs))
    ((slow, _),) = store.reader().rows("SELECT trace_id, duration_ns FROM traces ORDER BY 2 DESC LIMIT 1")

    def told() -> tuple[bool, bool]:
        found, _ = judgement(store, {}, [slow])
        return found.alone, "time.p95" in {one.detector for one in found.findings}

    assert told() == (False, True)
    monkeypatch.setattr(batches, "SPANS", 5)
    assert told() == (True, False)
    judge_and_keep(store, {})
    assert told() == (False, True)


def test_the_key_depends_on_the_options_and_not_on_their_order() -> None:
    one = configuration_key({"a": {"x": 1, "y": 2.5}, "b": {"z": [1]}})
    assert one == configuration_key({"b": {"z": [1]}, "a": {"y": 2.5, "x": 1}})
    assert (
        len({one, configuration_key({}), configuration_key({"a": {"x": 1}}), configuration_key({"a": {"x": 2}})}) == 4
    )
