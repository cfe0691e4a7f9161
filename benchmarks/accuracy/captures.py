"""Captured runs of agent frameworks with planted faults: which are found, at the right agent, and what is false."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentdbg.model import Finding
from benchmarks.accuracy.passing import is_alarm
from benchmarks.accuracy.stores import findings, of_files

_LOOPS, _TOKENS = ("loop.", "deleg."), ("token.", "cost.", "budget.", "context.", "loop.turns")
_FAILURES = ("cascade.", "error.", "silent.", "handoff.", "time.", "rate.", "retry.", "loop.retry")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "agent_loop": _LOOPS, "tool_loop": _LOOPS, "ping_pong": _LOOPS,
    "token_outlier": _TOKENS, "context_accumulation": (*_TOKENS, "redundant."),
    "handoff_schema_drift": ("handoff.",), "lost_update": ("race.", "state."),
    "killed": ("trace.", "task."), "context_loss": ("trace.",),
}  # fmt: skip
"""Which detectors tell of a planted fault; of any other kind, those of failures."""
_MENDED = frozenset(("transient_error", "transient_tool_error"))
"""Errors that went away when tried again: worth no alarm above medium."""
_NO_FAULT = _MENDED | {"duplicate_export"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A planted fault, and what was found of it. right_agent: None where nothing was found."""

    kind: str
    found: bool
    right_agent: bool | None


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture with its planted faults. read: nothing of it had to be left out.

    mended: there are none but errors that went away when tried again. judged: its findings, each right (True), false
    (False) or beside what was planted, where nobody knows (None).
    """

    read: bool
    healthy: bool
    mended: bool
    faults: tuple[Fault, ...]
    judged: tuple[tuple[Finding, bool | None], ...]

    @property
    def alarmed(self) -> bool:
        """Whether something is reported; of an error that was mended, as a high one."""
        return any(is_alarm(one, "high" if self.mended else "medium") for one, _ in self.judged)


def captures(folder: Path) -> Iterator[Capture]:
    """Every entry of the manifest, by its JSON lines."""
    for entry in json.loads((folder / "manifest.json").read_text("utf-8"))["entries"]:
        with of_files(folder / name for name in _first_form(entry)) as (store, unread):
            found = [finding for here in findings(store).values() for finding in here]
        yield _judged(entry, found, not unread)


def _first_form(entry: Mapping[str, Any]) -> list[str]:
    """The files of one form of an entry: JSON lines where there are any, with their log records and batches."""
    forms: dict[str, list[str]] = {}
    for name in entry["files"]:
        if not name.endswith(".headers.json"):
            forms.setdefault(re.sub(r"\.(\d{3}|logs)(?=\.)", "", name), []).append(name)
    return sorted(forms.values(), key=lambda files: not files[0].endswith(".jsonl"))[0]


def _judged(entry: Mapping[str, Any], found: Sequence[Finding], read: bool) -> Capture:
    faults = entry["planted_faults"]
    return Capture(
        read,
        entry["category"] == "healthy",
        bool(faults) and all(fault["kind"] in _MENDED for fault in faults),
        tuple(_fault(fault, found) for fault in faults if fault["kind"] not in _NO_FAULT),
        tuple((one, _is_right(one, faults, entry)) for one in found),
    )


def _told(fault: Mapping[str, Any], found: Sequence[Finding]) -> list[Finding]:
    families = FAMILIES.get(fault["kind"], _FAILURES)
    traces = {fault.get("trace_id")} - {None}
    several = len({one.trace_id for one in found}) > 1
    return [one for one in found if one.detector.startswith(families) and (not several or one.trace_id in traces)]


def _fault(fault: Mapping[str, Any], found: Sequence[Finding]) -> Fault:
    floor = "low" if fault["kind"] in ("killed", "context_loss") else "medium"
    told = [one for one in _told(fault, found) if is_alarm(one, floor)]
    agents = {_plain(name) for name in (fault.get("enters_at_agent"), *fault.get("agents", ())) if name}
    right = any(_plain(one.agent) in agents for one in told[:1]) if told and agents else None
    return Fault(fault["kind"], bool(told), right)


def _plain(name: str | None) -> str:
    return re.sub(r"[^a-z0-9]+", "_", (name or "").lower()).strip("_")


def _is_right(one: Finding, faults: Sequence[Mapping[str, Any]], entry: Mapping[str, Any]) -> bool | None:
    if faults and all(fault["kind"] in _MENDED for fault in faults) and is_alarm(one, "high"):
        return False
    if any(one in _told(fault, [one]) and fault.get("trace_id") in (None, one.trace_id) for fault in faults):
        return True
    return False if entry["category"] == "healthy" else None
