"""What came of a replay: inert data, drawn as text by a reporter and written as JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from agentdbg.model import Finding
from agentdbg.replay.supposed import Change

ANEW = "record the run anew"
Verdict = Literal["reproduced", "diverged", "not_judged", "unchanged", "changed", "evidence_ends"]
"""unchanged, changed, evidence_ends: what became of a run with something supposed otherwise than recorded. The program
asked and did the same from there on; or something else, of what is recorded; or what nobody recorded."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the program: what it was served, or why nothing. repeats: how often a client sent it again by
    itself; volatile: rules by which text was masked to recognise it; soft: differences that do not count;
    assumed: one that counts, where the answer was served all the same."""

    number: int
    api: str
    agent: str | None
    span_id: str | None
    outcome: str
    repeats: int
    volatile: tuple[str, ...]
    soft: tuple[str, ...]
    assumed: str | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """`reason` says the verdict in one sentence, `hint` the next step where nothing could be judged.

    tools: (tool, what was done, how often); unreal: what in this run was not as in the real one, a sentence each;
    refused: hosts that the program tried to reach. exit_code is the program's, None where none was started. changes:
    what was supposed otherwise than recorded; ends: where and why evidence ends then."""

    verdict: Verdict
    reason: str
    hint: str | None
    trace_id: str
    trace_name: str
    span_id: str
    agent: str | None
    recorded: int
    served: int
    asked: tuple[Asked, ...]
    tools: tuple[tuple[str, str, int], ...]
    refused: tuple[str, ...]
    unreal: tuple[str, ...]
    findings: tuple[Finding, ...]
    exit_code: int | None
    next: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    ends: str | None = None


def of_case(done: Replayed, path: str, whole: bool) -> Replayed:
    """The same with advice and next commands for a case, whose trace need not be at hand. whole: it is of a whole
    run."""
    command = f"agentdbg replay {path}"
    if not whole and done.verdict == "diverged":
        alone = f"the case is the turn of {done.agent} alone: a program of several agents wants a case of the whole run"
        done = replace(done, unreal=(*done.unreal, alone))
    findings = tuple(
        replace(one, advice=one.advice.replace(ANEW, f"{ANEW}, or accept it: --update --reason TEXT"), next=command)
        for one in done.findings
    )
    return replace(done, findings=findings, next=(command,))
