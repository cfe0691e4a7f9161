"""The exceptions that are made for people."""

from __future__ import annotations

FINDINGS = 1
NOT_JUDGED = 2
OUR_BUG = 3
INTERRUPTED = 130


class AgentdbgError(Exception):
    """Something the user can act on.

    message: what is wrong, in one sentence, without a full stop at the end.
    hint: the next step to take, may span lines; None where there is none.
    exit_code: 2 (could not judge) unless said otherwise.
    """

    def __init__(self, message: str, hint: str | None = None, exit_code: int = NOT_JUDGED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class OutOfMemory(AgentdbgError):
    """A question to the store takes more memory than there may be."""
