"""What people read of `agents` and `metrics`: golden texts at every width."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from agentdbg.analysis.metrics import Coordination, Metrics, metrics
from agentdbg.check.judging import judgement
from agentdbg.reporters import metrics as pages
from agentdbg.reporters.metrics import Order
from agentdbg.reporters.terminal import Look
from agentdbg.view.clean import cells
from tests.reporters.golden import same_as_golden
from tests.stores import of_sketch

LOOKS = [*(Look(width) for width in (56, 72, 100, 120)), Look(100, ascii=True)]
RUNS = """\
trace one
workflow quarterly-report
  agent planner dur=3s
    llm gpt-4o in=1200 out=90 cost=0.012 dur=2s
  agent collector dur=14s
    llm gpt-4o in=2400 out=60 cost=0.024 dur=2s
    tool fetch_sales {"region": "Europe"} error="TimeoutError: 3s" dur=3s
    tool fetch_sales {"region": "Europe"} -> [] dur=4s
    llm my-own-model in=9000 out=900 dur=4s
  agent writer dur=6s
    llm gpt-4o in=4100 out=700 cost=0.051 dur=5s
  agent reviewer dur=2s
    llm gpt-4o in=900 out=20 cost=0.004 dur=1s
  agent writer dur=7s
    llm gpt-4o in=4900 out=700 cost=0.055 dur=6s
trace two
workflow quarterly-report error="ValueError: no rows"
  agent planner dur=3s
    llm gpt-4o in=1200 out=90 cost=0.012 dur=2s
  agent collector error="ValueError: no rows" dur=9s
    tool fetch_sales {"region": "Asia"} error="ValueError: no rows" dur=8s
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Metrics:
    with of_sketch(tmp_path_factory.mktemp("runs"), RUNS) as store:
        told = metrics(store.reader(), judgement(store, {})[0].findings)
    hostile = replace(told.tools[0], tool="\x1b[31m\u202esend\n")
    both = replace(told.coordination, loops=1, state_writes=120, state_conflicts=4, dead_letters=2)
    return replace(told, tools=(*told.tools, hostile), coordination=both)


def agents(found: Metrics, look: Look, order: Order = "cost", title: str = "") -> str:
    stream = io.StringIO()
    pages.agents_text(found, order, title, stream, look)
    return stream.getvalue()


def everything(found: Metrics, look: Look) -> str:
    stream = io.StringIO()
    pages.text(found, stream, look)
    return stream.getvalue()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.width}{'-ascii' if look.ascii else ''}")
@pytest.mark.parametrize(("name", "drawn"), [("agents", agents), ("metrics", everything)])
def test_it_reads_as_the_golden_text(name: str, drawn: object, found: Metrics, look: Look) -> None:
    text = drawn(found, look)  # type: ignore[operator]
    assert max(map(cells, text.splitlines())) <= look.width
    assert text.isascii() or not look.ascii
    same_as_golden(f"{name}-{look.width}{'-ascii' if look.ascii else ''}.txt", text)


@pytest.mark.parametrize("drawn", [agents, everything])
def test_colour_adds_nothing_but_colour(drawn: object, found: Metrics) -> None:
    colored = drawn(found, Look(80, color=True))  # type: ignore[operator]
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == drawn(found, Look(80))  # type: ignore[operator]


def test_what_is_sorted_by_is_never_left_out(found: Metrics) -> None:
    asked: tuple[tuple[Order, bool], ...] = (("errors", True), ("cost", False))
    for order, there in asked:
        head = next(line for line in agents(found, Look(44), order).splitlines() if line.startswith("agent"))
        assert ("errors" in head) == there


def test_a_share_is_of_what_is_sorted_by(found: Metrics) -> None:
    rows = agents(found, Look(120), "errors").splitlines()[3:]
    assert rows[0].split()[0] == "collector"
    assert "100%" in rows[0]


def test_what_is_together_is_told_where_it_says_more_than_the_head(found: Metrics) -> None:
    calls = found.usage.calls
    minutes = replace(found, coordination=Coordination(1, 1, 0, 0, 0, 0, 0, 400, 900, 1, calls - 1))
    assert "together  busiest minute 900 tokens" in everything(minutes, Look(120))
    one_minute = replace(found, coordination=Coordination(1, 1, 0, 0, 0, 0, 0, 900, 900, calls, calls))
    assert "together" not in everything(one_minute, Look(120))


def test_nothing_at_all_is_told_in_a_line() -> None:
    nothing = Metrics((), (), (), (), Coordination(0, 0, 0, 0, 0, 0, 0))
    assert agents(nothing, Look()) == "0 runs  0 agents  0 model calls  0 handoffs\n"
