"""The words of the house: inert data that flows between the rooms. Nothing in here does work or imports anything of
ours.

Times are nanoseconds since the Unix epoch (`_ns`), money is US dollars (`_usd`), token counts are whole numbers.
Absent is None, never 0 or "". Payloads (`input`, `output`, `tools`, `parameters`) are JSON *text*, as the store holds
them; None means that the trace does not record them, which is neither equal to another absent payload nor empty.

A payload of a model call (`kind == "llm"`) is always a JSON array of neutral messages:

    {"role": "system|user|assistant|tool", "parts": [part, ...], "name"?: str, "finish_reason"?: str}
    part = {"type": "text", "text": str}
         | {"type": "reasoning", "text": str}
         | {"type": "tool_call", "id": str|null, "name": str, "arguments": object, other text, or null (not recorded)}
         | {"type": "tool_result", "id": str|null, "name"?: str, "result": any JSON value}
         | {"type": "media", ...: as recorded}

The payload of any other span is whatever JSON value was recorded: tool arguments and result, an agent's task and
answer, a state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

T = TypeVar("T")
Kind = Literal["workflow", "agent", "llm", "tool", "retriever", "state", "guard", "other"]
Status = Literal["ok", "error", "unset"]
Severity = Literal["info", "low", "medium", "high", "critical"]
Confidence = Literal["hint", "likely", "certain"]
CostBasis = Literal["reported", "computed", "unknown"]
Grade = Literal["exact", "content", "partial", "no"]

SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
CONFIDENCES: tuple[Confidence, ...] = ("hint", "likely", "certain")


@dataclass(slots=True)
class Span:
    """One span after normalisation. `agent` is whose work it is; `agent_rule` says how that was decided.

    `turn_id` is the span id of the agent turn it belongs to (the topmost span of an unbroken stretch of one agent's
    work), None outside any agent. `status` is "ok" for control-flow exceptions (`control_flow`), which are no
    failures. `recorded_trace_id` is the trace that the span itself names: another where several are one run."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: Kind
    start_ns: int | None
    end_ns: int | None
    status: Status
    error_type: str | None = None
    error_message: str | None = None
    control_flow: str | None = None
    agent: str | None = None
    agent_rule: str | None = None
    turn_id: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    cost_basis: CostBasis = "unknown"
    finish_reason: str | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    handoff_from: str | None = None
    handoff_to: str | None = None
    session_id: str | None = None
    graph_step: int | None = None
    is_call: bool = False
    convention: str = "plain"
    scope: str | None = None
    input_key: int | None = None
    output_key: int | None = None
    output_empty: bool | None = None
    input: str | None = None
    output: str | None = None
    tools: str | None = None
    parameters: str | None = None
    attributes: str | None = None
    events: str | None = None
    links: str | None = None
    dropped: int = 0
    source: str | None = None
    recorded_trace_id: str | None = None

    @property
    def duration_ns(self) -> int | None:
        """Wall time; None when the span never closed, 0 when it ends before it starts (clock skew)."""
        if self.start_ns is None or self.end_ns is None:
            return None
        return max(0, self.end_ns - self.start_ns)


@dataclass(slots=True)
class LLMCall:
    """One real model call, however many spans report it. `span_id` is the span that tells most; `other_span_ids` the
    rest."""

    trace_id: str
    span_id: str
    agent: str | None
    model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    cost_basis: CostBasis
    finish_reason: str | None
    start_ns: int | None
    duration_ns: int | None
    status: Status
    replayable: Grade
    replay_reason: str
    other_span_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class AgentTurn:
    """An unbroken stretch of one agent's work. `span_id` is its topmost span; `parent_turn_id` the turn that encloses
    it."""

    trace_id: str
    span_id: str
    agent: str
    agent_rule: str
    parent_turn_id: str | None
    start_ns: int | None
    end_ns: int | None
    status: Status


@dataclass(slots=True)
class Handoff:
    """Work passed from one agent to another. `rule` says which observation made it one.

    sender_span_id: the span whose output (or, for a tool, whose arguments) is what was sent; receiver_span_id: the
    top span of the turn that got it, None when the receiver never ran; via_span_id: the tool or handoff span that did
    it, where there is one."""

    trace_id: str
    seq: int
    from_agent: str
    to_agent: str
    rule: str
    sender_span_id: str
    receiver_span_id: str | None
    via_span_id: str | None
    start_ns: int | None


@dataclass(slots=True)
class Trace:
    """One run with everything that was made of it. `spans` are ordered by start time, then span id. A run is one trace,
    or the first of several that belong together: then `joined` are the ids of the others."""

    trace_id: str
    name: str
    status: Literal["ok", "error", "incomplete"]
    start_ns: int | None
    duration_ns: int | None
    spans: list[Span]
    calls: list[LLMCall] = field(default_factory=list)
    turns: list[AgentTurn] = field(default_factory=list)
    handoffs: list[Handoff] = field(default_factory=list)
    joined: tuple[str, ...] = ()
    _made: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def by_id(self) -> dict[str, Span]:
        return {span.span_id: span for span in self.spans}

    def once(self, make: Callable[[Trace], T]) -> T:
        """What a function makes of this trace, made at the first call and kept: not to be changed by who asks."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place a finding points at. Exactly one piece of a finding's evidence is primary."""

    span_id: str
    role: Literal["primary", "related"]
    note: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector found.

    title is one short line; the first sentence of message makes sense alone. `key` is the normalised evidence the
    fingerprint is made of, together with detector and agent: no ids, times or counts in it. `next` is the command to
    type next. `recorded_trace_id` is the trace that the primary span itself names, where a run was recorded as several
    traces and that is another than the run's."""

    detector: str
    severity: Severity
    confidence: Confidence
    title: str
    message: str
    trace_id: str
    agent: str | None
    evidence: tuple[Evidence, ...]
    advice: str
    next: str
    key: str
    wasted_tokens: int | None = None
    wasted_usd: float | None = None
    status: Literal["new", "known", "suppressed"] = "new"
    recorded_trace_id: str | None = None

    @property
    def primary(self) -> Evidence:
        return next(e for e in self.evidence if e.role == "primary")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A detector could not judge a trace (or, with trace_id None, anything), and why."""

    detector: str
    trace_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the input that the user should know: never an exception, never silent.

    source is `file:line`, `file`, or a trace id. `data_loss` means that bytes of the input are in no span.
    """

    severity: Literal["info", "data_loss", "error"]
    source: str
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """What one agent took of a run: its longest turn, its tokens and its money (None where not recorded)."""

    agent: str
    longest_ns: int | None
    tokens: int | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run in the figures that other runs are compared with.

    cost_usd: None unless every call that used tokens has a price. peak: turns of one agent that were at work at the
    same time, at most.
    """

    trace_id: str
    workflow: str
    start_ns: int | None
    duration_ns: int | None
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    peak: int
    handoffs: int
    agents: tuple[AgentFigures, ...] = ()


class Reader(Protocol):
    """What detectors, analysis, replay and views may ask of a store. Every answer is in a stable order.

    Large stores are judged some runs at a time: then `rows` sees these alone, whoever wants to know what is usual asks
    `everywhere`, and detectors that say so (`compares_runs`) are asked once, over all."""

    def rows(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        """Rows of a statement over the public views. Named parameters are written $name."""
        ...

    def everywhere(self, sql: str, **args: object) -> list[tuple[Any, ...]]:
        """The same over all runs there are. Few rows, which are kept: sums over agents, tools, workflows."""
        ...

    def once(self, make: Callable[[Reader], T]) -> T:
        """What a function makes of this reader, made at the first call and kept: not to be changed by who asks, and
        made of `rows` alone."""
        ...

    def trace_ids(self) -> Sequence[str]:
        """The traces that are to be judged, sorted. Statements over the views may see other traces as well."""
        ...

    def baseline(self) -> Sequence[RunFigures]:
        """The runs that the project keeps as its yardstick, by workflow and start; none where it keeps none."""
        ...

    def trace(self, trace_id: str) -> Trace:
        """One whole trace with payloads (attributes, events and links left out)."""
        ...

    def traces(self, trace_ids: Iterable[str]) -> Iterator[Trace]:
        """The same for many, in their order and some hundreds at a time: a statement each for one costs most of the
        time."""
        ...


class Batch(Reader, Protocol):
    """A reader over some of the runs that are to be judged. complete: `rows` sees all runs there are."""

    complete: bool


class BatchedReader(Reader, Protocol):
    """A reader over any number of runs, which it gives some at a time."""

    def batches(self) -> Iterator[Batch]:
        """The traces that are to be judged in readers of which each can be used until the next is asked for."""
        ...


class Detector(Protocol):
    """A frozen dataclass whose fields are its options. The class docstring is its documentation; its id is
    folder.file. `compares_runs: ClassVar = True` where it must see all runs at once."""

    def find(self, reader: Reader) -> Iterator[Finding | Skipped]:
        """Findings over the traces of `reader.trace_ids()`, in a stable order."""
        ...


@dataclass(frozen=True, slots=True)
class Purged:
    """What was removed from a store. runs: (trace id, name, spans) of each. files: trace files that the runs were read
    from and that still exist. stay: runs that are left. before, after: bytes of the store's file."""

    store: str
    runs: Sequence[tuple[str, str, int]]
    spans: int
    logs: int
    files: Sequence[str]
    stay: int
    before: int
    after: int
