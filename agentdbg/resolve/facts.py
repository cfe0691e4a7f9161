"""What the rooms of `resolve` read and write: facts of one trace's spans without payloads, and what follows from
them."""

from __future__ import annotations

import msgspec


class Facts(msgspec.Struct):
    """A span as `resolve` sees it: the narrow columns of the table `spans`. `agent`, `turn_id` and `kind` are decided
    here; has_* say whether a payload is recorded, stand_in that only log records of the span are here."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    start_ns: int | None
    end_ns: int | None
    status: str
    agent_hint: str | None
    agent_rule: str | None
    handoff_from: str | None
    handoff_to: str | None
    handoff_rule: str | None
    tool: str | None
    model: str | None
    provider: str | None
    response_id: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    reported_cost_usd: float | None
    records_tools: bool | None
    records_parameters: bool | None
    payload_cut: bool
    dropped: int
    stand_in: bool | None
    scope: str | None
    input_key: int | None
    output_key: int | None
    has_input: bool
    has_output: bool
    has_tools: bool
    has_parameters: bool
    agent: str | None = None
    turn_id: str | None = None
    is_call: bool = False


class CallRow(msgspec.Struct):
    """A row of `llm_calls`; see model.LLMCall. offered_by: the span above that tells its tools."""

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
    cost_basis: str
    finish_reason: str | None
    start_ns: int | None
    duration_ns: int | None
    status: str
    replayable: str
    replay_reason: str
    other_span_ids: list[str]
    offered_by: str | None = None


class TurnRow(msgspec.Struct):
    """A row of `agent_turns`; see model.AgentTurn."""

    trace_id: str
    span_id: str
    agent: str
    agent_rule: str
    parent_turn_id: str | None
    start_ns: int | None
    end_ns: int | None
    status: str


class HandoffRow(msgspec.Struct):
    """A row of `handoffs`; see model.Handoff."""

    trace_id: str
    seq: int
    from_agent: str
    to_agent: str
    rule: str
    sender_span_id: str
    receiver_span_id: str | None
    via_span_id: str | None
    start_ns: int | None


class TraceRow(msgspec.Struct):
    """A row of `traces`. `workflow` groups runs of the same kind: root name and the set of agents."""

    trace_id: str
    name: str
    status: str
    start_ns: int | None
    duration_ns: int | None
    span_count: int
    agents: list[str]
    llm_calls: int
    tool_calls: int
    handoffs: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    priced_calls: int
    counted_calls: int
    payload_calls: int
    session_id: str | None
    workflow: str


class Role(msgspec.Struct):
    """What the whole trace says of one span."""

    trace_id: str
    span_id: str
    kind: str
    agent: str | None
    agent_rule: str | None
    turn_id: str | None
    is_call: bool


class Resolved(msgspec.Struct):
    """Everything that follows from one trace."""

    trace: TraceRow
    roles: list[Role]
    calls: list[CallRow]
    turns: list[TurnRow]
    handoffs: list[HandoffRow]
    notes: list[str]
