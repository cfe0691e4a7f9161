"""The course of one run: who worked when, what was called, what was said, and who came after whom."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from agentdbg.detectors.effects import gives_answer
from agentdbg.detectors.failure import CALLS, failed, origins
from agentdbg.detectors.later import NEAR, Later
from agentdbg.model import LLMCall, Span, Trace
from agentdbg.steps.messages import parsed_messages, text_of
from agentdbg.tree import SKEW_NS, Node, build

_READ = 32
"""Model calls after a moment among which the answer is looked for."""
WORK = frozenset(("agent", "llm", "tool", "retriever"))


@dataclass(slots=True)
class Said:
    """What a model call answered: its text, and the names of the tools it asked for. Where an agent answers by
    calling a tool made for that, the arguments of this call are its text."""

    text: str
    asks_for: tuple[str, ...] = ()


@dataclass(slots=True)
class Hop:
    """An agent that went on after a given moment. `span` is where it began; the rest is all it did from there."""

    agent: str
    span: Span
    calls: int = 0
    tokens: int | None = None
    usd: float | None = None
    spans: list[Span] = field(default_factory=list)


class Course:
    """One trace, with what detectors ask about it again and again. Nothing in here changes the trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.forest = build(trace.spans)
        nodes = sorted(self.forest.by_id.values(), key=lambda node: (node.start_ns, node.span.span_id))
        self.spans = [node.span for node in nodes]
        self._said: dict[str, Said | None] = {}
        self._agents: dict[str, str | None] = {}
        self._turns: dict[str, Span] = {}
        self._entered: dict[str, int] = {}
        self._left: dict[str, int] = {}
        order = list(self.forest.walk())  # parents come first
        for number, node in enumerate(order):
            self._enter(node, number)
        for node in reversed(order):
            if node.parent is not None:
                above = node.parent.span.span_id
                self._left[above] = max(self._left[above], self._left[node.span.span_id])

    def _enter(self, node: Node[Span], number: int) -> None:
        span, above = node.span, node.parent.span if node.parent else None
        agent = span.agent or (self._agents[above.span_id] if above else None)
        self._agents[span.span_id] = agent
        told = self.forest.by_id.get(span.turn_id) if span.turn_id else None
        if told is not None:
            self._turns[span.span_id] = told.span
        elif above is not None and agent is not None and self._agents[above.span_id] == agent:
            self._turns[span.span_id] = self._turns[above.span_id]
        else:
            self._turns[span.span_id] = span
        self._entered[span.span_id] = self._left[span.span_id] = number

    def node(self, span: Span) -> Node[Span]:
        return self.forest.by_id[span.span_id]

    def start(self, span: Span) -> int:
        """Its start, else its parent's, in nanoseconds."""
        return self.node(span).start_ns

    def end(self, span: Span) -> int:
        """Its end; of a span that never closed, its start. Never before its start."""
        start = self.start(span)
        return start if span.end_ns is None else max(start, span.end_ns)

    def moment(self, span: Span) -> int:
        """From when on others could know of it: its end, less what clocks of a millisecond are off by."""
        return max(self.start(span), self.end(span) - SKEW_NS)

    def above(self, span: Span) -> Iterator[Span]:
        """Its ancestors, the nearest first."""
        node = self.node(span).parent
        while node is not None:
            yield node.span
            node = node.parent

    def below(self, span: Span) -> Iterator[Span]:
        """Its descendants, parents before children."""
        walk = self.node(span).walk()
        next(walk)
        return (node.span for node in walk)

    def encloses(self, upper: Span, lower: Span) -> bool:
        """Whether the first is an ancestor of the second, or the second itself."""
        return self._entered[upper.span_id] <= self._entered[lower.span_id] <= self._left[upper.span_id]

    def is_orphaned(self, span: Span) -> bool:
        """Whether it hangs below a span whose parent is not in the trace."""
        return any(self.node(above).orphan for above in (span, *self.above(span)))

    def agent(self, span: Span) -> str | None:
        """Whose work it is: its own agent, else that of the nearest span above that has one."""
        return self._agents[span.span_id]

    def turn(self, span: Span) -> Span:
        """The top span of the agent turn it belongs to, itself outside any."""
        return self._turns[span.span_id]

    def others_between(self, agent: str | None, start: int, end: int) -> bool:
        """Whether another agent called a model or a tool between two moments."""
        starts, agents, until = self._calls_in_order
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        return first < last and (agents[first] != agent or until[first] < last)

    @cached_property
    def _calls_in_order(self) -> tuple[list[int], list[str | None], list[int]]:
        """Of all model and tool spans by start: starts, agents, and up to where the same agent goes on calling."""
        made = [span for span in self.spans if span.kind in CALLS]
        agents = [self.agent(span) for span in made]
        until = [len(made)] * len(made)
        for i in range(len(made) - 2, -1, -1):
            until[i] = until[i + 1] if agents[i] == agents[i + 1] else i + 1
        return [self.start(span) for span in made], agents, until

    @cached_property
    def calls(self) -> dict[str, LLMCall]:
        """The real model calls by span id; empty where the trace lists none."""
        return {call.span_id: call for call in self.trace.calls}

    @cached_property
    def models(self) -> list[Span]:
        """One span for each real model call, by start."""
        if self.calls:
            return [span for span in self.spans if span.span_id in self.calls]
        return [s for s in self.spans if s.kind == "llm" and not any(below.kind == "llm" for below in self.below(s))]

    @cached_property
    def _models_by_owner(self) -> Later[Span]:
        return Later(
            (key, self.start(span), span)
            for span in self.models
            for key in (("agent", self.agent(span)), ("turn", self.turn(span).span_id, self.agent(span)))
        )

    def models_after(self, agent: str | None, moment: int, most: int) -> list[Span]:
        """The next so many model calls of an agent, by start."""
        return self._models_by_owner.after(("agent", agent), moment, most)

    def turn_models_after(self, turn: Span, moment: int, most: int) -> list[Span]:
        """The next so many model calls of the agent of a turn within it, and the last one."""
        key = ("turn", turn.span_id, self.agent(turn))
        found, last = self._models_by_owner.after(key, moment, most), self._models_by_owner.last(key)
        return [*found, last] if last is not None and len(found) == most and last is not found[-1] else found

    @cached_property
    def _well(self) -> Later[Span]:
        well = [span for span in self.spans if not failed(span)]
        return Later(
            (key, self.start(span), span)
            for span in well
            for key in ((span.kind, self.agent(span)), (span.kind, "input", span.input_key))
        )

    def next_well(self, span: Span) -> list[Span]:
        """The next few spans of the same kind and agent that went well."""
        return self._well.after((span.kind, self.agent(span)), self.moment(span), NEAR)

    def same_well(self, span: Span) -> list[Span]:
        """The next few spans of the same kind and input, whoever made them, that went well."""
        if span.input_key is None:
            return []
        return self._well.after((span.kind, "input", span.input_key), self.moment(span), NEAR)

    @cached_property
    def origins(self) -> list[Span]:
        """The failed spans where a chain of errors starts, by start."""
        return origins(self.forest)

    @cached_property
    def tools(self) -> list[Span]:
        """The tool and retriever spans that did the work themselves, by start.

        Left out are handoffs, tools that give the answer, those behind which another agent or a model works, and
        wrappers around the same tool.
        """
        handoffs = {handoff.via_span_id for handoff in self.trace.handoffs}
        return [
            span
            for span in self.spans
            if span.kind in ("tool", "retriever")
            and span.span_id not in handoffs
            and span.handoff_to is None
            and not gives_answer(span.tool or span.name)
            and not any(below.kind in WORK for below in self.below(span))
        ]

    def said(self, span: Span) -> Said | None:
        """What a model call answered; None where its answer is not recorded."""
        if span.span_id not in self._said:
            self._said[span.span_id] = answer(span.output)
        return self._said[span.span_id]

    def answered(self, agent: str | None, moment: int) -> Span | None:
        """The first of an agent's next model calls whose answer is words and no request for a tool."""
        for model in self.models_after(agent, moment, _READ):
            said = self.said(model)
            if said is not None and said.text.strip() and not said.asks_for:
                return model
        return None

    @cached_property
    def final(self) -> Span | None:
        """The model call whose text is the last word of the run; None where no answer with text is recorded."""
        with_text = [span for span in self.models if (said := self.said(span)) and said.text.strip()]
        return max(with_text, key=lambda span: (self.end(span), span.span_id), default=None)

    def ran_beside(self, span: Span, other: Span) -> bool:
        """Whether the turn of `span` had begun before `other` ended, and neither turn encloses the other."""
        turn, theirs = self.turn(span), self.turn(other)
        if self.encloses(turn, other) or self.encloses(theirs, span):
            return False
        return self.start(turn) < self.end(other)

    @cached_property
    def _work(self) -> tuple[list[int], list[tuple[str, Span]]]:
        """The work of agents by start: starts, and whose it is with its span."""
        work = [(agent, span) for span in self.spans if span.kind in WORK and (agent := self.agent(span)) is not None]
        return [self.start(span) for _, span in work], work

    def after(self, span: Span) -> list[Hop]:
        """The other agents that worked after this span had ended, in the order they began. Those that ran beside it
        could not know of it and are left out."""
        moment, own = self.moment(span), self.agent(span)
        hops: dict[str, Hop] = {}
        starts, work = self._work
        for agent, later in work[bisect_left(starts, moment) :]:
            if agent == own or self.ran_beside(later, span):
                continue
            turn = self.turn(later)
            hop = hops.setdefault(agent, Hop(agent, turn if self.start(turn) >= moment else later))
            hop.spans.append(later)
        for hop in hops.values():
            count(hop, self.calls)
        return list(hops.values())


def totals(hops: Sequence[Hop]) -> tuple[int, int | None, float | None]:
    """(model calls, tokens, US dollars) of all hops; None where no call reports tokens, or none has a price."""
    tokens = [hop.tokens for hop in hops if hop.tokens is not None]
    usd = [hop.usd for hop in hops if hop.usd is not None]
    return sum(hop.calls for hop in hops), sum(tokens) if tokens else None, sum(usd) if usd else None


def answer(output: str | None) -> Said | None:
    """Text and tool calls of an output in neutral messages (model.py). None where nothing is recorded."""
    if output is None:
        return None
    messages = parsed_messages(output) or []
    parts = [part for message in messages for part in message.get("parts") or ()]
    if not parts:
        return None  # roles and finish reasons are recorded, words are not
    calls = [part for part in parts if part.get("type") == "tool_call"]
    texts = [text_of(messages), *(_words(part.get("arguments")) for part in calls if gives_answer(part.get("name")))]
    asks = tuple(str(part.get("name") or "") for part in calls if not gives_answer(part.get("name")))
    return Said("\n".join(text for text in texts if text), asks)


def _words(arguments: object) -> str:
    """The answer among the arguments of a tool that gives it: the one value, or all of them as JSON."""
    if isinstance(arguments, dict) and len(arguments) == 1:
        arguments = next(iter(arguments.values()))
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)


def count(hop: Hop, calls: Mapping[str, LLMCall]) -> Hop:
    """The hop with the model calls, tokens and money of its spans."""
    made = [calls[span.span_id] for span in hop.spans if span.span_id in calls]
    hop.calls = len(made)
    counts = [(call.input_tokens or 0) + (call.output_tokens or 0) for call in made if _counted(call)]
    prices = [call.cost_usd for call in made if call.cost_usd is not None]
    hop.tokens, hop.usd = sum(counts) if counts else None, sum(prices) if prices else None
    return hop


def _counted(call: LLMCall) -> bool:
    return call.input_tokens is not None or call.output_tokens is not None
