"""Findings for what a command shows: the kept ones, or made now where there are none that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentdbg.cli import messages

if TYPE_CHECKING:
    from agentdbg.cli.opening import Opened
    from agentdbg.detectors.judge import Judgement


def judge_files(here: Opened, trace_ids: Sequence[str] | None = None) -> None:
    """Judge what was read from files for this command alone, so that every view of it is complete."""
    if here.from_files:
        from agentdbg.check.judging import judge_and_keep

        judge_and_keep(here.store, here.config.detectors, trace_ids)


def of_traces(here: Opened, trace_ids: Sequence[str]) -> tuple[Judgement, list[str]]:
    """What is to be said of these traces, and which of them had to be judged for it. Of files it is kept for later."""
    from agentdbg.check.judging import judgement

    judge_files(here, trace_ids)
    return judgement(here.store, here.config.detectors, trace_ids)


def of_trace(here: Opened, trace_id: str) -> Judgement:
    """What is to be said of one trace. Where that had to be found out now although there is a store, stderr says so."""
    from agentdbg.check.judging import judgement

    found, now = judgement(here.store, here.config.detectors, [trace_id])
    if now and not here.from_files:
        now_only = "judged now" + (", not against the other runs" if found.alone else "")
        messages.note(f"{now_only}: the store holds no findings for this trace with this version and configuration")
    return found
