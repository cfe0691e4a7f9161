"""Times as people type them."""

from __future__ import annotations

import pytest

from agentdbg.cli.times import length_ns, moment_ns
from agentdbg.errors import AgentdbgError

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("200ms", 0.2), ("2s", 2), ("1m30s", 90), ("90min", 5400), ("1.5h", 5400), ("7d", 604_800), ("2w", 1_209_600)],
)
def test_lengths(text: str, seconds: float) -> None:
    assert length_ns(text, "--since") == seconds * SECOND_NS


@pytest.mark.parametrize("text", ["", "5", "h", "1 h", "1y", "-1h", "1h!", "yesterday"])
def test_what_is_no_length_names_the_option(text: str) -> None:
    with pytest.raises(AgentdbgError) as caught:
        length_ns(text, "--since")
    assert caught.value.message == f"--since {text} is no length of time"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01T00:01", 60),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.5Z", 0.5),
    ],
)
def test_moments_are_utc_unless_they_say_otherwise(text: str, seconds: float) -> None:
    assert moment_ns(text) == seconds * SECOND_NS


@pytest.mark.parametrize("text", ["1h", "7d", "latest", "2026-13-01"])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment_ns(text) is None
