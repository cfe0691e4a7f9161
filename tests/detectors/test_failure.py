"""Classes of errors, and where a chain of them starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdbg.detectors.failure import classify, masked, named, origins, top
from agentdbg.model import Span
from agentdbg.tree import build


@pytest.mark.parametrize(
    ("error_type", "message", "name"),
    [
        ("APITimeoutError", "Request timed out.", "timeout"),
        ("AsyncTimeout", None, "timeout"),
        ("ToolException", "read timeout after 30 s", "timeout"),
        ("RateLimitError", "Error code: 429 - slow down", "rate limit"),
        ("Exception", "Error code: 529 - overloaded", "rate limit"),
        ("ModelHTTPError", "status_code: 503, body: None", "server"),
        ("InternalServerError", None, "server"),
        ("Exception", "Error code: 401 - no such key", "auth"),
        ("PermissionDeniedError", "no", "auth"),
        ("JSONDecodeError", "Expecting value: line 1 column 1", "decode"),
        ("SyntaxError", "Unexpected token < in JSON at position 0", "code"),
        (None, "Unexpected end of JSON input", "decode"),
        ("ValidationError", "1 validation error for Order", "validation"),
        ("BadRequestError", "Error code: 400 - messages must not be empty", "bad request"),
        ("Exception", "HTTP 404", "bad request"),
        ("ConnectionError", "refused", "network"),
        ("Error", "connect ECONNREFUSED 127.0.0.1:80", "network"),
        ("TypeError", "unsupported operand type(s)", "code"),
        ("AgentError", "code failed due to: NameError: x", "code"),
        ("GraphRecursionError", "Recursion limit of 25 reached", "recursion limit"),
        ("MaxTurnsExceeded", "Max turns (10) exceeded", "recursion limit"),
        ("CancelledError", None, "cancelled"),
        ("AbortError", "This operation was aborted", "cancelled"),
        ("ContentPolicyViolationError", None, "content filter"),
        ("OddError", "the moon is full", "error"),
        ("OddError", "429 stones were weighed", "rate limit"),
        ("OddError", "the 404 stones of the wall", "error"),
        (None, None, "error"),
    ],
)
def test_classes(error_type: str | None, message: str | None, name: str) -> None:
    found = classify(error_type, message)
    assert found.name == name
    assert found.advice.endswith(".")


def test_a_mask_hides_what_differs_from_call_to_call() -> None:
    one = masked("request 4411 (id 7f3a9c2e-1111-4222-8333-444455556666) timed out after 30.5 s at 0x7f00")
    other = masked("request 9 (id 00000000-1111-4222-8333-444455556666) timed out after 2 s at 0x1a")
    assert one == other == "request # (id #) timed out after # s at #"


@given(st.text())
def test_a_mask_is_stable_and_holds_no_digit_runs(text: str) -> None:
    assert masked(masked(text)) == masked(text)
    assert len(masked(text)) <= 200


def span(span_id: str, parent: str | None, at: int, to: int, error: str | None = None, kind: str = "other") -> Span:
    one = Span("t", span_id, parent, span_id, kind, at, to, "error" if error else "ok")  # type: ignore[arg-type]
    one.error_type, _, one.error_message = error.partition(": ") if error else (None, "", None)
    return one


@pytest.mark.parametrize(
    ("spans", "starts"),
    [
        pytest.param(
            [span("a", None, 0, 9, "E: x"), span("b", "a", 1, 8, "E: x"), span("c", "b", 2, 3, "E: x", "tool")],
            ["c"],
            id="passed on unchanged",
        ),
        pytest.param(
            [span("a", None, 0, 9, "F: wrapped: x"), span("b", "a", 1, 8, "E: x", "llm")], ["b"], id="wrapped"
        ),
        pytest.param(
            [span("a", None, 0, 9, "F: y"), span("b", "a", 1, 4, "E: x", "llm"), span("c", "a", 5, 8, kind="llm")],
            ["a", "b"],
            id="another error after later work",
        ),
        pytest.param([span("a", None, 0, 9), span("b", "a", 1, 4, "E: x", "llm")], ["b"], id="caught"),
        pytest.param(
            [span("a", None, 0, 9, "E: x"), span("b", "a", 1, 8), span("c", "b", 2, 3, "E: x")], ["c"], id="a gap"
        ),
        pytest.param(
            [
                span("a", None, 0, 9, "E: while running: the shop is closed"),
                span("b", "a", 1, 8),
                span("c", "b", 2, 3, "E: while asking: the shop is closed"),
            ],
            ["c"],
            id="a gap, and other words around the same error",
        ),
    ],
)
def test_where_a_chain_starts(spans: list[Span], starts: list[str]) -> None:
    forest = build(spans)
    assert [one.span_id for one in origins(forest)] == starts


def test_how_far_an_error_went() -> None:
    forest = build([span("a", None, 0, 9, "E: x"), span("b", "a", 1, 8), span("c", "b", 2, 3, "E: x")])
    assert top(forest, forest.by_id["c"].span).span_id == "a"
    assert top(forest, forest.by_id["a"].span).span_id == "a"


def test_names_of_errors() -> None:
    assert named(span("a", None, 0, 1, "E: x")) == "E: x"
    assert named(Span("t", "a", None, "a", "other", 0, 1, "error", "E")) == "E"
    assert named(Span("t", "a", None, "a", "other", 0, 1, "error")) == "an error without a message"
