"""Findings that fit the tool's version and the configuration: kept ones where they are fresh, else made anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

from agentdbg import __version__
from agentdbg.detectors.judge import Judgement, judge
from agentdbg.model import BatchedReader, Finding, RunFigures, Skipped

Options = Mapping[str, Mapping[str, object]]


class JudgedReader(BatchedReader, Protocol):
    """A reader that also knows what an earlier judging found."""

    def findings(self, trace_id: str | None = None) -> list[Finding]: ...

    def skipped(self, trace_id: str | None = None) -> list[Skipped]: ...

    def unjudged(self, configuration: str) -> list[str]: ...

    def is_small(self) -> bool: ...


class Judgeable(Protocol):
    """A store, as far as judging goes. baseline: the runs that those of the store are compared with."""

    baseline: Sequence[RunFigures]

    def reader(self, judged: Sequence[str] | None = None, *, alone: bool = False) -> JudgedReader: ...

    def save_judgement(
        self, trace_ids: Sequence[str], findings: Sequence[Finding], skipped: Sequence[Skipped], configuration: str
    ) -> None: ...


def configuration_key(options: Options, baseline: Sequence[RunFigures] = ()) -> str:
    """What a judgement depends on beside the traces: the tool's version, the options of its detectors, the baseline."""
    told = json.dumps({name: dict(table) for name, table in options.items() if table}, sort_keys=True, default=str)
    if baseline:
        told += json.dumps([asdict(run) for run in baseline])
    return f"{__version__} {hashlib.sha256(told.encode()).hexdigest()[:16]}"


def stale(store: Judgeable, options: Options) -> list[str]:
    """The traces whose findings are absent or were made otherwise, sorted."""
    return store.reader().unjudged(configuration_key(options, store.baseline))


def judge_and_keep(store: Judgeable, options: Options, trace_ids: Sequence[str] | None = None) -> list[str]:
    """Judge these traces (None: those that need it) and keep what was found. Answers which traces were judged."""
    ids = stale(store, options) if trace_ids is None else sorted(trace_ids)
    if ids:
        made = judge(store.reader(ids), options)
        store.save_judgement(ids, made.findings, made.skipped, configuration_key(options, store.baseline))
    return ids


def judgement(
    store: Judgeable, options: Options, trace_ids: Sequence[str] | None = None
) -> tuple[Judgement, list[str]]:
    """What is to be said of these traces (None: of all), and which of them had to be judged now. Nothing is written.

    Kept findings come first; a reporter or the gate puts all in its own order. One trace of a large store is judged
    alone: who wants to see it shall not wait until all others have been read.
    """
    wanted = None if trace_ids is None else frozenset(trace_ids)
    now = [one for one in stale(store, options) if wanted is None or one in wanted]
    reader = store.reader()
    judged_now = frozenset(now)
    alone = wanted is not None and len(wanted) == len(now) == 1 and not reader.is_small()

    def kept(trace_id: str | None) -> bool:
        return trace_id not in judged_now and (wanted is None or trace_id in wanted)

    only = trace_ids[0] if trace_ids is not None and len(trace_ids) == 1 else None
    findings = [one for one in reader.findings(only) if kept(one.trace_id)]
    skipped = [one for one in reader.skipped(only) if kept(one.trace_id)]
    if now:
        made = judge(store.reader(now, alone=alone), options)
        findings += made.findings
        skipped += made.skipped
    return Judgement(tuple(findings), tuple(skipped), alone), now
