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


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Quotation service failed", "error"),
        ("insufficient_quota: you exceeded your current quota", "rate limit"),
        ("Quota exceeded for project 7", "rate limit"),
        ("no overloaded function takes these arguments", "error"),
        ("could not load the neural network weights", "error"),
        ("no such websocket file", "error"),
        ("Network is unreachable", "network"),
        ("WebSocketException: closed early", "network"),
        ("socket hang up", "network"),
        ("the warehouse is unreachable", "network"),
        ("the compiler found unreachable code", "error"),
        ("the DNS record of the shop is a table of its own", "error"),
        ("DNS lookup failed", "network"),
        ("SSL: certificate verify failed", "network"),
        ("unknown timeouts setting", "error"),
        ("got an unexpected keyword argument 'timeout'", "error"),
        ("the read timeout must be positive", "error"),
        ("Gateway Timeout", "timeout"),
        ("ETIMEDOUT", "timeout"),
        ("DEADLINE_EXCEEDED", "timeout"),
        ("the port authority has no such ship", "error"),
        ("the authorization page is not in the manual", "error"),
        ("authentication failed", "auth"),
        ("Incorrect API key provided: sk-1", "auth"),
        ("extra fields: extra_forbidden", "error"),
        ("403 Forbidden: forbidden", "auth"),
        ("the image was decoded upside down", "error"),
        ("an unexpected token count of 9", "error"),
        ("Failed to parse the answer", "decode"),
        ("the validation set is empty", "error"),
        ("no table in schema public", "error"),
        ("the answer does not match the output schema", "validation"),
        ("order 7 had been cancelled before", "error"),
        ("the request was cancelled by its caller", "cancelled"),
        ("the content management system has no page 4", "error"),
        ("rejected as a result of our safety system", "content filter"),
        ("max_iterations is no setting of this agent", "error"),
        ("Agent stopped due to max iterations.", "recursion limit"),
        ("the observer error rate is 5 %", "error"),
        ("the server had an internal error", "server"),
    ],
)
def test_a_word_that_merely_holds_or_names_a_cause_is_none(message: str, name: str) -> None:
    assert classify(None, message).name == name


@pytest.mark.parametrize(
    ("error_type", "name"),
    [
        ("ReadTimeout", "timeout"),
        ("httpx.ConnectTimeout", "timeout"),
        ("APIConnectionError", "network"),
        ("BrokenPipeError", "network"),
        ("ResourceExhausted", "rate limit"),
        ("ThrottlingException", "rate limit"),
        ("OutputParserException", "decode"),
        ("UnprocessableEntityError", "bad request"),
        ("openai.NotFoundError", "bad request"),
        ("ModuleNotFoundError", "code"),
        ("asyncio.exceptions.CancelledError", "cancelled"),
        ("APIUserAbortError", "cancelled"),
        ("UsageLimitExceeded", "recursion limit"),
        ("QuotationError", "error"),
        ("NeuralNetworkShapeMismatch", "error"),
    ],
)
def test_names_of_types_are_read_word_by_word(error_type: str, name: str) -> None:
    assert classify(error_type, None).name == name


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
