"""A run and its findings in, rows out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from agentdbg.model import Finding, Kind, LLMCall, Span, Status, Trace
from agentdbg.view.rows import Row, View
from agentdbg.view.select import Filter
from agentdbg.view.show import Options, show
from tests.view.random_runs import KINDS, runs
from tests.view.runs import Builder, credit_memo, finding


def line(row: Row) -> str:
    """What a row says in a few words: `× 47 Researcher, Analyst`, `+ 12 spans`, `✗ search (2 findings)`."""
    names = ", ".join(part.text for part in row.parts)
    lead = {"span": "", "cycle": f"×{row.count} ", "parallel": f"∥{row.count} ", "more": f"+{row.count} {row.of}"}[
        row.kind
    ]
    marks = {"ok": "", "error": " ✗", "open": " ?"}[row.glyph]
    marks += " orphan" if row.orphan else ""
    marks += f" ↺{row.attempt}" if row.attempt > 1 else ""
    marks += f" +{row.below}" if row.below else ""
    marks += f" from {row.handoff_from}" if row.handoff_from else ""
    marks += "".join(f" !{one.detector}" for one in row.findings)
    return "  " * row.depth + lead + names + marks


def sketch(view: View) -> list[str]:
    return [line(row) for row in view.rows]


def test_a_loop_is_one_row_with_one_sample_turn_and_findings_stand_where_they_are_about() -> None:
    assert sketch(show(*credit_memo())) == [
        "credit-memo ✗",
        "  Planner",
        "    gpt-4o",
        "  ×47 Researcher, Analyst !loop.cycle",
        "    Researcher from Planner",
        "      gpt-4o !context.growth",
        "      search !silent.empty",
        "    Analyst from Researcher",
        "      gpt-4o",
        "    +46 turns",
        "  Pricing",
        "    fx_rates ✗",
        "    fx_rates ↺2",
        "    gpt-4o-mini",
        "  Writer ✗ from Analyst",
        "    gpt-4o ?",
        "gpt-4o-mini orphan !trace.orphan",
    ]


def test_the_numbers_of_a_fold_are_those_of_all_its_turns() -> None:
    view = show(*credit_memo())
    fold, rest = (next(row for row in view.rows if row.kind == kind) for kind in ("cycle", "more"))
    shown = [row for row in view.rows if row.depth == 2 and row.parts and row.parts[0].kind == "agent"]
    assert (fold.id, rest.id, fold.short_ids, rest.short_ids) == ("C1", "C1", ("R0", "A46"), ("R1", "A46"))
    assert fold.totals.spans == 47 * 5 == rest.totals.spans + sum(row.totals.spans for row in shown)
    assert fold.totals.tokens == sum(47 * (900 if s == "R" else 700) + n * 1081 for s, n in (("R", 310), ("A", 300)))
    assert (fold.alike, rest.alike) == (True, True)


def test_a_fold_opens_by_its_name_and_by_any_span_in_it() -> None:
    trace, findings = credit_memo()
    for name in ("C1", "A7"):
        rows = show(trace, findings, Options(expand=frozenset([name]))).rows
        assert sum(row.depth == 2 and row.parts[0].kind == "agent" for row in rows) == 94
        assert not [row for row in rows if row.kind == "more"]
    assert show(trace, findings, Options(expand=frozenset(["C9"]))).unknown == ("C9",)
    assert len(show(trace, findings, Options(expand=frozenset(["all"]))).rows) == 246
    assert len(show(trace, findings, Options(fold=False)).rows) == 245


def test_depth_limits_all_but_what_must_be_seen() -> None:
    rows = show(*credit_memo(), Options(depth=1)).rows
    assert {row.depth for row in rows} == {0, 1, 2, 3}
    assert "  Planner" not in [line(row) for row in rows]
    assert "    fx_rates ✗" in [line(row) for row in rows]


def many(size: int, **more: object) -> Trace:
    """A run of so many different steps in a row."""
    run = Builder("b" * 32, "many")
    run.span("root", None, "workflow", "many", 0, size)
    for n in range(size):
        run.span(f"s{n:03}", "root", "tool", f"step {n}", n, n + (2 if n % 7 == 0 else 1) / 2)
    return run.done()


def test_what_does_not_fit_is_counted_and_the_longest_steps_stay() -> None:
    view = show(many(300), [])
    assert len(view.rows) <= 60
    rest = view.rows[-1]
    assert (rest.kind, rest.of) == ("more", "spans")
    assert rest.count + len(view.rows) - 1 == 301
    kept = [int(row.parts[0].text.split()[1]) for row in view.rows[1:-1]]
    assert kept == sorted(kept)
    assert all(n % 7 == 0 for n in kept)


def test_errors_and_findings_are_never_folded_away() -> None:
    trace = many(300)
    for n in (11, 12, 288):
        trace.by_id()[f"s{n:03}"].status = "error"
    rows = [line(row) for row in show(trace, [finding("high", "silent.empty", "x", trace.trace_id, "s100")]).rows]
    assert [row for row in rows if "✗" in row or "!" in row] == [
        "  step 11 ✗",
        "  step 12 ✗",
        "  step 100 !silent.empty",
        "  step 288 ✗",
    ]


def test_a_turn_with_another_error_stays_beside_the_sample_turn() -> None:
    trace, findings = credit_memo()
    spans = trace.by_id()
    spans["Rt20"].status, spans["Rt20"].error_type = "error", "TimeoutError"
    spans["Rt21"].status, spans["Rt21"].error_type = "error", "TimeoutError"
    view = show(trace, findings)
    shown = [row.id for row in view.rows if row.depth == 2 and row.parts and row.parts[0].kind == "agent"]
    assert shown == ["R0", "A0", "R20", "A20"]
    rest = next(row for row in view.rows if row.kind == "more")
    assert (rest.count, rest.totals.errors) == (45, 1)


def test_alike_spans_side_by_side_are_one_row_with_the_slowest_and_the_failed() -> None:
    run = Builder("c" * 32, "fan-out")
    run.span("root", None, "workflow", "fan-out", 0, 30)
    for n in range(20):
        status = "error" if n == 4 else "ok"
        run.span(f"w{n:02}", "root", "tool", "summarise", n / 10, 5 + (n * 7 % 20) / 2, tool="summarise", status=status)
    view = show(run.done(), [], Options(rows=12))
    assert [line(row) for row in view.rows] == [
        "fan-out",
        "  ∥20 summarise",
        "    summarise ✗",
        "    summarise",
        "    +18 members",
    ]
    fold = view.rows[1]
    assert (fold.id, fold.totals.errors) == ("P1", 1)
    assert fold.median_ns is not None
    assert fold.slowest_ns == view.rows[3].duration_ns


def test_wrappers_that_hold_one_thing_are_one_row() -> None:
    run = Builder("d" * 32, "chain")
    run.span("r", None, "workflow", "chain", 0, 10)
    run.span("a", "r", "other", "RunnableSequence", 0.1, 9.9)
    run.span("b", "a", "other", "ChatPromptTemplate", 0.2, 9.8)
    run.span("c", "b", "llm", "gpt-4o", 0.3, 9.7, tokens=(10, 1))
    row = show(run.done(), []).rows[0]
    assert row.span_ids == ("r", "a", "b", "c")
    assert [part.text for part in row.parts] == ["chain", "RunnableSequence", "ChatPromptTemplate", "gpt-4o"]
    assert row.totals.tokens == 11


def test_a_wrapper_with_time_a_finding_or_an_error_of_its_own_keeps_its_row() -> None:
    def rows(findings: Sequence[Finding] = (), status: str = "ok", end: float = 9.9) -> int:
        run = Builder("d" * 32, "chain")
        run.span("r", None, "other", "outer", 0, 10, status=status)
        run.span("a", "r", "other", "inner", 0.1, end)
        return len(show(run.done(), findings).rows)

    assert rows() == 1
    assert rows(end=5) == 2
    assert rows(status="error") == 2
    assert rows([finding("low", "x.y", "x", "d" * 32, "r")]) == 2


def test_a_call_that_two_spans_report_counts_once() -> None:
    run = Builder("e" * 32, "twice")
    run.span("r", None, "workflow", "twice", 0, 10)
    run.span("a", "r", "llm", "gpt-4o", 1, 9, tokens=(100, 10), usd=1.0)
    run.span("b", "a", "tool", "wrapped http", 2, 8)
    trace = run.done()
    again = Span(trace.trace_id, "z", "r", "openai.chat", "llm", trace.start_ns, None, "ok", model="gpt-4o")
    trace.spans.append(again)
    trace.calls[0] = replace(trace.calls[0], other_span_ids=("z",))
    view = show(trace, [])
    assert (view.totals.tokens, view.totals.cost_usd, view.totals.calls) == (110, 1.0, 1)
    assert [row.same_call for row in view.rows if row.id == "z"] == [True]


def test_cost_says_when_a_part_of_it_is_unknown() -> None:
    run = Builder("f" * 32, "priced")
    run.span("r", None, "workflow", "priced", 0, 10)
    run.span("a", "r", "llm", "gpt-4o", 1, 2, tokens=(100, 10), usd=1.0)
    run.span("b", "r", "llm", "mystery", 2, 3, tokens=(100, 10))
    run.span("c", "r", "llm", "gpt-4o", 3, 4, status="error")
    totals = show(run.done(), []).totals
    assert (totals.cost_usd, totals.unpriced, totals.uncounted) == (1.0, 1, 0)


def test_an_error_stands_where_it_began_and_not_at_all_that_passed_it_on() -> None:
    run = Builder("a" * 32, "pass")
    told = {"status": "error", "error_type": "ValueError", "error_message": "no such city"}
    run.span("r", None, "workflow", "pass", 0, 10, **told)
    run.span("a", "r", "agent", "Clerk", 0, 9, **told)
    run.span("t", "a", "tool", "weather", 1, 2, **told)
    run.span("u", "a", "tool", "maps", 3, 4)
    assert [row.tail for row in show(run.done(), []).rows] == ["", "", "ValueError: no such city", ""]


def test_control_flow_is_no_error() -> None:
    run = Builder("a" * 32, "goto")
    run.span("r", None, "workflow", "goto", 0, 10)
    run.span("a", "r", "other", "node", 0, 3, control_flow="GraphInterrupt")
    row = show(run.done(), []).rows[1]
    assert (row.glyph, row.tail) == ("ok", "GraphInterrupt")


def test_a_receiver_that_never_ran_is_told_where_work_was_passed_on() -> None:
    run = Builder("a" * 32, "lost")
    run.span("p", None, "agent", "Planner", 0, 10)
    run.span("t", "p", "tool", "transfer_to_writer", 1, 2)
    run.span("u", "p", "tool", "search", 3, 4)
    run.handoff("Planner", "Writer", "p", None, "t")
    assert [row.never_ran for row in show(run.done(), []).rows] == [None, "Writer", None]


def test_a_finding_whose_span_is_missing_is_loose_and_a_suppressed_one_is_counted() -> None:
    trace, _ = credit_memo()
    gone = finding("high", "x.y", "x", trace.trace_id, "gone")
    view = show(trace, [gone, replace(gone, status="suppressed")])
    assert (view.loose, view.findings, view.suppressed) == ((gone,), (gone,), 1)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(agent="pricing"), ["credit-memo ✗", "  Pricing"]),
        (Filter(failed=True), ["credit-memo ✗", "  Pricing", "    fx_rates ✗", "  Writer ✗ from Analyst"]),
        (Filter(grep="429"), ["credit-memo ✗", "  Pricing", "    fx_rates ✗"]),
        (Filter(kind="llm", least_ns=10 * 10**9), ["credit-memo ✗", "  Pricing", "    gpt-4o-mini"]),
        (Filter(agent="nobody"), []),
    ],
)
def test_filters_leave_what_was_asked_for_and_what_stands_above(wanted: Filter, expected: list[str]) -> None:
    view = show(credit_memo()[0], [], Options(filter=wanted))
    assert sketch(view) == expected
    assert [row.dim for row in view.rows if row.parts[0].text == "credit-memo"] in ([True], [False], [])


def test_findings_and_the_critical_path_can_be_asked_for() -> None:
    trace, findings = credit_memo()
    rows = show(trace, findings, Options(filter=Filter(findings=True))).rows
    assert {one.detector for row in rows for one in row.findings} == {one.detector for one in findings}
    rows = show(trace, findings, Options(filter=Filter(path=True))).rows
    assert "Pricing" not in [part.text for row in rows for part in row.parts]


def test_order_of_spans_and_findings_does_not_matter() -> None:
    trace, findings = credit_memo()
    expected = show(trace, findings)
    rnd = random.Random(1)
    for _ in range(3):
        rnd.shuffle(trace.spans)
        rnd.shuffle(findings)
        assert show(trace, findings) == expected


def pingpong(laps: int) -> Trace:
    """Two agents of which each calls the other from inside its own model call, and a tool in every turn."""
    run = Builder("9" * 32, "nested")
    run.span("root", None, "workflow", "nested", 0, 100)
    above = "root"
    for n in range(2 * laps):
        who, start, end = ("Planner", "Critic")[n % 2], n + 0.1, 100 - n
        run.span(f"a{n:02}", above, "agent", who, start, end, sender=("other", above) if n else None)
        run.span(f"l{n:02}", f"a{n:02}", "llm", "gpt-4o", start + 0.1, end - 0.1, tokens=(10, 1), usd=0.5)
        run.span(f"t{n:02}", f"l{n:02}", "tool", "look up", start + 0.2, start + 0.3)
        above = f"l{n:02}"
    return run.done()


def test_turns_that_stand_inside_one_another_are_one_row_as_well() -> None:
    trace = pingpong(12)
    view = show(trace, [finding("high", "loop.pingpong", "x", trace.trace_id, "a00")])
    assert sketch(view) == [
        "nested",
        "  ×12 Planner, Critic !loop.pingpong",
        "    Planner",
        "      gpt-4o",
        "        look up",
        "        Critic from other",
        "          gpt-4o",
        "            look up",
        "    +11 turns",
    ]
    fold, lap, call, rest = view.rows[1], view.rows[2], view.rows[3], view.rows[-1]
    assert (fold.nested, fold.totals.spans, fold.totals.tokens) == (True, 72, 12 * 22)
    assert (lap.totals.spans, lap.totals.tokens, call.totals.spans) == (6, 22, 5)
    assert (rest.totals.spans, rest.totals.cost_usd) == (66, 11.0)


def test_an_error_deep_in_nested_turns_is_seen() -> None:
    trace = pingpong(12)
    trace.by_id()["t17"].status = "error"
    rows = sketch(show(trace, []))
    assert rows[7:] == [
        "            look up",
        "    Planner from other",
        "      gpt-4o",
        "        look up",
        "        Critic from other",
        "          gpt-4o",
        "            look up ✗",
        "    +10 turns",
    ]


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs())
def test_folding_keeps_totals_and_every_span_is_in_one_row(run: tuple[Trace, list[Finding]]) -> None:
    trace, findings = run
    view = show(trace, findings)
    tops = [row for row in view.rows if row.depth == 0]
    assert sum(row.totals.spans for row in tops) == len(trace.spans) == view.totals.spans
    assert sum(row.totals.tokens or 0 for row in tops) == tokens(trace.calls)
    assert sum(row.totals.cost_usd or 0 for row in tops) == pytest.approx(sum(c.cost_usd or 0 for c in trace.calls))
    for number, row in enumerate(view.rows):
        below = children(view.rows, number)
        own = 0 if row.kind in ("cycle", "parallel") else len(row.span_ids)
        if below:
            assert row.totals.spans == own + sum(child.totals.spans for child in below)
        elif row.kind == "span":
            assert row.totals.spans == own + row.below
    told = sum(len(row.findings) for row in view.rows) + len(view.loose)
    assert told == len(view.findings) == len(findings) - view.suppressed
    failed = {span.span_id for span in trace.spans if span.status == "error"}
    assert failed <= {span_id for row in view.rows if row.kind == "span" for span_id in row.span_ids} or len(failed) > 5


def tokens(calls: Sequence[LLMCall]) -> int:
    return sum((call.input_tokens or 0) + (call.output_tokens or 0) for call in calls)


def children(rows: Sequence[Row], number: int) -> list[Row]:
    out = []
    for row in rows[number + 1 :]:
        if row.depth <= rows[number].depth:
            break
        if row.depth == rows[number].depth + 1:
            out.append(row)
    return out


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs(most=90))
def test_rails_draw_a_tree_and_the_limit_holds(run: tuple[Trace, list[Finding]]) -> None:
    rows = show(*run).rows
    assert len(rows) <= 200
    for number, row in enumerate(rows):
        assert len(row.rails) == row.depth
        following = [other.depth for other in rows[number + 1 :]]
        for level in range(1, row.depth + 1):
            before_parent = following[: next((n for n, depth in enumerate(following) if depth < level), len(following))]
            assert row.rails[level - 1] == (level in before_parent)


@pytest.mark.slow
def test_100_000_spans_give_a_screenful() -> None:
    rnd = random.Random(7)
    spans = [Span("t", "0" * 8, None, "root", "workflow", 0, 10**9, "ok")]
    for n in range(1, 100_000):
        above = spans[max(0, n - 1 - int(rnd.expovariate(0.02)))] if n % 3 else spans[rnd.randrange(n)]
        assert above.start_ns is not None
        assert above.end_ns is not None
        start = rnd.randint(above.start_ns, above.end_ns)
        status: Status = "error" if rnd.random() < 0.01 else "ok"
        kind: Kind = rnd.choice(KINDS)
        end = rnd.randint(start, above.end_ns)
        spans.append(Span("t", f"{n:08x}", above.span_id, f"{kind}{n % 40}", kind, start, end, status))
    view = show(Trace("t", "big", "error", 0, 10**9, spans), [])
    assert 20 < len(view.rows) <= 200
    assert view.rows[0].totals.spans == 100_000


def test_the_command_to_type_next_is_never_the_one_that_was_just_typed() -> None:
    trace, _ = credit_memo()
    writer = next(span for span in trace.spans if span.name == "Writer")
    here = f"agentdbg show {trace.trace_id}"
    circular = finding("critical", "loop.cycle", "round and round", trace.trace_id, writer.span_id, next=here)
    assert writer.span_id.startswith(show(trace, [circular]).next.removeprefix("agentdbg span "))
    assert show(trace, [replace(circular, next="agentdbg replay 1")]).next == "agentdbg replay 1"
