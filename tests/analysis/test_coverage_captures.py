"""Captures of real frameworks: what is known to be missing is named, and what is whole is called whole."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agentdbg.analysis.coverage import Coverage, coverage
from agentdbg.check.judging import judgement
from tests.commandline import CORPUS
from tests.stores import of_files

pytestmark = [pytest.mark.skipif(not CORPUS.is_dir(), reason="needs ../shared/corpus"), pytest.mark.slow]
WHOLE = """SELECT count(*), count(*) FILTER (c.model IS NOT NULL AND c.agent IS NOT NULL AND c.input_tokens IS NOT NULL
    AND c.replayable IN ('exact', 'content')) FROM llm_calls c"""


@cache
def entries() -> dict[str, dict[str, Any]]:
    """`source scenario`: the entry of the manifest."""
    found = json.loads((CORPUS / "manifest.json").read_text())["entries"] if CORPUS.is_dir() else []
    return {f"{entry['files'][0].split('/')[0]} {entry['scenario']}": entry for entry in found}


def named(*scenarios: str) -> list[str]:
    return [name for name, entry in entries().items() if entry["scenario"] in scenarios]


def files(entry: dict[str, Any]) -> list[Path]:
    """One encoding of a capture, with its log records where it has them: JSON lines, else what there is."""
    names = [name for name in entry["files"] if name.endswith(".jsonl") and not name.endswith(".headers.json")]
    stem = re.sub(r"\.(\d{3}|logs)(?=\.)", "", names[0]) if names else ""
    lines = [name for name in names if re.sub(r"\.(\d{3}|logs)(?=\.)", "", name) == stem]
    return [CORPUS / name for name in lines or entry["files"][:1]]


def report(name: str) -> tuple[Coverage, bool]:
    """What is told of a capture, and whether every call in it has its payloads, tokens, model and agent."""
    with of_files(*files(entries()[name])) as store:
        judged, _ = judgement(store, {})
        calls, whole = store.reader().rows(WHOLE)[0]
        return coverage(store.reader(), judged), calls == whole > 0


def kinds(found: Coverage) -> set[str]:
    return {gap.kind for gap in found.gaps}


@pytest.mark.parametrize("name", named("killed"))
def test_a_killed_process_lost_its_last_spans(name: str) -> None:
    found, _ = report(name)
    assert kinds(found) & {"no_root", "orphan", "unclosed"}
    assert found.whole_runs == 0


@pytest.mark.parametrize("name", named("async_orphans"))
def test_work_that_lost_its_context_is_named(name: str) -> None:
    found, _ = report(name)
    orphans = sum(gap.count for gap in found.gaps if gap.kind in ("no_root", "orphan", "remote_parent"))
    assert orphans == len(entries()[name]["orphan_span_ids"])
    assert kinds(found) & {"remote_parent", "split", "lost_context"}
    assert not found.complete


@pytest.mark.parametrize("name", named("duplicate_export"))
def test_spans_that_were_exported_again_are_counted(name: str) -> None:
    entry = entries()[name]
    found, _ = report(name)
    assert sum(file.copies for file in found.files) == entry["span_count"] - entry["unique_span_count"]
    assert ("copies" in kinds(found)) == (entry["span_count"] > entry["unique_span_count"])


@pytest.mark.parametrize("name", [name for name in entries() if "-nocontent " in name])
def test_calls_whose_content_was_not_captured_are_named_with_the_line_that_captures_it(name: str) -> None:
    found, _ = report(name)
    gap = next(gap for gap in found.gaps if gap.kind == "payloads")
    assert (gap.count, found.total("with_payloads")) == (found.total("answered"), 0)
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true" in gap.mends[0].line
    assert found.whole_runs == 0


@pytest.mark.parametrize("name", named("healthy"))
def test_a_healthy_run_is_whole_where_its_calls_are(name: str) -> None:
    found, whole = report(name)
    assert found.complete == whole
    assert (found.whole_runs == len(found.runs)) == whole
