"""What the agents of a trace did, in order: one step for each real model call and each tool call.

Wrapper spans are no steps. Siblings that overlap in time have no order and become one *batch* step; where whole
branches run side by side, each branch is a lane of its own besides. A payload that was not recorded is None, which
equals nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from agentdbg.model import AgentTurn, Span, Trace
from agentdbg.steps import messages as chat
from agentdbg.steps.keys import canonical, masked, masked_arguments

Op = Literal["llm", "tool", "agent", "batch"]
_CHUNK_NS = 5_000_000  # pieces of one stream are shorter than this and closer together
_OVERLAP = 0.2  # share of the shorter of two stretches from which they count as parallel
_CLOCK_NS = 1_000_000  # clocks that count milliseconds make steps overlap that do not
_HOLLOW = (None, "{}", "null", '""')  # what instrumentations write for results they do not record


@dataclass(frozen=True, slots=True)
class Said:
    """A payload at two levels: `exact` is L0 text, `masked` L1 text."""

    exact: str
    masked: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `asked` is what it was given (of a model call: what its prompt adds), `answered` what came of it (of a
    model call: what it decided); None where not recorded.

    name: of a tool its name, of a batch its members. arguments: the names of a tool's arguments. calls: the tools that
    a model's answer asks for. act: what its answer sets going, which are its calls or, where it lists none, the call of
    the tool that runs next. reads: the results of tools (L0) where a prompt adds nothing else. heard: texts that came
    under the user's role into a conversation under way, whose last answer was `replies_to` (L1 of a decision). turn_id:
    of a tool, the agent turn it was called in.
    """

    span_ids: tuple[str, ...]
    agent: str | None
    op: Op
    name: str | None
    asked: Said | None
    answered: Said | None
    error: str | None
    start_ns: int | None
    end_ns: int | None
    parent_id: str | None = None
    arguments: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    act: Said | None = None
    reads: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    replies_to: str | None = None
    turn_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None

    @property
    def span_id(self) -> str:
        return self.span_ids[0]

    @property
    def shape(self) -> tuple[str, str, str, tuple[str, ...]]:
        """Who did what kind of thing: agent, operation, name, names of arguments. "" stands for what is unknown."""
        return (self.agent or "", self.op, self.name or "", self.arguments)

    @property
    def told_by(self) -> Said | None:
        """What the step is recognised by: what a tool was asked; what a model set going, whatever words went with it;
        what it or an agent answered."""
        return self.asked if self.op in ("tool", "batch") else self.act or self.answered

    @property
    def outcome(self) -> Said | None:
        """The other half: what a tool returned, what a model or agent had before it when it decided."""
        return self.answered if self.op in ("tool", "batch") else self.asked


def steps_of(trace: Trace) -> list[Step]:
    """The steps of a trace in order of start; parallel siblings are one batch step."""
    return trace.once(lanes_of)[0]


def lanes_of(trace: Trace) -> list[list[Step]]:
    """The steps of a trace, and after them those of each branch that ran beside others and has three steps or more."""
    own = _leaf_steps(trace)
    children, roots = _family(trace.spans)
    side: list[list[Step]] = []
    below: dict[str, list[Step]] = {}
    for span in _children_first(children, roots):
        inner = _in_order([below.pop(child.span_id) for child in children[span.span_id]], side)
        below[span.span_id] = [_until(step, inner) for step in own.get(span.span_id, [])] + inner
    main = _in_order([below.pop(root.span_id) for root in roots], side)
    return [_with_acts(_without_chunks(lane)) for lane in (main, *side)]


def turns_of(trace: Trace) -> list[Step]:
    """The turns of agents that contain no other agent's turn, as steps: for traces that record nothing finer."""
    spans = trace.by_id()
    enclosing = {turn.parent_turn_id for turn in trace.turns}
    turns = [turn for turn in trace.turns if turn.span_id in spans and turn.span_id not in enclosing]
    return _in_order([[_agent_step(turn, spans[turn.span_id])] for turn in turns], [])


def _leaf_steps(trace: Trace) -> dict[str, list[Step]]:
    calls = {call.span_id for call in trace.calls} or {span.span_id for span in trace.spans if span.is_call}
    working = [span for span in trace.spans if span.span_id in calls or span.kind in ("tool", "retriever")]
    enclosing = _ancestors(trace.spans, working)
    tools = [span for span in working if span.span_id not in calls and span.span_id not in enclosing]
    hollow = len(tools) >= 3 and all(span.output in _HOLLOW for span in tools)
    steps = {span.span_id: [_tool_step(span, hollow)] for span in tools}
    prompts: dict[str | None, list[chat.Message]] = {}
    steps.update((span.span_id, [_call_step(span, prompts)]) for span in working if span.span_id in calls)
    return steps


def _ancestors(spans: Sequence[Span], of: Sequence[Span]) -> set[str]:
    parent = {span.span_id: span.parent_id for span in spans}
    found: set[str] = set()
    for span in of:
        above = span.parent_id
        while above is not None and above not in found:
            found.add(above)
            above = parent.get(above)
    return found


def _call_step(span: Span, prompts: dict[str | None, list[chat.Message]]) -> Step:
    prompt, answer = chat.parsed_messages(span.input) or [], chat.parsed_messages(span.output) or []
    fresh = chat.added(prompt, prompts.get(span.agent, []))
    prompts[span.agent] = prompt
    facts, decided = chat.facts(fresh), chat.decision(answer)
    calls = decided["calls"] if isinstance(decided, dict) else []
    last = next((message for message in reversed(prompt) if message.get("role") == "assistant"), None)
    replied = chat.decision([last]) if last else None
    return Step(
        span_ids=(span.span_id,),
        agent=span.agent,
        op="llm",
        name=None,
        asked=Said(canonical(facts), chat.masked_facts(facts)) if facts else None,
        answered=None if decided is None else Said(canonical(decided), chat.masked_decision(decided)),
        error=_error(span),
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        parent_id=span.parent_id,
        calls=tuple(str(call[0]) for call in calls),
        act=Said(canonical(calls), masked_arguments(calls)) if calls else None,
        reads=tuple(canonical(fact["result"]) for fact in facts) if all("result" in fact for fact in facts) else (),
        heard=tuple(filter(None, (chat.text_of([m]).strip() for m in fresh if last and m.get("role") == "user"))),
        replies_to=None if replied is None else chat.masked_decision(replied),
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        finish_reason=span.finish_reason,
    )


def _tool_step(span: Span, hollow: bool) -> Step:
    asked, error = chat.loaded(span.input), _error(span)
    answered = None if hollow or span.output is None else chat.loaded(span.output)
    if answered is None and error:
        answered = f"error {error}"
    known = error is not None or not (hollow or span.output is None)
    return Step(
        span_ids=(span.span_id,),
        agent=span.agent,
        op="tool",
        name=span.tool or span.name,
        asked=None if span.input is None else Said(canonical(asked), masked_arguments(asked)),
        answered=Said(canonical(answered), masked(answered)) if known else None,
        error=error,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        parent_id=span.parent_id,
        arguments=tuple(sorted(map(str, asked))) if isinstance(asked, dict) else (),
        turn_id=span.turn_id,
    )


def _agent_step(turn: AgentTurn, span: Span) -> Step:
    asked, answered = (chat.focus(span.kind, chat.loaded(text)) for text in (span.input, span.output))
    return Step(
        span_ids=(span.span_id,),
        agent=turn.agent,
        op="agent",
        name=None,
        asked=None if span.input is None else Said(canonical(asked), masked_arguments(asked)),
        answered=None if span.output is None else Said(canonical(answered), masked(answered)),
        error=_error(span),
        start_ns=turn.start_ns,
        end_ns=turn.end_ns,
        parent_id=span.parent_id,
    )


def _error(span: Span) -> str | None:
    if span.status != "error":
        return None
    return ": ".join(filter(None, (span.error_type, span.error_message))) or "error"


def _family(spans: Sequence[Span]) -> tuple[Mapping[str, list[Span]], list[Span]]:
    """Children by span id, and the roots; a ring of parents is opened at its first span."""
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    roots = []
    for span in spans:
        if span.parent_id in known and span.parent_id is not None:
            children[span.parent_id].append(span)
        else:
            roots.append(span)
    reached = {span.span_id for span in _children_first(children, roots)}
    for span in spans:
        if span.span_id not in reached and span.parent_id is not None:
            children[span.parent_id].remove(span)
            roots.append(span)
            reached.update(below.span_id for below in _children_first(children, [span]))
    return children, roots


def _children_first(children: Mapping[str, list[Span]], roots: Sequence[Span]) -> list[Span]:
    order, open_spans = [], list(roots)
    while open_spans:
        span = open_spans.pop()
        order.append(span)
        open_spans.extend(children.get(span.span_id, ()))
    return order[::-1]


def _in_order(branches: Sequence[list[Step]], side: list[list[Step]]) -> list[Step]:
    """Branches one after another by start; those that overlap become one batch, the longer ones also lanes."""
    out: list[Step] = []
    for group in _overlapping(sorted(filter(None, branches), key=lambda branch: (_start(branch), _end(branch)))):
        if len(group) == 1:
            out.extend(group[0])
        else:
            side.extend(branch for branch in group if len(branch) >= 3)
            out.append(_batch([step for branch in group for step in branch]))
    return out


def _until(step: Step, inner: Sequence[Step]) -> Step:
    """A model call whose span stays open over what it set going ends, as a step, where that begins."""
    if not inner or step.end_ns is None or step.start_ns is None:
        return step
    return replace(step, end_ns=max(step.start_ns, min(step.end_ns, _start(inner))))


def _overlapping(branches: Sequence[list[Step]]) -> Iterator[list[list[Step]]]:
    group: list[list[Step]] = []
    begun = ended = 0
    for branch in branches:
        start, end = _start(branch), _end(branch)
        if group and min(end, ended) - start > max(_CLOCK_NS, _OVERLAP * min(end - start, ended - begun)):
            group.append(branch)
            ended = max(ended, end)
            continue
        if group:
            yield group
        group, begun, ended = [branch], start, end
    if group:
        yield group


def _start(branch: Sequence[Step]) -> int:
    return next((step.start_ns for step in branch if step.start_ns is not None), 0)


def _end(branch: Sequence[Step]) -> int:
    return max(step.end_ns or step.start_ns or 0 for step in branch)


def _batch(members: list[Step]) -> Step:
    """Steps without an order, as one step: a multiset."""
    told, outcome = _both([step.told_by for step in members]), _both([step.outcome for step in members])
    agents = {step.agent for step in members}
    return Step(
        span_ids=tuple(span_id for step in members for span_id in step.span_ids),
        agent=agents.pop() if len(agents) == 1 else None,
        op="batch",
        name=" + ".join(sorted(f"{step.agent or ''} {step.name or step.op}".strip() for step in members)),
        asked=told,
        answered=outcome,
        error=next((step.error for step in members if step.error), None),
        start_ns=_start(members),
        end_ns=_end(members),
        input_tokens=sum(step.input_tokens or 0 for step in members),
        output_tokens=sum(step.output_tokens or 0 for step in members),
    )


def _both(said: Sequence[Said | None]) -> Said | None:
    known = [part for part in said if part is not None]
    if len(known) < len(said):
        return None
    return Said("\n".join(sorted(part.exact for part in known)), "\n".join(sorted(part.masked for part in known)))


def _with_acts(steps: list[Step]) -> list[Step]:
    """Where answers are recorded without their calls, the tool that runs next tells what was decided."""
    for i, (step, after) in enumerate(pairwise(steps)):
        if step.op == "llm" and step.act is None and after.op == "tool" and after.agent == step.agent and after.asked:
            name = after.name or ""
            steps[i] = replace(
                step, calls=(name,), act=Said(f"{name} {after.asked.exact}", f"{name} {after.asked.masked}")
            )
    return steps


def _without_chunks(steps: Sequence[Step]) -> list[Step]:
    """Pieces of one streamed answer that were recorded as spans of their own, put together again."""
    out: list[Step] = []
    for step in steps:
        if out and _continues(out[-1], step):
            before = out[-1]
            texts = [said for said in (before.answered, step.answered) if said]
            whole = Said(" ".join(s.exact for s in texts), " ".join(s.masked for s in texts)) if texts else None
            out[-1] = replace(
                before, span_ids=before.span_ids + step.span_ids, answered=whole, end_ns=step.end_ns, calls=step.calls
            )
        else:
            out.append(step)
    return out


def _continues(before: Step, step: Step) -> bool:
    return (
        _is_chunk(before)
        and _is_chunk(step)
        and before.parent_id == step.parent_id is not None
        and (0 <= (step.start_ns or 0) - (before.end_ns or 0) < _CHUNK_NS)
    )


def _is_chunk(step: Step) -> bool:
    """Neither usage nor a prompt of its own, and over at once."""
    if step.op != "llm" or step.asked or step.input_tokens is not None or step.output_tokens is not None:
        return False
    return (
        step.start_ns is not None
        and step.end_ns is not None
        and (len(step.span_ids) > 1 or step.end_ns - step.start_ns < _CHUNK_NS)
    )
