"""A changed program accepted into a case: its questions are new, its answers are those that models gave to the old
ones. What has no recorded answer cannot be accepted, since no model is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import partial
from typing import Any

from agentdbg.errors import AgentdbgError
from agentdbg.model import Span
from agentdbg.replay.call import ACCEPTED
from agentdbg.replay.case import Case
from agentdbg.replay.case_file import text
from agentdbg.replay.difference import first_difference
from agentdbg.replay.journal import Journal, Request
from agentdbg.replay.redacted import redacted
from agentdbg.replay.replayed import Replayed

_ACCEPTABLE = ("replay.output", "replay.ambiguous")
"""Findings that do not keep a change from being accepted: a new output is part of it."""


@dataclass(frozen=True, slots=True)
class Update:
    """What became of a case: calls that ask something else now, by number, and how its file changed, in the lines of a
    unified diff. No such lines where the case held it all before."""

    path: str
    reason: str
    calls: tuple[int, ...]
    of: int
    diff: tuple[str, ...]


def update(case: Case, journal: Journal, done: Replayed, reason: str, path: str) -> tuple[Case, Update]:
    """The case with what the program asked now. AgentdbgError where something is asked that only a model could
    answer."""
    _refuse(done)
    changed = [one for one in journal.requests if one.match.assumed or one.match.soft]
    other = {one.match.call.span_id for one in changed if one.match.call and one.match.assumed}
    new = {span.span_id: span for span in map(partial(_asking, case.trace.by_id()), changed)}
    top = _top(case)
    if journal.returned and top is not None and top.output is not None:
        parted = first_difference(json.loads(top.output), journal.returned[0])
        if parted is not None:
            new[top.span_id] = replace(top, output=json.dumps(journal.returned[0]))
    calls = [
        replace(call, replay_reason=f"{ACCEPTED}{reason}") if call.span_id in other else call
        for call in case.trace.calls
    ]
    trace = replace(case.trace, spans=[new.get(span.span_id, span) for span in case.trace.spans], calls=calls)
    after = replace(case, trace=trace, accepted=(*case.accepted, reason)) if new else case
    if new and case.redacted is not None:
        after = redacted(after)
    lines = unified_diff(text(case).splitlines(), text(after).splitlines(), path, path, lineterm="", n=2)
    return after, Update(path, reason, tuple(one.number for one in changed), len(case.trace.calls), tuple(lines))


def _refuse(done: Replayed) -> None:
    grave = next((one for one in done.findings if one.detector not in _ACCEPTABLE), None)
    if grave is None and done.verdict != "not_judged":
        return
    message = f"{grave.title}: {grave.message}" if grave else done.reason
    raise AgentdbgError(
        f"the case stays as it is, since {message}",
        done.hint
        or "only questions whose answers are recorded can be accepted; for others record the run anew, with a model",
        exit_code=1 if grave else 2,
    )


def _asking(spans: Mapping[str, Span], request: Request) -> Span:
    """The span of the call that was served, with the question that it was served to."""
    asked, call = request.asked, request.match.call
    assert asked is not None
    assert call is not None
    span = spans[call.span_id]
    parameters: Any = {**(call.parameters or {}), **asked.parameters}
    return replace(
        span,
        input=json.dumps(list(asked.messages)),
        tools=span.tools if asked.tools is None else json.dumps(list(asked.tools)),
        parameters=json.dumps(parameters) if parameters else span.parameters,
    )


def _top(case: Case) -> Span | None:
    spans = case.trace.by_id()
    return spans.get(case.span_id) or next((one for one in case.trace.spans if one.parent_id not in spans), None)
