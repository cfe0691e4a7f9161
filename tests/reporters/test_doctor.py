"""What people read of `doctor`: golden texts at every width."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agentdbg.analysis.coverage import Coverage, FileCoverage, coverage
from agentdbg.check.judging import judgement
from agentdbg.model import Skipped
from agentdbg.reporters import doctor
from agentdbg.reporters.terminal import Look
from agentdbg.view.clean import cells
from tests.reporters.golden import same_as_golden
from tests.stores import of_sketch

LOOKS = [*(Look(width) for width in (56, 72, 80, 100, 116, 160)), Look(100, ascii=True)]
RUNS = """\
trace killed
workflow triage
  agent planner open
    llm gpt-4o in=90 out=9 "what is urgent" -> "case 7"
    tool look_up {"case": 7} open
trace silent
workflow report
  agent collector
    llm gpt-4o
    llm gpt-4o error="RateLimitError: 429"
    tool fetch_sales {"region": "Europe"}
trace whole
workflow memo
  agent writer
    llm gpt-4o in=90 out=9 "write" -> "Sales were 120000 in Q1."
"""


@pytest.fixture
def found(tmp_path: Path) -> Coverage:
    with of_sketch(tmp_path, RUNS) as store:
        judged, _ = judgement(store, {})
        told = coverage(store.reader(), judged)
    files = (FileCoverage("run.jsonl", "otlp-json", 9, 0, 0), FileCoverage("retry.jsonl", "otlp-json", 4, 3, 2))
    runs = tuple(replace(run, name=f"\x1b[31m\u202e{run.name}\n") for run in told.runs)
    return replace(
        told, runs=runs, files=files, skipped=(*told.skipped, Skipped("silent.madeup", None, "fewer than 3 runs"))
    )


def drawn(found: Coverage, look: Look) -> str:
    stream = io.StringIO()
    doctor.text(found, stream, look)
    return stream.getvalue()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.width}{'-ascii' if look.ascii else ''}")
def test_it_reads_as_the_golden_text(found: Coverage, look: Look) -> None:
    text = drawn(found, look)
    assert max(map(cells, text.splitlines())) <= look.width
    assert text.isascii() or not look.ascii
    same_as_golden(f"doctor-{look.width}{'-ascii' if look.ascii else ''}.txt", text)


def test_colour_adds_nothing_but_colour(found: Coverage) -> None:
    import re

    colored = drawn(found, Look(80, color=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == drawn(found, Look(80))


def test_programs_get_the_same(found: Coverage) -> None:
    stream = io.StringIO()
    doctor.as_json(found, stream)
    told = json.loads(stream.getvalue())
    assert stream.getvalue().isascii()
    assert (told["complete"], told["runs_whole"], len(told["runs"])) == (False, 1, 3)
    assert [gap["kind"] for gap in told["gaps"]] == [gap.kind for gap in found.gaps]
    assert all(gap["what"] and gap["prevents"] for gap in told["gaps"])
    assert all(set(one) == {"trace_id", "span_id"} for gap in told["gaps"] for one in gap["examples"])
