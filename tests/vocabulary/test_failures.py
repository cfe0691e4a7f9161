"""Error texts as traces hold them."""

from __future__ import annotations

import pytest

from agentdbg.vocabulary.failures import control_flow, split


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("TimeoutError: 30s", ("TimeoutError", "30s")),
        ("openai.RateLimitError: Error code: 429", ("RateLimitError", "Error code: 429")),
        ("ValueError('bad row')", ("ValueError", "bad row")),
        (
            "ValueError('bad row')Traceback (most recent call last):\n  File x\nValueError: bad row",
            ("ValueError", "bad row"),
        ),
        ("Request timed out.", (None, "Request timed out.")),
        ("Note: all is well", (None, "Note: all is well")),
        ("{'message': 'Error running tool', 'data': {'error': 'redacted'}}", (None, "Error running tool")),
        ("{not an object", (None, "{not an object")),
        ("", (None, "")),
    ],
)
def test_type_and_message_of_an_error_text(text: str, told: tuple[str | None, str]) -> None:
    assert split(text) == told


@pytest.mark.parametrize(
    "name", ["ParentCommand", "langgraph.errors.GraphInterrupt", "pydantic_ai.exceptions.CallDeferred"]
)
def test_steering_exceptions_are_control_flow(name: str) -> None:
    assert control_flow(name) == name.rpartition(".")[2]


@pytest.mark.parametrize("name", ["ValueError", "CancelledError", "KeyboardInterrupt", None, ""])
def test_others_are_not(name: str | None) -> None:
    assert control_flow(name) is None
