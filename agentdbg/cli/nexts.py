"""The next command to type, for somebody who works on files: the command alone would look for a store."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentdbg.cli.opening import Opened
    from agentdbg.model import Finding

_TAKE_FILES = (
    "agentdbg doctor",
    "agentdbg replay ",
    "agentdbg show ",
    "agentdbg span ",
    "agentdbg why ",
    "agentdbg handoffs ",
)
_MOST = 3


def typed(here: Opened, command: str, trace_id: str) -> str:
    """The command with the files behind it, where they are few enough to be typed."""
    return _with(command, here.paths if len(here.paths) <= _MOST else _files(here, [trace_id]).get(trace_id, ()))


def in_findings(here: Opened, findings: Sequence[Finding]) -> list[Finding]:
    """The findings, their next commands as `typed`."""
    if not here.from_files:
        return list(findings)
    if len(here.paths) <= _MOST:
        return [replace(one, next=_with(one.next, here.paths)) for one in findings]
    files = _files(here, sorted({one.trace_id for one in findings}))
    return [replace(one, next=_with(one.next, files.get(one.trace_id, ()))) for one in findings]


def _files(here: Opened, trace_ids: Sequence[str]) -> dict[str, list[str]]:
    from agentdbg.store.origins import files_of

    return files_of(here.store.reader(), trace_ids)


def _with(command: str, files: Sequence[str]) -> str:
    """Files stand before the program that a command runs, and nowhere in a command that has options."""
    ours, dashes, program = command.partition(" -- ")
    if not ours.startswith(_TAKE_FILES) or " -" in ours or not 0 < len(files) <= _MOST or "-" in files:
        return command
    return f"{ours} {shlex.join(files)}{dashes}{program}"
