"""What people read: golden texts at every width, and laws that hold for any content."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentdbg.model import Finding, Note, Skipped, Trace
from agentdbg.reporters import terminal
from agentdbg.reporters.terminal import Look
from agentdbg.reporters.terminal.line import Line
from agentdbg.view.clean import cells, clean
from agentdbg.view.report import Report, TraceLine, summarise
from agentdbg.view.select import Filter
from agentdbg.view.show import Options, show
from agentdbg.view.span_detail import span_detail
from tests.reporters.golden import same_as_golden
from tests.view.random_runs import HOSTILE, runs
from tests.view.runs import credit_memo, refund

WIDTHS = [56, 72, 80, 100, 116, 160]
LOOKS = [*(Look(width) for width in WIDTHS), Look(100, ascii=True)]


def name(look: Look) -> str:
    return f"{look.width}{'-ascii' if look.ascii else ''}"


def drawn_show(look: Look, options: Options | None = None) -> str:
    stream = io.StringIO()
    terminal.show(show(*credit_memo(), options), stream, look)
    return stream.getvalue()


def drawn_span(look: Look, span_id: str = "d4", full: bool = False) -> str:
    trace, findings = refund()
    stream = io.StringIO()
    terminal.span(span_detail(trace, trace.by_id()[span_id], findings), stream, look, full)
    return stream.getvalue()


def report() -> Report:
    """Two runs, one finding in both, one that could not judge, and notes."""
    memo, refunds = credit_memo(), refund()
    again = replace(memo[1][0], trace_id="9d00aa12", wasted_usd=1.0, wasted_tokens=None)
    return Report(
        "0.1",
        "findings",
        (summarise(memo[0]), summarise(refunds[0])),
        (*memo[1], *refunds[1], again),
        (Skipped("silent.madeup", "a", "no payloads recorded"), Skipped("silent.madeup", "b", "no payloads recorded")),
        (
            Note("data_loss", "run.jsonl:17", "the line is no JSON", "Export it again."),
            Note("data_loss", "run.jsonl:19", "the line is no JSON", "Export it again."),
            Note("info", "run.jsonl", "2 spans were known already"),
        ),
        suppressed=3,
        reason="no trace in old.bin",
    )


def drawn_check(look: Look) -> str:
    stream = io.StringIO()
    terminal.check(report(), stream, look)
    return stream.getvalue()


def drawn_traces(look: Look) -> str:
    memo, refunds = summarise(credit_memo()[0]), summarise(refund()[0])
    unpriced = replace(refunds, trace_id="4bf9aaaa", name="京都 返金 🎌 desk", status="incomplete", cost_usd=None)
    lines = [
        TraceLine(memo, 4, "critical", "loop.cycle"),
        TraceLine(refunds, 1, "high", "silent.ignored"),
        TraceLine(unpriced),
        TraceLine(replace(refunds, trace_id="ffff0000"), 0),
    ]
    stream = io.StringIO()
    terminal.traces(lines, stream, look)
    return stream.getvalue()


DRAWN: dict[str, Callable[[Look], str]] = {
    "show": drawn_show,
    "span": drawn_span,
    "check": drawn_check,
    "traces": drawn_traces,
}


@pytest.mark.parametrize("look", LOOKS, ids=name)
@pytest.mark.parametrize("what", DRAWN)
def test_it_reads_as_the_golden_text(what: str, look: Look) -> None:
    text = DRAWN[what](look)
    assert max(map(cells, text.splitlines())) <= look.width
    assert text.isascii() or not look.ascii
    same_as_golden(f"{what}-{name(look)}.txt", text)


def test_a_filtered_and_an_opened_run_read_as_the_golden_text() -> None:
    same_as_golden("show-writer.txt", drawn_show(Look(90), Options(filter=Filter(agent="Writer"))))
    same_as_golden("show-depth-1.txt", drawn_show(Look(90), Options(depth=1)))
    same_as_golden("span-full.txt", drawn_span(Look(90), full=True))
    same_as_golden("span-tool.txt", drawn_span(Look(90), "d3"))
    same_as_golden("span-root.txt", drawn_span(Look(90), "d0"))


@pytest.mark.parametrize("what", DRAWN)
def test_colour_adds_nothing_but_colour(what: str) -> None:
    plain, colored = DRAWN[what](Look(100)), DRAWN[what](Look(100, color=True))
    assert "\x1b[" in colored
    assert "\x1b" not in plain
    without = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in without.splitlines()] == plain.splitlines()


def test_the_last_line_of_a_check_is_the_verdict_with_what_was_checked() -> None:
    clean_report = replace(report(), verdict="clean", findings=(), notes=(), skipped=(), reason="")
    stream = io.StringIO()
    terminal.check(clean_report, stream, Look(100))
    assert stream.getvalue() == "clean: 2 traces, 250 spans, 6 agents, 95 handoffs, 0 findings, 3 suppressed\n"


def test_a_check_with_findings_below_the_threshold_has_passed_and_tells_of_lost_data() -> None:
    stream = io.StringIO()
    terminal.check(replace(report(), verdict="clean", reason=""), stream, Look(200))
    assert stream.getvalue().splitlines()[-1] == (
        "passed: 2 traces, 250 spans, 6 agents, 95 handoffs, 6 findings (2 critical, 3 high, 1 medium), 3 suppressed, "
        "2 notes of data loss"
    )


def test_lost_data_is_told_where_nothing_was_found() -> None:
    stream = io.StringIO()
    terminal.check(Report("0.1", "clean", (), (), notes=(Note("data_loss", "a", "cut"),)), stream, Look(120))
    assert stream.getvalue().splitlines()[-1] == (
        "clean: 0 traces, 0 spans, 0 agents, 0 handoffs, 0 findings, 0 suppressed, 1 note of data loss"
    )


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (120, ["trace", "start", "workflow", "status", "time", "tokens", "cost", "worst finding"]),
        (80, ["trace", "workflow", "status", "time", "tokens", "cost", "worst finding"]),
        (72, ["trace", "workflow", "status", "time", "tokens", "worst finding"]),
        (64, ["trace", "workflow", "status", "time", "worst finding"]),
        (58, ["trace", "workflow", "status", "time", "tokens", "worst"]),
        (50, ["trace", "workflow", "status", "time", "worst"]),
    ],
)
def test_narrow_lists_keep_the_worst_finding(width: int, columns: list[str]) -> None:
    head, first, *_ = drawn_traces(Look(width)).splitlines()
    assert re.split(r" {2,}", head) == columns
    assert first.endswith("CRITICAL loop.cycle +3" if columns[-1] == "worst finding" else "CRITICAL")


def test_a_check_without_a_trace_says_why_it_could_not_judge() -> None:
    stream = io.StringIO()
    terminal.check(Report("0.1", "not_judged", (), (), reason="no trace was found"), stream, Look(120))
    assert stream.getvalue() == (
        "not judged: 0 traces, 0 spans, 0 agents, 0 handoffs, 0 findings, 0 suppressed; no trace was found\n"
    )


def test_the_command_that_is_printed_can_be_pasted_back() -> None:
    trace, findings = credit_memo()
    command = "agentdbg show 4bf92f3577b34da6a3ce929d0e0e4736 exports/of/last/night/run-000017.jsonl --expand C1"
    stream = io.StringIO()
    terminal.show(replace(show(trace, findings), next=command), stream, Look(60))
    pasted = stream.getvalue().split("next: ")[1].replace("\\\n", " ")
    assert pasted.split() == command.split()


def everything(run: tuple[Trace, Sequence[Finding]], look: Look) -> str:
    """All that can be drawn of a run."""
    trace, findings = run
    summary = summarise(trace)
    stream = io.StringIO()
    terminal.show(show(trace, findings), stream, look)
    for span in trace.spans[:3]:
        terminal.span(span_detail(trace, span, findings), stream, look)
    notes = tuple(Note("info", trace.name, trace.name, trace.trace_id) for _ in findings)
    skipped = (Skipped("silent.empty", None, trace.name),)
    terminal.check(Report("0", "findings", (summary,), tuple(findings), skipped, notes), stream, look)
    terminal.traces([TraceLine(summary, len(findings), "low", trace.name)], stream, look)
    return stream.getvalue()


LOOK = st.builds(Look, st.one_of(st.integers(20, 60), st.integers(20, 200)), st.just(False), st.booleans())


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs(most=12), LOOK)
def test_no_line_is_wider_than_the_terminal_and_nothing_is_a_command(
    run: tuple[Trace, list[Finding]], look: Look
) -> None:
    text = everything(run, look)
    assert clean(text) == text
    assert text.isascii() or not look.ascii
    for line in text.split("\n"):
        assert cells(line) <= look.width
        assert line == line.rstrip()


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("color", [False, True])
def test_hostile_text_in_every_field_is_shown_and_not_obeyed(hostile: str, color: bool) -> None:
    trace, findings = refund()
    trace.name = hostile
    for span in trace.spans:
        span.name = span.agent = span.model = span.tool = span.error_type = span.error_message = hostile
        span.input = span.output = span.attributes = span.tools = span.parameters = span.events = span.links = hostile
        span.session_id = span.source = span.agent_rule = span.finish_reason = hostile
    findings = [replace(one, title=hostile, message=hostile, advice=hostile, next=hostile) for one in findings]
    text = everything((trace, findings), Look(100, color=color))
    without = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert clean(without) == without
    assert "\x1b]" not in text
    assert "\x1b[31mred" not in text


@given(st.lists(st.sampled_from(["ab", "北京", "e\u0301", "👍", " "]), max_size=8), st.integers(0, 12))
def test_a_line_is_cut_to_cells_with_one_ellipsis(pieces: list[str], width: int) -> None:
    line = Line()
    for number, piece in enumerate(pieces):
        line.add(piece, "bold" if number % 2 else "")
    short = line.cut(width, "…")
    assert cells(short.plain) == short.width <= width
    assert short.plain == "".join(pieces) or width == 0 or (short.plain.endswith("…") and short.plain.count("…") == 1)


@pytest.mark.slow
def test_bytes_are_the_same_under_every_hash_seed() -> None:
    program = (
        "from tests.reporters.test_terminal import *\n"
        "import sys; sys.stdout.reconfigure(encoding='utf-8')\n"
        "for draw in DRAWN.values(): print(draw(Look(100)))\n"
    )
    root = Path(__file__).parents[2]
    texts = set()
    for seed in ("0", "1", "4711"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        done = subprocess.run([sys.executable, "-c", program], cwd=root, env=env, capture_output=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1


def test_plain_text_needs_no_rich_console() -> None:
    program = (
        "import io, sys\n"
        "from tests.view.runs import credit_memo\n"
        "from agentdbg.reporters import terminal\n"
        "from agentdbg.view.show import show\n"
        "terminal.show(show(*credit_memo()), io.StringIO(), terminal.Look(100))\n"
        "assert 'rich.console' not in sys.modules and 'duckdb' not in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=True)
