"""What is said on stderr: errors with their next step, notes, never a payload."""

from __future__ import annotations

import sys

from agentdbg.errors import AgentdbgError
from agentdbg.view.clean import clean


def error(problem: AgentdbgError) -> None:
    """`error:` and `hint:`, with further lines below. Both may quote a file, so they are made harmless."""
    _say("error: " + problem.message.replace("\n", "\n  "))
    if problem.hint:
        _say("hint: " + problem.hint.replace("\n", "\n  "))


def note(text: str) -> None:
    """Something to know about the result that stands on stdout."""
    _say(f"note: {text}")


def plain(text: str) -> None:
    """A line without a mark, such as the figures of an ingest."""
    _say(text)


def _say(text: str) -> None:
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()
