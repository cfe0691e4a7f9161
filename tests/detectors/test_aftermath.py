"""A message and what came after it in, the failure or the misreading out."""

from __future__ import annotations

import json
from typing import Any

from agentdbg.contracts.profile import profile_of
from agentdbg.detectors.aftermath import failure_after, misread, read_by, single_values
from agentdbg.model import Span, Trace

OK, ERROR = "ok", "error"


def span(span_id: str, parent: str | None, start: int, end: int | None, error: str | None = None, **more: Any) -> Span:
    kind = more.pop("kind", "agent")
    one = Span("t", span_id, parent, span_id, kind, start, end, "error" if error else "ok", **more)
    one.error_type, _, one.error_message = (error or "").partition(": ")
    return one


def trace(*spans: Span, status: Any = ERROR) -> Trace:
    return Trace("t", "run", status, 0, None, list(spans))


def after(t: Trace, receiver: str | None = "reader") -> str | None:
    failed = failure_after(t, "sender", receiver)
    return failed.span_id if failed else None


def test_a_reader_that_fails() -> None:
    t = trace(
        span("root", None, 0, 9),
        span("sender", "root", 1, 2),
        span("reader", "root", 3, 4, "KeyError: score"),
        status=OK,
    )
    assert after(t) == "reader"


def test_where_the_error_of_the_reader_starts() -> None:
    t = trace(
        span("root", None, 0, 9, "ToolError: down"),
        span("sender", "root", 1, 2),
        span("reader", "root", 3, 8, "ToolError: down"),
        span("tool", "reader", 4, 5, "ToolError: down", kind="tool"),
    )
    assert after(t) == "tool"


def test_code_between_the_agents_fails() -> None:
    assert after(trace(span("root", None, 0, 9, "TypeError: '>'"), span("sender", "root", 1, 2)), None) == "root"


def test_a_run_that_fails_later() -> None:
    t = trace(
        span("root", None, 0, 9, "X: 1"),
        span("sender", "root", 1, 2),
        span("reader", "root", 3, 4),
        span("third", "root", 5, 6, "X: 1"),
    )
    assert after(t) == "third"


def test_what_was_caught_counts_only_where_it_is_about_the_input() -> None:
    caught = [span("root", None, 0, 9), span("sender", "root", 1, 2), span("reader", "root", 3, 8)]
    parse = span("parse", "reader", 4, 5, "JSONDecodeError: Expecting value", kind="other")
    busy = span("call", "reader", 4, 5, "HTTPError: 503 Service Unavailable", kind="tool")
    elsewhere = span("other", "root", 4, 5, "JSONDecodeError: Expecting value", kind="other")
    assert after(trace(*caught, parse, status=OK)) == "parse"
    assert after(trace(*caught, busy, status=OK)) is None
    assert after(trace(*caught, elsewhere, status=OK)) is None


def test_what_failed_before_is_another_matter() -> None:
    t = trace(span("root", None, 0, 9, "X: 1"), span("early", "root", 1, 2, "X: 1"), span("sender", "root", 3, 4))
    assert after(t) is None


def test_nothing_failed_or_nobody_spoke() -> None:
    assert after(trace(span("root", None, 0, 9), span("sender", "root", 1, 2), status=OK)) is None
    assert after(trace(span("root", None, 0, 9, "X: 1"))) is None


def reader(sent: object, used: object) -> tuple[object, dict[Any, object]]:
    tool = span(
        "tool",
        "reader",
        4,
        5,
        kind="tool",
        tool="act",
        input=json.dumps({"value": used, "limit": 0.9}),
        output='"done"',
    )
    return sent, read_by(trace(span("reader", None, 3, 6, output='{"verdict": "safe"}'), tool), "reader")


USUAL = [reader(0.95, 0.95), reader(0.9, 0.9), reader(0.2, "0.2")]


def test_what_a_reader_works_with() -> None:
    assert reader(1, 0.5)[1] == {
        ("agent", "", "output", "$.verdict"): "safe",
        ("tool", "act", "input", "$.limit"): 0.9,
        ("tool", "act", "input", "$.value"): 0.5,
    }
    assert read_by(trace(), "reader") == {}


def test_another_value_where_the_one_that_was_sent_usually_is() -> None:
    assert misread(USUAL, "0.95", reader("0.95", 0.0)[1]) == (("tool", "act", "input", "$.value"), 0.0)
    assert misread(USUAL, None, reader(None, 0.0)[1]) == (("tool", "act", "input", "$.value"), 0.0)


def test_the_same_value_is_read_right_however_it_is_written() -> None:
    assert misread(USUAL, "0.95", reader("0.95", 0.95)[1]) is None


def test_a_value_that_never_changes_follows_nothing() -> None:
    assert misread([reader(0.9, 0.9)] * 4, "0.8", reader("0.8", 0.0)[1]) is None
    assert misread(USUAL[:2], "0.8", reader("0.8", 0.0)[1]) is None


def test_single_values() -> None:
    payload = {"a": 1, "b": {"c": True, "d": None}, "e": [1, 2], "f": "x" * 99, "g": "long enough"}
    assert single_values(profile_of(payload)) == {"$.a": 1, "$.b.c": True, "$.b.d": None, "$.g": "long enough"}
