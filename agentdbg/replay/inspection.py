"""What `agentdbg replay` without a target tells: inert data, drawn as text by a reporter and written as JSON by
`to_json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from agentdbg.model import Grade, Kind, Status
from agentdbg.replay.call import Call
from agentdbg.replay.consistency import Step
from agentdbg.replay.difference import Difference

Subject = Literal["turn", "call", "tool", "span", "run"]
Verdict = Literal["consistent", "edited", "damaged", "unknown"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that was asked for or ran. `arguments` and `result` are JSON values.

    call_id: the model's id of the request; asked_by: the span id of the call that asked, None where no call did.
    result_from tells where the result was read: in the next input of the model (what it really saw), else in the
    tool's own span; None where neither has it, "override" where a user says what it is to be. difference: where what
    the model saw and what the tool's span recorded part.
    """

    tool: str
    call_id: str | None
    arguments: Any
    asked_by: str | None
    span_id: str | None
    result: Any
    result_from: Literal["next input", "tool span", "override"] | None
    status: Status
    error: str | None
    start_ns: int | None
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class CallView:
    """One model call of the agent with what came of it: `uses` are the tools that ran before the next call, in
    order."""

    number: int
    call: Call
    step: Step
    uses: tuple[ToolUse, ...]
    fixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consistency:
    """edited: the application changed, cut or added to what was said before. damaged: the recording lacks parts, so
    that nothing follows from what is missing. unknown: no messages are recorded. `words` says it in one sentence."""

    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """subject: whether `subject_span_id` is an agent's turn, a model call, a tool call, another span with all that
    ran below it, or the root of the whole run. `state` is the recorded input of that span itself, a JSON value;
    has_state tells an absent one from null. grade: the worst of the calls', None where there is no call. before: tools
    that ran before the first call."""

    trace_id: str
    trace_name: str
    span_id: str
    subject: Subject
    subject_span_id: str
    name: str
    kind: Kind
    agent: str | None
    status: Status
    error: str | None
    start_ns: int | None
    duration_ns: int | None
    has_state: bool
    state: Any
    has_result: bool
    result: Any
    tool: ToolUse | None
    before: tuple[ToolUse, ...]
    calls: tuple[CallView, ...]
    grade: Grade | None
    reason: str
    consistency: Consistency
    missing: tuple[str, ...]
    fixes: tuple[str, ...]
    next: tuple[str, ...]


def to_json(inspection: Inspection) -> dict[str, Any]:
    """The inspection as plain JSON values; fields may be added, never renamed."""
    out = {"schema_version": 1, **asdict(inspection)}
    for shown, view in zip(out["calls"], inspection.calls, strict=True):
        shown["call"]["system"] = view.call.system
    return out
